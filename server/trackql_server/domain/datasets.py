"""Verbs about datasets: what runs read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trackql_server.domain import access, runs, search, words
from trackql_server.domain.context import Context
from trackql_server.domain.search import Where
from trackql_server.errors import InvalidInput
from trackql_server.models import Dataset, DatasetInput, Run
from trackql_server.store import datasets as store
from trackql_server.store import paging
from trackql_server.store.datasets import Identity, Used, identity

# Characters of each fact.
LONGEST_DIGEST = 64
LONGEST_TYPE = 500
LONGEST_SOURCE = 65_535
LONGEST_SCHEMA = 1_048_575
LONGEST_PROFILE = 16_777_215
LONGEST_CONTEXT = 500
LONGEST_TAG = 500

# Datasets that one request logs, that one run may have, and tags of each.
LOGGED = 100
INPUTS = 1_000
TAGS = 100


@dataclass(frozen=True)
class NewInput:
    """A dataset that a run used, as a client tells of it."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None
    context: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


async def log(ctx: Context, run_id: str, given: Sequence[NewInput]) -> list[Used]:
    """Note datasets that a run used; all that it has.

    The first facts told of a dataset stay, and the same dataset in the same context is noted once,
    so logging again changes nothing. Raises InvalidInput, NotFound, RunDeleted.
    """
    access.require_write(ctx.viewer)
    if len(given) > LOGGED:
        raise InvalidInput(
            f"datasets names {len(given)}; log at most {LOGGED} at once", argument="datasets"
        )
    for place, each in enumerate(given):
        _check(each, f"datasets[{place}]")
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        known = await store.inputs(work.session, run.number)
        used = {(row.name, row.digest, row.context) for row in known}
        rows, inputs = [], []
        for each in given:
            if (each.name, each.digest, each.context) in used:
                continue
            used.add((each.name, each.digest, each.context))
            rows.append(_row(ctx, run, each))
            inputs.append(_input(run, len(used) - 1, each))
        if len(used) > INPUTS:
            raise InvalidInput(
                f"the run would have {len(used)} datasets; it may have {INPUTS:,}: log a"
                " collection of them as one",
                argument="datasets",
            )
        if rows:
            await store.add(work.session, rows)
            work.session.add_all(inputs)
            await work.session.flush()
            work.announce(run)
        found = await store.of_runs(work.session, [run.number])
    return found[run.number]


async def of_runs(ctx: Context, numbers: Sequence[int]) -> dict[int, list[Used]]:
    """Datasets by the number of the run that used them."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.of_runs(session, numbers)


async def get(ctx: Context, which: Identity) -> Dataset | None:
    """One dataset; None when there is none."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.by_identity(session, which)


async def listed(
    ctx: Context, experiment_ids: Sequence[str] | None, text: str | None, page: paging.Page
) -> paging.Paged[Dataset]:
    """A page of the datasets of experiments, by name; of all in use if none is named."""
    scope = await search.scope(ctx, Where(experiment_ids))
    async with ctx.read() as session:
        return await store.page(session, scope.experiment_ids, text, page)


async def count(ctx: Context, experiment_ids: Sequence[str] | None, text: str | None) -> int:
    """How many `listed` has in all."""
    scope = await search.scope(ctx, Where(experiment_ids))
    async with ctx.read() as session:
        return await paging.count(session, store.listing(scope.experiment_ids, text))


async def texts(
    ctx: Context, which: Sequence[Identity]
) -> dict[Identity, tuple[str | None, str | None]]:
    """Schema and profile of datasets."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.texts(session, which)


async def run_counts(ctx: Context, which: Sequence[Identity]) -> dict[Identity, int]:
    """How many runs in use used each dataset."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.run_counts(session, which)


async def users(ctx: Context, which: Identity, page: paging.Page) -> paging.Paged[Run]:
    """A page of the runs in use that used a dataset, newest first."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.runs(session, which, page)


def _row(ctx: Context, run: Run, given: NewInput) -> Dataset:
    return Dataset(
        experiment_id=run.experiment_id,
        name=given.name,
        digest=given.digest,
        source_type=given.source_type,
        source=given.source,
        data_schema=given.schema,
        profile=given.profile,
        created_at=ctx.now(),
    )


def _input(run: Run, place: int, given: NewInput) -> DatasetInput:
    return DatasetInput(
        run_number=run.number,
        place=place,
        experiment_id=run.experiment_id,
        name=given.name,
        digest=given.digest,
        context=given.context,
        tags=dict(given.tags) or None,
    )


def _check(given: NewInput, at: str) -> None:
    words.name(given.name, f"{at}.name")
    if not given.digest:
        raise InvalidInput(
            f"{at}.digest is empty; give a text that tells its content from another's",
            argument=f"{at}.digest",
        )
    for text, name, longest in (
        (given.digest, "digest", LONGEST_DIGEST),
        (given.source_type, "sourceType", LONGEST_TYPE),
        (given.source, "source", LONGEST_SOURCE),
        (given.schema or "", "schema", LONGEST_SCHEMA),
        (given.profile or "", "profile", LONGEST_PROFILE),
        (given.context, "context", LONGEST_CONTEXT),
    ):
        words.fitting(text, f"{at}.{name}", longest)
    if len(given.tags) > TAGS:
        raise InvalidInput(
            f"{at}.tags has {len(given.tags)} tags; give at most {TAGS}", argument=f"{at}.tags"
        )
    for key, value in given.tags.items():
        words.key(key, f"{at}.tags")
        words.fitting(value, f"{at}.tags", LONGEST_TAG)


__all__ = [
    "Identity",
    "NewInput",
    "Used",
    "count",
    "get",
    "identity",
    "listed",
    "log",
    "of_runs",
    "run_counts",
    "texts",
    "users",
]
