"""What objects become as files: figures, images and tables."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

import trackql
from trackql import Client, _session, errors
from trackql.errors import InvalidInput


def stored(run_id: str) -> dict[str, bytes]:
    """Every file of a run as the server has it."""
    root = Path(trackql.download_artifacts(run_id=run_id))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_figures(memory: Client) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot as plt

    plotly = pytest.importorskip("plotly.graph_objects")
    drawn, axes = plt.subplots()
    axes.plot([1, 2], [3, 4])
    with trackql.start_run() as run:
        for kind in ("png", "svg", "pdf"):
            trackql.log_figure(drawn, f"plots/loss.{kind}")
        trackql.log_figure(drawn, "plots/loss", save_kwargs={"dpi": 20})
        figure = plotly.Figure(plotly.Scatter(x=[1], y=[2]))
        trackql.log_figure(figure, "plots/plotly.html", save_kwargs={"include_plotlyjs": "cdn"})
        trackql.log_figure(figure, "plots/plotly.json")
        with pytest.raises(InvalidInput, match="must end in"):
            trackql.log_figure(figure, "plots/plotly.xls")
        with pytest.raises(InvalidInput):
            trackql.log_figure(drawn, "plots/loss.xls")
    plt.close(drawn)
    files = stored(run.id)
    assert files["plots/loss.png"].startswith(b"\x89PNG")
    assert files["plots/loss"].startswith(b"\x89PNG")
    assert b"<svg" in files["plots/loss.svg"]
    assert files["plots/loss.pdf"].startswith(b"%PDF")
    assert b"<html" in files["plots/plotly.html"]
    assert json.loads(files["plots/plotly.json"])["data"][0]["x"] == [1]


def test_images(memory: Client, caplog: pytest.LogCaptureFixture) -> None:
    numpy = pytest.importorskip("numpy")
    pillow = pytest.importorskip("PIL.Image")
    with trackql.start_run() as run:
        trackql.log_image(pillow.new("RGBA", (3, 2), (255, 0, 0, 9)), "pillow.png")
        trackql.log_image(pillow.new("RGBA", (3, 2)), "pillow.jpg")
        trackql.log_image(numpy.array([[True, False]]), "mask.png")
        trackql.log_image(numpy.full((2, 3, 1), 7), "gray.png")
        trackql.log_image(numpy.full((2, 3, 3), 0.5), "floats.png")
        trackql.log_image(numpy.array([[-1.0, 3.0]]), "scaled.png")
        for wrong in (
            numpy.array([[300]]),
            numpy.array([[numpy.nan]]),
            numpy.zeros((2, 2, 5)),
            numpy.zeros((0, 2)),
            numpy.array([["a"]]),
        ):
            with pytest.raises(InvalidInput) as caught:
                trackql.log_image(wrong, "wrong.png")
            assert caught.value.argument == "image"
        trackql.log_image(pillow.new("RGB", (5, 4)), key="a sample", step=3, synchronous=True)
        assert [each.path for each in run.list_artifacts("media")] == ["media/a sample"]
        with pytest.raises(InvalidInput, match="must end like an image"):
            trackql.log_image(pillow.new("L", (1, 1)), "image.txt")
    assert "scaled from -1…3" in caplog.text
    files = stored(run.id)

    def pixels(name: str) -> Any:
        return numpy.asarray(pillow.open(io.BytesIO(files[name]))).tolist()

    [path] = [name for name in files if name.startswith("media/")]
    assert path.startswith("media/a sample/3_0.")
    assert pillow.open(io.BytesIO(files[path])).size == (5, 4)
    assert pixels("pillow.png")[0][0] == [255, 0, 0, 9]
    assert pixels("mask.png") == [[255, 0]]
    assert pixels("gray.png") == [[7, 7, 7]] * 2
    assert pixels("floats.png")[0][0] == [127] * 3
    assert pixels("scaled.png") == [[0, 255]]
    loaded = trackql.artifacts.load_image(run.get_artifact_uri("pillow.png"))
    assert loaded.size == (3, 2)


def test_a_table_grows_when_it_is_logged_again(memory: Client, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pillow = pytest.importorskip("PIL.Image")
    memory.ensure_experiment("tables")
    trackql.set_experiment("tables")
    with trackql.start_run() as run:
        trackql.log_table({"a": [1, 2], "b": ["x", None]}, "t.json")
        trackql.log_table(pandas.DataFrame({"a": [3], "c": [float("nan")]}), "t.json")
        trackql.log_table({"a": 4, "b": "single"}, "t.json")
        trackql.log_table({"image": [pillow.new("L", (1, 1))]}, "pictures.json")
        trackql.log_param("lr", 0.1)
    assert trackql.artifacts.load_dict(run.get_artifact_uri("t.json")) == {
        "columns": ["a", "b", "c"],
        "data": [[1, "x", None], [2, None, None], [3, None, None], [4, "single", None]],
    }
    # Another process, which knows of the rows only from the server.
    _session.session.tables.clear()
    memory.log_table(run.id, {"a": [5]}, "t.json")
    frame = trackql.load_table("t.json", [run.id], ["run_id", "params.lr"])
    assert frame["a"].tolist() == [1, 2, 3, 4, 5]
    assert frame["run_id"].tolist() == [run.id] * 5
    assert frame["params.lr"].tolist() == ["0.1"] * 5
    assert len(trackql.load_table("t.json")) == 5
    picture = trackql.artifacts.load_dict(run.get_artifact_uri("pictures.json"))["data"][0][0]
    assert picture["type"] == "image"
    assert trackql.artifacts.load_image(run.get_artifact_uri(picture["filepath"])).size == (1, 1)
    with pytest.raises(errors.NotFound):
        trackql.load_table("none.json")
    # What MLflow's own reader makes of the file.
    read = pandas.read_json(
        trackql.download_artifacts(run.get_artifact_uri("t.json"), dst_path=tmp_path),
        orient="split",
    )
    assert read["a"].tolist() == [1, 2, 3, 4, 5]
