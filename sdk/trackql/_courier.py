"""How what waits in an outbox travels: packs of what is small, parts of what is large."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from . import _pack, _paths
from ._outbox import Large
from ._segment import Item
from ._transport import Transport
from ._wire import Buffer, Buffers, Moved, elsewhere
from .errors import InvalidInput, NotFound, TrackqlError, WrongDigest

# From here on a file goes in parts, and an upload that was cut off is taken up again.
PARTS_FROM = 32 << 20
# Less than this is sent without asking first whether the server has it.
ASK_FROM = 1 << 20
SOME = 32
# A bucket takes no more than this at once.
DIRECT = 5 * 10**9
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Expired(Exception):
    """The server no longer knows an upload that was begun, or lost parts of it."""


class Courier:
    """Carries items of runs to one server."""

    def __init__(self, transport: Transport, url: str, moved: Moved, spared: Moved) -> None:
        self.transport = transport
        self.moved = moved  # told of bytes as they are sent
        self.spared = spared  # told of bytes that the server has already
        # Next to the server its processors are the bound: parts in their order cost it the least,
        # since it hashes them as they pass.
        near = urlsplit(url).hostname in LOOPBACK
        self.workers = 1 if near else 4
        # To ask for a file costs about as much as to send so many bytes.
        self.worth = 64 << 10 if near else 2 << 10

    def _change(self, operation: str, **fields: Any) -> Any:
        data = self.transport.execute(operation, {"input": fields})
        return next(iter(data.values()))

    # -- what is small

    def items(self, run_id: str, items: Sequence[Item]) -> int:
        """Deliver the first items that can travel together; how many these were."""
        uri = "uri" in items[0].meta
        count = next((n for n, item in enumerate(items) if ("uri" in item.meta) != uri), len(items))
        items = items[:count]
        if uri:
            references = [dict(item.meta) for item in items]
            self._change("log_artifact_references", runId=run_id, references=references)
            return count
        # A path that is there twice: the second replaces the first, in a pack of its own.
        seen: set[str] = set()
        for number, item in enumerate(items):
            if item.path is not None and item.path in seen:
                items = items[:number]
                break
            if item.path is not None:
                seen.add(item.path)
        self._pack(run_id, self._lacking(run_id, items))
        return len(items)

    def _lacking(self, run_id: str, items: Sequence[Item]) -> Sequence[Item]:
        """Those whose bytes the server lacks; the others are logged by their digests."""
        asked = [item for item in items if item.meta.get("ask") and len(item.body) >= self.worth]
        if sum(len(item.body) for item in asked) < ASK_FROM:
            return items
        # Of a folder that was never here some files tell enough: asking for each costs as well.
        some = asked[:: max(1, len(asked) // SOME)]
        there = self._known(run_id, some)
        if there and len(some) < len(asked):
            tried = {item.path for item in some}
            there |= self._known(run_id, [item for item in asked if item.path not in tried])
        self.spared(sum(len(item.body) for item in asked if item.path in there))
        return [item for item in items if item.path is None or item.path not in there]

    def _known(self, run_id: str, items: Sequence[Item]) -> set[str | None]:
        """Log those whose bytes the server has; which these are."""
        files = [_words(item.meta, "path", "size", "sha256", "mediaType") for item in items]
        missing = set(self._change("log_artifacts", runId=run_id, files=files)["missing"])
        return {item.path for item in items} - missing

    def _pack(self, run_id: str, items: Sequence[Item]) -> None:
        if not items:
            return
        entries = [
            _words(item.meta, "path", "size", "sha256", "mediaType", "value") for item in items
        ]
        pieces: list[Buffer] = [_pack.head(entries)]
        pieces += [item.body for item in items if len(item.body)]
        target = f"/artifacts/runs/{run_id}"
        headers = {"Content-Type": _pack.MEDIA}
        with self.transport.request("POST", target, Buffers(pieces), headers, self.moved) as reply:
            reply.read()

    # -- what is large

    def large(self, run_id: str, item: Large, stopped: Callable[[], bool]) -> None:
        """Deliver one file, and the value that goes with it."""
        sha256 = item.sha256()
        told = {**_words(item.meta, "path", "size", "mediaType"), "sha256": sha256}
        if item.size < PARTS_FROM:
            self._whole(run_id, item, told)
        else:
            self._parts(run_id, item, told, stopped)
        if (value := item.meta.get("value")) is not None:
            body = Buffers([_pack.head([{"value": value}])])
            target = f"/artifacts/runs/{run_id}"
            with self.transport.request(
                "POST", target, body, {"Content-Type": _pack.MEDIA}
            ) as reply:
                reply.read()

    def _whole(self, run_id: str, item: Large, told: dict[str, Any]) -> None:
        if not self._change("log_artifacts", runId=run_id, files=[told])["missing"]:
            self.spared(item.size)
            return
        encoded = b64encode(bytes.fromhex(told["sha256"])).decode()
        headers = {"Repr-Digest": f"sha-256=:{encoded}:"}
        if told.get("mediaType"):
            headers["Content-Type"] = told["mediaType"]
        target = _paths.address(run_id, item.path)
        with self.transport.request("PUT", target, item.body(), headers, self.moved) as reply:
            reply.read()

    def _parts(
        self, run_id: str, item: Large, told: dict[str, Any], stopped: Callable[[], bool]
    ) -> None:
        upload = self._change("begin_upload", runId=run_id, **told)
        if upload["artifact"] is not None:
            self.spared(item.size)
            return
        direct = upload.get("directUrl") and item.size <= DIRECT
        if direct and self._direct(item, upload):
            self._change("complete_upload", id=upload["id"])
            return
        size = int(upload["partSize"])
        received = {int(part) for part in upload["receivedParts"]}
        self.spared(sum(min(size, item.size - part * size) for part in received))
        waiting = [part for part in range(int(upload["parts"])) if part not in received]
        try:
            self._send(item, str(upload["id"]), size, waiting[::-1], stopped)
            self._change("complete_upload", id=upload["id"])
        except (NotFound, InvalidInput) as error:
            if isinstance(error, WrongDigest):
                raise
            raise Expired(str(error)) from error

    def _direct(self, item: Large, upload: dict[str, Any]) -> bool:
        """Give the bytes to the bucket itself; False where it does not take them from here."""
        headers = {each["name"]: each["value"] for each in upload.get("directHeaders") or ()}
        try:
            elsewhere("PUT", upload["directUrl"], item.body(), headers, self.moved)
        except TrackqlError:
            return False
        return True

    def _send(
        self, item: Large, upload: str, size: int, parts: list[int], stopped: Callable[[], bool]
    ) -> None:
        """Send parts in parallel; the first failure ends all and is raised."""
        failures: list[BaseException] = []

        def work() -> None:
            while not failures and not stopped():
                try:
                    part = parts.pop()
                except IndexError:
                    return
                body = item.body(part * size, min(size, item.size - part * size))
                target = f"/artifacts/uploads/{upload}/{part}"
                try:
                    with self.transport.request("PUT", target, body, None, self.moved) as reply:
                        reply.read()
                except BaseException as error:
                    failures.append(error)

        threads = []
        for number in range(min(self.workers, len(parts)) - 1):
            thread = threading.Thread(target=work, name=f"trackql-part-{number}", daemon=True)
            with suppress(RuntimeError):  # at interpreter exit no thread can be started
                thread.start()
                threads.append(thread)
        work()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


def _words(meta: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: meta[name] for name in names if meta.get(name) is not None}
