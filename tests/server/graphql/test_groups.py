"""Groups of runs, mean curves and importances over GraphQL, compared with naive computations."""

import math
import statistics
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.client import GraphQL
from trackql_server.domain import groups as domain

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
GROUPS = """query($by: [String!]!, $measures: [String!], $filter: String, $first: Int! = 100,
                  $offset: Int! = 0, $order: GroupOrder, $lifecycle: LifecycleFilter! = ACTIVE,
                  $q: Float! = 0.25, $ids: [ID!]) {
  runGroups(by: $by, measures: $measures, filter: $filter, first: $first, offset: $offset,
            orderBy: $order, lifecycle: $lifecycle, experimentIds: $ids) {
    totalCount runCount groups { values runs runIds measures {
      field n nanCount mean std sem min max median quantile(q: $q) } } } }"""
CURVES = """query($by: [String!], $key: String! = "loss", $groups: Int! = 20, $points: Int! = 500,
                  $band: CurveBand! = STD, $range: MetricRange, $filter: String) {
  groupCurves(by: $by, key: $key, groups: $groups, points: $points, band: $band, range: $range,
              filter: $filter) {
    values runs points bucketWidth steps n mean low high } }"""
IMPORTANCE = """query($metric: String!, $filter: String, $first: Int! = 50) {
  paramImportance(metric: $metric, filter: $filter, first: $first) {
    param importance correlation runs numeric } }"""

NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
Points = list[tuple[int, float]]


async def made(
    graphql: GraphQL,
    *,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    metrics: dict[str, float | Points] | None = None,
    **given: Any,
) -> str:
    """A run; a param that is no text is configuration; a metric is a value or (step, value)s."""
    given.setdefault("experimentName", "e")
    given["tags"] = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    given["params"] = [
        {"key": key, "value": str(value), "config": None if isinstance(value, str) else value}
        for key, value in (params or {}).items()
    ]
    run_id = str((await graphql(CREATE, input=given))["createRun"]["id"])
    for key, logged in (metrics or {}).items():
        points = logged if isinstance(logged, list) else [(0, logged)]
        table = {
            "keys": [key],
            "steps": [step for step, _ in points],
            "times": list(range(len(points))),
            "values": [written(value) for _, value in points],
        }
        await graphql(APPEND, input={"runId": run_id, "tables": [table]})
    return run_id


def written(value: float) -> float | str:
    names = {str(number): name for name, number in NAMED.items()}
    return names.get(str(value), value)


def read(value: Any) -> float | None:
    number: float | None = NAMED[value] if isinstance(value, str) else value
    return number


def close(found: Any, expected: float | None) -> bool:
    number = read(found)
    if number is None or expected is None:
        return number is None and expected is None
    return bool(np.isclose(number, expected, rtol=1e-9, atol=1e-12, equal_nan=True))


async def told(graphql: GraphQL, by: list[str], **given: Any) -> list[list[str | None]]:
    page = (await graphql(GROUPS, by=by, **given))["runGroups"]
    return [each["values"] for each in page["groups"]]


async def test_measures_of_groups_are_what_numpy_says(graphql: GraphQL) -> None:
    random = Random(3)
    expected: dict[tuple[str | None, ...], list[float | None]] = {}
    ids: dict[tuple[str | None, ...], list[str]] = {}
    for place in range(40):
        opt, team = random.choice(["adam", "sgd", None]), random.choice(["red", None])
        acc = random.choice([None, math.nan, random.gauss(0, 1), random.gauss(5, 2)])
        run_id = await made(
            graphql,
            params={} if opt is None else {"opt": opt},
            tags={} if team is None else {"team": team},
            metrics={} if acc is None else {"acc": acc},
            startTime=f"2024-01-01T00:{place:02}:00Z",
        )
        expected.setdefault((opt, team), []).append(acc)
        ids.setdefault((opt, team), []).append(run_id)
    page = (await graphql(GROUPS, by=["params.opt", "tags.team"], measures=["metrics.acc"]))[
        "runGroups"
    ]
    assert (page["totalCount"], page["runCount"]) == (len(expected), 40)
    assert {tuple(each["values"]) for each in page["groups"]} == set(expected)
    sizes = [each["runs"] for each in page["groups"]]
    assert sizes == sorted(sizes, reverse=True)
    for each in page["groups"]:
        key = tuple(each["values"])
        assert (each["runs"], each["runIds"]) == (len(expected[key]), ids[key])
        [measure] = each["measures"]
        agree(measure, expected[key])


def agree(measure: dict[str, Any], values: Iterable[float | None]) -> None:
    there = [each for each in values if each is not None]
    numbers = [each for each in there if not math.isnan(each)]
    assert measure["field"] == "metrics.acc"
    assert (measure["n"], measure["nanCount"]) == (len(numbers), len(there) - len(numbers))
    assert close(measure["mean"], float(np.mean(numbers)) if numbers else None)
    std = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    assert close(measure["std"], std)
    assert close(measure["sem"], None if std is None else std / math.sqrt(len(numbers)))
    assert close(measure["min"], min(numbers, default=None))
    assert close(measure["max"], max(numbers, default=None))
    assert close(measure["median"], statistics.median(numbers) if numbers else None)
    assert close(measure["quantile"], float(np.quantile(numbers, 0.25)) if numbers else None)


async def test_every_kind_of_field_groups(graphql: GraphQL) -> None:
    first = await made(
        graphql,
        params={"lr": 0.1, "net": {"size": 3, "on": True, "name": "x"}},
        tags={"t": "ü, 'x'"},
        metrics={"loss": math.nan},
        name="a",
        user="me",
        startTime="2024-01-01T00:00:00Z",
    )
    await made(graphql, params={"lr": "0.10"}, metrics={"loss": 2.0}, name="b", gitCommit="abc")
    assert await told(graphql, ["params.lr"]) == [["0.1"], ["0.10"]]
    assert await told(graphql, ["config.lr"]) == [["0.1"], [None]]
    assert await told(graphql, ["config.net.size"]) == [["3"], [None]]
    assert await told(graphql, ["config.net.on", "config.net.name"]) == [
        ["true", "x"],
        [None, None],
    ]
    assert await told(graphql, ["tags.t"]) == [["ü, 'x'"], [None]]
    assert await told(graphql, ["metrics.loss"]) == [["2"], ["nan"]]
    assert await told(graphql, ["metrics.nope"]) == [[None]]
    assert await told(graphql, ["user", "name"]) == [["", "b"], ["me", "a"]]
    assert await told(graphql, ["git_commit"]) == [["abc"], [None]]
    assert await told(graphql, ["status"]) == [["RUNNING"]]
    assert await told(graphql, ["run_id"], filter="name = 'a'") == [[first]]
    assert await told(graphql, ["start_time"], filter="name = 'a'") == [["1704067200000"]]
    assert await told(graphql, [], filter="name = 'a'") == [[]]
    assert await told(graphql, [], filter="name = 'z'") == []


async def test_infinities_and_texts_among_the_numbers(graphql: GraphQL) -> None:
    for place, value in enumerate([1.0, 2.0, math.inf]):
        params = {"p": ["0.5", "adam", "1e400"][place]}
        await made(graphql, params=params, metrics={"acc": value})
    given = {"measures": ["metrics.acc", "params.p"], "q": 0.75}
    page = (await graphql(GROUPS, by=[], **given))["runGroups"]
    acc, param = page["groups"][0]["measures"]
    assert (acc["n"], acc["nanCount"]) == (3, 0)
    assert (acc["min"], acc["median"], acc["quantile"], acc["max"], acc["mean"]) == (
        1, 2, "Infinity", "Infinity", "Infinity",
    )  # fmt: skip
    assert (acc["std"], acc["sem"]) == ("NaN", "NaN")
    assert (param["n"], param["nanCount"], param["mean"], param["std"]) == (1, 0, 0.5, None)


async def test_attributes_as_measures(graphql: GraphQL) -> None:
    run_id = await made(graphql, startTime="2024-01-01T00:00:00Z")
    finish = "mutation($input: FinishRunInput!) { finishRun(input: $input) { id } }"
    await graphql(finish, input={"id": run_id, "endTime": "2024-01-01T00:00:01.500Z"})
    names = ["duration", "start_time", "end_time", "heartbeat_time", "dropped_points"]
    page = (await graphql(GROUPS, by=[], measures=names))["runGroups"]
    means = {each["field"]: each["mean"] for each in page["groups"][0]["measures"]}
    assert means.pop("heartbeat_time") > 1_704_067_200_000
    assert means == {
        "duration": 1_500,
        "start_time": 1_704_067_200_000,
        "end_time": 1_704_067_201_500,
        "dropped_points": 0,
    }


async def test_orders_and_pages_of_groups(graphql: GraphQL) -> None:
    values: dict[str | None, list[float]] = {
        "a": [1, 9, 2], "b": [4], "c": [3, 3.5], "d": [-5, 7, 0, 1], "n": [math.nan], None: [6, 8],
    }  # fmt: skip
    for group, numbers in values.items():
        for number in numbers:
            params = {} if group is None else {"g": group}
            await made(graphql, params=params, metrics={"m": number})
    known = {group: [n for n in numbers if n == n] for group, numbers in values.items()}
    statistic: dict[str, Callable[[list[float]], float | None]] = {
        "N": len,
        "MEAN": lambda n: statistics.fmean(n) if n else None,
        "STD": lambda n: statistics.stdev(n) if len(n) > 1 else None,
        "MIN": lambda n: min(n, default=None),
        "MAX": lambda n: max(n, default=None),
        "MEDIAN": lambda n: statistics.median(n) if n else None,
    }

    async def ordered(**order: str) -> list[str | None]:
        given = {"measures": ["metrics.m"], "order": order}
        whole = [each for [each] in await told(graphql, ["params.g"], **given)]
        pages = [
            each
            for offset in range(0, 8, 2)
            for [each] in await told(graphql, ["params.g"], offset=offset, first=2, **given)
        ]
        assert pages == whole
        return whole

    def by(number: float | None, down: bool) -> tuple[bool, float]:
        return number is None, 0 if number is None else -number if down else number

    names = sorted(known, key=lambda name: (name is None, name or ""))
    for direction in ("DESC", "ASC"):
        down = direction == "DESC"
        expected = sorted(names, key=lambda name: by(len(values[name]), down))
        assert await ordered(direction=direction) == expected
        for each, compute in statistic.items():
            expected = sorted(names, key=lambda name: by(compute(known[name]), down))
            found = await ordered(measure="metrics.m", statistic=each, direction=direction)
            assert found == expected, (each, direction)
    assert await ordered(measure="metrics.m") == await ordered(
        measure="metrics.m", statistic="MEAN", direction="DESC"
    )


async def test_only_runs_that_are_found_are_grouped(graphql: GraphQL) -> None:
    for place in range(4):
        await made(graphql, params={"p": "x"}, name=f"run {place}", metrics={"m": place})
    other = await made(graphql, params={"p": "y"}, experimentName="e/f")
    await graphql(DELETE, id=other)

    async def runs(**given: Any) -> dict[str, int]:
        page = (await graphql(GROUPS, by=["params.p"], **given))["runGroups"]
        return {each["values"][0]: each["runs"] for each in page["groups"]}

    assert await runs() == {"x": 4}
    assert await runs(lifecycle="ALL") == {"x": 4, "y": 1}
    assert await runs(lifecycle="DELETED") == {"y": 1}
    assert await runs(filter="metrics.m > 1") == {"x": 2}
    assert await runs(ids=[]) == {}
    document = '{ runGroups(by: ["params.p"], %s) { runCount } }'
    for given, count in (
        ('folder: "e"', 4),
        ('search: "RUN 1"', 1),
        ('where: {metric: {key: "m", lt: 1}}, filter: "name = \'run 0\'"', 1),
        ('where: {metric: {key: "m", lt: 1}}, filter: "name = \'run 1\'"', 0),
    ):
        assert (await graphql(document % given))["runGroups"]["runCount"] == count


async def test_what_can_not_be_grouped_is_refused(graphql: GraphQL) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"by": ["nope"]}, "INVALID_FILTER", "by[0]"),
        ({"by": ["name", "parent.name"]}, "INVALID_FILTER", "by[1]"),
        ({"by": ["datasets.name"]}, "INVALID_FILTER", "by[0]"),
        ({"measures": ["metrics.a", "nope"]}, "INVALID_FILTER", "measures[1]"),
        ({"measures": ["tags.t"]}, "INVALID_INPUT", "measures"),
        ({"measures": ["name"]}, "INVALID_INPUT", "measures"),
        ({"measures": ["status"]}, "INVALID_INPUT", "measures"),
        ({"first": 1001}, "INVALID_INPUT", "first"),
        ({"offset": -1}, "INVALID_INPUT", "offset"),
        ({"order": {"measure": "metrics.a"}}, "INVALID_INPUT", "orderBy"),
        ({"filter": "nope = 1"}, "INVALID_FILTER", "filter"),
    ]
    for given, code, argument in cases:
        refused = await graphql.refused(GROUPS, **({"by": ["name"]} | given))
        assert (refused["code"], refused["argument"]) == (code, argument)


async def test_quantiles_and_ids_are_bounded(graphql: GraphQL) -> None:
    await made(graphql, metrics={"m": 1.0})
    for q in (-0.1, 1.1):
        refused = await graphql.refused(GROUPS, by=[], measures=["metrics.m"], q=q)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "q")
    document = "{ runGroups(by: []) { groups { runIds(first: %s) } } }"
    refused = await graphql.refused(document % 1001)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "first")
    assert (await graphql(document % 0))["runGroups"]["groups"] == [{"runIds": []}]


async def test_questions_that_cost_too_much_are_refused(
    graphql: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(5):
        await made(graphql, params={"p": str(place)}, metrics={"loss": [(0, 1.0), (1, 2.0)]})
    order = {"measure": "metrics.loss"}
    asked = {"by": ["params.p"], "measures": ["metrics.loss"], "order": order}
    refused = await graphql.refused(GROUPS, by=["name"] * 51)
    assert (refused["code"], refused["limit"]) == ("COST_LIMIT", "fields")
    for name, limit, document, given in (
        ("MOST_RUNS", "grouped_runs", GROUPS, asked),
        ("MOST_CELLS", "grouped_runs", GROUPS, asked),
        ("MOST_CELLS", "grouped_runs", IMPORTANCE, {"metric": "metrics.loss"}),
        ("MOST_SORTED", "groups", GROUPS, asked),
        ("CURVE_RUNS", "curve_runs", CURVES, {}),
        ("CURVE_POINTS", "curve_points", CURVES, {}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(domain, name, 4)
            refused = await graphql.refused(document, **given)
            assert (refused["code"], refused["limit"]) == ("COST_LIMIT", limit)
        await graphql(document, **given)


LOGGED: dict[str, list[Points]] = {
    "short": [[(0, 1.0), (1, 3.0), (2, 5.0)]],
    "long": [
        [(step, math.sin(step / 7)) for step in range(200)],
        [(step, step / 50) for step in range(0, 120, 3)],
        [(10, 4.0), (10, 6.0), (5, 1.0), (7, math.nan), (10, 2.0), (-3, 8.0)],
    ],
    "nan": [[(0, math.nan), (9, math.nan)]],
}  # fmt: skip


def curve(
    some: list[Points], width: int, low: int = -(2**63), high: int = 2**63 - 1
) -> dict[int, list[float]]:
    """By bucket, the mean of each series in it."""
    found: dict[int, list[float]] = {}
    for series in some:
        own: dict[int, list[float]] = {}
        for step, value in series:
            if low <= step <= high and value == value:
                own.setdefault(step // width * width, []).append(value)
        for step, values in own.items():
            found.setdefault(step, []).append(statistics.fmean(values))
    return dict(sorted(found.items()))


def agrees(found: dict[str, Any], expected: dict[int, list[float]], band: str) -> None:
    assert found["steps"] == list(expected)
    assert found["points"] == len(expected)
    assert found["n"] == [len(values) for values in expected.values()]
    for place, values in enumerate(expected.values()):
        mean = statistics.fmean(values)
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        spread = spread / math.sqrt(len(values)) if band == "SEM" else spread
        low, high = (
            (min(values), max(values)) if band == "MINMAX" else (mean - spread, mean + spread)
        )
        assert close(found["mean"][place], mean)
        assert close(found["low"][place], low)
        assert close(found["high"][place], high)


async def log_curves(graphql: GraphQL) -> None:
    for group, series in LOGGED.items():
        for points in series:
            await made(graphql, params={"g": group}, metrics={"loss": points, "other": 1.0})
    await made(graphql, params={"g": "without"})
    await made(graphql, metrics={"other": 1.0})


@pytest.mark.parametrize("band", ["STD", "SEM", "MINMAX"])
async def test_mean_curves_of_groups(graphql: GraphQL, band: str) -> None:
    await log_curves(graphql)
    for points in (500, 20, 2):
        found = (await graphql(CURVES, by=["params.g"], band=band, points=points))["groupCurves"]
        assert [each["values"] for each in found] == [["long"], ["nan"], ["short"]]
        for each in found:
            [group] = each["values"]
            assert each["runs"] == len(LOGGED[group])
            assert each["points"] <= points
            agrees(each, curve(LOGGED[group], each["bucketWidth"]), band)
        [whole] = (await graphql(CURVES, band=band, points=points))["groupCurves"]
        assert (whole["values"], whole["runs"]) == ([], 5)
        every = [points for series in LOGGED.values() for points in series]
        agrees(whole, curve(every, whole["bucketWidth"]), band)


async def test_a_range_of_steps(graphql: GraphQL) -> None:
    await log_curves(graphql)
    for low, high in ((3, 11), (150, None), (None, 0), (7, 7)):
        asked = {"filter": "params.g = 'long'", "range": {"start": low, "end": high}}
        found = (await graphql(CURVES, **asked))["groupCurves"]
        bounds = -(2**63) if low is None else low, 2**63 - 1 if high is None else high
        agrees(found[0], curve(LOGGED["long"], 1, *bounds), "STD")
    for given in ({"start": 500}, {"end": -500}, {"start": 5, "end": 2}):
        assert (await graphql(CURVES, range=given))["groupCurves"] == []
    assert (await graphql(CURVES, filter="params.g = 'without'"))["groupCurves"] == []
    assert (await graphql(CURVES, key="nope"))["groupCurves"] == []
    assert [
        each["values"] for each in (await graphql(CURVES, by=["params.g"], groups=1))["groupCurves"]
    ] == [["long"]]


async def test_buckets_stay_where_they_are_as_series_grow(graphql: GraphQL) -> None:
    run_id = await made(graphql, metrics={"loss": [(3, 1.0)]})
    seen: dict[int, list[int]] = {}
    for step in range(4, 60):
        table = {"keys": ["loss"], "steps": [step], "times": [step], "values": [step]}
        await graphql(APPEND, input={"runId": run_id, "tables": [table]})
        [found] = (await graphql(CURVES, points=8))["groupCurves"]
        width, steps = found["bucketWidth"], found["steps"]
        assert len(steps) <= 8
        assert {each % width for each in steps} == {0}
        former = seen.get(width, [])
        assert steps[: len(former)] == former
        seen[width] = steps
    assert sorted(seen) == [1, 2, 4, 8]


async def test_curves_that_can_not_be_made(graphql: GraphQL) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"groups": 0}, "groups"),
        ({"groups": 101}, "groups"),
        ({"points": 1}, "points"),
        ({"points": 20_001}, "points"),
        ({"by": ["nope"]}, "by[0]"),
        ({"filter": "("}, "filter"),
    ]
    for given, argument in cases:
        refused = await graphql.refused(CURVES, **given)
        assert refused["argument"] == argument
        assert refused["code"] in ("INVALID_INPUT", "INVALID_FILTER")


async def test_importances(graphql: GraphQL) -> None:
    random = Random(1)
    for place in range(60):
        depth = random.randrange(5)
        params = {
            "depth": str(depth),
            "reverse": str(-depth),
            "optimizer": ["adam", "sgd"][depth > 2],
            "seed": str(random.randrange(10**6)),
            "hash": f"{random.getrandbits(64):016x}x",
            "constant": "1",
            "word": "same",
            "rare": "1",
        }
        if place > 1:
            del params["rare"]
        await made(graphql, params=params, metrics={"acc": 2.0 * depth})
    await made(graphql, params={"depth": "9"}, metrics={"acc": math.nan})
    await made(graphql, params={"depth": "9"})
    found = (await graphql(IMPORTANCE, metric="metrics.acc"))["paramImportance"]
    by_name = {each["param"]: each for each in found}
    assert set(by_name) == {"depth", "reverse", "optimizer", "seed"}
    assert [each["param"] for each in found][-1] == "seed"
    for name, sign in (("depth", 1), ("reverse", -1)):
        assert by_name[name]["importance"] == pytest.approx(1)
        assert by_name[name]["correlation"] == pytest.approx(sign)
        assert (by_name[name]["runs"], by_name[name]["numeric"]) == (60, True)
    assert 0.5 < by_name["optimizer"]["importance"] < 0.95
    assert (by_name["optimizer"]["correlation"], by_name["optimizer"]["numeric"]) == (None, False)
    assert 0 <= by_name["seed"]["importance"] < 0.4
    assert (
        found[:2] == (await graphql(IMPORTANCE, metric="metrics.acc", first=2))["paramImportance"]
    )
    only = {"metric": "metrics.acc.min", "filter": "params.depth = 1"}
    assert (await graphql(IMPORTANCE, **only))["paramImportance"] == []


async def test_of_many_runs_some_are_weighed(
    graphql: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(30):
        params = {"half": str(place % 2)}
        await made(graphql, params=params, metrics={"acc": place % 2 + place / 1000})
    monkeypatch.setattr(domain, "WEIGHED_RUNS", 11)
    [told] = (await graphql(IMPORTANCE, metric="metrics.acc"))["paramImportance"]
    assert (told["param"], told["runs"]) == ("half", 11)
    assert told["importance"] > 0.9


async def test_importances_that_can_not_be_told(graphql: GraphQL) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"metric": "name"}, "INVALID_INPUT", "metric"),
        ({"metric": "tags.t"}, "INVALID_INPUT", "metric"),
        ({"metric": "nope"}, "INVALID_FILTER", "metric"),
        ({"first": 0}, "INVALID_INPUT", "first"),
        ({"first": 201}, "INVALID_INPUT", "first"),
    ]
    for given, code, argument in cases:
        refused = await graphql.refused(IMPORTANCE, **({"metric": "metrics.acc"} | given))
        assert (refused["code"], refused["argument"]) == (code, argument)
