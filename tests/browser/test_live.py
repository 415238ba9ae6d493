"""What is logged appears by itself, and nothing is missing after the server was away."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from scripts.process import Server

from .conftest import Ask, OpenPage, Trainer

pytestmark = pytest.mark.browser

DRAWN = "([run, key]) => window.__trackql.chart(run, key)"
HISTORY = """
query History($run: ID!, $key: String!) {
  metricHistories(runIds: [$run], keys: [$key]) { total steps times values }
}
"""


def drawn(page: Page, run: str, key: str) -> dict[str, Any]:
    """The columns of the chart, as docs tell tests to read them."""
    columns: dict[str, Any] = page.evaluate(DRAWN, [run, key])
    return columns


def wait_drawn(page: Page, run: str, key: str, total: int) -> dict[str, Any]:
    page.wait_for_function(
        "([run, key, total]) => window.__trackql.chart(run, key)?.total === total",
        arg=[run, key, total],
    )
    return drawn(page, run, key)


def assert_equals_stored(page: Page, ask: Ask, run: str, key: str) -> None:
    [stored] = ask(HISTORY, run=run, key=key)["metricHistories"]
    chart = drawn(page, run, key)
    assert chart["total"] == stored["total"]
    assert chart["steps"] == stored["steps"]
    assert chart["times"] == stored["times"]
    assert [str(float(value)) for value in chart["values"]] == [
        str(float(value)) for value in stored["values"]
    ]


def test_the_first_page_comes_alive(open_page: OpenPage, trainer: Trainer) -> None:
    page = open_page("/")
    expect(page.get_by_text("Waiting for the first run")).to_be_visible()
    code = page.locator("pre").inner_text()
    assert f'trackql.set_tracking_uri("{page.url.rstrip("/")}")' in code
    assert len(code.splitlines()) == 3
    trainer("set_experiment", experiment_name="vision/digits")
    trainer("start_run", run_name="first")
    row = page.get_by_role("main").get_by_role("row").filter(has_text="digits")
    expect(row).to_be_visible()
    expect(row).to_contain_text("1")


def test_a_run_appears_and_its_curve_grows(open_page: OpenPage, trainer: Trainer, ask: Ask) -> None:
    page = open_page("/experiments/0")
    expect(page.get_by_text("No run yet")).to_be_visible()
    page.evaluate("window.mark = 1")
    run = trainer("start_run", run_name="calm-otter")
    row = page.locator(f"[data-run='{run}']")
    expect(row).to_contain_text("calm-otter")
    expect(row.get_by_text("Running")).to_be_attached()
    expect(page.get_by_test_id("count")).to_have_text("1 of 1 runs")
    for step in range(30):
        trainer("log_metric", key="loss", value=1 / (step + 1), step=step)
    expect(page.get_by_role("article", name="loss").locator("canvas")).to_be_visible()
    wait_drawn(page, run, "loss", 30)
    for step in range(30, 60):
        trainer("log_metric", key="loss", value=1 / (step + 1), step=step)
    chart = wait_drawn(page, run, "loss", 60)
    assert chart["steps"] == list(range(60))
    assert chart["values"] == [1 / (step + 1) for step in range(60)]
    expect(row).to_contain_text("0.016667")
    trainer("end_run", status="FAILED")
    expect(row.get_by_text("Failed")).to_be_attached()
    assert_equals_stored(page, ask, run, "loss")
    assert page.evaluate("window.mark") == 1


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_nothing_is_missing_after_the_server_was_away(
    open_page: OpenPage,
    trainer: Trainer,
    server: Server,
    ask: Ask,
    end: Callable[[Server], object],
) -> None:
    run = trainer("start_run", run_name="survivor")
    for step in range(40):
        trainer("log_metrics", metrics={"loss": 1 - step / 100, "grad": step / 7}, step=step)
    page = open_page(f"/runs/{run}")
    page.evaluate("window.mark = 1")
    wait_drawn(page, run, "loss", 40)
    wait_drawn(page, run, "grad", 40)
    end(server)
    connection = page.get_by_test_id("connection")
    expect(connection).to_contain_text("Reconnecting")
    expect(connection).to_contain_text("as of")
    assert drawn(page, run, "loss")["total"] == 40
    for step in range(40, 90):
        value = math.nan if step == 50 else 1 - step / 100
        trainer("log_metrics", metrics={"loss": value, "grad": step / 7}, step=step)
    server.start()
    trainer("flush", timeout=30)
    expect(connection).not_to_contain_text("Reconnecting")
    wait_drawn(page, run, "grad", 90)
    wait_drawn(page, run, "loss", 90)
    assert_equals_stored(page, ask, run, "loss")
    assert_equals_stored(page, ask, run, "grad")
    # And on it goes.
    trainer("log_metric", key="loss", value=0.5, step=90)
    wait_drawn(page, run, "loss", 91)
    assert_equals_stored(page, ask, run, "loss")
    assert page.evaluate("window.mark") == 1


def test_a_zoom_fetches_finer_data(open_page: OpenPage, ask: Ask) -> None:
    run = ask('mutation { createRun(input: {name: "long"}) { id } }')["createRun"]["id"]
    count = 20_000
    ask(
        """
        mutation Append($run: ID!, $steps: Int64Column!, $values: MetricColumn!) {
          appendMetrics(input: {runId: $run, tables: [
            {keys: ["loss"], steps: $steps, times: $steps, values: $values}]}) { points }
        }
        """,
        run=run,
        steps=list(range(count)),
        values=[math.sin(step / 50) for step in range(count)],
    )
    page = open_page(f"/runs/{run}")
    card = page.get_by_role("article", name="loss")
    expect(card.get_by_text("of 20,000 points")).to_be_visible()
    whole = wait_drawn(page, run, "loss", count)
    assert whole["steps"][0] == 0
    assert whole["steps"][-1] == count - 1
    box = card.locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5 + 6, middle, steps=4)
    page.mouse.up()
    page.wait_for_url("**zoom=**")
    page.wait_for_function(
        "([run, key]) => { const { steps } = window.__trackql.chart(run, key);"
        " return steps[0] > 0 && steps.every((step, at) => !at || step === steps[at - 1] + 1) }",
        arg=[run, "loss"],
    )
    inside = drawn(page, run, "loss")
    assert 8_000 < inside["steps"][0] < inside["steps"][-1] < 12_000
    assert inside["values"] == [math.sin(step / 50) for step in inside["steps"]]
    card.locator(".u-over").dblclick()
    page.wait_for_function(
        "([run, key]) => window.__trackql.chart(run, key).steps[0] === 0", arg=[run, "loss"]
    )
    assert "zoom" not in page.url


def test_smoothing_goes_on_as_the_server_smooths(open_page: OpenPage, trainer: Trainer) -> None:
    run = trainer("start_run")
    values = [math.cos(step / 3) for step in range(40)]
    for step in range(20):
        trainer("log_metric", key="loss", value=values[step], step=step)
    trainer("flush", timeout=30)
    page = open_page(f"/runs/{run}?smooth=0.8")
    wait_drawn(page, run, "loss", 20)
    for step in range(20, 40):
        trainer("log_metric", key="loss", value=values[step], step=step)
    live = wait_drawn(page, run, "loss", 40)
    page.reload()
    fresh = wait_drawn(page, run, "loss", 40)
    assert live["values"] == fresh["values"] == values
    assert live["shown"] == pytest.approx(fresh["shown"], rel=1e-9)
    assert fresh["shown"] != fresh["values"]
