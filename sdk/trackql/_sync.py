"""Delivers the journals that dead processes left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import _outbox, config
from ._outbox import Outbox
from ._sender import Sender, deliver, lane_of
from ._spool import Journal
from ._uploads import Uploader
from ._uploads import deliver as upload
from .errors import TrackqlError

# How long a run may be unknown whose journal another sync may be delivering.
OTHERS = 5.0


@dataclass(frozen=True)
class Delivery:
    """What became of one journal, or of the files of one run."""

    run_id: str
    url: str
    points: int
    dropped: int
    error: TrackqlError | None
    files: int = 0


def left() -> list[Path]:
    """The journals in the spool, oldest first; those of living processes too."""
    spool = config.spool()
    if not spool.is_dir():
        return []
    return sorted(
        path
        for path in spool.iterdir()
        if path.is_dir() and path.name[0] != "." and path.name != _outbox.FOLDER
    )


def sync(
    url: str | None = None, to: str | None = None, discard: bool = False
) -> Iterator[Delivery]:
    """Deliver every journal without a living owner that is meant for `url`, or every one.

    Each goes to the server that it is meant for, or to another that `to` names. What a server
    refuses for good is kept, unless it is to be discarded.

    Safe to run twice, or several at a time: a journal is locked while it is delivered, and the
    server passes over what it has.
    """
    sender = Sender()
    busy = False
    for path in left():
        journal = Journal.adopt(path)
        if journal is None:
            _clear(path)
            busy |= path.exists()
            continue
        if url is not None and journal.meta["url"] != url:
            journal.abandon()
            continue
        lane = lane_of(journal, sender.route(to or str(journal.meta["url"])), sender)
        error: TrackqlError | None = None
        try:
            deliver(lane)
        except TrackqlError as failure:
            error = failure
        if lane.stopped is not None and discard:
            journal.remove()
            lane.removed = True
        dropped = lane.dropped
        if not lane.removed:
            journal.abandon()
        yield Delivery(lane.run_id, lane.route.url, lane.delivered, dropped, error)
    yield from _uploads(url, to, discard, OTHERS if busy else 0.0)


def _uploads(url: str | None, to: str | None, discard: bool, patience: float) -> Iterator[Delivery]:
    """Upload what dead processes left: after the journals, so that the runs are there."""
    for path in _outbox.left(config.spool()):
        outbox = Outbox.adopt(path)
        if outbox is None:
            _clear(path)
            continue
        uploader = Uploader(outbox, None)
        uploader.patience = patience
        for box in list(outbox.boxes.values()):
            if url is not None and box.url != url:
                continue
            error: TrackqlError | None = None
            try:
                upload(uploader, box, to)
            except TrackqlError as failure:
                error = failure
            if box.stopped is not None and discard:
                outbox.discard(box)
            refused, uploader.refused = uploader.refused, []
            server = to or box.url
            yield Delivery(
                box.run_id, server, 0, 0, error or next(iter(refused), None), box.delivered
            )
        uploader.stop()
        outbox.tidy()
        outbox.abandon()


def _clear(path: Path) -> None:
    """Remove a folder whose deletion was cut off behind its last file."""
    try:
        path.rmdir()
    except OSError:
        return  # it holds a journal, or someone else was faster
