"""Looking at what removing for good would remove; nothing changes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, select

from trackql_server.models.columns import EPOCH
from trackql_server.store.listed import one_of
from trackql_server.store.purge import (
    ARTIFACT,
    BLOB,
    EXPERIMENT,
    PART,
    RUN,
    UPLOAD,
    Removed,
    Until,
    trashed,
    unused,
)


def survey(connection: Connection, until: Until) -> Removed:
    """What removing all that would remove; nothing changes."""
    found = Removed()
    experiments = select(EXPERIMENT.c.id).where(_due(EXPERIMENT, until.experiments))
    doomed = _due(RUN, until.runs) | RUN.c.experiment_id.in_(experiments)
    of_doomed = ARTIFACT.c.owner_number.in_(select(RUN.c.number).where(doomed))
    leaving: ColumnElement[bool] = of_doomed
    if until.artifacts is not None:
        of_trash = ARTIFACT.c.trashed_at.is_not(None) & (ARTIFACT.c.trashed_at <= until.artifacts)
        leaving = of_doomed | of_trash
    found.experiments = _count(connection, EXPERIMENT, _due(EXPERIMENT, until.experiments))
    found.runs = _count(connection, RUN, doomed)
    found.artifacts = _count(connection, ARTIFACT, leaving)

    abandoned: ColumnElement[bool] = UPLOAD.c.run_id.in_(select(RUN.c.id).where(doomed))
    if until.idle is not None:
        abandoned = abandoned | (UPLOAD.c.touched_at <= until.idle)
    found.uploads = _count(connection, UPLOAD, abandoned)
    last = (PART.c.part + 1) * UPLOAD.c.part_size - UPLOAD.c.size
    # Every part is whole but the last one, which lacks what goes beyond the size.
    sizes = select(UPLOAD.c.part_size, last.label("beyond")).join(
        PART, PART.c.upload_id == UPLOAD.c.id
    )
    for part_size, beyond in connection.execute(sizes.where(abandoned)):
        found.upload_bytes += part_size - max(0, beyond)

    digests = select(ARTIFACT.c.digest).where(leaving)
    staying = select(ARTIFACT.c.number).where(ARTIFACT.c.digest == BLOB.c.digest, ~leaving)
    freed: ColumnElement[bool] = BLOB.c.digest.in_(digests) & ~staying.correlate(BLOB).exists()
    if until.idle is not None:
        freed = freed | unused(until.idle)
    blobs = connection.execute(
        select(func.count(), func.coalesce(func.sum(BLOB.c.size), 0)).where(freed)
    ).one()
    found.blobs, found.bytes = int(blobs[0]), int(blobs[1])
    return found


def named(connection: Connection, places: Sequence[str]) -> set[str]:
    """Those of these places in the artifact store that a blob or an upload under way has."""
    blobs = connection.execute(select(BLOB.c.place).where(one_of(BLOB.c.place, places)))
    found = set(blobs.scalars())
    of = {place: place.split("/")[1] for place in places if place.startswith("uploads/")}
    ids = sorted(set(of.values()))
    known = set(connection.execute(select(UPLOAD.c.id).where(one_of(UPLOAD.c.id, ids))).scalars())
    return found | {place for place, upload in of.items() if upload in known}


def _due(table: Table, until: datetime | None) -> ColumnElement[bool]:
    # What was claimed goes in any case.
    return trashed(table, EPOCH if until is None else until)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(
        connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
    )
