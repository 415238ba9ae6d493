"""Runs are found as MLflow finds them, and more: filters, orders, tables, groups, counts."""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

import pandas as pd
import polars as pl
import pytest

import trackql
from trackql import Client, ViewType, _search
from trackql.errors import InvalidFilter, InvalidInput, NotInstalled, Unavailable

NAN = math.nan
_numbers = count()
KEYS = ("loss.min", "a b", "we`ird", "loss/train", "ünï")


class Place:
    """An experiment with six runs: three of adam, two of sgd, one that logged nothing."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self.id = client.create_experiment(name)
        self.names: dict[str, str] = {}

    def log(
        self, name: str, metrics: dict[str, float], params: dict[str, Any], tags: dict[str, Any]
    ) -> None:
        with trackql.start_run(experiment_id=self.id, run_name=name) as run:
            run.log_params(params)
            run.log_metrics(metrics)
            run.set_tags(tags)
        self.names[run.id] = name

    def of(self, runs: list[trackql.Run]) -> list[str]:
        return [run.name for run in runs]


@pytest.fixture
def place(memory: Client) -> Place:
    made = Place(memory, f"search/{next(_numbers)}")
    odd = {f"{key} in full": 1.0 for key in KEYS}
    made.log("a", {"acc": 0.9, "loss": 0.1}, {"optimizer": "adam", "lr": 0.1}, {"team": "red"})
    made.log("b", {"acc": 0.7, "loss": NAN}, {"optimizer": "adam", "lr": 0.01}, {})
    made.log("c", {"acc": 0.8}, {"optimizer": "adam", "lr": "auto"}, {"team": "blue"})
    made.log("d", {"acc": math.inf, **odd}, {"optimizer": "sgd", **dict.fromkeys(KEYS, "x")}, {})
    made.log("e", {"acc": NAN}, {"optimizer": "sgd"}, dict.fromkeys(KEYS, "y"))
    made.log("f", {}, {}, {})
    return made


ADAM = "params.optimizer = 'adam'"


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", "fedcba"),
        ("  ", "fedcba"),
        (ADAM, "cba"),
        ("params.optimizer != 'adam'", "ed"),
        ("metrics.acc > 0.75 and params.optimizer = 'adam'", "ca"),
        ("metrics.acc > 0.75", "dca"),
        ("tags.team LIKE 'r%'", "a"),
        ("tags.team IS NULL", "fedb"),
        ("attributes.run_name = 'd'", "d"),
        ('params."optimizer" ILIKE "ADAM"', "cba"),
        ("metrics.`a b in full` = 1", "d"),
        ("params.`we``ird` = 'x'", "d"),
        ("params.lr < 0.05", "b"),
        ("params.lr = 'auto' OR metrics.loss.min <= 0.1", "ca"),
        ("NOT (params.optimizer IN ('adam', 'sgd'))", "f"),
        ("status = 'FINISHED' AND start_time > -1h AND name ~ '^[ab]$'", "ba"),
    ],
)
def test_filters(place: Place, filter: str, found: str) -> None:
    assert "".join(place.of(trackql.search_runs([place.id], filter, output_format="list"))) == found
    frame = trackql.search_runs([place.id], filter)
    assert "".join(map(place.names.__getitem__, frame["run_id"])) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (["metrics.acc DESC"], "dacbef"),
        (["metrics.acc ASC"], "bcadef"),
        (["metric.acc"], "bcadef"),
        (["attributes.run_name ASC"], "abcdef"),
        (["start_time ASC"], "abcdef"),
        (["params.optimizer DESC", "metrics.acc DESC"], "deacbf"),
        (["tags.team ASC", "name DESC"], "cafedb"),
    ],
)
def test_orders(place: Place, order: list[str], found: str) -> None:
    runs = trackql.search_runs([place.id], order_by=order, output_format="list")
    assert "".join(place.of(runs)) == found
    frame = trackql.search_runs([place.id], order_by=order)
    assert "".join(map(place.names.__getitem__, frame["run_id"])) == found


def mlflow_frame(place: Place, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> pd.DataFrame:
    """What MLflow's own search_runs makes of the same runs, without what we don't store."""
    mlflow = pytest.importorskip("mlflow")
    from mlflow import entities

    class Theirs:
        def search_runs(self, ids: list[str], *arguments: Any) -> list[Any]:
            return trackql.entities.Page([convert(run) for run in ask(ids, *arguments)])

    def ask(ids: list[str], filter: str, view: int, most: int, order: Any, _: Any) -> Any:
        return Client().search_runs(ids, filter, view, most, order)

    def convert(run: trackql.Run) -> Any:
        info = entities.RunInfo(
            run_id=run.info.run_id,
            experiment_id=run.info.experiment_id,
            user_id=run.info.user_id,
            status=run.info.status,
            start_time=run.info.start_time,
            end_time=run.info.end_time,
            lifecycle_stage=run.info.lifecycle_stage,
        )
        data = entities.RunData(
            [entities.Metric(key, value, 0, 0) for key, value in run.data.metrics.items()],
            [entities.Param(key, value) for key, value in run.data.params.items()],
            [entities.RunTag(key, value) for key, value in run.data.tags.items()],
        )
        return entities.Run(info, data)

    monkeypatch.setattr("mlflow.tracking.fluent.MlflowClient", Theirs)
    return mlflow.search_runs([place.id], **asked).drop(columns="artifact_uri")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter_string": ADAM, "order_by": ["metrics.loss DESC"]},
        {"filter_string": "run_name = 'f'"},
        {"filter_string": "metrics.acc = 77"},
        {"max_results": 2},
    ],
)
@pytest.mark.parametrize("keys", [5_000, 3])
def test_the_frame_is_the_one_of_mlflow(
    place: Place, asked: dict[str, Any], keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackql._frame.MOST_KEYS", keys)  # by columns, or run by run
    ours = trackql.search_runs([place.id], **asked)
    theirs = mlflow_frame(place, monkeypatch, **asked)
    assert set(ours.columns) == set(theirs.columns)
    assert list(ours.columns[:5]) == ["run_id", "experiment_id", "status", "start_time", "end_time"]
    pd.testing.assert_frame_equal(ours, theirs[ours.columns], check_dtype=len(ours) > 0)


def test_the_scope_of_a_search(memory: Client, place: Place) -> None:
    other = Place(memory, place.name + "/other")
    other.log("o", {"acc": 0.1}, {}, {})
    names = [place.name, other.name, "no such experiment"]
    by_name = trackql.search_runs(experiment_names=names, output_format="list")
    assert place.of(by_name) == ["o", *"fedcba"]
    assert trackql.search_runs(experiment_names=["none"], output_format="list") == []
    assert len(trackql.search_runs(experiment_names=["none"])) == 0
    trackql.set_experiment(other.name)
    assert place.of(trackql.search_runs(output_format="list")) == ["o"]
    everywhere = trackql.search_runs(search_all_experiments=True)
    assert {*place.names, *other.names} <= set(everywhere["run_id"])
    assert place.of(list(memory.runs(folder=place.name))) == ["o", *"fedcba"]
    assert place.of(list(memory.runs([place.id], search="a"))) == ["a"]
    with pytest.raises(InvalidInput, match="one of the two"):
        trackql.search_runs([place.id], experiment_names=[place.name])
    with pytest.raises(InvalidInput, match="output_format"):
        trackql.search_runs(output_format="csv")  # type: ignore[arg-type]


def test_deleted_runs_are_found_where_asked(memory: Client, place: Place) -> None:
    gone = next(iter(place.names))
    memory.delete_run(gone)
    for view, number in ((ViewType.ACTIVE_ONLY, 5), (ViewType.DELETED_ONLY, 1), (ViewType.ALL, 6)):
        assert len(trackql.search_runs([place.id], run_view_type=view)) == number
        assert len(memory.search_runs([place.id], run_view_type=view)) == number
    assert memory.count_runs([place.id]) == 5
    assert memory.count_runs([place.id], lifecycle="DELETED") == 1


def test_pages(memory: Client, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    token = None
    for _ in range(3):
        page = memory.search_runs(
            [place.id], "name != 'f'", max_results=2, order_by=["name"], page_token=token
        )
        found += place.of(page)
        token = page.token
    assert found == list("abcde")
    assert token is None
    with pytest.raises(InvalidInput):
        memory.search_runs([place.id], page_token="forged")
    # The same table, whatever the number of answers it comes in.
    fields = ["name", "metrics.acc", "params.lr", "tags.team", "end_time", "duration"]
    whole = memory.runs_table([place.id], fields, order_by=["name"])
    monkeypatch.setattr("trackql._search.ROWS", 2)
    parts = memory.runs_table([place.id], fields, order_by=["name"])
    pd.testing.assert_frame_equal(parts, whole)
    some = memory.runs_table([place.id], ["name"], order_by=["name"], max_results=3, as_="dict")
    assert some["name"] == list("abc")


def test_more_columns_than_one_answer_has(
    memory: Client, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = ["name", "metrics.acc", "params.lr", "tags.team", "end_time"]
    whole = memory.runs_table([place.id], fields, order_by=["name"])
    frame = trackql.search_runs([place.id], order_by=["name"])
    monkeypatch.setattr("trackql._search.COLUMNS", 2)
    monkeypatch.setattr("trackql._search.NAMES", 8)  # four runs, two columns of each
    parts = memory.runs_table([place.id], fields, order_by=["name"])
    pd.testing.assert_frame_equal(parts, whole)
    pd.testing.assert_frame_equal(trackql.search_runs([place.id], order_by=["name"]), frame)


def test_runs_that_vanish_meanwhile(memory: Client, place: Place) -> None:
    known = [next(iter(place.names)), "0" * 32]
    with pytest.raises(Unavailable, match="ask again"):
        _search._more(memory._ask, known, ["name"])


def test_many_keys(memory: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(memory, f"search/{next(_numbers)}")
    place.log("wide", {f"m{n}": n for n in range(25)}, {f"p{n}": n for n in range(7)}, {})
    monkeypatch.setattr("trackql._search.KEYS", 10)
    frame = trackql.search_runs([place.id])
    assert frame.shape == (1, 5 + 25 + 7)
    assert frame["metrics.m24"][0] == 24


def test_a_table_of_chosen_fields(place: Place) -> None:
    fields = ["metrics.acc", "params.lr", "params.optimizer", "tags.team", "name", "start_time"]
    asked: dict[str, Any] = {
        "experiment_ids": [place.id],
        "columns": fields,
        "filter": "metrics.acc IS NOT NULL",
        "order_by": ["metrics.acc DESC"],
    }
    plain = trackql.runs_table(**asked, as_="dict")
    assert list(plain) == ["run_id", *fields]
    assert plain["name"] == list("dacbe")
    assert plain["metrics.acc"][:4] == [math.inf, 0.9, 0.8, 0.7]
    assert math.isnan(plain["metrics.acc"][4])
    assert plain["params.lr"] == [None, "0.1", "auto", "0.01", None]
    assert plain["tags.team"] == [None, "red", "blue", None, None]
    frame = trackql.runs_table(**asked)
    assert frame["run_id"].map(place.names).tolist() == list("dacbe")
    assert frame["metrics.acc"].dtype == float
    assert str(frame["start_time"].dtype).endswith("UTC]")
    polars = trackql.runs_table(**asked, as_="polars")
    assert polars["metrics.acc"].is_nan().sum() == 1
    assert polars["metrics.acc"].null_count() == 0
    assert polars["params.lr"].null_count() == 2
    assert pl.from_arrow(trackql.runs_table(**asked, as_="arrow")).equals(polars)


def test_params_that_are_numbers_correlate(place: Place) -> None:
    frame = trackql.runs_table(
        [place.id],
        ["params.lr", "metrics.acc", "metrics.loss.count", "duration"],
        filter="params.lr < 1",
        order_by=["name"],
    )
    assert frame["params.lr"].tolist() == [0.1, 0.01]
    assert frame.corr(numeric_only=True).loc["params.lr", "metrics.acc"] == pytest.approx(1)
    assert frame["metrics.loss.count"].tolist() == [1, 1]
    assert (frame["duration"] >= pd.Timedelta(0)).all()


def test_tables_of_folders_and_of_nothing(memory: Client, place: Place) -> None:
    assert len(trackql.runs_table(folder=place.name, columns=["name"])) == 6
    assert len(trackql.runs_table(columns=["name"])) >= 6
    none = trackql.runs_table(folder="no such folder", columns=["name", "metrics.acc"])
    assert none.shape == (0, 3)
    assert trackql.runs_table([place.id], as_="dict").keys() == {"run_id"}


def test_groups(memory: Client, place: Place) -> None:
    groups = memory.run_groups(["params.optimizer"], ["metrics.acc"], [place.id])
    assert (groups.total, groups.runs) == (3, 6)
    adam = groups[0]
    assert (adam["params.optimizer"], adam["runs"], adam["n(metrics.acc)"]) == ("adam", 3, 3)
    assert adam["mean(metrics.acc)"] == pytest.approx(0.8)
    assert adam["std(metrics.acc)"] == pytest.approx(0.1)
    assert (adam["min(metrics.acc)"], adam["max(metrics.acc)"]) == (0.7, 0.9)
    assert adam["median(metrics.acc)"] == 0.8
    assert {row["params.optimizer"] for row in groups} == {"adam", "sgd", None}
    assert pd.DataFrame(groups).shape == (3, 8)
    assert pl.DataFrame(groups).height == 3
    best = memory.run_groups(
        ["params.optimizer", "tags.team"],
        ["metrics.acc"],
        [place.id],
        filter=ADAM,
        order_by="mean(metrics.acc) DESC",
        first=2,
    )
    assert [row["tags.team"] for row in best] == ["red", "blue"]
    assert best.total == 3


def test_counts(memory: Client, place: Place) -> None:
    assert memory.count_runs([place.id]) == 6
    assert memory.count_runs([place.id], ADAM) == 3
    assert memory.count_runs(folder=place.name) == 6
    assert memory.count_runs(folder="no such folder") == 0
    assert memory.count_runs() >= 6


@pytest.mark.parametrize(
    ("ask", "shown"),
    [
        (
            lambda: trackql.search_runs(filter_string="metrics.acc > 'high'", output_format="list"),
            "  metrics.acc > 'high'\n                ^^^^^^",
        ),
        (
            lambda: trackql.search_runs(filter_string="params.x = 'a' AND"),
            "  params.x = 'a' AND\n                    ^",
        ),
        (
            lambda: trackql.search_runs(order_by=["metrics.acc DOWN"]),
            "  metrics.acc DOWN\n              ^^^^",
        ),
        (
            lambda: trackql.runs_table(columns=["name"], filter="nam = 'a'"),
            "  nam = 'a'\n  ^^^",
        ),
        (lambda: Client().count_runs(filter="a = 1 OR OR"), "  a = 1 OR OR\n"),
        (lambda: trackql.runs_table(columns=["name", "metric"]), "metric wants a key"),
        (lambda: Client().run_groups(["nonsense"]), "no attribute 'nonsense'"),
        (lambda: Client().run_groups(["name"], ["tags"]), "tags wants a key"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(
    place: Place, ask: Callable[[], object], shown: str
) -> None:
    with pytest.raises(InvalidFilter) as caught:
        ask()
    assert isinstance(caught.value, InvalidInput)
    assert caught.value.code == "INVALID_FILTER"
    assert shown in str(caught.value)


def test_what_was_expected_is_told(place: Place) -> None:
    with pytest.raises(InvalidFilter, match="number") as caught:
        trackql.search_runs([place.id], "metrics.acc >")
    assert caught.value.position == len("metrics.acc >")
    assert "a number" in caught.value.expected


def test_a_frame_needs_pandas(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("trackql._optional.import_module", absent)
    with pytest.raises(NotInstalled, match=r"pip install pandas.*output_format='list'"):
        trackql.search_runs([place.id])
    assert len(trackql.search_runs([place.id], output_format="list")) == 6


@pytest.mark.slow
def test_five_thousand_runs(memory: Client) -> None:
    place = memory.create_experiment("search/many")
    ids = [f"{number:032x}" for number in range(0x5EA5C4, 0x5EA5C4 + 5_000)]
    for number, run_id in enumerate(ids):  # a journal for each would take minutes
        params = {"lr": str(number / 1_000), "optimizer": ("adam", "sgd")[number % 2]}
        memory._change(
            "create_run",
            id=run_id,
            experimentId=place,
            name=f"run {number}",
            params=[{"key": key, "value": value} for key, value in params.items()],
        )
        columns = {
            "keys": ["acc", "loss"],
            "steps": [0],
            "times": [1_700_000_000_000],
            "values": [number * 7_919 % 5_000 / 5_000, 1 / (number + 1)],
        }
        memory._change("append_metrics", runId=run_id, tables=[columns])
    assert memory.count_runs([place], "metrics.acc >= 0.5") == 2_500
    fields = ["metrics.acc", "metrics.loss.min", "params.lr", "params.optimizer", "name"]
    frame = trackql.runs_table([place], fields, order_by=["metrics.acc DESC"])
    assert len(frame) == 5_000
    assert frame["metrics.acc"].is_monotonic_decreasing
    by_id = frame.set_index("run_id").loc[ids]
    assert by_id["params.lr"].tolist() == [number / 1_000 for number in range(5_000)]
    assert by_id["metrics.acc"].tolist() == [n * 7_919 % 5_000 / 5_000 for n in range(5_000)]
    everything = trackql.search_runs([place], "params.optimizer = 'sgd'")
    assert everything.shape == (2_500, 9)
    listed = trackql.search_runs(
        [place], "metrics.acc > 0.9", order_by=["metrics.acc"], output_format="list"
    )
    values = [run.data.metrics["acc"] for run in listed]
    assert values == sorted(values)
    assert len(values) == 499
    assert [row["runs"] for row in memory.run_groups(["params.optimizer"], [], [place])] == [
        2_500,
        2_500,
    ]
