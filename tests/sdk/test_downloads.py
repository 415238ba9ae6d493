"""Downloads from a server that lies: nothing is written but below the folder that was named."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trackql
from trackql import _pack, _paths, errors
from trackql._session import Session

RUN = "ab" * 16
Files = dict[str, bytes]


class Liar(ThreadingHTTPServer):
    """Answers what it is told to: one pack for any folder, any bytes for any file."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.pack = b""
        self.node: dict[str, Any] = {}
        self.file: Callable[[str | None], tuple[int, bytes]] = lambda _: (200, b"")
        self.asked: list[str] = []

    def holds(self, files: list[tuple[str, bytes]], cut: int | None = None) -> None:
        entries = [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in files
        ]
        whole = _pack.head(entries) + b"".join(data for _, data in files)
        self.pack = whole[:cut]
        self.node = {"path": "", "isFolder": True, "files": len(files), "size": 1}


class Handler(BaseHTTPRequestHandler):
    server: Liar

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        run = {"artifactFiles": 1, "artifactSize": 1, "artifact": self.server.node}
        self._answer(200, json.dumps({"data": {"run": run}}).encode())

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if "format=pack" in self.path:
            self._answer(200, self.server.pack)
        else:
            self._answer(*self.server.file(self.headers.get("Range")))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def liar(session: Session) -> Iterator[Liar]:
    server = Liar()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tree(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def fetch(liar: Liar, target: Path) -> str:
    return trackql.download_artifacts(run_id=RUN, dst_path=target, tracking_uri=liar.url)


HOSTILE = [
    "../out",
    "a/../../out",
    "/etc/out",
    "a/..",
    ".",
    "..\\out",
    "C:/out",
    "file:/out",
    "%2e%2e/out",
    "%252e%252e%252fout",
    "a//b",
    "a/\0b",
    "a\nb",
    "x" * 256,
    "",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_ends_the_download(liar: Liar, tmp_path: Path, path: str) -> None:
    target = tmp_path / "inner" / "target"
    liar.holds([("good", b"1"), (path, b"2")])
    with pytest.raises(errors.ServerError, match="names a path"):
        fetch(liar, target)
    assert tree(tmp_path / "inner") == {}


def test_a_path_that_is_no_text_or_there_twice(liar: Liar, tmp_path: Path) -> None:
    liar.holds([("a", b"1"), ("a", b"2")])
    with pytest.raises(errors.ServerError, match="twice"):
        fetch(liar, tmp_path / "target")
    for path in (7, ["a"], {"a": 1}):
        head = json.dumps({"entries": [{"path": path, "size": 0, "sha256": ""}]}).encode()
        liar.pack = len(head).to_bytes(8, "big") + head
        with pytest.raises((errors.ServerError, TypeError)):
            fetch(liar, tmp_path / "target")


def test_links_in_the_target_are_not_followed(liar: Liar, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_bytes(b"canary")
    target = tmp_path / "target"
    target.mkdir()
    (target / "folder").symlink_to(canary)
    liar.holds([("folder/file", b"hostile")])
    with pytest.raises(trackql.TrackqlError, match="link or a file"):
        fetch(liar, target)
    (target / "folder").unlink()
    (target / "folder").mkdir()
    (target / "folder/file").symlink_to(canary / "file")
    fetch(liar, target)  # the link is replaced, not written through
    assert (target / "folder/file").read_bytes() == b"hostile"
    assert not (target / "folder/file").is_symlink()
    assert (canary / "file").read_bytes() == b"canary"


def test_a_file_in_the_way_is_named(liar: Liar, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "b").mkdir(parents=True)
    (target / "a").write_bytes(b"in the way")
    liar.holds([("a/x", b"1")])
    with pytest.raises(trackql.TrackqlError, match="'a/x' is not written"):
        fetch(liar, target)
    liar.holds([("b", b"1")])
    with pytest.raises(trackql.TrackqlError, match="'b' is not written"):
        fetch(liar, target)
    assert tree(target) == {"a": b"in the way"}


def test_wrong_bytes_leave_nothing(liar: Liar, tmp_path: Path) -> None:
    target = tmp_path / "target"
    liar.holds([("a", b"right"), ("b", b"right")])
    liar.pack = liar.pack[:-5] + b"wrong"
    with pytest.raises(trackql.TrackqlError, match="'b' did not arrive as it was logged"):
        fetch(liar, target)
    assert tree(target) == {"a": b"right"}


@pytest.mark.parametrize("cut", [3, 8, 20, -1])
def test_a_pack_that_ends_early_leaves_nothing_half(liar: Liar, tmp_path: Path, cut: int) -> None:
    target = tmp_path / "target"
    liar.holds([("a", b"whole"), ("b", b"cut off")], cut)
    with pytest.raises(errors.ServerError, match="ends"):
        fetch(liar, target)
    assert tree(target) in ({}, {"a": b"whole"})


def test_what_is_there_is_not_written_again(liar: Liar, tmp_path: Path) -> None:
    target = tmp_path / "target"
    liar.holds([(f"f/{number}", b"%d" % number) for number in range(5)])
    assert fetch(liar, target) == str(target)
    first = {path: (target / path).stat().st_ino for path in tree(target)}
    (target / "f/3").write_bytes(b"?")
    liar.file = lambda _: (200, b"3")
    fetch(liar, target)
    again = {path: (target / path).stat().st_ino for path in tree(target)}
    assert tree(target)["f/3"] == b"3"
    assert {path for path in first if first[path] != again[path]} <= {"f/3"}
    # One file that differs is asked for by itself.
    assert liar.asked[-1] == f"/artifacts/runs/{RUN}/f/3"


def test_a_large_file_is_fetched_in_stretches(
    liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackql._download.LARGE", 1000)
    monkeypatch.setattr("trackql._download.STRETCH", 300)
    monkeypatch.setattr("trackql._download.LOOPBACK", ())
    data = bytes(number % 251 for number in range(5000))

    def file(range_: str | None) -> tuple[int, bytes]:
        assert range_ is not None
        start, end = map(int, range_.removeprefix("bytes=").split("-"))
        return 206, data[start : end + 1]

    liar.file = file
    digest = hashlib.sha256(data).hexdigest()
    liar.node = {"path": "d/f", "isFolder": False, "files": 1, "size": 5000, "sha256": digest}
    got = trackql.download_artifacts(f"runs:/{RUN}/d/f", dst_path=tmp_path, tracking_uri=liar.url)
    assert got == str(tmp_path / "f")
    assert Path(got).read_bytes() == data
    assert len(liar.asked) == 17
    for answer in ((200, data), (206, b"short"), (206, data)):
        Path(got).unlink(missing_ok=True)
        liar.file = lambda _, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(trackql.TrackqlError):
            trackql.download_artifacts(f"runs:/{RUN}/d/f", dst_path=tmp_path, tracking_uri=liar.url)
        assert list(tmp_path.rglob("*f")) == []


PIECES = st.lists(
    st.sampled_from(
        ["a", "é", "..", ".", "/", "%2e", "%2F", "%252e", "%25", "\\", "\0", "C:", "file:", " "]
    ),
    max_size=8,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(path=PIECES)
def test_a_path_that_is_taken_stays_below(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    if _paths.fault(path) is not None:
        with pytest.raises(errors.InvalidInput):
            _paths.check(path, "artifact_file")
        return
    root = tmp_path_factory.mktemp("root") / "inner"
    root.mkdir()
    with _paths.Below(str(root)) as below, below.writing(path) as descriptor:
        os.write(descriptor, b"x")
    assert tree(root) == {path: b"x"}
    assert tree(root.parent) == {f"inner/{path}": b"x"}
    assert _paths.from_uri(_paths.uri(RUN, path)) == (RUN, path)
