"""Rich values: one slider for all, runs beside each other, histograms over steps."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.process import Server

from .conftest import SHOTS, Ask, OpenPage
from .files import log_values, new_run, png, put, wav

pytestmark = pytest.mark.browser


@pytest.fixture
def runs(server: Server, ask: Ask) -> list[str]:
    return [logged(server, ask, f"run-{number}", number) for number in range(2)]


def logged(server: Server, ask: Ask, name: str, number: int) -> str:
    """A run with every kind of value, at steps 0, 10 … 40."""
    run = new_run(ask, name)
    values = []
    files: dict[str, str | bytes] = {"media/speech/0.wav": wav()}
    for step in range(0, 50, 10):
        for place in range(2):
            path = f"media/samples/{step}_{place}.png"
            files[path] = png(step * 5, place * 200, number * 200)
            values.append(
                {
                    "key": "samples",
                    "kind": "IMAGE",
                    "step": step,
                    "place": place,
                    "path": path,
                    "caption": f"{name} at {step}, {place}",
                }
            )
        counts = [at * (step + 1) for at in range(20)]
        body = {"counts": counts, "min": -1, "max": 1}
        values.append({"key": "weights", "kind": "HISTOGRAM", "step": step, "body": body})
        text = f"said at {step}"
        values.append({"key": "said", "kind": "TEXT", "step": step, "body": text})
    values.append({"key": "speech", "kind": "AUDIO", "step": 20, "path": "media/speech/0.wav"})
    table = {"columns": ["id", "label"], "data": [[at, f"cat {at}"] for at in range(50)]}
    values.append({"key": "scores", "kind": "TABLE", "step": 40, "body": table})
    files["media/page.html"] = "<p id=a></p><script>a.textContent = 'it ran'</script>"
    values.append({"key": "page", "kind": "HTML", "step": 40, "path": "media/page.html"})
    put(server, run, files)
    log_values(ask, run, values)
    return run


def slide(page: Page, place: int) -> None:
    page.get_by_role("slider", name="Step").fill(str(place))


def test_one_slider_for_all(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/runs/{runs[0]}/media")
    samples = page.get_by_role("region", name="samples")
    # It opens on what is newest.
    expect(samples.get_by_text("run-0 at 40, 1")).to_be_visible()
    expect(samples.locator("img").first).to_have_js_property("naturalWidth", 8)
    expect(page.get_by_text("said at 40")).to_be_visible()
    expect(page.get_by_role("gridcell", name="cat 3", exact=True)).to_be_visible()
    html = page.get_by_role("region", name="page").frame_locator("iframe")
    expect(html.locator("#a")).to_have_text("it ran")
    slide(page, 1)
    expect(samples.get_by_text("run-0 at 10, 1")).to_be_visible()
    expect(page.get_by_text("said at 10")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/runs/{runs[0]}/media/10$"))
    # What was not logged yet is not shown; what was logged before is.
    scores = page.get_by_role("region", name="scores")
    expect(scores.get_by_text("Nothing up to this step")).to_be_visible()
    page.reload()
    expect(samples.get_by_text("run-0 at 10, 0")).to_be_visible()
    slide(page, 3)
    speech = page.get_by_role("region", name="speech")
    expect(speech.locator("audio")).to_be_visible()
    page.get_by_role("button", name="Images", exact=True).click()
    expect(speech).to_have_count(0)
    samples.locator("img").first.click()
    expect(page.get_by_role("dialog").get_by_text("8 × 8")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.get_by_text("No key matches")).to_be_visible()


def test_runs_beside_each_other(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/compare?runs={','.join(runs)}&tab=media")
    samples = page.get_by_role("region", name="samples")
    expect(samples.locator(".media-run")).to_have_count(2)
    expect(samples.locator("img")).to_have_count(4)
    expect(samples.get_by_text("run-1 at 40, 0")).to_be_visible()
    slide(page, 0)
    for name in ("run-0", "run-1"):
        expect(samples.get_by_text(f"{name} at 0, 1")).to_be_visible()
    page.wait_for_url("**step=0**")


def test_histograms_over_steps_and_at_one(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/runs/{runs[0]}/media", theme="dark")
    weights = page.get_by_role("region", name="weights")
    canvas = weights.locator("canvas")
    canvas.scroll_into_view_if_needed()
    painted = (
        "at => at.getContext('2d').getImageData(0, 0, at.width, at.height).data"
        ".some((byte, index) => index % 4 === 3 && byte > 0)"
    )
    expect(weights.locator(".heat-mark")).to_be_visible()
    assert canvas.evaluate(painted)
    # A click chooses the step of all.
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 20)
    expect(page.get_by_text("said at 10")).to_be_attached()
    weights.get_by_role("button", name="at the step").click()
    expect(weights.locator("rect")).to_have_count(20)
    page.screenshot(path=SHOTS / "media-dark.png")


def test_what_is_logged_appears(open_page: OpenPage, ask: Ask) -> None:
    run = new_run(ask)
    page = open_page(f"/runs/{run}/media")
    expect(page.get_by_text("trackql.Image")).to_be_visible()
    log_values(ask, run, [{"key": "said", "kind": "TEXT", "step": 0, "body": "the first"}])
    expect(page.get_by_text("the first")).to_be_visible()
    log_values(ask, run, [{"key": "said", "kind": "TEXT", "step": 1, "body": "the second"}])
    expect(page.get_by_text("the second")).to_be_visible()
