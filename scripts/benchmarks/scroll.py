"""Row `scroll`: the runs table of 100,000 runs, scrolled in Chromium.

A mouse scrolls down at two speeds. Of each task of the page's main thread counts the time that it
had the processor, by Chromium's trace: others may want the processor too. What stands in the table
afterwards is compared with what the server has there.
"""

import re
import shutil
from typing import Any

from playwright.sync_api import Page, sync_playwright

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks.report import Figure
from scripts.benchmarks.search_sets import LARGE
from scripts.benchmarks.systems import Trackql
from scripts.benchmarks.workspace import Workspace

# Pixels a second, and how far.
GESTURES = ((1_500, 6_000), (8_000, 40_000))

LINE = 30

NAMES = """
query Names($experiment: ID!, $offset: Int!) {
  runTable(experimentIds: [$experiment], columns: ["name"], rows: 100, offset: $offset) {
    columns { texts }
  }
}
"""


def scroll(space: Workspace) -> list[Figure]:
    with space.seeded(Trackql, "large", sets.seed_large) as ours:
        experiment = sets.experiment(ours)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-background-networking", "--disable-quic"],
            )
            try:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(f"{ours.server.url}/experiments/{experiment}?show=table")
                page.get_by_text(f"{LARGE:,} of {LARGE:,} runs").wait_for()
                times = {speed: _scrolled(page, speed, far) for speed, far in GESTURES}
                page.wait_for_timeout(1500)
                _check(ours, experiment, page)
            finally:
                browser.close()
    return [
        Figure(
            "scroll", f"longest task of a frame, {LARGE:,} runs at {speed:,} px/s", "ms",
            max(some), at_most=50, samples=some,
        )
        for speed, some in times.items()
    ]  # fmt: skip


def _scrolled(page: Page, speed: int, distance: int) -> list[float]:
    """Milliseconds of the processor that each task of the main thread took meanwhile."""
    events: list[dict[str, Any]] = []
    is_done: list[bool] = []
    session = page.context.new_cdp_session(page)
    session.on("Tracing.dataCollected", lambda found: events.extend(found["value"]))
    session.on("Tracing.tracingComplete", lambda _: is_done.append(True))
    categories = {"includedCategories": ["toplevel", "__metadata"]}
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": categories})
    at = {"x": 400, "y": 400, "yDistance": -distance, "speed": speed}
    session.send("Input.synthesizeScrollGesture", {**at, "gestureSourceType": "mouse"})
    session.send("Tracing.end")
    while not is_done:
        page.wait_for_timeout(20)
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    times: list[float] = [
        event["tdur"] / 1000
        for event in events
        if event["name"].endswith("RunTask")
        and "tdur" in event
        and (event["pid"], event["tid"]) in main
    ]
    if len(times) < 100:
        raise RuntimeError("the trace does not show that anything was scrolled")
    return times


def _check(ours: Trackql, experiment: str, page: Page) -> None:
    """That the lines in view are the runs that the server has at their place."""
    top = int(page.get_by_role("grid").evaluate("at => at.scrollTop"))
    if top < GESTURES[-1][1] // 2:
        raise RuntimeError(f"the table stands at {top} px after it was scrolled")
    shown = [
        name
        for name in page.locator(".runs-row a").all_inner_texts()
        if re.fullmatch(r"\S.*", name)
    ]
    around = max(0, top // LINE - 50)
    answer = ours.ask(NAMES, experiment=experiment, offset=around)
    stored = answer["runTable"]["columns"][0]["texts"]
    if not shown or not set(shown) <= set(stored):
        raise RuntimeError(f"the table shows {shown[:3]} at {top} px, stored is {stored[50]}")
