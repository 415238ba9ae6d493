"""Every page: it draws in both themes and at all widths, answers the keyboard, and is light."""

import gzip
import math
import random

import pytest
from playwright.sync_api import Page, Response, expect

from scripts.process import Server

from .conftest import SHOTS, Ask, OpenPage, Trainer

pytestmark = pytest.mark.browser

THEMES = ("light", "dark")
BUDGET = 250_000


@pytest.fixture
def runs(trainer: Trainer, ask: Ask) -> list[str]:
    """Three runs of an experiment in a folder: two finished, the newest running."""
    noise = random.Random(7)
    trainer("set_experiment", experiment_name="vision/digits")
    ids = []
    for number, rate in enumerate((0.3, 0.1, 0.03)):
        ids.append(trainer("start_run", run_name=f"rate-{rate}"))
        trainer("log_params", params={"rate": rate, "layers": 3, "optimizer": "adam"})
        trainer("set_tag", key="team", value="vision")
        for step in range(120):
            loss = math.exp(-step * rate / 10) + noise.gauss(0, 0.02)
            metrics = {"train/loss": loss, "train/accuracy": 1 - loss / 2, "system/memory": 40.0}
            if step % 5 == 0:
                metrics["val/loss"] = loss + 0.1
            trainer("log_metrics", metrics=metrics, step=step)
        trainer("log_metric", key="test/accuracy", value=0.9 + number / 100)
        if number < 2:
            trainer("end_run")
    trainer("flush", timeout=30)
    return ids


def experiment_of(ask: Ask) -> str:
    found = ask('{ experiment(name: "vision/digits") { id } }')["experiment"]["id"]
    assert isinstance(found, str)
    return found


def paths(ask: Ask, runs: list[str]) -> dict[str, str]:
    experiment = experiment_of(ask)
    return {
        "experiments": "/",
        "experiment": f"/experiments/{experiment}",
        "selected": f"/experiments/{experiment}?runs={runs[0]},{runs[1]}&smooth=0.6&log=y",
        "run": f"/runs/{runs[2]}",
        "compare": f"/compare?runs={','.join(runs)}&x=relative",
        "missing": "/runs/none",
        "graphiql": "/graphql",
    }


def settle(page: Page, name: str) -> None:
    """Until what the page is about is drawn."""
    if name in ("experiment", "selected", "run", "compare"):
        expect(page.locator(".plot canvas, .number, .bars").first).to_be_visible()
        # Two frames later the first data is painted.
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 150)))")
    elif name == "experiments":
        expect(page.get_by_role("main").get_by_text("digits")).to_be_visible()
    elif name == "missing":
        expect(page.get_by_role("alert")).to_contain_text("NOT_FOUND")
    else:
        expect(page.locator(".graphiql-container")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_drawn(
    open_page: OpenPage, ask: Ask, runs: list[str], theme: str, width: int
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    for name, path in paths(ask, runs).items():
        page = open_page(path, theme=theme, width=width)
        settle(page, name)
        page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"
        if name != "graphiql":
            assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.close()


def test_an_experiment_by_keyboard(open_page: OpenPage, ask: Ask, runs: list[str]) -> None:
    page = open_page(paths(ask, runs)["experiment"])
    settle(page, "experiment")
    keyboard = page.keyboard
    keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Compare the selected runs")
    keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    for key in ("j", "x", "j", "x"):
        keyboard.press(key)
    page.wait_for_url(f"**runs={runs[2]}*{runs[1]}*")
    expect(page.locator(".runs-row[aria-selected=true]")).to_have_count(2)
    keyboard.press("[")
    expect(page.locator(".charts")).to_have_count(0)
    keyboard.press("[")
    expect(page.locator(".charts")).to_be_visible()
    keyboard.press("c")
    page.wait_for_url("**/compare?**")
    expect(page.get_by_role("row").filter(has_text="rate-0.03")).to_be_visible()
    page.go_back()
    expect(page.locator(".runs-row[aria-selected=true]")).to_have_count(2)
    keyboard.press("Control+k")
    page.get_by_role("combobox").fill("digits")
    expect(page.get_by_role("option").first).to_contain_text("vision/digits")
    keyboard.press("Enter")
    page.wait_for_url(f"**{paths(ask, runs)['experiment']}")
    # Whatever can be clicked can be reached by Tab, and shows where it is.
    seen = set()
    for _ in range(30):
        keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "(at => (at.getAttribute('aria-label') || at.textContent || '').trim())"
                "(document.activeElement)"
            )
        )
    assert {"Filter runs", "Filter builder", "Columns"} <= seen
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_hovering_a_row_lights_its_curves(open_page: OpenPage, ask: Ask, runs: list[str]) -> None:
    page = open_page(paths(ask, runs)["experiment"])
    settle(page, "experiment")
    over = page.get_by_role("article", name="train/loss").locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("step")
    shown = tip.locator("b").all_inner_texts()
    values = [float(value) for value in shown]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    others = page.locator(".crosshair:not([hidden])")
    expect(others.nth(1)).to_be_attached()
    page.locator(f"[data-run='{runs[0]}']").hover()
    expect(page.locator(".runs-row.lit")).to_have_attribute("data-run", runs[0])


def test_a_run_is_renamed_in_place(open_page: OpenPage, ask: Ask, runs: list[str]) -> None:
    page = open_page(f"/runs/{runs[2]}")
    page.get_by_role("button", name="rate-0.03").click()
    field = page.get_by_role("textbox", name="Name of the run")
    field.fill("the slow one")
    # The page shows the new name before the server has it.
    with page.expect_response(
        lambda reply: "updateRun" in (reply.request.post_data or "") and reply.ok
    ) as answered:
        field.press("Enter")
    answered.value.finished()
    expect(page.get_by_role("heading", name="the slow one")).to_be_visible()
    stored = ask("query ($id: ID!) { run(id: $id) { name } }", id=runs[2])["run"]["name"]
    assert stored == "the slow one"
    page.reload()
    expect(page.get_by_role("heading", name="the slow one")).to_be_visible()


def test_a_deleted_run_comes_back(open_page: OpenPage, ask: Ask, runs: list[str]) -> None:
    page = open_page(paths(ask, runs)["experiment"])
    row = page.locator(f"[data-run='{runs[0]}']")
    row.get_by_role("checkbox").click()
    page.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(page.get_by_test_id("count")).to_have_text("2 of 2 runs")
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    expect(page.get_by_test_id("count")).to_have_text("3 of 3 runs")


def test_a_table_of_many_runs_stays_small(open_page: OpenPage, ask: Ask, server: Server) -> None:
    for start in range(0, 600, 100):
        ask(
            "mutation {"
            + " ".join(
                f'r{number}: createRun(input: {{name: "run-{number:04}"}}) {{ id }}'
                for number in range(start, start + 100)
            )
            + "}"
        )
    page = open_page("/experiments/0?sort=name")
    first = page.get_by_role("link", name="run-0000")
    expect(first).to_be_visible()
    expect(page.get_by_test_id("count")).to_contain_text("of 600 runs")
    assert page.locator(".runs-row").count() < 80
    grid = page.get_by_role("grid")
    last = page.get_by_role("link", name="run-0599")
    for _ in range(30):
        grid.evaluate("at => at.scrollTo(0, at.scrollHeight)")
        page.wait_for_timeout(100)
        if last.is_visible():
            break
    expect(last).to_be_visible()
    expect(page.get_by_test_id("count")).to_have_text("600 of 600 runs")
    assert page.locator(".runs-row").count() < 80
    page.get_by_role("combobox", name="Filter runs").fill("run-0123")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("count")).to_have_text("1 of 600 runs")
    expect(page.get_by_role("link", name="run-0123")).to_be_visible()


def test_a_run_of_ten_thousand_metrics_fetches_what_is_in_sight(
    open_page: OpenPage, ask: Ask
) -> None:
    run = ask('mutation { createRun(input: {name: "wide"}) { id } }')["createRun"]["id"]
    keys = [f"layer{number // 100}/weight{number % 100}" for number in range(10_000)]
    ask(
        """
        mutation Append($run: ID!, $tables: [MetricTableInput!]!) {
          appendMetrics(input: {runId: $run, tables: $tables}) { points }
        }
        """,
        run=run,
        tables=[{"keys": keys, "steps": [0, 1], "times": [0, 1], "values": [0.5] * 20_000}],
    )
    page = open_page("/")
    asked: set[str] = set()

    def note(response: Response) -> None:
        request = response.request
        sent = request.post_data_json if request.url.endswith("/graphql") else None
        if sent and "query MetricCurves" in sent["query"]:
            asked.update(sent["variables"]["keys"])

    page.on("response", note)
    page.goto(f"/runs/{run}")
    settle(page, "run")
    page.get_by_role("searchbox", name="Search metrics").fill("layer77/weight5$")
    card = page.get_by_role("article", name="layer77/weight5", exact=True)
    expect(card.locator("canvas")).to_be_visible()
    expect(page.get_by_text("1 of 10000")).to_be_visible()
    assert "layer77/weight5" in asked
    assert len(asked) < 100
    assert page.locator("article").count() == 1


def test_the_first_page_is_light(open_page: OpenPage, trainer: Trainer, server: Server) -> None:
    weights: dict[str, int] = {}
    trainer("start_run")
    page = open_page("/")

    def weigh(response: Response) -> None:
        if response.url.endswith((".js", ".css")):
            weights[response.url] = len(gzip.compress(response.body()))

    page.on("response", weigh)
    page.goto("/")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    page.wait_for_load_state("load")
    assert weights
    assert sum(weights.values()) <= BUDGET


def test_graphiql_asks(open_page: OpenPage) -> None:
    page = open_page("/graphql")
    result = page.locator(".result-window")
    for editor in (page.locator(".graphiql-query-editor"), result):
        expect(editor.locator(".CodeMirror")).to_be_visible()
    page.get_by_role("button", name="Execute query").click()
    expect(result).to_contain_text('"name": "Default"')
