"""Columns become tables of pandas, polars and Arrow; what can't be read is pointed at."""

import builtins
import math
import time
from array import array
from base64 import b64encode
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from trackql import _caret, _search, errors
from trackql._table import Table
from trackql.errors import InvalidFilter, InvalidInput, NotInstalled

NAN = math.nan


def numbers(values: list[float | None]) -> str:
    filled = array("d", [NAN if value is None else value for value in values])
    return b64encode(filled.tobytes()).decode()


def column(kind: str, values: list[Any], texts: list[Any] | None = None) -> dict[str, Any]:
    return {
        "field": "as asked",
        "kind": kind,
        "numbers": None if kind == "TEXT" and texts is None else numbers(values),
        "missing": [at for at, value in enumerate(values) if value is None],
        "texts": values if kind == "TEXT" and texts is None else texts,
    }


FIELDS = ["metrics.loss", "params.lr", "params.mixed", "tags.t", "start_time", "duration"]


@pytest.fixture
def table() -> Table:
    """Two answers in a row, with a field of each kind."""
    made = Table(list(FIELDS))
    made.extend(
        {
            "runIds": ["a", "b", "c"],
            "columns": [
                column("NUMBER", [0.5, NAN, None]),
                column("NUMBER", [1e-3, 2.0, None], ["1e-3", "2", None]),
                column("TEXT", [1.0, None, None], ["1", "auto", None]),
                column("TEXT", ["x", None, "y"]),
                column("TIME", [1_700_000_000_123, 0, None]),
                column("DURATION", [1_500, 0, None]),
            ],
        }
    )
    # "auto" is there, and no number.
    assert made.columns[2].missing == array("q", [1, 2])
    made.columns[2].missing = array("q", [2])
    made.extend(
        {
            "runIds": ["d"],
            "columns": [
                column("NUMBER", [-math.inf]),
                column("NUMBER", [3.0], ["3"]),
                column("TEXT", [2.0], ["2"]),
                column("TEXT", [None]),
                column("TIME", [1]),
                column("DURATION", [1]),
            ],
        }
    )
    return made


def test_lists(table: Table) -> None:
    plain = table.to("dict")
    assert list(plain) == ["run_id", *FIELDS]
    assert plain["run_id"] == ["a", "b", "c", "d"]
    loss = plain["metrics.loss"]
    assert (loss[0], loss[2:]) == (0.5, [None, -math.inf])
    assert math.isnan(loss[1])
    assert plain["params.lr"] == [1e-3, 2.0, None, 3.0]
    assert plain["params.mixed"] == ["1", "auto", None, "2"]
    assert plain["tags.t"] == ["x", None, "y", None]
    assert plain["start_time"] == [1_700_000_000_123, 0, None, 1]
    assert plain["duration"] == [1_500, 0, None, 1]


def test_pandas(table: Table) -> None:
    frame = table.to("pandas")
    assert list(frame.columns) == ["run_id", *FIELDS]
    assert frame["metrics.loss"].dtype == np.float64
    assert frame["metrics.loss"].isna().tolist() == [False, True, True, False]
    assert frame["params.lr"].dtype == np.float64
    assert frame["params.mixed"].tolist()[:2] == ["1", "auto"]
    assert frame["params.mixed"].isna().tolist() == [False, False, True, False]
    assert frame["start_time"][0] == pd.Timestamp(1_700_000_000_123, unit="ms", tz="UTC")
    assert frame["start_time"].isna().tolist() == [False, False, True, False]
    assert frame["duration"][0] == pd.Timedelta(1_500, unit="ms")
    frame["metrics.loss"] += 1  # its own memory, to be written to
    assert frame["metrics.loss"][0] == 1.5


def test_polars_and_arrow_tell_nan_from_missing(table: Table) -> None:
    frame = table.to("polars")
    assert frame.schema == {
        "run_id": pl.String,
        "metrics.loss": pl.Float64,
        "params.lr": pl.Float64,
        "params.mixed": pl.String,
        "tags.t": pl.String,
        "start_time": pl.Datetime("ms", "UTC"),
        "duration": pl.Duration("ms"),
    }
    assert frame["metrics.loss"].is_null().to_list() == [False, False, True, False]
    assert frame["metrics.loss"].is_nan().to_list() == [False, True, None, False]
    arrow = table.to("arrow")
    assert arrow.schema.types[:4] == [pa.string(), pa.float64(), pa.float64(), pa.string()]
    assert arrow["metrics.loss"].null_count == 1
    assert arrow.schema.field("start_time").type == pa.timestamp("ms", "UTC")
    assert pl.from_arrow(arrow).equals(frame)


def test_a_table_without_rows_or_columns() -> None:
    empty = Table(["metrics.loss", "tags.t"])
    data = {"runIds": [], "columns": [column("NUMBER", []), column("TEXT", [])]}
    empty.extend(data)
    for kind in ("pandas", "polars"):
        assert empty.to(kind).shape == (0, 3)
    assert empty.to("arrow").num_rows == 0
    ids = Table([])
    ids.extend({"runIds": ["a"], "columns": []})
    assert ids.to("dict") == {"run_id": ["a"]}
    assert ids.to("pandas").shape == (1, 1)


def test_configuration_that_is_now_a_number_now_text() -> None:
    made = Table(["config.p"])
    mixed = column("TEXT", [1e-3, None, None, 2.0, None], [None, "auto", "true", None, None])
    mixed["missing"] = b64encode(array("q", [4]).tobytes()).decode()
    made.extend({"runIds": list("abcde"), "columns": [mixed]})
    expected = ["0.001", "auto", "true", "2", None]
    assert made.to("dict")["config.p"] == expected
    assert made.to("polars")["config.p"].to_list() == expected
    assert made.to("pandas")["config.p"].tolist()[:4] == expected[:4]


def test_pages_may_differ_in_what_a_param_is() -> None:
    made = Table(["params.p"])
    made.extend({"runIds": ["a"], "columns": [column("NUMBER", [1.0], ["1"])]})
    made.extend({"runIds": ["b"], "columns": [column("TEXT", ["x"])]})
    made.extend({"runIds": ["c"], "columns": [column("NUMBER", [2.0], ["2"])]})
    assert made.to("dict")["params.p"] == ["1", "x", "2"]


def test_thirty_thousand_runs_are_decoded_at_once() -> None:
    rows = 30_000
    values: list[float | None] = [float(each) for each in range(rows)]
    texts = [str(each) for each in range(rows)]
    columns = [column("NUMBER", values) for _ in range(4)] + [column("NUMBER", values, texts)]
    data = {"runIds": texts, "columns": columns}
    for kind in ("pandas", "polars", "arrow", "dict"):
        _ = Table(list("abcde")).to(kind)  # imports it
        begun = time.perf_counter()
        made = Table(list("abcde"))
        made.extend(data)
        made.to(kind)
        assert time.perf_counter() - begun < 0.5, kind


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_missing_package_is_named(
    table: Table, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str, *_: object) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("trackql._optional.import_module", absent)
    with pytest.raises(NotInstalled, match=rf"pip install {package}`, or .*as_=") as caught:
        table.to({"pyarrow": "arrow"}.get(package, package))
    assert isinstance(caught.value, builtins.ImportError)
    assert caught.value.details["package"] == package
    with pytest.raises(InvalidInput, match="pandas, polars, arrow, dict"):
        table.to("excel")


@pytest.mark.parametrize(
    ("text", "position", "length", "shown"),
    [
        ("metrics.a > 'b'", 12, 3, "  metrics.a > 'b'\n              ^^^"),
        ("metrics.a >", 11, 0, "  metrics.a >\n             ^"),
        ("", 0, 0, "  \n  ^"),
        ("a = 1\nOR b ! 2\nOR c", 11, 1, "  OR b ! 2\n       ^"),
        ("params.学習 = x", 12, 1, "  params.学習 = x\n                ^"),
        ("a\t= b", 4, 99, "  a = b\n      ^"),
    ],
)
def test_a_caret_stands_under_the_place(text: str, position: int, length: int, shown: str) -> None:
    assert _caret.pointed(text, position, length) == shown


def test_a_long_line_is_cut_around_the_place() -> None:
    text = " AND ".join(f"metrics.m{each} > {each}" for each in range(1_000)) + " AND x"
    line, carets = _caret.pointed(text, len(text) - 1, 1).splitlines()
    assert len(line) < 80
    assert line.startswith("  …")
    assert line[carets.index("^")] == "x"
    line, carets = _caret.pointed(text, 8, 2).splitlines()
    assert line.endswith("…")
    assert line[carets.index("^") :].startswith("m0")


def test_an_error_shows_the_text_that_it_speaks_of() -> None:
    def refuse(argument: str, position: int | None = 2) -> _search.Ask:
        def ask(operation: str, **variables: Any) -> Any:
            details = {"argument": argument, "position": position, "length": 1, "expected": ["z"]}
            raise errors.from_code("INVALID_FILTER", "no y here", details)

        return ask

    scope = _search.Scope(None, "x y")
    asked = {"orderBy": [{"by": "a"}, {"by": "b c"}], "columns": ["d", "e f"]}
    for argument, text in (
        ("filter", "x y"),
        ("orderBy[1]", "b c"),
        ("columns[1]", "e f"),
        ("columns.0", "d"),
    ):
        with pytest.raises(InvalidFilter) as caught:
            _search.ask(refuse(argument), "run_table", **scope, **asked)
        assert caught.value.text == text
        assert caught.value.position == 2
        assert f"no y here\n  {text}\n" in str(caught.value)
        assert str(caught.value).endswith("expected one of: z")
    for argument in ("orderBy", "where.metric.gt", ""):
        with pytest.raises(InvalidFilter) as caught:
            _search.ask(refuse(argument), "run_table", **scope, **asked)
        assert str(caught.value) == "no y here"
    with pytest.raises(InvalidFilter) as caught:
        _search.ask(refuse("filter", None), "run_table", **scope)
    assert str(caught.value) == "no y here"


def test_a_string_is_no_list() -> None:
    for wrong in (
        lambda: _search.Scope("0"),
        lambda: _search.orders("metrics.x"),
        lambda: _search.table(print, _search.Scope(), "metrics.x", None, 1),
        lambda: _search.groups(print, _search.Scope(), "params.x", (), None, 1, 0),
    ):
        with pytest.raises(InvalidInput, match="give a list"):
            wrong()


def test_the_order_of_groups() -> None:
    order = _search._group_order
    assert order(None) is None
    assert order("runs") == {"direction": "DESC"}
    assert order("mean(metrics.loss) asc") == {
        "measure": "metrics.loss",
        "statistic": "MEAN",
        "direction": "ASC",
    }
    for wrong in ("loss", "mode(metrics.loss)", "mean(metrics.loss) up"):
        with pytest.raises(InvalidInput, match="order_by is 'runs' or"):
            order(wrong)
