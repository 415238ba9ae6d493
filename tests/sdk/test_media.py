"""Rich values: logged by the true SDK, encoded behind the loop, read back from the true server."""

import io
import logging
import math
import re
import struct
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import matplotlib as mpl
import numpy as np
import pandas as pd
import plotly.graph_objects as go  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from PIL import Image as Pillow

import trackql
from tests.sdk.conftest import Script
from trackql import _session, errors, media
from trackql._media import counting, encoder, sniff
from trackql.media import LoggedValue

mpl.use("agg")

PNG = b"\x89PNG\r\n\x1a\n"


def png(color: tuple[int, int, int] = (255, 0, 0)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (3, 2), color).save(buffer, format="PNG")
    return buffer.getvalue()


def logged(client: trackql.Client, value: Any, key: str = "x") -> list[LoggedValue]:
    """What the server has of a value after it was logged."""
    with trackql.start_run() as run:
        run.log({key: value})
    return list(client.values(run.id, key))


# -- what can be logged


def test_numbers_and_rich_values_of_one_call(memory: trackql.Client) -> None:
    with trackql.start_run() as run:
        run.log({"loss": 0.5, "picture": trackql.Image(np.zeros((2, 3, 3), np.uint8), "black")})
        run.log({"loss": 0.25, "words": trackql.Text("hello")})
        run.log({"picture": trackql.Image(np.ones((2, 3))), "accuracy": np.float32(1)}, step=7)
    assert run.data.metrics == {"loss": 0.25, "accuracy": 1.0}
    assert [each.step for each in memory.get_metric_history(run.id, "loss")] == [0, 1]
    first, second = run.values("picture")
    assert (first.step, first.place, first.kind, first.caption) == (0, 0, "IMAGE", "black")
    assert first.image().getpixel((0, 0)) == (0, 0, 0)
    assert (second.step, second.image().size) == (7, (3, 2))
    assert [each.text() for each in run.values("words", steps=1)] == ["hello"]
    assert [(each.key, each.kind, each.count) for each in run.value_series()] == [
        ("picture", "IMAGE", 2),
        ("words", "TEXT", 1),
    ]


@pytest.mark.parametrize(
    ("array", "pixel"),
    [
        (np.full((2, 3), 7, np.uint8), 7),
        (np.full((2, 3, 1), 7), 7),
        (np.full((2, 3, 3), 0.5), (127, 127, 127)),
        (np.full((2, 3, 4), 0.5, np.float32), (127, 127, 127, 127)),
        (np.array([[True, False]]), 255),
    ],
)
def test_arrays_become_pictures(memory: trackql.Client, array: Any, pixel: object) -> None:
    [value] = logged(memory, trackql.Image(array))
    assert value.image().getpixel((0, 0)) == pixel
    assert value.body == {"width": array.shape[1], "height": array.shape[0]}


def test_pictures_from_bytes_paths_and_pillow(memory: trackql.Client, tmp_path: Path) -> None:
    file = tmp_path / "a picture.dat"
    file.write_bytes(png())
    given = [
        trackql.Image(png()),
        trackql.Image(file),
        trackql.Image(str(file), caption="☃"),
        Pillow.new("RGB", (3, 2), (255, 0, 0)),
        trackql.Image(Pillow.new("RGB", (3, 2), (255, 0, 0)), format="webp"),
        trackql.Image(Pillow.new("RGBA", (3, 2), (255, 0, 0)), format="jpeg"),
        trackql.Image(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ]
    found = logged(memory, given)
    assert [each.place for each in found] == list(range(7))
    assert [each.bytes() for each in found[:3]] == [png()] * 3
    assert [each.image().format for each in found[:6]] == ["PNG"] * 4 + ["WEBP", "JPEG"]
    assert all(each.image().size == (3, 2) for each in found[:6])
    assert found[2].caption == "☃"
    assert found[6].path == "media/x/0_6.svg"


def test_what_changes_after_the_call_is_logged_as_it_was(memory: trackql.Client) -> None:
    array = np.zeros((2, 2), np.uint8)
    picture = Pillow.new("L", (2, 2), 0)
    frame = pd.DataFrame({"a": [1]})
    rows = [[1]]
    numbers = np.zeros(3)
    sound = np.zeros(2, np.int16)
    with trackql.start_run() as run:
        run.log(
            {
                "array": trackql.Image(array),
                "picture": picture,
                "frame": frame,
                "rows": trackql.Table(["a"], rows),
                "numbers": trackql.Histogram(numbers),
                "sound": trackql.Audio(sound, sample_rate=8000),
            }
        )
        array[:], numbers[:], sound[:] = 9, 9, 9
        picture.putpixel((0, 0), 9)
        frame.loc[0, "a"] = 9
        rows[0][0] = 9
    assert next(run.values("array")).image().getpixel((0, 0)) == 0
    assert next(run.values("picture")).image().getpixel((0, 0)) == 0
    assert next(run.values("frame")).table().rows == [[1]]
    assert next(run.values("rows")).table().rows == [[1]]
    assert next(run.values("numbers")).histogram().edges[0] == -0.5
    with wave.open(io.BytesIO(next(run.values("sound")).bytes())) as file:
        assert file.readframes(2) == bytes(4)


def test_figures(memory: trackql.Client) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    chart = go.Figure(data=[go.Bar(y=[1, 2])])
    with trackql.start_run() as run:
        run.log({"figure": figure, "current": plt, "chart": chart, "both": [figure, chart]})
    plt.close(figure)
    chart.data[0].y = [3]
    for key in ("figure", "current"):
        [value] = run.values(key)
        assert (value.kind, value.image().format) == ("FIGURE", "PNG")
    [value] = run.values("chart")
    assert go.Figure(pd.io.json.ujson_loads(value.bytes())).data[0].type == "bar"
    assert [each.body["library"] for each in run.values("both")] == ["matplotlib", "plotly"]


def test_sound(memory: trackql.Client) -> None:
    wanted = {"sampleRate": 8000, "channels": 1, "seconds": 0.0005}
    for samples, stored in (
        (np.array([0.0, 1.0, -1.0, math.nan]), [0, 32767, -32767, 0]),
        (np.array([0, 1, -1, 32767], np.int16), [0, 1, -1, 32767]),
        (np.array([128, 129, 127, 255], np.uint8), [0, 256, -256, 32512]),
        (np.array([0, 1 << 16, -(1 << 16), 2**31 - 1], np.int32), [0, 1, -1, 32767]),
    ):
        [value] = logged(memory, trackql.Audio(samples, 8000))
        with wave.open(io.BytesIO(value.bytes())) as file:
            assert (file.getnchannels(), file.getframerate()) == (1, 8000)
            assert list(struct.unpack("<4h", file.readframes(4))) == stored
        assert value.body == wanted
    [value] = logged(memory, trackql.Audio(np.zeros((5, 2)), 5))
    assert value.body == {"sampleRate": 5, "channels": 2, "seconds": 1.0}
    [again] = logged(memory, trackql.Audio(value.bytes()))
    assert again.bytes() == value.bytes()


def test_video(memory: trackql.Client) -> None:
    frames = np.zeros((3, 2, 4, 3), np.uint8)
    frames[1:] = 255
    [value] = logged(memory, trackql.Video(frames, fps=10))
    with Pillow.open(io.BytesIO(value.bytes())) as gif:
        assert (gif.format, gif.size) == ("GIF", (4, 2))
    assert value.body == {"width": 4, "height": 2, "frames": 3}
    data = b"\0\0\0\x18ftypmp42" + bytes(100)
    [value] = logged(memory, trackql.Video(data))
    assert (value.path, value.bytes()) == ("media/x/0_0.mp4", data)


def test_tables(memory: trackql.Client) -> None:
    moment = pd.Timestamp("2026-01-02")
    given = trackql.Table(["a", "a", "c"], [[1, math.nan, "ü"], [None, moment, np.int64(3)]])
    [value] = logged(memory, given)
    found = value.table()
    assert found.columns == ["a", "a", "c"]
    assert found.rows == [[1, None, "ü"], [None, "2026-01-02T00:00:00", 3]]
    assert found.to_pandas().shape == (2, 3)
    assert value.body == {"rows": 2, "columns": 3}
    [value] = logged(memory, trackql.Table({"a": [1, 2], "b": ["x", "y"]}))
    assert value.table().rows == [[1, "x"], [2, "y"]]
    frame = pd.DataFrame({"a": [1.5, math.nan], "b": ["x", None]}, index=[5, 6])
    for each in (frame, pl.from_pandas(frame), pa.table({"a": [1.5, None], "b": ["x", None]})):
        [value] = logged(memory, each)
        assert value.table().columns == ["a", "b"]
        assert value.table().rows == [[1.5, "x"], [None, None]]
    [value] = logged(memory, trackql.Table([], []))
    assert (value.table().columns, value.table().rows) == ([], [])


def test_long_frames_become_parquet(memory: trackql.Client) -> None:
    columns = {"a": list(range(10_001)), "b": ["x"] * 10_001}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        [value] = logged(memory, frame)
        assert value.body == {"rows": 10_001, "columns": 2}
        assert value.path == "media/x/0_0.parquet"
        assert value.table().rows[-1] == [10_000, "x"]
    twice = pd.DataFrame([[1, 2]] * 10_001, columns=["a", "a"])  # which Parquet does not take
    [value] = logged(memory, twice)
    assert value.path == "media/x/0_0.table.json"
    assert value.table().rows[-1] == [1, 2]


def test_texts_and_pages(memory: trackql.Client, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>file")
    for text, inline in (
        ("", True),
        ("ü" * 2048, True),
        ("x" * 4097, False),
        ("a\0b", False),
        ("☃" * 50_000, False),
    ):
        [value] = logged(memory, trackql.Text(text))
        assert (value.text(), value.path is None) == (text, inline)
    for given, stored in ((trackql.Html("<b>ü"), "<b>ü"), (trackql.Html(page), "<p>file")):
        [value] = logged(memory, given)
        assert (value.kind, value.text()) == ("HTML", stored)


def test_histograms(memory: trackql.Client) -> None:
    numbers = [0.0, 1, 2, 3, 4, math.nan, math.inf, -math.inf, math.inf]
    for given in (numbers, np.array(numbers), np.array(numbers, np.float32)):
        [value] = logged(memory, trackql.Histogram(given, bins=4))
        found = value.histogram()
        assert (found.counts, found.edges) == ([1, 1, 1, 2], [0, 1, 2, 3, 4])
        assert value.body["nan"] == 1
        assert (value.body["positiveInfinity"], value.body["negativeInfinity"]) == (2, 1)
    [value] = logged(memory, trackql.Histogram(counts=np.array([3, 0.5]), edges=[0, 1, 10]))
    assert (value.histogram().counts, value.histogram().edges) == ([3, 0.5], [0, 1, 10])
    for empty in ([], [math.nan], np.zeros((0, 3))):
        [value] = logged(memory, trackql.Histogram(empty))
        assert sum(value.histogram().counts) == 0


FLOATS = st.floats(width=64) | st.integers(-5, 5).map(float)


@hypothesis.settings(deadline=None, max_examples=300)
@hypothesis.example([sys.float_info.max], 512)
@hypothesis.example([-sys.float_info.max, sys.float_info.max], 512)
@hypothesis.example([5e-324], 3)
@hypothesis.example([1.0, 1.0 + 2**-52], 512)
@hypothesis.given(st.lists(FLOATS, max_size=50), st.integers(1, 512))
def test_a_histogram_counts_each_number_once(numbers: list[float], bins: int) -> None:
    finite = sum(map(math.isfinite, numbers))
    with np.errstate(all="raise", under="ignore"):
        by_numpy = counting.count(np.array(numbers, np.float64), bins)
    plain = counting.count(numbers, bins)
    assert by_numpy == plain
    assert len(plain["counts"]) == bins
    assert sum(plain["counts"]) == finite
    apart = sum(plain.get(name, 0) for name in ("nan", "positiveInfinity", "negativeInfinity"))
    assert finite + apart == len(numbers)
    assert plain["min"] < plain["max"]
    edges = trackql.Histogram(numbers, bins).edges
    assert all(map(math.isfinite, edges))
    assert edges == sorted(edges)


def test_histograms_agree_with_those_of_numpy() -> None:
    numbers = np.random.default_rng(7).normal(size=10_000)
    found = trackql.Histogram(numbers)
    counts, edges = np.histogram(numbers, 64)
    assert found.counts == counts.tolist()
    assert found.edges == pytest.approx(edges.tolist())


# -- what is refused, at once and before anything is logged


REFUSED: list[tuple[Any, str]] = [
    (lambda: trackql.Image(np.zeros((3, 8, 8))), "data"),
    (lambda: trackql.Image(np.zeros((0, 8))), "data"),
    (lambda: trackql.Image(np.zeros(8)), "data"),
    (lambda: trackql.Image(np.array([["a"]])), "data"),
    (lambda: trackql.Image(b"no picture"), "data"),
    (lambda: trackql.Image("/nowhere/a.png"), "data"),
    (lambda: trackql.Image(object()), "data"),
    (lambda: trackql.Image(png(), format="tiff"), "format"),
    (lambda: trackql.Image(png(), format="jpeg"), "format"),
    (lambda: trackql.Image(png(), caption=7), "caption"),  # type: ignore[arg-type]
    (lambda: trackql.Image(png(), caption="x" * 10_001), "caption"),
    (lambda: trackql.Audio(np.zeros(8)), "sample_rate"),
    (lambda: trackql.Audio(np.zeros((2, 2, 2)), 8000), "data"),
    (lambda: trackql.Audio(np.zeros(8, np.uint16), 8000), "data"),
    (lambda: trackql.Audio(b"no sound"), "data"),
    (lambda: trackql.Video(np.zeros((2, 2))), "data"),
    (lambda: trackql.Video(np.zeros((2, 2, 2, 3)), fps=0), "fps"),
    (lambda: trackql.Video(b"no video"), "data"),
    (lambda: trackql.Table(["a"], [[1, 2]]), "rows"),
    (lambda: trackql.Table({"a": [1], "b": []}), "columns"),
    (lambda: trackql.Table(7), "columns"),
    (lambda: trackql.Text(7), "text"),  # type: ignore[arg-type]
    (lambda: trackql.Html(7), "data"),
    (lambda: trackql.Histogram(), "values"),
    (lambda: trackql.Histogram(["a"]), "values"),
    (lambda: trackql.Histogram([1], bins=513), "bins"),
    (lambda: trackql.Histogram(counts=[1], edges=[1, 1]), "edges"),
    (lambda: trackql.Histogram(counts=[-1], edges=[0, 1]), "counts"),
]


@pytest.mark.parametrize(("make", "argument"), REFUSED)
def test_what_can_not_be_logged_is_refused_at_once(make: Any, argument: str) -> None:
    with pytest.raises(errors.InvalidInput, match=argument) as refused:
        make()
    assert refused.value.argument == argument


def test_nothing_is_logged_of_a_call_that_is_refused(memory: trackql.Client) -> None:
    text = trackql.Text("hi")
    with trackql.start_run() as run:
        for wrong, remedy in (
            ("a string", "trackql.Text"),
            (np.zeros((2, 2)), "trackql.Image"),
            ([text, 7], "log a float"),
            ([], "log a float"),
            ({"a": 1}, "log a float"),
        ):
            with pytest.raises(errors.InvalidValue, match=remedy):
                run.log({"loss": 1, "text": text, "wrong": wrong})
        for refused in (
            {"loss": 1, "text": text, "": text},
            {"loss": 1, "mixed": [text, trackql.Html("")]},
            {"loss": 1, "many": [text] * 1001},
        ):
            with pytest.raises(errors.InvalidInput):
                run.log(refused)
        with pytest.raises(errors.InvalidInput):
            run.log({"text": text}, step=2**63)
        run.log({"text": text})
        with pytest.raises(errors.InvalidInput, match="another key"):
            run.log({"loss": 1, "text": trackql.Html("")})
    assert run.data.metrics == {}
    assert [each.step for each in run.values("text")] == [0]


def test_a_frame_of_one_cell_is_a_table(memory: trackql.Client) -> None:
    [value] = logged(memory, pd.DataFrame({"a": [1.0]}))
    assert value.kind == "TABLE"


def test_without_pillow_an_array_says_what_to_install(script: Script) -> None:
    done = script.run(
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy, trackql\n"
        "for make in (lambda: trackql.Image(numpy.zeros((2, 2))),\n"
        "             lambda: trackql.Video(numpy.zeros((2, 2, 2)))):\n"
        "    try: make()\n"
        "    except trackql.errors.NotInstalled as error: print(error)\n"
    )
    assert done.stdout.count("pip install pillow") == 2


def test_what_was_not_imported_is_not_imported(script: Script) -> None:
    done = script.run(
        "import sys, trackql\n"
        "trackql.Histogram([1, 2]).body\n"
        "trackql.Table(['a'], [[1]])\n"
        "from trackql.media import several\n"
        "several(object())\n"
        "print({'numpy', 'PIL', 'pandas', 'matplotlib', 'plotly'} & set(sys.modules))\n"
    )
    assert done.stdout.strip() == "set()"


# -- the thread that encodes


class Gate(media.Media):
    """Encoded when it is let through."""

    kind = "TEXT"

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.through = threading.Event()
        self.size = size

    def _encode(self) -> Any:
        assert self.through.wait(60)
        return media.Text("done")._encode()

    def _size(self) -> int:
        return self.size


class Broken(media.Media):
    kind = "TEXT"

    def _encode(self) -> Any:
        raise RuntimeError("it is broken")


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    made = [Gate(50_000), Gate(40_000), Gate(50_000)]
    yield made
    for each in made:
        each.through.set()


def test_logging_waits_only_when_too_much_waits(
    memory: trackql.Client, session: _session.Session, gates: list[Gate]
) -> None:
    session._encoder = encoder.Encoder(limit=100_000)
    with trackql.start_run() as run:
        run.log({"a": gates[0]})
        run.log({"a": gates[1]})

        def third() -> None:
            run.log({"a": gates[2]}, step=2)
            put.set()

        put = threading.Event()
        thread = threading.Thread(target=third)
        thread.start()
        assert not put.wait(0.2)
        assert not run.flush(timeout=0)
        gates[0].through.set()
        gates[1].through.set()
        assert put.wait(60)
        thread.join()
        gates[2].through.set()
        assert run.flush()
        assert [each.step for each in run.values("a")] == [0, 1, 2]


def test_something_larger_than_the_bound_is_logged_too(
    memory: trackql.Client, session: _session.Session
) -> None:
    session._encoder = encoder.Encoder(limit=10)
    assert len(logged(memory, [trackql.Text("x" * 5000), trackql.Text("y" * 5000)])) == 2


def test_what_can_not_be_encoded_is_told_and_nothing_else(
    memory: trackql.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "trackql"), trackql.start_run() as run:
        run.log({"bad": Broken(), "good": trackql.Text("fine"), "loss": 1})
        run.log({"picture": trackql.Image(np.full((2, 2), math.nan))}, step=1)
        run.flush()
    assert caplog.text.count("can't be encoded") == 2
    assert [each.text() for each in run.values("good")] == ["fine"]
    assert run.data.metrics == {"loss": 1.0}
    assert sorted(each["code"] for each in run.problems) == ["NOT_ENCODED"] * 2
    with pytest.raises(errors.NotFound):
        list(run.values("bad"))


def test_a_process_that_ends_delivers_what_is_being_encoded(
    script: Script, memory: trackql.Client, server: Any
) -> None:
    done = script.run(
        "import numpy, trackql\n"
        "run = trackql.start_run()\n"
        "for step in range(20):\n"
        "    run.log({'a': trackql.Image(numpy.random.rand(200, 200, 3))}, step)\n"
        "print(run.id)\n",
        TRACKQL_URL=server.url,
    )
    found = list(trackql.Client(server.url).values(done.stdout.strip(), "a"))
    assert [each.step for each in found] == list(range(20))
    assert found[-1].image().size == (200, 200)


def test_a_forked_child_logs_for_itself(script: Script, server: Any) -> None:
    done = script.run(
        "import os, numpy, trackql\n"
        "run = trackql.start_run()\n"
        "run.log({'parent': trackql.Image(numpy.zeros((99, 99)))})\n"
        "if (child := os.fork()) == 0:\n"
        "    run.log({'child': trackql.Image(numpy.zeros((9, 9)))})\n"
        "    run.flush()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "run.finish()\n"
        "print(run.id)\n",
        TRACKQL_URL=server.url,
    )
    series = trackql.Client(server.url).value_series(done.stdout.strip())
    assert [(each.key, each.count) for each in series] == [("child", 1), ("parent", 1)]


def test_a_run_that_is_to_stop_stops_at_a_rich_value(
    memory: trackql.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKQL_LISTEN_INTERVAL", "0.005")
    waiting = threading.Event()

    def train() -> None:
        with trackql.start_run(on_stop="raise") as run:
            memory.request_stop(run.id, "why")
            for _ in range(6_000):
                run.log({"x": trackql.Text("x")})
                waiting.wait(0.005)

    with pytest.raises(errors.RunStopped):
        train()


# -- paths and reading


@pytest.mark.parametrize(
    "key",
    ["a/b c/ü☃", "../up", "/abs", "a//b", "x\\y", "C:/x", "tab\there", "%2e%2e/x", "ä" * 500,
     "a/1_0.png", "a", "media", "."],
)  # fmt: skip
def test_any_key_has_a_place_for_its_files(memory: trackql.Client, key: str) -> None:
    [value] = logged(memory, trackql.Image(png()), key)
    assert value.bytes() == png()
    assert value.path is not None
    assert value.path.startswith("media/")


def test_keys_do_not_share_files() -> None:
    keys = ["a", "a/", "a/b", "a/1_0.png", "a/1_0.png/1_0.png", "a\\b", ".", ".."]
    paths = {encoder.path_of(key, 1, 0, "png") for key in keys}
    assert len(paths) == len(keys)
    folders = {path.rpartition("/")[0] for path in paths}
    assert not paths & folders


def test_values_of_some_steps(memory: trackql.Client) -> None:
    with trackql.start_run() as run:
        for step in range(-2, 6):
            run.log({"x": [trackql.Text(f"{step}.0"), trackql.Text(f"{step}.1")]}, step=step)

    def found(steps: Any) -> list[str]:
        return [each.text() for each in run.values("x", steps)]

    assert len(found(None)) == 16
    assert found(3) == ["3.0", "3.1"]
    assert found(np.int64(3)) == ["3.0", "3.1"]
    assert found(range(-2, 6, 3)) == ["-2.0", "-2.1", "1.0", "1.1", "4.0", "4.1"]
    assert found([5, -1]) == ["-1.0", "-1.1", "5.0", "5.1"]
    assert found([]) == found(99) == []
    with pytest.raises(errors.NotFound, match="value_series"):
        list(run.values("nope"))
    with pytest.raises(errors.NotFound):
        list(memory.values("0" * 32, "x"))
    assert [each.key for each in memory.value_series(run.id, kinds=["image"])] == []


def test_many_values_come_page_by_page(memory: trackql.Client) -> None:
    with trackql.start_run() as run:
        for step in range(450):
            run.log({"x": trackql.Text(str(step))})
    assert [each.text() for each in run.values("x")] == [str(step) for step in range(450)]


def test_values_are_read_as_what_they_are(memory: trackql.Client) -> None:
    [value] = logged(memory, trackql.Text("hi"))
    for wrong in (value.image, value.table, value.histogram):
        with pytest.raises(errors.InvalidInput, match="TEXT"):
            wrong()
    [value] = logged(memory, trackql.Image(png()))
    memory._change("delete_artifacts", runId=value._run_id, paths=[value.path])
    [gone] = memory.values(value._run_id, "x")
    with pytest.raises(errors.NotFound, match="deleted"):
        gone.bytes()


def test_images_of_mlflows_verb_are_values(memory: trackql.Client) -> None:
    with trackql.start_run() as run:
        trackql.log_image(np.zeros((2, 2), np.uint8), key="x", step=3, timestamp=1_000)
        trackql.log_image(Pillow.new("L", (2, 2)), key="x", step=4, synchronous=True)
        image = trackql.Image(np.zeros((2, 3), np.uint8), caption="mine")
        trackql.log_image(image, key="x", step=5)
        trackql.log_image(image, "a.png")
        trackql.log_image(trackql.Image(png()), "b.png")
        assert len(list(memory.values(run.id, "x"))) == 3
    assert {each.path for each in run.list_artifacts()} == {"a.png", "b.png", "media"}
    first, _, third = run.values("x")
    assert (third.caption, third.image().size) == ("mine", (3, 2))
    assert (first.step, first.time) == (3, 1_000)


def test_a_large_file_brings_its_value(memory: trackql.Client) -> None:
    data = b"\0\0\0\x18ftypmp42" + bytes(20 << 20)
    [value] = logged(memory, trackql.Video(data, caption="long"))
    assert (value.caption, value.bytes()) == ("long", data)


def test_without_a_server_values_wait_for_sync(script: Script, server: Any) -> None:
    done = script.run(
        "import numpy, trackql\n"
        "with trackql.start_run() as run:\n"
        "    run.log({'a': trackql.Image(numpy.zeros((9, 9))), 'b': trackql.Text('hi')})\n"
        "print(run.id)\n",
        TRACKQL_URL="http://127.0.0.1:9",
        TRACKQL_FLUSH_TIMEOUT="1",
    )
    script.trackql("sync", "--all", "--to", server.url)
    series = trackql.Client(server.url).value_series(done.stdout.strip())
    assert [(each.key, each.kind) for each in series] == [("a", "IMAGE"), ("b", "TEXT")]


def test_the_guide_runs(script: Script, server: Any) -> None:
    page = Path(__file__).parents[2] / "docs" / "media.md"
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```$", page.read_text())
    assert len(blocks) == 2
    told = [script.run(block, TRACKQL_URL=server.url).stdout for block in blocks]
    assert "rows TABLE 1 5 5" in told[1]
    assert "5  [[1], [2]]" in told[1]


def test_files_are_known_by_how_they_begin() -> None:
    assert sniff.image(PNG) == "png"
    assert sniff.image(b"\xff\xd8\xff\xe0") == "jpeg"
    assert sniff.image(b"\n<?xml version='1.0'?><svg/>") == "svg"
    assert sniff.image(b"<html>") is None
    assert sniff.sound(b"RIFF\0\0\0\0WAVEfmt ") == "wav"
    assert sniff.sound(b"RIFF\0\0\0\0AVI ") is None
    assert sniff.video(b"\x1a\x45\xdf\xa3") == "webm"
    assert sniff.video(PNG) is None
