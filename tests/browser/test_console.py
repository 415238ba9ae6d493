"""The console of a run: live, followed, searched, filtered, and long."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import Ask, OpenPage
from .files import new_run, print_lines

pytestmark = pytest.mark.browser


@pytest.fixture
def run(ask: Ask) -> str:
    return new_run(ask)


def test_lines_come_live_and_are_followed(open_page: OpenPage, ask: Ask, run: str) -> None:
    page = open_page(f"/runs/{run}/console")
    expect(page.get_by_text("Nothing is printed yet")).to_be_visible()
    print_lines(ask, run, [f"line {at}" for at in range(200)])
    log = page.get_by_role("log")
    expect(log.get_by_text("line 199", exact=True)).to_be_visible()
    # A progress bar is at the end, in its newest state, until it is ended.
    print_lines(ask, run, [], opened="50%")
    expect(log.get_by_text("50%")).to_be_visible()
    print_lines(ask, run, ["line 200"], opened="60%")
    expect(log.get_by_text("60%")).to_be_visible()
    expect(log.get_by_text("50%")).to_have_count(0)
    print_lines(ask, run, ["done"])
    expect(log.get_by_text("60%")).to_have_count(0)
    expect(log.get_by_text("done", exact=True)).to_be_visible()
    # Who scrolls up stays there, and goes back by a key.
    log.hover()
    page.mouse.wheel(0, -2_000)
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_be_visible()
    print_lines(ask, run, ["much later"])
    expect(page.get_by_text("203 lines")).to_be_visible()
    expect(log.get_by_text("much later")).not_to_be_in_viewport()
    page.keyboard.press("G")
    expect(log.get_by_text("much later")).to_be_in_viewport()
    expect(follow).to_have_count(0)
    print_lines(ask, run, ["and the last"])
    expect(log.get_by_text("and the last")).to_be_in_viewport()


def test_a_search_goes_from_match_to_match(open_page: OpenPage, ask: Ask, run: str) -> None:
    lines = [
        f"step {at}" + (" \x1b[31mOver\x1b[1mflow\x1b[0m!" if at % 700 == 650 else "")
        for at in range(3_000)
    ]
    print_lines(ask, run, lines)
    page = open_page(f"/runs/{run}/console")
    log = page.get_by_role("log")
    expect(log.get_by_text("step 2999")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("OVERFLOW")
    found = page.get_by_test_id("found")
    expect(found).to_contain_text("of 4")
    current = log.locator(".current")
    expect(current).to_be_visible()
    # A match over several colours is marked in all of them.
    expect(current.locator("mark")).to_have_text(["Over", "flow"])
    page.keyboard.press("Escape")
    seen = set()
    for _ in range(4):
        before = current.inner_text()
        page.keyboard.press("n")
        expect(current).to_have_count(1)
        expect(current).not_to_have_text(before)
        seen.add(current.inner_text())
    assert len(seen) == 4
    last = current.inner_text()
    page.keyboard.press("N")
    page.keyboard.press("n")
    expect(current).to_contain_text(last.split("\n")[1])
    page.get_by_role("button", name="Only matches").click()
    expect(log.locator(".console-line")).to_have_count(4)
    expect(page.get_by_text("4 of 3,000 lines")).to_be_visible()


def test_streams_colours_times_and_wrapping(open_page: OpenPage, ask: Ask, run: str) -> None:
    print_lines(ask, run, ["plain", "\x1b[32mgreen\x1b[0m", "<img src=x onerror=alert(1)>"])
    print_lines(ask, run, ["warning " + "very " * 200 + "long"], stream="STDERR")
    page = open_page(f"/runs/{run}/console", theme="dark")
    log = page.get_by_role("log")
    expect(log.locator(".console-line")).to_have_count(4)
    expect(log.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    green = log.get_by_text("green", exact=True)
    dark = green.evaluate("at => getComputedStyle(at).color")
    page.keyboard.press("d")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert green.evaluate("at => getComputedStyle(at).color") != dark
    long = log.locator(".stderr")
    before = long.bounding_box()
    page.keyboard.press("w")
    expect(log).to_have_class(re.compile("wrapped"))
    after = long.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > 2 * before["height"]
    assert log.evaluate("at => at.scrollWidth <= at.clientWidth")
    page.keyboard.press("t")
    expect(log.locator(".console-time").first).to_be_visible()
    page.get_by_role("button", name="stderr").click()
    expect(log.locator(".console-line")).to_have_count(1)
    page.get_by_role("button", name="stdout").click()
    expect(log.locator(".console-line")).to_have_count(3)


def test_a_long_console_is_read_by_windows(open_page: OpenPage, ask: Ask, run: str) -> None:
    for start in range(0, 300_000, 100_000):
        print_lines(ask, run, [f"number {at}" for at in range(start, start + 100_000)])
    page = open_page(f"/runs/{run}/console")
    log = page.get_by_role("log")
    expect(log.get_by_text("number 299999", exact=True)).to_be_in_viewport()
    assert log.locator(".console-line").count() < 150
    log.evaluate("at => at.scrollTo(0, at.scrollHeight / 2)")
    expect(log.get_by_text(re.compile(r"number 150\d\d\d")).first).to_be_visible()
    page.keyboard.press("g")
    expect(log.get_by_text("number 0", exact=True)).to_be_in_viewport()
    assert log.locator(".console-line").count() < 150
    page.goto(f"/runs/{run}/console/123457")
    expect(log.locator(".current")).to_contain_text("number 123456")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the console").click()
    text = download.value.path().read_text()
    assert text.count("\n") == 300_000
    assert text.endswith("number 299999\n")
