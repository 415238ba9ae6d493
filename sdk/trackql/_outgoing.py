"""What is given to the outbox: files, bytes, values of steps, references to things elsewhere."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _paths, values
from ._outbox import PACK, SMALL, Box, NoRoom
from ._uploads import LARGE
from ._uploads import SMALL as FIRST
from ._wire import Buffer
from .errors import InvalidInput

if TYPE_CHECKING:
    from ._session import Session
    from .runs import Run

log = logging.getLogger("trackql")

URI_LENGTH = 8000


class Outgoing:
    """The outbox of this process, on behalf of runs of one server."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._outbox, self._uploader = session.uploads()

    def box(self, run: Run | str) -> Box:
        return self._outbox.box(self._url, run if isinstance(run, str) else run.id)

    # -- adding; each returns as soon as what is given may be changed or deleted

    def add_file(self, run: Run | str, source: Path | str, path: str, folder: bool = False) -> None:
        """A copy of a file as it is now."""
        box = self.box(run)
        with open(source, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{str(source)!r} is not a file", argument="local_path")
            if status.st_size < SMALL:
                data = _read(file.fileno(), status.st_size)
                self._small(box, _told(path, data, None, None, folder), data, not folder)
                return
            meta = {"path": path}
            try:
                self._outbox.copy(box, meta, file.fileno())
            except NoRoom as error:
                self._lend(box, meta, Path(source), error)
            else:
                self._uploader.wake(LARGE)

    def add_bytes(
        self,
        run: Run | str,
        path: str,
        data: Buffer,
        media_type: str | None = None,
        value: dict[str, Any] | None = None,
    ) -> None:
        """A file's content; `value` is what it shows at a step, if it does."""
        box = self.box(run)
        meta = _told(path, data, media_type, value)
        if len(data) < SMALL:
            self._small(box, meta, data)
            return
        del meta["sha256"]
        try:
            self._outbox.copy(box, meta, data)
        except NoRoom as error:
            self._lend(box, meta, data, error)
        else:
            self._uploader.wake(LARGE)

    def add_value(self, run: Run | str, value: dict[str, Any]) -> None:
        """A value of a step that needs no file."""
        self._small(self.box(run), {"value": value}, b"")

    def add_reference(
        self,
        run: Run | str,
        path: str,
        uri: str,
        size: int | None = None,
        sha256: str | None = None,
        media_type: str | None = None,
    ) -> None:
        """A file that stays elsewhere."""
        meta = {"path": path, "uri": uri, "size": size, "sha256": sha256, "mediaType": media_type}
        kept = {name: value for name, value in meta.items() if value is not None}
        self._small(self.box(run), kept, b"")

    def add_folder(self, run: Run | str, root: Path, folder: str | None) -> None:
        """Every file below a folder."""
        box = self.box(run)
        begun = box.bytes
        for source, name in walk(root):
            if box.bytes - begun >= PACK:  # a folder travels in packs as large as they may be
                begun = box.bytes
                self._uploader.wake(FIRST)
            path = f"{folder}/{name}" if folder else name
            reason = _paths.fault(path)
            if reason is not None:
                log.warning("%s is not logged: its path %s", source, reason)
                continue
            try:
                self.add_file(run, source, path, folder=True)
            except FileNotFoundError:
                log.warning("%s is not logged: it is gone", source)
            except PermissionError:
                log.warning("%s is not logged: it may not be read", source)
        self._uploader.wake(FIRST)

    def _small(self, box: Box, meta: dict[str, Any], data: Buffer, wake: bool = True) -> None:
        try:
            self._outbox.append(box, meta, data)
        except NoRoom as error:
            if "path" not in meta or "uri" in meta:
                self._session._once(f"{error}: a value of run {box.run_id} is lost")
                return
            self._lend(box, meta, data, error)
            return
        if wake:
            self._uploader.wake(FIRST)

    def _lend(self, box: Box, meta: dict[str, Any], source: Path | Buffer, reason: NoRoom) -> None:
        """Nothing can be kept: send it from where it is, and wait for that."""
        self._session._once(f"{reason}: files are uploaded before the call that logs them returns")
        meta = {name: value for name, value in meta.items() if name not in ("sha256", "ask")}
        large = self._outbox.lend(box, meta, source)
        self._uploader.wake(LARGE)
        self._session.upload([box])
        if large in box.large:
            self._outbox.sent_large(box, large)
            log.warning(
                "run %s: %s is not stored: the server did not take it", box.run_id, meta["path"]
            )

    # -- waiting

    def wait(self, run: Run | str | None = None, timeout: float | None = None) -> bool:
        """Until the server has what waits, of a run or of all; False when it has not."""
        run_id = run if run is None or isinstance(run, str) else run.id
        self._session.encoded(self._url, run_id, timeout)
        boxes = [self.box(run)] if run is not None else list(self._outbox.boxes.values())
        return self._session.upload(boxes, timeout)


def _read(descriptor: int, size: int) -> bytes:
    """A small file in one call, or in as many as it takes."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while data:
        data = os.read(descriptor, 1 << 20)
        parts.append(data)
    return b"".join(parts)


def _told(
    path: str,
    data: Buffer,
    media_type: str | None,
    value: dict[str, Any] | None,
    ask: bool = False,
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "path": path,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if media_type is not None:
        meta["mediaType"] = media_type
    if value is not None:
        meta["value"] = value
    if ask:
        meta["ask"] = True
    return meta


def walk(root: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder with its path in it; links only to what lies below it too."""
    base = os.path.realpath(root)
    yield from _walk(os.fspath(root), "", base, (base,))


def _walk(folder: str, prefix: str, base: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if target != base and not target.startswith(base.rstrip("/") + "/"):
                log.warning("%s is not logged: it is a link that leads out of %s", entry.path, base)
                continue
        if entry.is_dir():
            inner = os.path.realpath(entry.path)
            if inner in above:
                log.warning("%s is not logged: it is a link to a folder it lies in", entry.path)
                continue
            yield from _walk(entry.path, f"{name}/", base, (*above, inner))
        elif entry.is_file():
            yield entry.path, name
        else:
            log.warning("%s is not logged: it is no file", entry.path)


def local(path: object, argument: str) -> Path:
    """Something that is there on this machine."""
    if not isinstance(path, str | os.PathLike):
        raise InvalidInput(f"{argument} must be a path, not {path!r}", argument=argument)
    if "\0" in os.fspath(path):
        raise InvalidInput(f"{argument} has a NUL character", argument=argument)
    found = Path(path).expanduser()
    if not found.exists():
        raise InvalidInput(
            f"{argument} {str(path)!r} does not exist (looked in {os.getcwd()})", argument=argument
        )
    return found


def reference(uri: object) -> str:
    """The address of something elsewhere."""
    text = os.fspath(uri) if isinstance(uri, os.PathLike) else uri
    if not isinstance(text, str) or not text or "://" not in text:
        raise InvalidInput(
            f"uri must be an address like 's3://bucket/key', not {uri!r}", argument="uri"
        )
    if len(text) > URI_LENGTH or any(ord(each) < 32 for each in text):
        raise InvalidInput("uri is too long or has a control character", argument="uri")
    return text


def digest(sha256: object) -> str | None:
    if sha256 is None:
        return None
    text = str(sha256).lower()
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise InvalidInput("sha256 must be 64 hex digits", argument="sha256")
    return text


def key_and_time(key: str, step: object, timestamp: object) -> tuple[str, int, int]:
    """A key, step and moment as values of steps have them."""
    moment = time.time_ns() // 1_000_000 if timestamp is None else values.timestamp(timestamp)
    return values.key(key), 0 if step is None else values.step(step), moment
