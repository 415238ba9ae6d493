"""What stands over all parts of a run: stopping it, alerts, why it failed; and its code."""

import io
import zipfile

import pytest
from playwright.sync_api import expect

from scripts.process import Server

from .conftest import Ask, OpenPage
from .files import new_run, put

pytestmark = pytest.mark.browser

FACTS = "mutation ($input: LogRunFactsInput!) { logRunFacts(input: $input) { __typename } }"


def test_a_run_is_asked_to_stop(open_page: OpenPage, ask: Ask) -> None:
    run = new_run(ask)
    page = open_page(f"/runs/{run}/overview")
    page.get_by_role("button", name="Stop the run").click()
    page.get_by_label("Why").fill("it diverges")
    page.keyboard.press("Enter")
    chip = page.get_by_text("Asked to stop")
    expect(chip).to_be_visible()
    found = ask(
        "query ($id: ID!) { run(id: $id) { requests { nodes { id kind reason } } } }", id=run
    )["run"]["requests"]["nodes"]
    assert [(each["kind"], each["reason"]) for each in found] == [("STOP", "it diverges")]
    # The script saw it, and the page says so.
    ask(
        "mutation ($input: SeeRequestsInput!) { seeRequests(input: $input) { count } }",
        input={"ids": [found[0]["id"]]},
    )
    expect(page.get_by_text("Asked to stop, seen")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Asked to stop, seen")).to_be_visible()


def test_a_page_may_be_opened_before_its_run_arrives(open_page: OpenPage, ask: Ask) -> None:
    run = "0123456789abcdef" * 2
    page = open_page(f"/runs/{run}")
    expect(page.get_by_text("No such run")).to_be_visible()
    ask(
        "mutation ($input: CreateRunInput!) { createRun(input: $input) { id } }",
        input={"id": run, "name": "late"},
    )
    expect(page.get_by_role("navigation", name="Parts of the run")).to_be_visible()
    expect(page.get_by_text("late").first).to_be_visible()


DECLARE = (
    "mutation ($input: DeclareLiveParamsInput!) { declareLiveParams(input: $input) { __typename } }"
)
LIVE = "query ($id: ID!) { run(id: $id) { liveParams { key value } } }"


def test_live_parameters_are_changed(open_page: OpenPage, ask: Ask) -> None:
    run = new_run(ask)
    params = [
        {"key": "lr", "type": "NUMBER", "value": 0.1, "min": 0, "max": 1},
        {"key": "augment", "type": "FLAG", "value": False},
        {"key": "optimizer", "type": "CHOICE", "value": "sgd", "choices": ["sgd", "adam"]},
    ]
    ask(DECLARE, input={"runId": run, "params": params})

    def stored() -> dict[str, object]:
        found = ask(LIVE, id=run)["run"]["liveParams"]
        return {each["key"]: each["value"] for each in found}

    page = open_page(f"/runs/{run}/overview")
    live = page.get_by_role("region", name="Live parameters")
    rate = live.get_by_label("lr")
    expect(rate).to_have_value("0.1")
    expect(live).to_contain_text("0 – 1")
    rate.fill("0.01")
    rate.press("Enter")
    live.get_by_label("augment").check()
    live.get_by_label("optimizer").select_option("adam")
    expect(live.get_by_label("optimizer")).to_have_value("1")
    page.reload()
    expect(rate).to_have_value("0.01")
    assert stored() == {"augment": True, "lr": 0.01, "optimizer": "adam"}
    # What does not fit is said, and the value stays.
    rate.fill("7")
    rate.press("Enter")
    expect(page.get_by_text("Not changed:")).to_be_visible()
    expect(rate).to_have_value("0.01")
    assert stored()["lr"] == 0.01


def test_alerts_and_the_failure_are_told(open_page: OpenPage, ask: Ask) -> None:
    run = new_run(ask)
    page = open_page(f"/runs/{run}/overview")
    expect(page.get_by_role("heading", name="Params")).to_be_visible()
    for number, title in enumerate(("the loss is high", "the loss is NaN")):
        ask(
            "mutation ($input: RaiseAlertInput!) { raiseAlert(input: $input) { __typename } }",
            input={"id": f"{number:032x}", "runId": run, "title": title, "level": "WARNING"},
        )
    alerts = page.get_by_role("region", name="Alerts")
    expect(alerts).to_contain_text("the loss is NaN")
    expect(alerts).to_contain_text("and 1 before it")
    alerts.locator("summary").click()
    expect(alerts.get_by_text("the loss is high")).to_be_visible()
    trace = "Traceback (most recent call last):\n  <b>train.py</b>\nValueError: no"
    failure = {"kind": "ValueError", "message": "no", "traceback": trace, "time": 1_000}
    ask(FACTS, input={"runId": run, "failure": failure})
    page.reload()
    told = page.get_by_role("region", name="Failure")
    expect(told).to_contain_text("ValueError no")
    expect(told.locator("pre")).not_to_be_visible()
    told.locator("summary").click()
    expect(told.locator("pre")).to_have_text(trace)


def test_the_code_of_a_run(open_page: OpenPage, server: Server, ask: Ask) -> None:
    run = new_run(ask, "my run")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes/é.txt", "hello")
        archive.writestr("big.txt", "x" * 2_000)
    patch = "diff --git a/train.py b/train.py\n@@ -1,2 +1,2 @@\n import x\n-rate = 1\n+rate = 2\n"
    put(server, run, {"trackql/diff.patch": patch, "trackql/untracked.zip": file.getvalue()})
    source = {
        "commit": "c" * 40,
        "branch": "main",
        "remote": "git@host.invalid:me/it.git",
        "dirty": True,
        "entryPoint": "train.py",
        "arguments": ["--name", "two words"],
        "diffPath": "trackql/diff.patch",
        "untrackedPath": "trackql/untracked.zip",
    }
    environment = {
        "python": "3.12.1",
        "packages": [{"name": f"package-{at}", "version": "1.0"} for at in range(300)],
    }
    ask(FACTS, input={"runId": run, "source": source, "environment": environment})
    page = open_page(f"/runs/{run}/code")
    expect(page.get_by_text("python train.py --name 'two words'").first).to_be_visible()
    expect(page.get_by_text("git clone git@host.invalid:me/it.git 'my run'")).to_be_visible()
    expect(page.locator(".diff-half.new code")).to_have_text("rate = 2")
    page.get_by_text("Untracked files", exact=True).first.click()
    listed = page.get_by_role("region", name="Files in trackql/untracked.zip")
    expect(listed).to_contain_text("notes/é.txt")
    expect(page.get_by_text("2 files, 2.0 kB unpacked")).to_be_visible()
    page.get_by_role("button", name="Command and commit").click()
    expect(page.get_by_role("dialog")).to_contain_text("c" * 40)
    page.keyboard.press("Escape")
    page.goto(f"/runs/{run}/environment")
    packages = page.get_by_role("region", name="Packages", exact=True)
    expect(packages.get_by_text("package-0", exact=True)).to_be_visible()
    assert packages.locator(".package").count() < 100
    page.keyboard.press("/")
    page.keyboard.type("package-299")
    expect(packages.locator(".package")).to_have_count(1)
