"""Metrics over GraphQL on both databases: columns in, exact columns and curves out."""

import base64
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.client import GraphQL

CREATE = "mutation { createRun(input: {}) { id } }"
APPEND = """mutation($input: AppendMetricsInput!) {
  appendMetrics(input: $input) { nextRecord points } }"""
LOG = "mutation($input: LogMetricsInput!) { logMetrics(input: $input) { points } }"
HISTORIES = """query($runIds: [ID!]!, $keys: [String!]!, $offset: Int64! = 0, $limit: Int! = 99) {
  metricHistories(runIds: $runIds, keys: $keys, offset: $offset, limit: $limit) {
    runId key offset nextOffset total steps times values packed: values(encoding: BASE64) } }"""
CURVES = """query($runIds: [ID!]!, $keys: [String!]!, $axis: MetricAxis! = STEP,
                 $range: MetricRange, $pixels: Int! = 1000, $smoothing: Float! = 0) {
  metricCurves(runIds: $runIds, keys: $keys, axis: $axis, range: $range, pixels: $pixels,
               smoothing: $smoothing) {
    runId key axis bucketWidth points totalInRange total nextOffset offsets steps times values
    smoothed } }"""
SUMMARY = """query($id: ID!) { run(id: $id) { metrics { nodes { key count nanCount stepsRise
  first { step time value } last { step time value } min { step value } max { step value }
  mean sum } } } }"""


async def made(graphql: GraphQL) -> str:
    return str((await graphql(CREATE))["createRun"]["id"])


def packed(column: npt.NDArray[Any]) -> str:
    return base64.b64encode(column.tobytes()).decode()


async def append(
    graphql: GraphQL,
    run_id: str,
    values: npt.NDArray[np.float64],
    *,
    key: str = "a",
    steps: npt.NDArray[np.int64] | None = None,
    times: npt.NDArray[np.int64] | None = None,
) -> None:
    count = np.arange(len(values), dtype=np.int64)
    table = {
        "keys": [key],
        "steps": packed(count if steps is None else steps),
        "times": packed(count if times is None else times),
        "values": packed(values),
    }
    await graphql(APPEND, input={"runId": run_id, "tables": [table]})


async def curve(graphql: GraphQL, run_id: str, **given: Any) -> dict[str, Any]:
    [found] = (await graphql(CURVES, runIds=[run_id], keys=["a"], **given))["metricCurves"]
    assert found["points"] == len(found["offsets"]) == len(found["values"])
    assert len(found["steps"]) == len(found["times"]) == found["points"]
    return dict(found)


async def test_the_ends_of_every_number_survive(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    table = {
        "keys": ["a"],
        "steps": ["-9223372036854775808", "9223372036854775807", 2**53, 0, 1],
        "times": [0, 1, 2, 3, "9007199254740993"],
        "values": ["NaN", "Infinity", "-Infinity", 5e-324, -0.0],
    }
    answer = await graphql(APPEND, input={"runId": run_id, "tables": [table]})
    assert answer["appendMetrics"] == {"nextRecord": None, "points": 5}
    [found] = (await graphql(HISTORIES, runIds=[run_id], keys=["a"]))["metricHistories"]
    assert found["steps"] == table["steps"]
    assert found["times"] == table["times"]
    assert found["values"] == table["values"]
    payload = np.array([0x7FF8_0000_0000_BEEF, 0xFFF0_0000_0000_0001], np.uint64)
    await append(graphql, run_id, payload.view(np.float64), key="b")
    [found] = (await graphql(HISTORIES, runIds=[run_id], keys=["b"]))["metricHistories"]
    assert base64.b64decode(found["packed"]) == payload.tobytes()
    assert found["values"] == ["NaN", "NaN"]


async def test_reads_at_any_offset(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    for start in range(0, 30, 7):
        await append(graphql, run_id, np.arange(start, min(start + 7, 30), dtype=np.float64))
    for offset in range(33):
        for limit in (0, 1, 8, 100):
            [found] = (
                await graphql(HISTORIES, runIds=[run_id], keys=["a"], offset=offset, limit=limit)
            )["metricHistories"]
            assert found["values"] == list(range(30))[offset : offset + limit]
            assert found["total"] == 30
            assert found["offset"] == min(offset, 30)
            assert found["nextOffset"] == found["offset"] + len(found["values"])


async def test_points_written_out(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    metrics = [
        {"key": "a", "value": 1},
        {"key": "b", "value": "NaN", "step": 3, "time": 9},
        {"key": "a", "value": 2, "step": -1, "time": 5},
    ]
    answer = await graphql(LOG, input={"runId": run_id, "metrics": metrics})
    assert answer["logMetrics"] == {"points": 3}
    nodes = (await graphql(SUMMARY, id=run_id))["run"]["metrics"]["nodes"]
    assert nodes[0].pop("last")["value"] == 1
    assert nodes == [
        {
            "key": "a", "count": 2, "nanCount": 0, "stepsRise": False,
            "first": {"step": -1, "time": 5, "value": 2},
            "min": {"step": 0, "value": 1}, "max": {"step": -1, "value": 2}, "mean": 1.5, "sum": 3,
        },
        {
            "key": "b", "count": 1, "nanCount": 1, "stepsRise": True,
            "first": {"step": 3, "time": 9, "value": "NaN"},
            "last": {"step": 3, "time": 9, "value": "NaN"},
            "min": None, "max": None, "mean": None, "sum": 0,
        },
    ]  # fmt: skip
    empty = await graphql.refused(LOG, input={"runId": run_id, "metrics": []})
    assert (empty["code"], empty["argument"]) == ("INVALID_INPUT", "metrics")


@pytest.mark.parametrize(
    ("table", "argument"),
    [
        ({"keys": []}, "tables[0].keys"),
        ({"keys": ["a", "a"]}, "tables[0].keys"),
        ({"keys": ["a", ""]}, "tables[0].keys[1]"),
        ({"keys": ["a", "b\0"]}, "tables[0].keys[1]"),
        ({"times": [0]}, "tables[0].times"),
        ({"values": [0]}, "tables[0].values"),
        ({"records": [1, 0]}, "tables[0].records"),
        ({"records": [0]}, "tables[0].records"),
        ({"records": [0, 2]}, "tables[0].records"),
        ({"records": [-1, 0]}, "tables[0].records"),
        ({"steps": "AAAA"}, "input.tables[0].steps"),
        ({"steps": [0.5, 1]}, "input.tables[0].steps"),
        ({"steps": [2**63, 1]}, "input.tables[0].steps"),
        ({"values": [True, 1]}, "input.tables[0].values"),
        ({"values": ["nan", 1]}, "input.tables[0].values"),
    ],
)
async def test_columns_that_do_not_fit(
    graphql: GraphQL, table: dict[str, Any], argument: str
) -> None:
    run_id = await made(graphql)
    whole = {"keys": ["a"], "steps": [0, 1], "times": [0, 1], "values": [0, 1], **table}
    journal = {"writer": "w", "first": 0, "count": 2}
    given = {"runId": run_id, "tables": [whole], "journal": journal}
    refused = await graphql.refused(APPEND, input=given)
    assert refused["code"] == "INVALID_INPUT"
    assert refused["argument"] == argument
    assert (await graphql(SUMMARY, id=run_id))["run"]["metrics"]["nodes"] == []


@pytest.mark.parametrize(
    ("journal", "argument"),
    [
        ({"writer": "", "first": 0, "count": 1}, "journal.writer"),
        ({"writer": "ä", "first": 0, "count": 1}, "journal.writer"),
        ({"writer": "w", "first": -1, "count": 1}, "journal.first"),
        ({"writer": "w", "first": 0, "count": 0}, "journal.count"),
    ],
)
async def test_positions_that_are_none(
    graphql: GraphQL, journal: dict[str, Any], argument: str
) -> None:
    run_id = await made(graphql)
    given = {"runId": run_id, "tables": [], "journal": journal}
    refused = await graphql.refused(APPEND, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)


async def test_a_curve_keeps_every_spike_and_says_of_how_many_points(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    values = np.random.default_rng(7).standard_normal(70_000)
    values[[12_345, 65_535, 65_536]] = 99.0, -99.0, math.nan
    await append(graphql, run_id, values)
    found = await curve(graphql, run_id, pixels=100)
    assert (found["axis"], found["bucketWidth"]) == ("STEP", 1024)
    assert (found["total"], found["totalInRange"], found["nextOffset"]) == (70_000,) * 3
    assert found["points"] <= 5 * 100
    assert {12_345, 65_535, 65_536, 0, 69_999} <= set(found["offsets"])
    assert found["steps"] == found["offsets"] == sorted(found["offsets"])
    assert found["smoothed"] is None
    for axis in ("TIME", "OFFSET"):
        other = await curve(graphql, run_id, pixels=100, axis=axis)
        assert (other["axis"], other["offsets"]) == (axis, found["offsets"])


async def test_zoomed_in_all_points_are_there(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    values = np.random.default_rng(8).standard_normal(70_000)
    steps = np.arange(70_000) * 10
    await append(graphql, run_id, values, steps=steps, times=steps + 5)
    for axis, low, high in (("STEP", 654_990, 655_800), ("TIME", 655_000, 655_805)):
        given = {"start": low, "end": high}
        found = await curve(graphql, run_id, axis=axis, range=given, pixels=1000)
        offset = 5 if axis == "TIME" else 0
        inside = [n for n in range(70_000) if low <= n * 10 + offset <= high]
        assert found["offsets"] == inside
        assert found["values"] == values[inside].tolist()
        assert (found["totalInRange"], found["total"]) == (len(inside), 70_000)
    found = await curve(graphql, run_id, axis="OFFSET", range={"start": 69_990})
    assert found["offsets"] == list(range(69_990, 70_000))
    found = await curve(graphql, run_id, range={"end": -1})
    assert (found["points"], found["totalInRange"], found["total"]) == (0, 0, 70_000)
    found = await curve(graphql, run_id, range={"start": 3, "end": 7})
    assert (found["points"], found["totalInRange"]) == (0, 0)


async def test_steps_that_do_not_move_are_drawn_by_offset(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    await append(graphql, run_id, np.arange(50.0), steps=np.zeros(50, np.int64))
    found = await curve(graphql, run_id, range={"start": 10, "end": 20})
    assert (found["axis"], found["values"]) == ("OFFSET", list(range(50)))


async def test_steps_out_of_order_are_drawn_in_order(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    steps = np.array([5, 1, 5, 3, 1])
    await append(graphql, run_id, np.arange(5.0), steps=steps)
    found = await curve(graphql, run_id)
    assert found["offsets"] == [1, 4, 3, 0, 2]
    assert found["steps"] == [1, 1, 3, 5, 5]


async def test_the_ends_of_int64_as_steps(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    steps = np.array([-(2**63), -1, 0, 1, 2**63 - 1])
    await append(graphql, run_id, np.arange(5.0), steps=steps, times=steps)
    for pixels in (1, 2, 4, 1000):
        for axis in ("STEP", "TIME"):
            found = await curve(graphql, run_id, pixels=pixels, axis=axis)
            assert found["totalInRange"] == 5
            assert found["offsets"][0] == 0
            assert found["offsets"][-1] == 4
            assert 0 < int(found["bucketWidth"]) < 2**63


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_curves_of_what_is_no_number(graphql: GraphQL, value: float) -> None:
    run_id = await made(graphql)
    await append(graphql, run_id, np.full(100, value))
    found = await curve(graphql, run_id, pixels=1, smoothing=0.5)
    assert found["totalInRange"] == 100
    assert found["offsets"][0] == 0
    assert found["offsets"][-1] == 99
    assert len(found["smoothed"]) == found["points"]


def smoothed(values: list[float], weight: float) -> list[float]:
    last, result = 0.0, []
    for seen, value in enumerate(values, 1):
        last = weight * last + (1 - weight) * value
        result.append(last / (1 - weight**seen))
    return result


async def test_smoothing_is_of_the_whole_series(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    values = np.random.default_rng(9).standard_normal(500)
    # Out of order, so that the average must be taken along the axis, over several chunks.
    steps = np.random.default_rng(10).permutation(500)
    for begin in range(0, 500, 100):
        part = slice(begin, begin + 100)
        await append(graphql, run_id, values[part], steps=steps[part], times=steps[part])
    whole = smoothed(values[np.argsort(steps)].tolist(), 0.9)
    for axis in ("STEP", "TIME"):
        found = await curve(graphql, run_id, axis=axis, smoothing=0.9)
        np.testing.assert_allclose(found["smoothed"], whole, rtol=1e-9)
        given = {"start": 200, "end": 300}
        found = await curve(graphql, run_id, axis=axis, smoothing=0.9, range=given, pixels=10)
        assert 0 < found["points"] <= 50
        expected = [whole[step] for step in found["steps"]]
        np.testing.assert_allclose(found["smoothed"], expected, rtol=1e-9)
    found = await curve(graphql, run_id, axis="OFFSET", smoothing=0.9)
    np.testing.assert_allclose(found["smoothed"], smoothed(values.tolist(), 0.9), rtol=1e-9)


async def test_many_series_in_the_order_asked_for(graphql: GraphQL) -> None:
    runs = [await made(graphql) for _ in range(3)]
    for run_id in runs[:2]:
        for key in ("a", "b"):
            await append(graphql, run_id, np.arange(5.0), key=key)
    await append(graphql, runs[2], np.arange(2.0), key="b")
    ids, keys = [runs[2], "f" * 32, runs[0], runs[2], runs[1]], ["b", "none", "a", "b"]
    expected = [(runs[2], "b")] + [(run, key) for run in runs[:2] for key in ("b", "a")]
    for document, name in ((CURVES, "metricCurves"), (HISTORIES, "metricHistories")):
        found = (await graphql(document, runIds=ids, keys=keys))[name]
        assert [(each["runId"], each["key"]) for each in found] == expected
        assert [each["total"] for each in found] == [2, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"pixels": 0}, "pixels"),
        ({"pixels": 20_001}, "pixels"),
        ({"smoothing": 1}, "smoothing"),
        ({"smoothing": -0.1}, "smoothing"),
        ({"range": {"start": 2, "end": 1}}, "range"),
    ],
)
async def test_curves_that_cannot_be(
    graphql: GraphQL, given: dict[str, Any], argument: str
) -> None:
    refused = await graphql.refused(CURVES, runIds=["0"], keys=["a"], **given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)


async def test_requests_that_are_too_much(graphql: GraphQL) -> None:
    ids, keys = [f"{number:032x}" for number in range(101)], [str(n) for n in range(100)]
    for document in (CURVES, HISTORIES):
        refused = await graphql.refused(document, runIds=ids, keys=keys)
        assert (refused["code"], refused["limit"]) == ("COST_LIMIT", "series")
        many = [f"{number:032x}" for number in range(40_000)]
        refused = await graphql.refused(document, runIds=many, keys=[])
        assert (refused["code"], refused["limit"]) == ("COST_LIMIT", "series")
    run_id = await made(graphql)
    for key in ("a", "b", "c"):
        await append(graphql, run_id, np.zeros(350_000), key=key)
    refused = await graphql.refused(
        HISTORIES, runIds=[run_id], keys=["a", "b", "c"], limit=1_000_000
    )
    assert (refused["code"], refused["limit"]) == ("COST_LIMIT", "history_points")
    for given, argument in (({"offset": -1}, "offset"), ({"limit": -1}, "limit")):
        refused = await graphql.refused(HISTORIES, runIds=[run_id], keys=["a"], **given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
