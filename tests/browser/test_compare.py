"""Runs side by side: what tells them apart, their code, their files."""

import pytest
from playwright.sync_api import Page, expect

from scripts.process import Server

from .conftest import Ask, OpenPage
from .files import new_run, put

pytestmark = pytest.mark.browser

PATCH = (
    "diff --git a/train.py b/train.py\n@@ -1,2 +1,2 @@\n import trackql\n-rate = 0\n+rate = {}\n"
)


@pytest.fixture
def runs(server: Server, ask: Ask) -> list[str]:
    """Three runs that differ in a param, a tag, a metric, a package, their code and a file."""
    ids = []
    for number in range(3):
        run = new_run(ask, f"run-{number}")
        ids.append(run)
        params = {"rate": str(number), "layers": "3", "optimizer": "adam"}
        tags = {"host": f"node{number}", "team": "vision"}
        ask(
            """
            mutation ($run: ID!, $params: [ParamInput!]!, $tags: [TagInput!]!,
                      $tables: [MetricTableInput!]!) {
              logParams(input: {runId: $run, params: $params}) { nextRecord }
              setTags(input: {runId: $run, tags: $tags}) { nextRecord }
              appendMetrics(input: {runId: $run, tables: $tables}) { points }
            }
            """,
            run=run,
            params=[{"key": key, "value": value} for key, value in params.items()],
            tags=[{"key": key, "value": value} for key, value in tags.items()],
            tables=[
                {
                    "keys": ["loss", "same"],
                    "steps": [0],
                    "times": [0],
                    "values": [1 / (number + 1), 0.5],
                }
            ],
        )
        put(
            server,
            run,
            {
                "config.json": f'{{"rate": {number}}}',
                "same.txt": "the same",
                "folder/only.txt" if number == 0 else "folder/other.txt": "x",
                "trackql/diff.patch": PATCH.format(number),
            },
        )
        ask(
            "mutation ($input: LogRunFactsInput!) { logRunFacts(input: $input) { __typename } }",
            input={
                "runId": run,
                "source": {"commit": "a" * 40, "diffPath": "trackql/diff.patch", "dirty": True},
                "environment": {
                    "python": "3.12.1",
                    "packages": [
                        {"name": "numpy", "version": f"2.{number}.0"},
                        {"name": "torch", "version": "2.4.1"},
                    ],
                },
            },
        )
    return ids


def keys(page: Page) -> list[str]:
    return page.get_by_role("rowheader").all_inner_texts()


def test_only_differences_or_all(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/compare?runs={','.join(runs)}&tab=differences")
    expect(page.get_by_role("columnheader")).to_have_count(3)
    expect(page.get_by_role("rowheader", name="numpy")).to_be_visible()
    shown = keys(page)
    assert {"rate", "host", "loss", "numpy"} <= set(shown)
    assert not {"layers", "optimizer", "team", "same", "torch", "Python"} & set(shown)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="rate"))
    assert [each.strip() for each in row.get_by_role("gridcell").all_inner_texts()] == [
        "0",
        "1",
        "2",
    ]
    loss = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="loss"))
    expect(loss.get_by_role("gridcell").nth(1)).to_contain_text("−50%")
    page.get_by_role("checkbox", name="Only differences").uncheck()
    expect(page.get_by_role("rowheader", name="layers")).to_be_visible()
    assert {"layers", "optimizer", "team", "same", "torch", "Python"} <= set(keys(page))
    page.wait_for_url("**same=true**")
    page.keyboard.press("s")
    expect(page.get_by_role("rowheader", name="layers")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("host")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    page.get_by_role("button", name="Take run-2 out").click()
    expect(page.get_by_role("columnheader")).to_have_count(2)


def test_code_of_two_runs(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/compare?runs={','.join(runs)}&tab=code")
    expect(page.get_by_text("Both ran commit")).to_be_visible()
    old, new = page.locator(".diff-half.old code"), page.locator(".diff-half.new code")
    expect(old).to_have_text("rate = 0")
    expect(new).to_have_text("rate = 1")
    page.get_by_label("After").select_option(label="run-2")
    expect(new).to_have_text("rate = 2")
    page.get_by_label("Before").select_option(label="run-2")
    expect(old).to_have_text("rate = 2")
    expect(new).to_have_text("rate = 0")


def test_files_of_runs(open_page: OpenPage, runs: list[str]) -> None:
    page = open_page(f"/compare?runs={runs[0]},{runs[1]}&tab=artifacts")
    rows = page.locator(".union-lines .compare-row:not(.compare-head)")
    expect(rows.filter(has_text="config.json")).to_contain_text("differs")
    expect(rows.filter(has_text="same.txt")).to_have_count(0)
    page.get_by_role("checkbox", name="Only differences").uncheck()
    expect(rows.filter(has_text="same.txt")).to_contain_text("same")
    page.get_by_role("button", name="folder").click()
    expect(rows.filter(has_text="only.txt")).to_contain_text("–")
    page.get_by_role("button", name="config.json").click()
    sides = page.locator(".side")
    expect(sides.nth(0)).to_contain_text("rate:0")
    expect(sides.nth(1)).to_contain_text("rate:1")
    page.reload()
    expect(sides).to_have_count(2)


def test_many_runs_and_keys_stay_small(open_page: OpenPage, ask: Ask) -> None:
    runs = [new_run(ask, f"run-{number}") for number in range(12)]
    for number, run in enumerate(runs):
        params = [{"key": f"param{at:04}", "value": f"{at + number}"} for at in range(1_500)]
        for start in range(0, len(params), 500):
            ask(
                "mutation ($input: LogParamsInput!) { logParams(input: $input) { nextRecord } }",
                input={"runId": run, "params": params[start : start + 500]},
            )
    page = open_page(f"/compare?runs={','.join(runs)}&tab=differences")
    expect(page.get_by_role("rowheader", name="param0000")).to_be_visible()
    page.get_by_role("grid").evaluate("at => at.scrollTo(0, at.scrollHeight)")
    expect(page.get_by_role("rowheader", name="param1499")).to_be_visible()
    assert page.get_by_role("rowheader").count() < 80
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
