"""Row `painted`: from the log call to the pixels of a chart.

Chromium, without a window, shows the page of a run that logs twenty calls a second for ten seconds;
each value is the moment of its call. Whenever the page has drawn on a canvas, and the browser has
come to the end of that frame, the points that the chart holds are painted. Each point counts from
its call to the first such moment that has it.
"""

import shutil
import time
from typing import Any

from playwright.sync_api import sync_playwright

from scripts.benchmarks.live import CALLS, RATE
from scripts.benchmarks.report import Figure, median, percentile
from scripts.benchmarks.systems import Trackql
from scripts.benchmarks.workspace import Workspace

# Notes, at the end of each frame that drew, how many points the chart holds.
WATCH = """
(run) => {
  window.painted = []
  const stroke = CanvasRenderingContext2D.prototype.stroke
  const channel = new MessageChannel()
  let drawn = null
  // A message posted while a frame is made is delivered when that frame is done.
  channel.port1.onmessage = () => {
    window.painted.push([performance.timeOrigin + performance.now(), drawn])
    drawn = null
  }
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    const chart = window.__trackql?.chart(run, 'moment')
    if (chart && drawn === null) {
      drawn = chart.values.length
      channel.port2.postMessage(null)
    }
    return stroke.apply(this, path)
  }
}
"""


def painted(space: Workspace) -> list[Figure]:
    with space.running(Trackql) as ours:
        delays = _measure(ours)
    row = "painted"
    return [
        Figure(row, "log call to pixels, p50", "ms", median(delays), at_most=100, samples=delays),
        Figure(row, "log call to pixels, p99", "ms", percentile(delays, 0.99)),
    ]


def _measure(ours: Trackql) -> list[float]:
    driver = ours.drive("beat", rate=RATE, count=CALLS)
    run = driver.run
    # The browser tells wall-clock time, the training script the clock that all processes share.
    ahead = time.time() - time.monotonic()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-quic"],
        )
        try:
            page = browser.new_page()
            page.goto(f"{ours.server.url}/runs/{run}")
            page.evaluate(WATCH, run)
            page.wait_for_timeout(1000)
            driver.go()
            held = f"window.__trackql?.chart('{run}', 'moment')?.values.length ?? 0"
            deadline = time.monotonic() + 60
            while page.evaluate(held) < CALLS and time.monotonic() < deadline:
                page.wait_for_timeout(100)
            page.wait_for_timeout(500)
            frames: list[tuple[float, int]] = page.evaluate("window.painted")
            values: list[Any] = page.evaluate(f"window.__trackql.chart('{run}', 'moment').values")
        finally:
            browser.close()
    driver.go()
    driver.result()
    if len(values) != CALLS or sorted(values) != values:
        raise RuntimeError(f"the chart holds {len(values)} points instead of {CALLS} in order")
    delays = []
    for place, moment in enumerate(values):
        frame = next((at for at, count in frames if count > place), None)
        if frame is None:
            raise RuntimeError(f"point {place} was never painted")
        delays.append(frame - (moment + ahead) * 1000)
    # The chart itself is set up for the first point; from the second on it only grows.
    return delays[2:]
