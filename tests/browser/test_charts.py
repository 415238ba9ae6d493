"""Charts are arranged as a person likes them, and what they show can be taken elsewhere."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from scripts.process import Server

from .conftest import Ask, OpenPage, Trainer

pytestmark = pytest.mark.browser

KEYS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def run(trainer: Trainer) -> str:
    """A run with five curves and one single value."""
    run = trainer("start_run", run_name="calm-otter")
    for step in range(30):
        trainer("log_metrics", metrics=dict.fromkeys(KEYS, step / 7), step=step)
    trainer("log_metric", key="test/accuracy", value=0.9375)
    trainer("flush", timeout=30)
    assert isinstance(run, str)
    return run


def card(page: Page, key: str) -> Locator:
    return page.get_by_role("article", name=key, exact=True)


def order(page: Page) -> list[str]:
    return [each.get_attribute("data-card") or "" for each in page.get_by_role("article").all()]


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found is not None
    return found


def drag(page: Page, handle: Locator, x: float, y: float, *, drop: bool = True) -> None:
    handle.hover()
    page.mouse.down()
    page.mouse.move(x, y, steps=8)
    if drop:
        page.mouse.up()


def drawn(page: Page, key: str = "a") -> None:
    expect(card(page, key).locator("canvas")).to_be_visible()


def test_charts_are_put_in_order(open_page: OpenPage, trainer: Trainer, run: str) -> None:
    page = open_page(f"/runs/{run}", width=1440)
    drawn(page)
    assert order(page) == [*KEYS, "test/accuracy"]
    target = box(card(page, "b"))
    grip = page.get_by_role("button", name="Move d", exact=True)
    drag(page, grip, target["x"] + 30, target["y"] + 100)
    expect(page.get_by_role("article").nth(1)).to_have_attribute("data-card", "d")
    assert order(page) == ["a", "d", "b", "c", "e", "test/accuracy"]
    # Given up in the middle, nothing is moved.
    target = box(card(page, "a"))
    grip = page.get_by_role("button", name="Move b", exact=True)
    drag(page, grip, target["x"] + 30, target["y"] + 100, drop=False)
    expect(page.locator(".card.before")).to_have_attribute("data-card", "a")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".card.before")).to_have_count(0)
    assert order(page) == ["a", "d", "b", "c", "e", "test/accuracy"]
    # By keyboard, and the focus goes along.
    grip = page.get_by_role("button", name="Move a", exact=True)
    grip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(grip).to_be_focused()
    expect(page.get_by_text("a is now 3 of 5")).to_be_attached()
    page.keyboard.press("End")
    assert order(page) == ["d", "b", "c", "e", "a", "test/accuracy"]
    page.reload()
    drawn(page)
    assert order(page) == ["d", "b", "c", "e", "a", "test/accuracy"]
    # It is the experiment's: its other runs show it too, and a new key finds its place.
    trainer("end_run")
    other = trainer("start_run")
    trainer("log_metrics", metrics=dict.fromkeys(["cc", *KEYS], 1.0))
    trainer("flush", timeout=30)
    page.goto(f"/runs/{other}")
    expect(card(page, "cc")).to_be_visible()
    assert order(page) == ["d", "b", "c", "e", "a", "cc"]


def test_charts_are_pinned_and_resized(open_page: OpenPage, run: str) -> None:
    page = open_page(f"/runs/{run}", width=1440)
    drawn(page)
    plain = box(card(page, "c"))
    for key in ("e", "test/accuracy"):
        card(page, key).hover()
        page.get_by_role("button", name=f"Pin {key} on top").click()
    expect(page.get_by_role("button", name="Pinned 2")).to_be_visible()
    assert order(page) == ["e", "test/accuracy", "a", "b", "c", "d"]
    corner = page.get_by_role("button", name="Resize e", exact=True)
    start = box(card(page, "e"))
    drag(
        page,
        corner,
        start["x"] + start["width"] * 1.9,
        start["y"] + start["height"] + 2 * 59,
    )
    wide = box(card(page, "e"))
    assert wide["width"] == pytest.approx(2 * plain["width"] + 8, abs=1)
    assert wide["height"] == pytest.approx(plain["height"] + 2 * 59, abs=1)
    canvas = box(card(page, "e").locator("canvas"))
    assert canvas["width"] == pytest.approx(wide["width"] - 6, abs=2)
    corner = page.get_by_role("button", name="Resize a", exact=True)
    corner.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.reload()
    drawn(page)
    assert order(page) == ["e", "test/accuracy", "a", "b", "c", "d"]
    again = box(card(page, "e"))
    assert (again["width"], again["height"]) == (wide["width"], wide["height"])
    assert box(card(page, "a"))["height"] == pytest.approx(plain["height"] - 59, abs=1)
    # Where there is only one column a wide chart takes that.
    page.set_viewport_size({"width": 390, "height": 800})
    expect(card(page, "e")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert box(card(page, "e"))["width"] < 390
    page.set_viewport_size({"width": 1440, "height": 800})
    # All as before by one command, which can be undone.
    page.get_by_role("button", name="Reset layout").click()
    expect(page.get_by_role("button", name="Pinned 2")).to_have_count(0)
    assert order(page) == [*KEYS, "test/accuracy"]
    assert box(card(page, "a"))["height"] == plain["height"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Pinned 2")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("reset layout")
    expect(page.get_by_role("option").first).to_contain_text("Reset the layout of the charts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pinned 2")).to_have_count(0)
    page.reload()
    drawn(page)
    assert order(page) == [*KEYS, "test/accuracy"]


def test_a_chart_is_shown_alone(open_page: OpenPage, run: str) -> None:
    page = open_page("/experiments/0?runs=" + run)
    drawn(page)
    card(page, "d").hover()
    page.get_by_role("button", name="Show d alone").click()
    page.wait_for_url("**full=d**")
    drawn(page, "d")
    assert order(page) == ["d"]
    assert box(card(page, "d"))["height"] > 500
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "full" not in url)
    # Only that: what was selected still is; and one is back where one was.
    expect(page.locator(".runs-row[aria-selected=true]")).to_have_count(1)
    expect(card(page, "d")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Show d alone")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".runs-row[aria-selected=true]")).to_have_count(0)


def test_charts_without_a_table_show_runs(open_page: OpenPage, run: str) -> None:
    page = open_page("/experiments/0?show=charts")
    drawn(page)


def test_a_single_value_is_a_number_or_a_bar(
    open_page: OpenPage, trainer: Trainer, run: str
) -> None:
    page = open_page(f"/runs/{run}?keys=test")
    expect(card(page, "test/accuracy").locator(".number")).to_have_text("0.9375")
    expect(card(page, "test/accuracy").locator("canvas")).to_have_count(0)
    trainer("end_run")
    other = trainer("start_run", run_name="wise-owl")
    trainer("log_metric", key="test/accuracy", value=0.5)
    trainer("flush", timeout=30)
    page.goto(f"/compare?runs={run},{other}&keys=test")
    bars = card(page, "test/accuracy").locator(".bars li")
    expect(bars).to_have_text(["calm-otter0.9375", "wise-owl0.5"])
    # With a second value there is a curve.
    trainer("log_metric", key="test/accuracy", value=0.6, step=1)
    expect(card(page, "test/accuracy").locator("canvas")).to_be_visible()


def test_runs_of_one_colour_are_told_apart(open_page: OpenPage, ask: Ask) -> None:
    created = ask(
        "mutation {"
        + " ".join(
            f'r{number}: createRun(input: {{name: "{number}"}}) {{ id }}' for number in range(30)
        )
        + "}"
    )
    runs = [each["id"] for each in created.values()]
    page = open_page(f"/compare?runs={','.join(runs)}")
    expect(page.get_by_role("row")).to_have_count(31)
    looks = page.locator("tbody .swatch").evaluate_all(
        "all => all.map(each => {"
        " const line = each.querySelector('path');"
        " return line ? line.getAttribute('stroke') + line.getAttribute('stroke-dasharray')"
        "   : each.style.background })"
    )
    assert len(looks) == 30
    assert len(set(looks)) == 30


def copied(page: Page, what: str, language: str) -> str:
    page.get_by_role("button", name=f"Copy {what} as code").click()
    page.get_by_role("button", name=f"Copy as {language}").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.keyboard.press("Escape")
    text = page.evaluate("navigator.clipboard.readText()")
    assert isinstance(text, str)
    return text


def python(code: str, folder: Path) -> str:
    script = folder / "copied.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def answer(server: Server, request: str) -> dict[str, Any]:
    """As GraphiQL would: what stands behind the document is a comment."""
    document, _, comment = request.partition("# Variables\n")
    variables = json.loads("".join(line.removeprefix("# ") for line in comment.splitlines()))
    body = {"query": document, "variables": variables}
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        reply: dict[str, Any] = http.post("/graphql", json=body).json()
    assert "errors" not in reply, reply
    data: dict[str, Any] = reply["data"]
    return data


def test_what_is_shown_is_copied_as_code(
    open_page: OpenPage, trainer: Trainer, server: Server, run: str, tmp_path: Path
) -> None:
    trainer("log_param", key="rate", value="0.25")
    trainer("end_run")
    page = open_page(f"/runs/{run}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    drawn(page)
    out = python(copied(page, "the run", "Python"), tmp_path)
    assert "calm-otter FINISHED" in out
    assert "'rate': '0.25'" in out
    assert answer(server, copied(page, "the run", "GraphQL"))["run"]["name"] == "calm-otter"
    card(page, "b").hover()
    out = python(copied(page, "b", "Python"), tmp_path)
    assert out == f"calm-otter 30 points, last {29 / 7}\n"
    [curve] = answer(server, copied(page, "b", "GraphQL"))["metricCurves"]
    assert (curve["key"], curve["total"]) == ("b", 30)

    page.goto(f"/compare?runs={run}")
    drawn(page)
    assert "calm-otter FINISHED" in python(copied(page, "the runs", "Python"), tmp_path)
    [compared] = answer(server, copied(page, "the runs", "GraphQL"))["runsByIds"]
    assert compared["id"] == run

    page.goto(
        "/experiments/0?filter=name CONTAINS 'otter' AND status = 'FINISHED'"
        "&sort=name&columns=params.rate"
    )
    drawn(page)
    out = python(copied(page, "the runs", "Python"), tmp_path)
    assert run in out
    assert "1 rows x 3 columns" in out or "calm-otter" in out
    found = answer(server, copied(page, "the runs", "GraphQL"))["runTable"]
    assert found["runIds"] == [run]
    assert [column["field"] for column in found["columns"]] == ["name", "params.rate"]
