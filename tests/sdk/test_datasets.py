"""Datasets that runs use: what is told of them, and that the server has it."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trackql
from trackql import Client, data
from trackql._origin import origin, without_credentials
from trackql._transport import MemoryTransport
from trackql.data import Dataset
from trackql.errors import InvalidInput, NotAvailable

QUERY = """query($id: ID!) { run(id: $id) { datasets { context tags { key value } dataset {
  name digest sourceType source schema profile } } } }"""


@pytest.fixture
def used(app: Any, memory: Client) -> Any:
    """What a run used, as the server has it; in an experiment of the test's own."""
    trackql.set_experiment(os.urandom(4).hex())

    def ask(run: trackql.Run) -> list[dict[str, Any]]:
        assert run.flush(60)
        body = json.dumps({"query": QUERY, "variables": {"id": run.id}}).encode()
        _, reply = MemoryTransport(app)._post(body)
        found: list[dict[str, Any]] = json.loads(reply)["data"]["run"]["datasets"]
        return found

    return ask


FRAME = pd.DataFrame({"x": [1, 2, 3], "y": [0.5, None, 2.0], "label": ["a", "b", None]})


def test_a_frame_is_noted_with_all_its_facts(memory: Client, used: Any) -> None:
    dataset = data.from_pandas(FRAME, source="https://me:pw@host/d.csv?token=1", targets="label")
    with trackql.start_run() as run:
        trackql.log_input(dataset, context="training", tags={"fold": 1})
        trackql.log_input(dataset, context="training")
    [found] = used(run)
    assert found["context"] == "training"
    assert found["tags"] == [{"key": "fold", "value": "1"}]
    assert found["dataset"] == {
        "name": "dataset",
        "digest": dataset.digest,
        "sourceType": "http",
        "source": '{"url": "https://host/d.csv"}',
        "schema": json.dumps(
            {
                "mlflow_colspec": [
                    {"type": "long", "name": "x", "required": True},
                    {"type": "double", "name": "y", "required": False},
                    {"type": "string", "name": "label", "required": False},
                ]
            }
        ),
        "profile": '{"num_rows": 3, "num_elements": 9}',
    }
    assert [each.id for each in memory.runs(filter=f"datasets.digest = '{dataset.digest}'")] == [
        run.id
    ]


def test_data_and_places_are_taken_as_they_are(memory: Client, used: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with trackql.start_run() as run:
        run.log_input(FRAME, name="frame")
        run.log_input(FRAME["x"], name="series")
        run.log_input(pl.DataFrame({"x": [1]}), name="polars")
        run.log_input(pa.table({"x": [1]}), name="arrow")
        run.log_input(np.zeros((5, 2)), name="array")
        run.log_input(tmp_path / "a.csv")
        run.log_input(str(tmp_path), "eval")
        run.log_input("s3://bucket/train.parquet")
        run.log_inputs([FRAME, None], ["test", None], [{"a": "b"}, None])
        run.log_input()
    found = [each["dataset"] for each in used(run)]
    assert [(each["name"], each["sourceType"]) for each in found] == [
        ("frame", "code"),
        ("series", "code"),
        ("polars", "code"),
        ("arrow", "code"),
        ("array", "code"),
        ("a.csv", "local"),
        (tmp_path.name, "local"),
        ("train.parquet", "s3"),
        ("dataset", "code"),
    ]
    assert found[5]["digest"] == sha256(b"x\n1\n").hexdigest()
    assert json.loads(found[5]["source"]) == {"uri": str(tmp_path / "a.csv")}
    assert json.loads(found[5]["profile"]) == {"num_files": 1, "num_bytes": 4}


def test_datasets_of_mlflow_are_taken(memory: Client, used: Any) -> None:
    theirs = pytest.importorskip("mlflow.data")
    made = theirs.from_numpy(np.zeros((3, 2)), source="https://me:pw@host/x", name="theirs")
    with trackql.start_run() as run:
        trackql.log_input(made, context="eval")
    [found] = used(run)
    facts = made.to_dict()
    assert found["dataset"] == {
        "name": "theirs",
        "digest": facts["digest"],
        "sourceType": "http",
        "source": '{"url": "https://host/x"}',
        "schema": facts["schema"],
        "profile": facts["profile"],
    }


def test_mlflow_reads_the_schemas() -> None:
    types = pytest.importorskip("mlflow.types")
    from mlflow.data.schema import TensorDatasetSchema

    frame = pd.DataFrame(
        {
            "flag": [True, False],
            "small": np.array([1, 2], "int8"),
            "unsigned": np.array([1, 2], "uint32"),
            "huge": np.array([1, 2], "uint64"),
            "single": np.array([1, 2], "float32"),
            "time": pd.to_datetime(["2020-01-01"] * 2),
            "kind": pd.Categorical(["a", "b"]),
            "bytes": [b"1", b"2"],
            "lists": [[1], [2]],
            "nullable": pd.array([1, None], dtype="Int64"),
            "span": pd.to_timedelta([1, 2]),
            7: ["x", None],
        }
    )
    kinds = [
        "boolean",
        "integer",
        "long",
        "long",
        "float",
        "datetime",
        "string",
        "binary",
        "any",
        "long",
        "any",
        "string",
    ]
    for dataset in (data.from_pandas(frame), data.from_arrow(pa.table({"a": [1], "b": ["x"]}))):
        columns = json.loads(dataset.to_dict()["schema"] or "")["mlflow_colspec"]
        read = types.Schema.from_json(json.dumps(columns))
        assert read.to_dict() == columns
    told = json.loads(data.from_pandas(frame).to_dict()["schema"] or "")["mlflow_colspec"]
    assert [each["type"] for each in told] == kinds
    assert [each["name"] for each in told if not each["required"]] == ["nullable", "7"]
    features = {"a": np.zeros((4, 3)), "b": np.array(["x", "yy"])}
    for dataset in (
        data.from_numpy(np.zeros((4, 3)), targets=np.zeros(4, "int8")),
        data.from_numpy(features),
    ):
        schema = json.loads(dataset.to_dict()["schema"] or "")
        assert TensorDatasetSchema.from_dict(schema).to_dict() == schema
    assert data.from_numpy(np.zeros((4, 3))).profile == {
        "num_rows": 4,
        "num_elements": 12,
        "features_shape": [4, 3],
        "features_size": 12,
        "features_nbytes": 96,
    }


Cells = st.one_of(st.integers(-(2**40), 2**40), st.none(), st.text(max_size=5))


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(Cells, Cells), min_size=1, max_size=8), change=st.data())
def test_a_digest_is_that_of_the_content(rows: list[Any], change: st.DataObject) -> None:
    def digest(rows: list[Any], columns: str = "ab") -> str:
        return data.from_pandas(pd.DataFrame(rows, columns=list(columns), dtype=object)).digest

    assert digest(rows) == digest([tuple(each) for each in rows])
    place = change.draw(st.integers(0, len(rows) - 1))
    other = change.draw(Cells.filter(lambda cell: cell != rows[place][1]))
    changed = [*rows[:place], (rows[place][0], other), *rows[place + 1 :]]
    assert digest(changed) != digest(rows)
    assert digest(rows, "ac") != digest(rows)
    assert digest([*rows, rows[0]]) != digest(rows)


def test_large_data_is_sampled_and_its_size_counts() -> None:
    large = np.arange(3_000_000, dtype=float)
    assert data.from_numpy(large).digest == data.from_numpy(large.copy()).digest
    assert data.from_numpy(large).digest != data.from_numpy(large[:-1]).digest
    assert data.from_numpy(large).digest != data.from_numpy(large + 1).digest
    assert data.from_numpy(large.astype(">f8")).digest != data.from_numpy(large + 1).digest
    frame = pd.DataFrame({"x": large})
    assert data.from_pandas(frame).digest == data.from_pandas(frame.copy()).digest
    assert data.from_pandas(frame).digest != data.from_pandas(frame[:-1]).digest
    assert data.from_pandas(frame).digest != data.from_pandas(frame * 2).digest
    assert len(data.from_pandas(frame).digest) <= 36


def test_folders_by_the_bytes_in_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name / "inner"
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"1")
        (tmp_path / name / "y").write_bytes(b"22")
    first, second = (data.from_file(tmp_path / name) for name in ("a", "b"))
    assert first.digest == second.digest
    assert first.profile == {"num_files": 2, "num_bytes": 3}
    (tmp_path / "b" / "y").write_bytes(b"23")
    assert data.from_file(tmp_path / "b").digest != first.digest
    with pytest.raises(InvalidInput, match="there is no file"):
        data.from_file(tmp_path / "c")


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://a.b/c.csv", "https://a.b/c.csv"),
        ("https://u:p@a.b:8/c?x=1&token=2", "https://a.b:8/c?x=1"),
        ("s3://key:secret@bucket/p", "s3://bucket/p"),
        ("https://a/b?X-Amz-Signature=s&X-Amz-Date=d", "https://a/b"),
        ("https://a/b?sv=1&sig=abc#frag", "https://a/b?sv=1"),
        ("https://u@p@a/b", "https://a/b"),
        ("postgresql://u:p@[::1]:5/db", "postgresql://[::1]:5/db"),
        ("https://u:p@[bad/x", "[bad/x"),
        ("plain text", "plain text"),
    ],
)
def test_addresses_lose_their_credentials(address: str, safe: str) -> None:
    assert without_credentials(address) == safe


def test_what_is_no_dataset_is_refused_at_once(memory: Client) -> None:
    with trackql.start_run() as run:
        for wrong in (3, object(), "nowhere/at/all.csv", [1, 2]):
            with pytest.raises(InvalidInput):
                run.log_input(wrong)
        with pytest.raises(InvalidInput, match="collect"):
            run.log_input(pl.LazyFrame({"x": [1]}))
        with pytest.raises(InvalidInput, match="same length"):
            run.log_inputs([FRAME], [], [])
        with pytest.raises(InvalidInput, match="context"):
            run.log_input(FRAME, context=" ")
        with pytest.raises(NotAvailable):
            run.log_input(FRAME, model=object())  # type: ignore[arg-type]
        with pytest.raises(NotAvailable, match="log_input"):
            trackql.log_metrics({"x": 1}, dataset=FRAME)
    for wrong_digest in ("", "x" * 65):
        with pytest.raises(InvalidInput, match="digest"):
            Dataset("a", wrong_digest, origin())
    with pytest.raises(InvalidInput, match="no column"):
        data.from_pandas(FRAME, targets="nope")
    with pytest.raises(InvalidInput, match="no frame"):
        data.from_pandas([1])
    with pytest.raises(NotAvailable, match="from_uri"):
        data.from_spark(None)
    with pytest.raises(AttributeError):
        data.nonsense  # noqa: B018


def test_it_waits_for_no_server(session: Any) -> None:
    with trackql.start_run() as run:
        run.log_input(FRAME)
    assert run._status == "FINISHED"
