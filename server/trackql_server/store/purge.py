"""Removing for good, in short transactions: what is in the trash, with all that hangs on it.

A run or an experiment is claimed first: its time of deletion becomes 1970, from which moment nobody
can take it out of the trash again. Then its rows go, some thousands a transaction, and the row of
the run itself with the last of them. What is interrupted is found again by that mark.

Bytes leave in two steps: the row of a blob goes in a transaction that holds it, once no artifact
has it any more; its place in the artifact store is emptied after the commit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, tuple_, update
from sqlmodel import SQLModel

from trackql_server.models import (
    Alert,
    AlertRule,
    Artifact,
    ArtifactFolder,
    Blob,
    ConfigValue,
    ConsoleChunk,
    ConsoleState,
    Dataset,
    DatasetInput,
    Experiment,
    ExperimentTag,
    Label,
    LabelKind,
    Lifecycle,
    LiveParam,
    LoggedValue,
    MetricChunk,
    MetricSeries,
    Param,
    Run,
    RunFact,
    RunRequest,
    SavedView,
    Tag,
    Upload,
    UploadPart,
    ValueSeries,
    WriterCursor,
)
from trackql_server.models.columns import EPOCH, table_of
from trackql_server.store.listed import one_of

# Rows that one transaction removes: some hundredths of a second, so that whoever logs meanwhile
# hardly waits.
ROWS = 2_000

# Runs that are removed together; few rows each is the rule.
RUNS = 100

# Tables with rows of a run, by the column that names it. What else has such a column is told to the
# tests by the tables themselves.
BY_NUMBER: tuple[type[SQLModel], ...] = (
    DatasetInput,
    LoggedValue,
    ValueSeries,
    ConsoleChunk,
    ConsoleState,
    RunFact,
    RunRequest,
    LiveParam,
    Alert,
)
BY_ID: tuple[type[SQLModel], ...] = (Param, Tag, WriterCursor)

# And those that `_run_parts` goes through in their own way.
OTHERWISE: tuple[type[SQLModel], ...] = (
    ConfigValue,
    MetricSeries,
    Artifact,
    ArtifactFolder,
    Upload,
)

# Tables with rows of an experiment that are not rows of its runs.
OF_EXPERIMENT: tuple[type[SQLModel], ...] = (ExperimentTag, Label, SavedView, Dataset, AlertRule)

RUN, EXPERIMENT = table_of(Run), table_of(Experiment)
SERIES, CHUNK = table_of(MetricSeries), table_of(MetricChunk)
ARTIFACT, FOLDER, BLOB = table_of(Artifact), table_of(ArtifactFolder), table_of(Blob)
UPLOAD, PART = table_of(Upload), table_of(UploadPart)
CONFIG, LABEL = table_of(ConfigValue), table_of(Label)


@dataclass(slots=True)
class Removed:
    """How much was removed, or would be; bytes are of blobs that no artifact has any more."""

    experiments: int = 0
    runs: int = 0
    artifacts: int = 0
    uploads: int = 0
    upload_bytes: int = 0
    blobs: int = 0
    bytes: int = 0
    orphans: int = 0
    orphan_bytes: int = 0

    def add(self, other: "Removed") -> None:
        """Count that too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Step:
    """What one transaction did; `places` and `uploads` are to be emptied once it is committed."""

    done: bool = False
    removed: Removed = field(default_factory=Removed)
    places: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Until:
    """What may go: put into the trash until then, by kind; None leaves a kind alone.

    `idle` is for uploads that nobody goes on with and for blobs that nobody has.
    """

    runs: datetime | None = None
    experiments: datetime | None = None
    artifacts: datetime | None = None
    idle: datetime | None = None


# Claiming


def due_runs(connection: Connection, until: datetime) -> list[int]:
    """Some runs of the trash, claimed; none is left when the list is empty."""
    rows = connection.execute(
        select(RUN.c.number)
        .where(trashed(RUN, until))
        .order_by(RUN.c.trashed_at)
        .limit(RUNS)
        .with_for_update()
    )
    numbers = [row[0] for row in rows]
    _claim_runs(connection, numbers)
    return numbers


def due_experiments(connection: Connection, until: datetime) -> list[str]:
    """Some experiments of the trash, claimed; none is left when the list is empty."""
    rows = connection.execute(
        select(EXPERIMENT.c.id)
        .where(trashed(EXPERIMENT, until))
        .order_by(EXPERIMENT.c.trashed_at, EXPERIMENT.c.id)
        .limit(RUNS)
        .with_for_update()
    )
    ids = [str(row[0]) for row in rows]
    claim_experiments(connection, ids)
    return ids


def runs_of(connection: Connection, experiment_id: str) -> list[int]:
    """Some runs of a claimed experiment, claimed, in use or not; empty when it has none."""
    rows = connection.execute(
        select(RUN.c.number)
        .where(RUN.c.experiment_id == experiment_id)
        .limit(RUNS)
        .with_for_update()
    )
    numbers = [row[0] for row in rows]
    _claim_runs(connection, numbers)
    return numbers


def claim_runs(connection: Connection, ids: Sequence[str]) -> list[int]:
    """The numbers of these runs, claimed."""
    rows = connection.execute(select(RUN.c.number).where(one_of(RUN.c.id, ids)))
    numbers = [row[0] for row in rows]
    _claim_runs(connection, numbers)
    return numbers


def claim_experiments(connection: Connection, ids: Sequence[str]) -> None:
    """From now on nobody can take them out of the trash."""
    connection.execute(update(EXPERIMENT).where(EXPERIMENT.c.id.in_(ids)).values(trashed_at=EPOCH))


def _claim_runs(connection: Connection, numbers: Sequence[int]) -> None:
    connection.execute(
        update(RUN)
        .where(one_of(RUN.c.number, numbers))
        .values(lifecycle=Lifecycle.DELETED, trashed_at=EPOCH)
    )


def trashed(table: Table, until: datetime) -> ColumnElement[bool]:
    """Runs or experiments that were put into the trash until then."""
    # The index holds only rows with a time.
    return and_(
        table.c.trashed_at.is_not(None),
        table.c.trashed_at <= until,
        table.c.lifecycle == Lifecycle.DELETED,
    )


# Removing


def remove_runs(connection: Connection, numbers: Sequence[int]) -> Step:
    """Remove rows of claimed runs, at most ROWS; `done` when nothing of the runs is left."""
    step = Step()
    rows = connection.execute(
        select(RUN.c.number, RUN.c.id, RUN.c.experiment_id)
        .where(one_of(RUN.c.number, numbers), RUN.c.trashed_at == EPOCH)
        .order_by(RUN.c.id)
        .with_for_update()
    ).all()
    if not rows:
        step.done = True
        return step
    numbers, ids = [row.number for row in rows], [row.id for row in rows]
    room = ROWS
    for part in _run_parts(step, numbers, ids, {row.experiment_id for row in rows}):
        room -= part(connection, room)
        if room <= 0:
            return step
    _lift_children(connection, ids)
    step.removed.runs = connection.execute(
        delete(RUN).where(one_of(RUN.c.number, numbers))
    ).rowcount
    step.done = True
    return step


def _run_parts(
    step: Step, numbers: Sequence[int], ids: Sequence[str], experiments: set[str]
) -> list[Callable[[Connection, int], int]]:
    """What removes rows of a run's tables, at most as many as it is told, and says how many."""

    def series(connection: Connection, room: int) -> int:
        # Locked as whoever merges chunks locks them, so that no chunk is added behind this back.
        held = select(SERIES.c.id).where(SERIES.c.run_id.in_(ids)).order_by(SERIES.c.id)
        some = [row[0] for row in connection.execute(held.limit(room).with_for_update())]
        if not some:
            return 0
        gone = _drain(connection, CHUNK, one_of(CHUNK.c.series_id, some), room)
        if gone < room:
            connection.execute(delete(SERIES).where(one_of(SERIES.c.id, some)))
            gone += len(some)
        return gone

    def configs(connection: Connection, room: int) -> int:
        labels = select(LABEL.c.id).where(
            LABEL.c.experiment_id.in_(experiments), LABEL.c.kind == str(LabelKind.CONFIG)
        )
        of_runs = CONFIG.c.run_number.in_(numbers)
        return _drain(connection, CONFIG, and_(CONFIG.c.label_id.in_(labels), of_runs), room)

    def artifacts(connection: Connection, room: int) -> int:
        return _artifacts(connection, step, ARTIFACT.c.owner_number.in_(numbers), room)

    def uploads(connection: Connection, room: int) -> int:
        return _uploads(connection, step, UPLOAD.c.run_id.in_(ids), room)

    def plain(table: Table, condition: ColumnElement[bool]) -> Callable[[Connection, int], int]:
        return lambda connection, room: _drain(connection, table, condition, room)

    return [
        series,
        configs,
        artifacts,
        uploads,
        plain(FOLDER, FOLDER.c.owner_number.in_(numbers)),
        *(plain(t, t.c.run_number.in_(numbers)) for t in map(table_of, BY_NUMBER)),
        *(plain(t, t.c.run_id.in_(ids)) for t in map(table_of, BY_ID)),
    ]


def remove_experiment(connection: Connection, experiment_id: str) -> Step:
    """Remove rows of a claimed experiment whose runs are gone, at most ROWS."""
    step = Step()
    room = ROWS
    for table in map(table_of, OF_EXPERIMENT):
        room -= _drain(connection, table, table.c.experiment_id == experiment_id, room)
        if room <= 0:
            return step
    gone = delete(EXPERIMENT).where(EXPERIMENT.c.id == experiment_id)
    step.removed.experiments = connection.execute(gone).rowcount
    step.done = True
    return step


def remove_artifacts(connection: Connection, until: datetime) -> Step:
    """Remove artifacts of the trash, at most ROWS."""
    step = Step()
    condition = and_(ARTIFACT.c.trashed_at.is_not(None), ARTIFACT.c.trashed_at <= until)
    step.done = _artifacts(connection, step, condition, ROWS) < ROWS
    return step


def remove_uploads(connection: Connection, until: datetime) -> Step:
    """Remove uploads that nobody touched since then, at most ROWS."""
    step = Step()
    step.done = _uploads(connection, step, UPLOAD.c.touched_at <= until, ROWS) < ROWS
    return step


def remove_unused(connection: Connection, until: datetime) -> Step:
    """Remove blobs of before that no artifact has, at most ROWS: of a process that died."""
    step = Step()
    rows = connection.execute(select(BLOB.c.digest).where(unused(until)).limit(ROWS))
    digests = [row[0] for row in rows]
    free(connection, step, digests)
    step.done = len(digests) < ROWS
    return step


def free(connection: Connection, step: Step, digests: Sequence[str]) -> None:
    """Remove the blobs of these digests that no artifact has; they are held before it is looked."""
    held = connection.execute(
        select(BLOB.c.digest, BLOB.c.size, BLOB.c.place)
        .where(one_of(BLOB.c.digest, sorted(set(digests))))
        .order_by(BLOB.c.digest)
        .with_for_update()
    ).all()
    used = set(
        connection.execute(
            select(ARTIFACT.c.digest).distinct().where(one_of(ARTIFACT.c.digest, digests))
        ).scalars()
    )
    gone = [row for row in held if row.digest not in used]
    connection.execute(delete(BLOB).where(one_of(BLOB.c.digest, [row.digest for row in gone])))
    step.places += [row.place for row in gone]
    step.removed.blobs += len(gone)
    step.removed.bytes += sum(row.size for row in gone)


def _artifacts(
    connection: Connection, step: Step, condition: ColumnElement[bool], room: int
) -> int:
    rows = connection.execute(
        select(ARTIFACT.c.number, ARTIFACT.c.digest)
        .where(condition)
        .order_by(ARTIFACT.c.number)
        .limit(room)
        .with_for_update()
    ).all()
    if rows:
        numbers = [row.number for row in rows]
        gone = connection.execute(delete(ARTIFACT).where(one_of(ARTIFACT.c.number, numbers)))
        step.removed.artifacts += gone.rowcount
        free(connection, step, [row.digest for row in rows if row.digest is not None])
    return len(rows)


def _uploads(connection: Connection, step: Step, condition: ColumnElement[bool], room: int) -> int:
    rows = connection.execute(
        select(UPLOAD.c.id, UPLOAD.c.size, UPLOAD.c.part_size)
        .where(condition)
        .order_by(UPLOAD.c.id)
        .limit(room)
        .with_for_update()
    ).all()
    gone = 0
    for row in rows:
        parts = connection.execute(select(PART.c.part).where(PART.c.upload_id == row.id)).scalars()
        step.removed.uploads += 1
        step.removed.upload_bytes += sum(
            min(row.part_size, row.size - part * row.part_size) for part in parts
        )
        step.uploads.append(row.id)
        gone += connection.execute(delete(PART).where(PART.c.upload_id == row.id)).rowcount + 1
        connection.execute(delete(UPLOAD).where(UPLOAD.c.id == row.id))
        if gone >= room:
            break
    return gone


def _drain(connection: Connection, table: Table, condition: ColumnElement[bool], room: int) -> int:
    """Remove at most `room` rows."""
    key: Sequence[Any] = list(table.primary_key.columns)
    some = select(*key).where(condition).limit(room)
    which = key[0].in_(some) if len(key) == 1 else tuple_(*key).in_(some)
    return connection.execute(delete(table).where(which)).rowcount


def _lift_children(connection: Connection, ids: Sequence[str]) -> None:
    """What was nested in runs that go is nested in nothing; each is the root of its own tree."""
    child, below = RUN.alias("child"), RUN.alias("below")
    tops = (
        select(child.c.id, child.c.number, child.c.number.label("top"))
        .where(child.c.parent_run_id.in_(ids), child.c.id.not_in(ids))
        .cte("tops", recursive=True)
    )
    tree = tops.union(
        select(below.c.id, below.c.number, tops.c.top).join(
            tops, below.c.parent_run_id == tops.c.id
        )
    )
    connection.execute(
        update(RUN).where(RUN.c.number == tree.c.number).values(root_number=tree.c.top)
    )
    connection.execute(
        update(RUN)
        .where(RUN.c.parent_run_id.in_(ids), RUN.c.id.not_in(ids))
        .values(parent_run_id=None)
    )


def unused(until: datetime) -> ColumnElement[bool]:
    """Blobs of before that no artifact has."""
    held = select(ARTIFACT.c.number).where(ARTIFACT.c.digest == BLOB.c.digest).correlate(BLOB)
    return (BLOB.c.created_at <= until) & ~held.exists()
