"""Reading artifacts: what there is, and its bytes, checked by their digests as they are written."""

from __future__ import annotations

import hashlib
import logging
import os
import posixpath
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from . import _pack, _paths, _progress, _session, values
from ._connection import Connection
from ._courier import LOOPBACK
from ._paths import Below
from ._progress import Watch
from ._wire import Buffer
from .entities import FileInfo
from .errors import InvalidInput, NotFound, TrackqlError, Unreachable

log = logging.getLogger("trackql")

PAGE = 1000
CHUNK = 1 << 20
# A file from here on is fetched in several stretches at once.
LARGE = 64 << 20
STRETCH = 16 << 20
WORKERS = 4
# Pieces that may wait to be hashed.
BEHIND = 4
# So few files that a folder lacks are fetched one by one, instead of all in one stream.
FEW = 16


class Artifacts(Connection):
    """The artifacts of one run, as its server has them."""

    def __init__(self, url: str, run_id: str) -> None:
        super().__init__(url)
        self.run_id = values.run_id(run_id)

    def settle(self) -> None:
        """Let the server have what this process logged to the run."""
        self._settle([self.run_id])
        session = _session.session
        session.encoded(self.url, self.run_id)
        session.upload(session.boxes(self.url, self.run_id))

    def nodes(self, folder: str, search: str | None = None) -> Iterator[dict[str, Any]]:
        """What lies in a folder; with a search, files at any depth below it."""
        after: str | None = None
        while True:
            found = self._ask(
                "artifacts",
                id=self.run_id,
                folder=folder,
                search=search,
                first=PAGE,
                after=after,
            )
            if found is None:
                raise NotFound(f"there is no run {self.run_id}")
            page = found["artifacts"]
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def files(self, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every file at or below one."""
        folders = [node]
        while folders:
            if not (node := folders.pop())["isFolder"]:
                yield node
                continue
            for inner in self.nodes(node["path"]):
                if inner["isFolder"]:
                    folders.append(inner)
                else:
                    yield inner

    def node(self, path: str) -> dict[str, Any] | None:
        """One file or folder; the whole run as the folder ''."""
        found = self._ask("artifact", id=self.run_id, path=path or "x")
        if found is None:
            raise NotFound(f"there is no run {self.run_id}")
        if not path:
            return {
                "path": "",
                "isFolder": True,
                "files": found["artifactFiles"],
                "size": found["artifactSize"],
            }
        node: dict[str, Any] | None = found["artifact"]
        return node

    def existing(self, path: str) -> dict[str, Any]:
        node = self.node(path)
        if node is None:
            raise NotFound(f"run {self.run_id} has no artifact {path!r}")
        return node

    def content(
        self, path: str, start: int | None = None, end: int | None = None, kept: int = 0
    ) -> Iterator[memoryview]:
        """A file, or a stretch of it, piece by piece; a piece is good until `kept` more came."""
        headers = {} if start is None or end is None else {"Range": f"bytes={start}-{end - 1}"}
        target = _paths.address(self.run_id, path)
        buffers = cycle([memoryview(bytearray(CHUNK)) for _ in range(kept + 1)])
        with self._transport.request("GET", target, None, headers) as reply:
            if headers and reply.status != 206:
                raise TrackqlError(f"{self.url} answered a range with status {reply.status}")
            while count := reply.readinto(buffer := next(buffers)):
                yield buffer[:count]


def listing(url: str, run_id: str, folder: str) -> list[FileInfo]:
    """Files and folders in a folder."""
    with Artifacts(url, run_id) as artifacts:
        artifacts.settle()
        return [info(node) for node in artifacts.nodes(folder)]


def info(node: dict[str, Any]) -> FileInfo:
    size = node["size"]
    known = not node["isFolder"] and size is not None and int(size) >= 0
    return FileInfo(node["path"], bool(node["isFolder"]), int(size) if known else None)


def read(url: str, run_id: str, path: str) -> bytes:
    """The bytes of a file, checked."""
    with Artifacts(url, run_id) as artifacts:
        artifacts.settle()
        node = _file(artifacts.existing(path))
        data = b"".join(map(bytes, artifacts.content(path)))
    if hashlib.sha256(data).hexdigest() != node["sha256"]:
        raise _damaged(path)
    return data


def _file(node: dict[str, Any]) -> dict[str, Any]:
    if node["isFolder"]:
        raise InvalidInput(f"{node['path']!r} is a folder", argument="artifact_path")
    if node.get("uri"):
        raise InvalidInput(
            f"{node['path']!r} lies elsewhere: fetch {node['uri']} with that place's own tools",
            argument="artifact_path",
        )
    return node


def _damaged(path: str) -> TrackqlError:
    return TrackqlError(f"{path!r} did not arrive as it was logged: its digest differs; try again")


def download(
    url: str,
    run_id: str,
    path: str,
    dst_path: str | os.PathLike[str] | None = None,
    whole: bool = False,
) -> str:
    """Fetch a file or a folder into a folder of this machine; the path of what was fetched.

    It lies there under its last name, or with `whole` under its whole path.
    """
    with Artifacts(url, run_id) as artifacts:
        artifacts.settle()
        node = artifacts.existing(path)
        if not node["isFolder"]:
            _file(node)
        root = _destination(dst_path)
        place = path if whole else posixpath.basename(path)
        with Below(root) as below, _progress.bar("downloading") as watch:
            meter = _Meter(int(node["size"] or 0), watch)
            if node["isFolder"]:
                _folder(artifacts, path, below, place, meter)
            else:
                size = int(node["size"])
                if not _there(below, place, size, node["sha256"]):
                    _one(artifacts, path, size, node["sha256"], below, place, meter)
    return os.path.join(root, *place.split("/")) if place else root


def _destination(dst_path: str | os.PathLike[str] | None) -> str:
    if dst_path is None:
        return tempfile.mkdtemp(prefix="trackql-")
    if not isinstance(dst_path, str | os.PathLike):
        raise InvalidInput(f"dst_path must be a path, not {dst_path!r}", argument="dst_path")
    root = Path(dst_path).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"dst_path {str(dst_path)!r} is no folder and cannot be made one: {error}",
            argument="dst_path",
        ) from error
    return os.path.abspath(root)


class _Meter:
    """How far a download is, for the bar."""

    def __init__(self, total: int, watch: Watch | None) -> None:
        self.total = total
        self.moved = 0
        self._watch = watch
        self._told = 0

    def add(self, size: int) -> None:
        self.moved += size
        # A short download shows nothing.
        if self._watch and self.total >= LARGE and self.moved - self._told >= 4 * CHUNK:
            self._told = self.moved
            self._watch(self.moved, self.total)


def _there(below: Below, place: str, size: int, sha256: str) -> bool:
    """The file is there already, byte for byte."""
    descriptor = below.existing(place)
    if descriptor is None:
        return False
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_size != size:
            return False
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


# -- one file


def _one(
    artifacts: Artifacts,
    path: str,
    size: int,
    sha256: str,
    below: Below,
    place: str,
    meter: _Meter,
) -> None:
    with below.writing(place) as descriptor:
        if size >= LARGE and urlsplit(artifacts.url).hostname in LOOPBACK:
            # Next to the server one stream costs its processors the least.
            digest = _stream(artifacts, path, descriptor, meter)
        elif size >= LARGE:
            digest = _stretches(artifacts, path, size, descriptor, meter)
        else:
            digest = _straight(artifacts.content(path), descriptor, meter)
        if digest != sha256:
            raise _damaged(path)


def _straight(chunks: Iterable[Buffer], descriptor: int, meter: _Meter) -> str:
    whole = hashlib.sha256()
    for chunk in chunks:
        _write(descriptor, chunk)
        whole.update(chunk)
        meter.add(len(chunk))
    return whole.hexdigest()


def _stream(artifacts: Artifacts, path: str, descriptor: int, meter: _Meter) -> str:
    """One connection; a thread hashes what this one has received while it receives and writes."""
    whole = hashlib.sha256()
    behind: SimpleQueue[memoryview | None] = SimpleQueue()
    room = threading.Semaphore(BEHIND)

    def work() -> None:
        while (chunk := behind.get()) is not None:
            whole.update(chunk)
            room.release()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for chunk in artifacts.content(path, kept=BEHIND):
            room.acquire()
            behind.put(chunk)
            _write(descriptor, chunk)
            meter.add(len(chunk))
    finally:
        behind.put(None)
        thread.join()
    return whole.hexdigest()


def _write(descriptor: int, data: Buffer) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _stretches(artifacts: Artifacts, path: str, size: int, descriptor: int, meter: _Meter) -> str:
    """Several connections fetch stretches; this thread reads what is written, for the digest."""
    starts = list(range(0, size, STRETCH))
    waiting = starts[::-1]
    done = {start: threading.Event() for start in starts}
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            try:
                start = waiting.pop()
            except IndexError:
                return
            try:
                _stretch(artifacts, path, start, min(start + STRETCH, size), descriptor, meter)
            except BaseException as error:
                failures.append(error)
                for event in done.values():
                    event.set()
            done[start].set()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    whole = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    for thread in threads:
        thread.start()
    try:
        for start in starts:
            done[start].wait()
            if failures:
                break
            at, end = start, min(start + STRETCH, size)
            while at < end:
                count = os.preadv(descriptor, [buffer[: min(CHUNK, end - at)]], at)
                whole.update(buffer[:count])
                at += count
    except BaseException as error:
        failures.append(error)
        raise
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return whole.hexdigest()


def _stretch(
    artifacts: Artifacts, path: str, start: int, end: int, descriptor: int, meter: _Meter
) -> None:
    at = start
    for chunk in artifacts.content(path, start, end):
        if at + len(chunk) > end:
            raise Unreachable(f"{artifacts.url} sent more than was asked for of {path!r}")
        size = len(chunk)
        while chunk:
            count = os.pwrite(descriptor, chunk, at)
            at += count
            chunk = chunk[count:]
        meter.add(size)
    if at != end:
        raise Unreachable(f"the answer of {artifacts.url} was cut off within {path!r}")


# -- a folder


def _folder(artifacts: Artifacts, path: str, below: Below, place: str, meter: _Meter) -> None:
    """All files below a folder as one stream; those that are there already are passed over."""
    if place:
        below.folder(place)
    base = _paths.address(artifacts.run_id, path + "/" if path else "")
    with artifacts._transport.request("GET", f"{base}?format=pack") as reply:
        pack = _pack.Reader(reply.read)
        # Paths in it begin at the folder.
        under = f"{place}/" if place else ""
        places = {entry["path"]: f"{under}{entry['path']}" for entry in pack.entries}
        lacking = {
            entry["path"]
            for entry in pack.entries
            if not entry.get("uri")
            and not _there(below, places[entry["path"]], entry["size"], entry["sha256"])
        }
        few = len(lacking) <= FEW and len(lacking) < len(pack.entries)
        if not few:
            for entry in pack.entries:
                if entry.get("uri"):
                    continue
                if entry["path"] in lacking:
                    with below.writing(places[entry["path"]]) as descriptor:
                        if _straight(pack.body(entry), descriptor, meter) != entry["sha256"]:
                            raise _damaged(entry["path"])
                else:
                    for _ in pack.body(entry):
                        pass
    _tell_elsewhere(pack.entries)
    if few:
        for entry in pack.entries:
            if entry["path"] in lacking:
                full = f"{path}/{entry['path']}" if path else entry["path"]
                asked = (full, entry["size"], entry["sha256"])
                _one(artifacts, *asked, below, places[entry["path"]], meter)


def _tell_elsewhere(entries: Sequence[dict[str, Any]]) -> None:
    for entry in entries:
        if entry.get("uri"):
            log.warning("%s is not fetched: it lies at %s", entry["path"], entry["uri"])


def remove(url: str, run_id: str, paths: Sequence[str], purge: bool) -> int:
    """Put files and folders in the trash, or with `purge` delete them for good; how many files."""
    with Artifacts(url, run_id) as artifacts:
        artifacts.settle()
        nodes = [artifacts.existing(path) for path in paths]
        ids = [each["id"] for node in nodes for each in artifacts.files(node)] if purge else []
        gone = artifacts._change("delete_artifacts", runId=artifacts.run_id, paths=list(paths))
        for at in range(0, len(ids), PAGE):
            chosen = ids[at : at + PAGE]
            artifacts._change("purge_artifacts", runId=artifacts.run_id, ids=chosen)
        return int(gone["files"])
