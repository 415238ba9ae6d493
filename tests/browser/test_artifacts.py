"""Artifacts on a run's page: the tree, what is shown of each kind, the trash, hostile files."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.process import Server

from .conftest import SHOTS, Ask, OpenPage
from .files import new_run, png, put, wav

pytestmark = pytest.mark.browser

ODD = "deep/er/50% #1?é &<b>.txt"
FILES: dict[str, str | bytes] = {
    "train.py": "import trackql\n\n\ndef train(rate: float) -> None:\n    print(rate)\n",
    "README.md": "# The card\n\nOf **digits**.\n\n![sample](media/red.png)\n",
    "config.json": json.dumps({"model": {"layers": 3}, "classes": [1, 2]}),
    "config.yaml": "layers: 3\n",
    "data/rows.csv": "id,text\n" + "".join(f"{at},row {at}\n" for at in range(1_500)),
    "media/red.png": png(255, 0, 0),
    "plot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"></svg>',
    "sound.wav": wav(),
    "page.html": "<h1>Report</h1><p id=a></p><script>a.textContent = 'it ran'</script>",
    "weights.bin": bytes(range(256)) * 8,
    "nothing.txt": "",
    "trackql/diff.patch": "diff --git a/x.py b/x.py\n@@ -1 +1 @@\n-old = 1\n+new = 2\n",
    ODD: "found me\n",
}


@pytest.fixture
def run(server: Server, ask: Ask) -> str:
    made = new_run(ask)
    put(server, made, FILES)
    return made


def item(page: Page, name: str) -> None:
    page.get_by_role("treeitem").filter(has_text=name).first.click()


def test_the_tree_and_what_is_in_files(open_page: OpenPage, run: str) -> None:
    page = open_page(f"/runs/{run}/artifacts")
    rows = page.get_by_role("treeitem")
    # Folders first, and what lies in them is counted.
    expect(rows.first).to_contain_text("data")
    expect(page.get_by_text("13 files")).to_be_visible()
    item(page, "train.py")
    expect(page).to_have_url(re.compile(f"/runs/{run}/artifacts/train.py$"))
    preview = page.locator(".preview")
    expect(preview.locator(".hljs-keyword").first).to_have_text("import")
    expect(preview.locator(".text-line")).to_have_count(5)
    item(page, "README.md")
    expect(preview.get_by_role("heading", name="The card")).to_be_visible()
    image = preview.locator(".markdown img")
    expect(image).to_have_js_property("naturalWidth", 8)
    page.get_by_role("button", name="Source").click()
    expect(preview.locator(".text-line").first).to_contain_text("# The card")
    item(page, "config.json")
    expect(preview.get_by_text("layers:")).to_be_visible()
    preview.get_by_role("button", name="model").click()
    expect(preview.get_by_text("layers:")).to_have_count(0)
    item(page, "config.yaml")
    expect(preview.locator(".hljs-attr")).to_have_text("layers:")
    item(page, "data")
    item(page, "rows.csv")
    expect(preview.get_by_role("gridcell", name="row 7", exact=True)).to_be_visible()
    expect(preview.get_by_text("1,500 rows, 2 columns")).to_be_visible()
    preview.get_by_role("grid").evaluate("at => at.scrollTo(0, at.scrollHeight)")
    expect(preview.get_by_role("gridcell", name="row 1499")).to_be_visible()
    assert preview.get_by_role("row").count() < 80
    item(page, "plot.svg")
    expect(preview.get_by_text("80 × 40")).to_be_visible()
    item(page, "sound.wav")
    expect(preview.locator("audio")).to_have_js_property("error", None)
    item(page, "page.html")
    expect(preview.frame_locator("iframe").locator("#a")).to_have_text("it ran")
    item(page, "weights.bin")
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download 2.0 kB").click()
    assert download.value.path().read_bytes() == FILES["weights.bin"]
    item(page, "nothing.txt")
    expect(preview.get_by_text("An empty file.")).to_be_visible()
    page.goto(f"/runs/{run}/artifacts/trackql/diff.patch")
    expect(preview.locator(".diff-half.new code")).to_have_text("new = 2")
    preview.get_by_role("button", name="Unified").click()
    expect(preview.locator(".diff-line.old code")).to_have_text("old = 1")


def test_any_name_has_an_address(open_page: OpenPage, run: str) -> None:
    page = open_page(f"/runs/{run}/artifacts/{quote(ODD)}")
    expect(page.locator(".text-line code")).to_have_text("found me")
    # Its folders are open, and an address that was clicked is the same one.
    chosen = page.get_by_role("treeitem", selected=True)
    expect(chosen).to_contain_text("50% #1?é &<b>.txt")
    expect(chosen).to_have_attribute("aria-level", "3")
    page.goto(f"/runs/{run}/artifacts")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("50%")
    expect(page.get_by_role("treeitem")).to_have_count(1)
    item(page, "50%")
    expect(page.locator(".text-line code")).to_have_text("found me")
    page.reload()
    expect(page.locator(".text-line code")).to_have_text("found me")
    page.goto(f"/runs/{run}/artifacts/none.txt")
    expect(page.get_by_role("alert")).to_contain_text("NOT_FOUND")


def test_a_tree_by_keyboard(open_page: OpenPage, run: str) -> None:
    page = open_page(f"/runs/{run}/artifacts")
    tree = page.get_by_role("tree")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    tree.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("treeitem").filter(has_text="rows.csv")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/artifacts/data/rows.csv$"))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("treeitem", name="rows.csv")).to_have_count(0)
    # Tabs by number and by bracket.
    page.keyboard.press("1")
    expect(page).to_have_url(re.compile("/overview$"))
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(f"/runs/{run}$"))
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("/overview$"))


def test_deleted_files_come_back(open_page: OpenPage, ask: Ask, run: str) -> None:
    page = open_page(f"/runs/{run}/artifacts/data")
    expect(page.get_by_role("article", name="data")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("12 files")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("13 files")).to_be_visible()
    item(page, "weights.bin")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("12 files")).to_be_visible()
    page.get_by_role("button", name="Trash", exact=True).click()
    page.get_by_role("button", name="Restore weights.bin").click()
    expect(page.get_by_text("Nothing is in the trash.")).to_be_visible()
    expect(page.get_by_text("13 files")).to_be_visible()
    page.get_by_role("button", name="Trash", exact=True).click()
    item(page, "weights.bin")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Trash", exact=True).click()
    page.get_by_role("button", name="Remove weights.bin for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing is in the trash.")).to_be_visible()
    left = ask("query ($id: ID!) { run(id: $id) { artifactFiles } }", id=run)["run"]
    assert left == {"artifactFiles": 12}


def test_a_folder_of_many_files_stays_small(open_page: OpenPage, ask: Ask) -> None:
    run = new_run(ask)
    for start in range(0, 3_000, 1_000):
        references = [
            {"path": f"many/{at:05}.bin", "uri": f"s3://bucket/{at}", "size": 1}
            for at in range(start, start + 1_000)
        ]
        ask(
            "mutation ($input: LogArtifactReferencesInput!) "
            "{ logArtifactReferences(input: $input) { __typename } }",
            input={"runId": run, "references": references},
        )
    page = open_page(f"/runs/{run}/artifacts/many/00000.bin")
    expect(page.get_by_text("s3://bucket/0", exact=True)).to_be_visible()
    tree = page.get_by_role("tree")
    last = page.get_by_role("treeitem").filter(has_text="02999.bin")
    for _ in range(40):
        tree.evaluate("at => at.scrollTo(0, at.scrollHeight)")
        page.wait_for_timeout(100)
        if last.is_visible():
            break
    expect(last).to_be_visible()
    assert page.get_by_role("treeitem").count() < 100


def test_files_appear_while_a_run_runs(open_page: OpenPage, server: Server, ask: Ask) -> None:
    run = new_run(ask)
    page = open_page(f"/runs/{run}/artifacts")
    expect(page.get_by_text("trackql.log_artifact")).to_be_visible()
    put(server, run, {"late.txt": "here"})
    expect(page.get_by_role("treeitem")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_part_of_a_run_is_drawn(
    open_page: OpenPage, run: str, theme: str, width: int
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    tabs = ("overview", "", "artifacts/train.py", "media", "console", "code", "environment")
    page = open_page("/", theme=theme, width=width)
    for tab in (*tabs, "system", "datasets"):
        page.goto(f"/runs/{run}/{tab}".rstrip("/"))
        name = tab.partition("/")[0] or "charts"
        current = page.locator(".tabs [aria-current]")
        expect(current).to_have_count(1)
        expect(current).to_contain_text(name.capitalize())
        expect(page.locator(".run-tab > *").first).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        page.screenshot(path=SHOTS / f"run-{name}-{theme}-{width}.png")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"


# -- what was written to do harm

# Tries everything that a script could gain by, and writes down what came of it.
HOSTILE = """
<p id=out></p><script>
const report = (name, what) => { out.textContent += name + '=' + what + ';' }
const attempt = (name, act) => {
  try { report(name, act()) } catch (error) { report(name, 'refused') }
}
attempt('cookie', () => document.cookie)
attempt('storage', () => localStorage.length)
attempt('parent', () => parent.document.title)
attempt('parentStorage', () => parent.localStorage.length)
attempt('top', () => { top.location = '/experiments/pwned'; return 'asked' })
attempt('open', () => String(window.open('/?pwned')))
attempt('image', () => { new Image().src = '/pwned.png'; return 'asked' })
attempt('beacon', () => navigator.sendBeacon('/graphql?pwned', '{}'))
attempt('origin', () => self.origin)
const query = 'mutation { createExperiment(input: {name: "pwned"}) { id } }'
const body = JSON.stringify({query})
const headers = {'content-type': 'application/json'}
fetch(new URL('/graphql', 'ADDRESS'), {method: 'POST', headers, body, credentials: 'include'})
  .then(() => report('fetch', 'answered'), () => report('fetch', 'refused'))
  .then(() => {
    const form = document.createElement('form')
    form.method = 'post'
    form.action = 'ADDRESS/graphql?pwned'
    document.body.append(form)
    attempt('form', () => { form.submit(); return 'asked' })
    report('done', 'yes')
  })
</script>
"""
SCRIPT = "window.pwned = true; try { top.pwned = true } catch {}"
HOSTILE_FILES: dict[str, str | bytes] = {
    "evil.html": HOSTILE,
    "evil.svg": (
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" '
        f'onload="{SCRIPT}"><script>{SCRIPT}</script></svg>'
    ),
    "evil.md": f"""# Seen

<script>{SCRIPT}</script>
<img src=x onerror="{SCRIPT}">
<svg onload="{SCRIPT}"></svg>
<iframe srcdoc="&lt;script&gt;{SCRIPT}&lt;/script&gt;"></iframe>
<iframe src="/graphql"></iframe>
<style>body {{ display: none }}</style>
<form action="/graphql" method="post"><button>Go</button></form>
<a id="root" name="config" class="toast" href="javascript:{SCRIPT}">one</a>
[two](javascript:window.pwned=true)
[three](data:text/html,<script>1</script>)
![far](https://elsewhere.invalid/pwned.png)
<math><mtext><table><mglyph><style><!--</style>
<img title="--&gt;&lt;img src=1 onerror={SCRIPT}&gt;">
""",
    "evil.csv": f'a,"<img src=x onerror=""{SCRIPT}"">"\n=cmd|1,<script>{SCRIPT}</script>\n',
    "evil.json": json.dumps({f"<img src=x onerror='{SCRIPT}'>": f"<script>{SCRIPT}</script>"}),
    "evil.txt": f"<script>{SCRIPT}</script>",
    f"<img src=x onerror={'a'}>.txt": "named",
}


@pytest.fixture
def victim(browser: Browser, server: Server) -> Iterator[Page]:
    """A page that has something to lose; what it is refused is written to its console."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto("/")
    page.evaluate("localStorage.setItem('secret', '1'); document.cookie = 'secret=1'")
    yield page
    context.close()


def names(ask: Ask) -> list[str]:
    found = ask("{ experiments { nodes { name } } }")["experiments"]["nodes"]
    return [each["name"] for each in found]


def test_hostile_pages_gain_nothing(server: Server, ask: Ask, victim: Page) -> None:
    run = new_run(ask)
    page = HOSTILE.replace("ADDRESS", server.url)
    alone = page.replace("top.location = ", "")
    put(server, run, {"evil.html": page, "alone.html": alone})
    answered: list[str] = []
    # What is refused is asked for and never answered.
    victim.on("response", lambda response: answered.append(response.url))
    victim.goto(f"/runs/{run}/artifacts/evil.html")
    out = victim.frame_locator("iframe").locator("#out")
    expect(out).to_contain_text("done=yes")
    found = dict(each.split("=", 1) for each in out.inner_text().strip(";").split(";"))
    for name in ("cookie", "storage", "parent", "parentStorage", "top", "fetch"):
        assert found[name] == "refused", found
    assert found["origin"] == "null"
    assert found["open"] in ("null", "refused")
    assert victim.url.endswith("/artifacts/evil.html")
    assert [url for url in answered if "pwned" in url] == []
    assert names(ask) == ["Default"]
    # Opened by itself it has no origin either.
    victim.goto(f"/artifacts/runs/{run}/alone.html?inline")
    expect(victim.locator("#out")).to_contain_text("done=yes")
    found = dict(
        each.split("=", 1) for each in victim.locator("#out").inner_text().strip(";").split(";")
    )
    assert (found["origin"], found["cookie"], found["storage"]) == ("null", "refused", "refused")
    assert found["fetch"] == "refused"
    assert names(ask) == ["Default"]


def test_hostile_files_do_not_run(server: Server, ask: Ask, victim: Page) -> None:
    run = new_run(ask)
    put(server, run, HOSTILE_FILES)
    answered: list[str] = []
    # What is refused is asked for and never answered.
    victim.on("response", lambda response: answered.append(response.url))
    preview = victim.locator(".preview")
    for path in HOSTILE_FILES:
        if path.endswith(".html"):
            continue
        victim.goto(f"/runs/{run}/artifacts/{quote(path, safe='')}")
        expect(preview).to_be_visible()
        expect(victim.locator(".skeleton")).to_have_count(0)
        if path == "evil.md":
            expect(preview.get_by_role("heading", name="Seen")).to_be_visible()
            bad = "script, iframe, style, form, button, input, svg, [onerror], [id], [class]"
            assert preview.locator(".markdown").locator(bad).count() == 0
            links = preview.locator(".markdown a").evaluate_all(
                "all => all.map(each => each.getAttribute('href'))"
            )
            assert [each for each in links if each and not each.startswith("http")] == []
        if path == "evil.csv":
            expect(preview.get_by_text("=cmd|1")).to_be_visible()
        assert victim.evaluate("window.pwned") is None, path
    for name in ("evil.svg", "evil.md", "evil.csv", "evil.txt"):
        victim.goto(f"/artifacts/runs/{run}/{name}?inline")
        assert victim.evaluate("[window.pwned, self.origin]") == [None, "null"], name
    assert [url for url in answered if "pwned" in url] == []
