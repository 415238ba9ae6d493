"""Alerts and standing rules over GraphQL on both databases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.client import GraphQL
from tests.server.graphql.sample import listening
from tests.server.graphql.test_found import over_websocket
from trackql_server.domain import rules
from trackql_server.domain.context import Services

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
EXPERIMENT = "mutation($name: String!) { createExperiment(input: {name: $name}) { id } }"
DELETE_RUN = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
LOG = "mutation($input: LogMetricsInput!) { logMetrics(input: $input) { points } }"
ALERT = "id runId experimentId level title text ruleId key step createdAt"
RAISE = f"mutation($input: RaiseAlertInput!) {{ raiseAlert(input: $input) {{ {ALERT} }} }}"
ALERTS = f"""query($experiments: [ID!], $runs: [ID!], $levels: [AlertLevel!],
    $first: Int! = 50, $after: String) {{
  alerts(experimentIds: $experiments, runIds: $runs, levels: $levels, first: $first, after: $after)
  {{ nodes {{ {ALERT} run {{ id }} }} totalCount pageInfo {{ hasNextPage endCursor }} }} }}"""
OF_RUN = f"query($id: ID!) {{ run(id: $id) {{ alerts {{ nodes {{ {ALERT} }} totalCount }} }} }}"
RULE = "id name kind experimentId level key comparator bound patience enabled createdAt updatedAt"
SAVE = f"mutation($input: SaveAlertRuleInput!) {{ saveAlertRule(input: $input) {{ {RULE} }} }}"
FORGET = "mutation($id: ID!) { deleteAlertRule(input: {id: $id}) { id } }"
ONE = f"query($id: ID!) {{ alertRule(id: $id) {{ {RULE} }} }}"
RULES = """query($experiment: ID, $first: Int! = 100, $after: String) {
  alertRules(experimentId: $experiment, first: $first, after: $after) {
    nodes { name } totalCount pageInfo { hasNextPage endCursor } } }"""

NAN = {"name": "broken", "kind": "NAN", "key": "*"}


@pytest.fixture
def services(app: Starlette) -> Services:
    found: Services = app.services  # type: ignore[attr-defined]
    return found


async def new_run(graphql: GraphQL, **given: Any) -> str:
    return str((await graphql(CREATE, input=given))["createRun"]["id"])


async def raised(graphql: GraphQL, run_id: str, **given: Any) -> dict[str, Any]:
    given = {"runId": run_id, "id": "a", "title": "t"} | given
    found: dict[str, Any] = (await graphql(RAISE, input=given))["raiseAlert"]
    return found


async def save(graphql: GraphQL, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await graphql(SAVE, input=given))["saveAlertRule"]
    return found


async def log(graphql: GraphQL, run_id: str, key: str, *values: Any, start: int = 0) -> None:
    points = [
        {"key": key, "value": value, "step": start + place} for place, value in enumerate(values)
    ]
    await graphql(LOG, input={"runId": run_id, "metrics": points})


async def alerts(graphql: GraphQL, services: Services, run_id: str) -> list[dict[str, Any]]:
    """Those of a run, oldest first, once all that was logged has been looked at."""
    async with asyncio.timeout(60):
        await services.rules.settle()
    nodes: list[dict[str, Any]] = (await graphql(OF_RUN, id=run_id))["run"]["alerts"]["nodes"]
    return nodes[::-1]


def watching(services: Services) -> bool:
    """Whether ingest has any rule to ask."""
    return services.rules.watching


async def test_a_script_raises_an_alert_once(graphql: GraphQL) -> None:
    run_id, other = await new_run(graphql), await new_run(graphql)
    given = {"text": "ü ☃", "level": "ERROR", "key": "loss", "step": 2**60}
    given |= {"time": "2024-05-01T00:00:00+00:00"}
    alert = await raised(graphql, run_id, **given)
    assert {key: alert[key] for key in ("text", "level", "key", "title", "id")} == {
        "text": "ü ☃",
        "level": "ERROR",
        "key": "loss",
        "title": "t",
        "id": "a",
    }
    assert alert["step"] == str(2**60)
    assert alert["createdAt"] == "2024-05-01T00:00:00+00:00"
    assert (alert["runId"], alert["experimentId"], alert["ruleId"]) == (run_id, "0", None)
    assert await raised(graphql, run_id, title="another") == alert
    assert (await graphql(OF_RUN, id=run_id))["run"]["alerts"] == {
        "nodes": [alert],
        "totalCount": 1,
    }
    refused = await graphql.refused(RAISE, input={"runId": other, "id": "a", "title": "t"})
    assert refused["code"] == "ALREADY_EXISTS"
    assert (await graphql(OF_RUN, id=other))["run"]["alerts"]["totalCount"] == 0


async def test_what_can_not_be_raised(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    fine = {"runId": run_id, "id": "a", "title": "t"}
    for given, argument in (
        ({"id": ""}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"title": " "}, "title"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "\0"}, "text"),
        ({"key": "x" * 501}, "key"),
    ):
        refused = await graphql.refused(RAISE, input=fine | given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
    assert (await graphql.refused(RAISE, input=fine | {"runId": "nope"}))["code"] == "NOT_FOUND"
    await graphql(DELETE_RUN, id=run_id)
    assert (await graphql.refused(RAISE, input=fine))["code"] == "RUN_DELETED"


async def test_alerts_are_listed_newest_first(graphql: GraphQL) -> None:
    other = (await graphql(EXPERIMENT, name="other"))["createExperiment"]["id"]
    first, second = await new_run(graphql), await new_run(graphql)
    elsewhere = await new_run(graphql, experimentId=other)
    for number, (run_id, level) in enumerate(
        [(first, "INFO"), (second, "ERROR"), (elsewhere, "WARNING"), (first, "ERROR")]
    ):
        await raised(graphql, run_id, id=str(number), level=level)

    async def found(**given: Any) -> str:
        nodes = (await graphql(ALERTS, **given))["alerts"]["nodes"]
        assert all(each["run"]["id"] == each["runId"] for each in nodes)
        return "".join(each["id"] for each in nodes)

    assert await found() == "3210"
    assert await found(experiments=["0"]) == "310"
    assert await found(experiments=["0", other], levels=["WARNING", "INFO"]) == "20"
    assert await found(runs=[first, elsewhere]) == "320"
    assert await found(runs=[first], levels=["ERROR"]) == "3"
    assert await found(runs=["nope"]) == await found(experiments=[]) == await found(levels=[]) == ""
    seen, after = "", None
    while True:
        page = (await graphql(ALERTS, first=3, after=after))["alerts"]
        assert page["totalCount"] == 4
        seen += "".join(each["id"] for each in page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == "3210"


@asynccontextmanager
async def following(app: Starlette, arguments: str) -> AsyncIterator[AsyncIterator[Any]]:
    services: Services = app.services  # type: ignore[attr-defined]
    before = services.bus.listeners
    document = f"subscription {{ alertsRaised{arguments} {{ id runId }} }}"
    async with (
        listening(app) as address,
        over_websocket(address, document) as events,
        asyncio.timeout(60),
    ):
        while services.bus.listeners == before:  # noqa: ASYNC110 - nobody tells of listeners
            await asyncio.sleep(0.005)
        yield events


@pytest.mark.parametrize("chosen", ["", '(experimentIds: ["0"])', '(runIds: ["{run}"])'])
async def test_alerts_are_followed_as_they_are_raised(
    app: Starlette, graphql: GraphQL, chosen: str
) -> None:
    other = (await graphql(EXPERIMENT, name="other"))["createExperiment"]["id"]
    run_id, elsewhere = await new_run(graphql), await new_run(graphql, experimentId=other)
    await raised(graphql, run_id, id="before")
    async with following(app, chosen.replace("{run}", run_id)) as events:
        if chosen:
            await raised(graphql, elsewhere, id="elsewhere")
        await raised(graphql, run_id, id="one")
        assert (await anext(events))["data"]["alertsRaised"] == [{"id": "one", "runId": run_id}]
        await raised(graphql, run_id, id="one")
        await save(graphql, **NAN)
        await log(graphql, run_id, "loss", "NaN")
        [alert] = (await anext(events))["data"]["alertsRaised"]
        assert alert["id"] not in ("one", "before", "elsewhere")


async def test_points_that_are_no_numbers(graphql: GraphQL, services: Services) -> None:
    rule = await save(graphql, **NAN, level="ERROR")
    run_id, fine = await new_run(graphql), await new_run(graphql)
    await log(graphql, fine, "loss", 1, 2, -1e300)
    await log(graphql, run_id, "a/loss", 1, "NaN", "Infinity")
    await log(graphql, run_id, "b", "-Infinity", start=-7)
    assert await alerts(graphql, services, fine) == []
    found = await alerts(graphql, services, run_id)
    told = [(e["key"], e["step"], e["text"]) for e in sorted(found, key=lambda e: e["key"])]
    assert told == [("a/loss", 1, "a/loss is NaN at step 1"), ("b", -7, "b is infinite at step -7")]
    assert {(e["title"], e["level"], e["ruleId"]) for e in found} == {
        ("broken", "ERROR", rule["id"])
    }
    # No more of the same run and key, until the rule is saved again.
    await log(graphql, run_id, "b", "NaN", "NaN")
    assert len(await alerts(graphql, services, run_id)) == 2
    await save(graphql, **NAN, id=rule["id"])
    await log(graphql, run_id, "b", "NaN")
    assert len(await alerts(graphql, services, run_id)) == 3


async def test_every_replica_raises_an_alert_once(graphql: GraphQL, services: Services) -> None:
    await save(graphql, **NAN)
    run_id = await new_run(graphql)
    await log(graphql, run_id, "x", "NaN")
    assert len(await alerts(graphql, services, run_id)) == 1
    services.rules._raised.clear()  # as if another process had raised it
    await log(graphql, run_id, "x", "NaN")
    assert len(await alerts(graphql, services, run_id)) == 1


@pytest.mark.parametrize(
    ("comparator", "hit", "fine"),
    [
        ("GREATER", [1, 5.5], [5, "NaN", -9]),
        ("GREATER_EQUAL", [1, 5], [4.9, "NaN"]),
        ("LESS", [9, 4.9], [5, 9, "NaN"]),
        ("LESS_EQUAL", [9, 5], [5.1, "NaN", "Infinity"]),
    ],
)
async def test_values_beyond_a_bound(
    graphql: GraphQL, services: Services, comparator: str, hit: list[Any], fine: list[Any]
) -> None:
    await save(graphql, name="high", kind="THRESHOLD", key="val/*", comparator=comparator, bound=5)
    run_id, other = await new_run(graphql), await new_run(graphql)
    await log(graphql, run_id, "val/x", *hit)
    await log(graphql, run_id, "train/x", *hit)
    await log(graphql, other, "val/x", *fine)
    [alert] = await alerts(graphql, services, run_id)
    assert (alert["key"], alert["step"]) == ("val/x", 1)
    assert f"{hit[1]:g}" in alert["text"]
    assert await alerts(graphql, services, other) == []


async def test_only_values_that_come_after_the_rule(graphql: GraphQL, services: Services) -> None:
    run_id = await new_run(graphql)
    await log(graphql, run_id, "x", 9)
    await save(graphql, name="t", kind="THRESHOLD", key="x", comparator="GREATER", bound=5)
    await log(graphql, run_id, "x", 1)
    assert await alerts(graphql, services, run_id) == []


@pytest.mark.parametrize("sign", [1, -1])
async def test_a_metric_without_progress(graphql: GraphQL, services: Services, sign: int) -> None:
    better = "LESS" if sign > 0 else "GREATER"
    await save(
        graphql, name="stuck", kind="NO_PROGRESS", key="loss", comparator=better, patience=10
    )
    run_id = await new_run(graphql)
    await log(graphql, run_id, "loss", *[sign * value for value in (5, 4, 3)])
    for step in range(3, 12):
        await log(graphql, run_id, "loss", sign * (3 + step % 2), start=step)
    assert await alerts(graphql, services, run_id) == []
    await log(graphql, run_id, "loss", sign * 3, start=12)
    [alert] = await alerts(graphql, services, run_id)
    assert (alert["key"], alert["step"]) == ("loss", 12)
    assert "since step 2" in alert["text"]


async def test_rules_of_another_experiment_say_nothing(
    graphql: GraphQL, services: Services
) -> None:
    other = (await graphql(EXPERIMENT, name="other"))["createExperiment"]["id"]
    rule = await save(graphql, **NAN, experimentId=other)
    here, there = await new_run(graphql), await new_run(graphql, experimentId=other)
    for run_id in (here, there):
        await log(graphql, run_id, "x", "NaN")
    assert await alerts(graphql, services, here) == []
    assert len(await alerts(graphql, services, there)) == 1
    # What is turned off or forgotten says nothing either.
    assert watching(services)
    await save(graphql, **NAN, id=rule["id"], experimentId=other, enabled=False)
    assert not watching(services)
    await log(graphql, there, "y", "NaN")
    assert len(await alerts(graphql, services, there)) == 1
    await save(graphql, **NAN, id=rule["id"], experimentId=other)
    assert watching(services)
    await graphql(FORGET, id=rule["id"])
    assert not watching(services)
    await log(graphql, there, "z", "NaN")
    assert len(await alerts(graphql, services, there)) == 1


async def test_runs_that_went_silent(graphql: GraphQL, services: Services) -> None:
    rule = await save(graphql, name="silent", kind="STALLED")
    run_id = await new_run(graphql)
    await services.rules.look()
    assert await alerts(graphql, services, run_id) == []
    clock = services.clock
    services.clock = lambda: clock() + services.stalled_after * 1.5
    for _ in range(2):
        await services.rules.look()
        [alert] = await alerts(graphql, services, run_id)
    assert (alert["title"], alert["ruleId"], alert["key"]) == ("silent", rule["id"], None)


async def test_when_too_much_comes_summaries_decide(
    graphql: GraphQL, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "POINTS", 0)
    await save(graphql, **NAN)
    await save(graphql, name="t", kind="THRESHOLD", key="x", comparator="GREATER", bound=5)
    run_id = await new_run(graphql)
    await log(graphql, run_id, "x", 1, 6, 2)
    await log(graphql, run_id, "y", "Infinity")
    await log(graphql, run_id, "z", "NaN")
    found = await alerts(graphql, services, run_id)
    assert sorted((e["title"], e["key"], e["step"]) for e in found if e["step"] is not None) == [
        ("broken", "y", 0),
        ("t", "x", 1),
    ]
    assert [e["key"] for e in found if e["step"] is None] == ["z"]


async def test_rules_of_another_replica_are_learned(graphql: GraphQL, services: Services) -> None:
    rule = await save(graphql, **NAN)
    services.rules._rules, services.rules.watching = {}, False
    await services.rules.refresh()
    assert watching(services)
    assert (await graphql(ONE, id=rule["id"]))["alertRule"] == rule


async def test_a_rule_is_kept_changed_and_forgotten(graphql: GraphQL) -> None:
    rule = await save(
        graphql, name="r", kind="THRESHOLD", key="loss", comparator="GREATER", bound=1.5
    )
    told = {key: rule[key] for key in RULE.split()[1:-2]}
    assert told == {
        "name": "r",
        "kind": "THRESHOLD",
        "experimentId": None,
        "level": "WARNING",
        "key": "loss",
        "comparator": "GREATER",
        "bound": 1.5,
        "patience": None,
        "enabled": True,
    }
    assert (await graphql(ONE, id=rule["id"]))["alertRule"] == rule
    changed = await save(graphql, id=rule["id"], name="s", kind="STALLED", experimentId="0")
    assert (changed["id"], changed["kind"], changed["experimentId"]) == (rule["id"], "STALLED", "0")
    assert (changed["key"], changed["comparator"], changed["bound"]) == (None, None, None)
    for name in ("b", "a"):
        await save(graphql, name=name, kind="STALLED")
    other = (await graphql(EXPERIMENT, name="other"))["createExperiment"]["id"]

    async def names(**given: Any) -> str:
        nodes = (await graphql(RULES, **given))["alertRules"]["nodes"]
        return "".join(each["name"] for each in nodes)

    assert await names() == await names(experiment="0") == "abs"
    assert await names(experiment=other) == "ab"
    page = (await graphql(RULES, first=2))["alertRules"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    assert await names(after=page["pageInfo"]["endCursor"]) == "s"
    assert (await graphql(FORGET, id=rule["id"]))["deleteAlertRule"] == {"id": rule["id"]}
    assert (await graphql(ONE, id=rule["id"]))["alertRule"] is None
    for document, given in (
        (FORGET, {"id": rule["id"]}),
        (SAVE, {"input": {"id": "nope", "name": "a", "kind": "STALLED"}}),
        (SAVE, {"input": {"experimentId": "nope", "name": "a", "kind": "STALLED"}}),
    ):
        assert (await graphql.refused(document, **given))["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"name": " ", "kind": "STALLED"}, "name"),
        ({"kind": "STALLED", "key": "x"}, "key"),
        ({"kind": "NAN"}, "key"),
        ({"kind": "NAN", "key": ""}, "key"),
        ({"kind": "NAN", "key": "x", "bound": 1}, "bound"),
        ({"kind": "NAN", "key": "x", "patience": 1}, "patience"),
        ({"kind": "THRESHOLD", "key": "x", "bound": 1}, "comparator"),
        ({"kind": "THRESHOLD", "key": "x", "comparator": "LESS"}, "bound"),
        ({"kind": "THRESHOLD", "key": "x", "comparator": "LESS", "bound": "NaN"}, "bound"),
        ({"kind": "NO_PROGRESS", "key": "x", "comparator": "LESS"}, "patience"),
        ({"kind": "NO_PROGRESS", "key": "x", "comparator": "LESS", "patience": 0}, "patience"),
        (
            {"kind": "NO_PROGRESS", "key": "x", "comparator": "LESS_EQUAL", "patience": 1},
            "comparator",
        ),
    ],
)
async def test_rules_that_make_no_sense(
    graphql: GraphQL, given: dict[str, Any], argument: str
) -> None:
    refused = await graphql.refused(SAVE, input={"name": "a"} | given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)


@generated(st.lists(st.text("ab*./", max_size=4)), st.text("ab./\n", max_size=6))
def test_a_star_stands_for_any_text(parts: list[str], key: str) -> None:
    pattern = "*".join(parts)

    def fits(pattern: str, key: str) -> bool:
        if not pattern:
            return not key
        if pattern[0] == "*":
            return fits(pattern[1:], key) or (bool(key) and fits(pattern, key[1:]))
        return key[:1] == pattern[0] and fits(pattern[1:], key[1:])

    assert rules.matches(pattern, key) == fits(pattern, key)
    assert rules.matches(key, key)
