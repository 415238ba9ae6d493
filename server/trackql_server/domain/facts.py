"""Verbs about what surrounds runs: their source, their environment, how they failed."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import orjson

from trackql_server.domain import access, runs, words
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput
from trackql_server.store import facts as store

# Bytes of one fact as JSON, and of the text of a traceback.
LARGEST = 2_000_000
LONGEST_TRACEBACK = 256 * 1024
MOST_PACKAGES = 20_000
MOST_VARIABLES = 1_000
MOST_GPUS = 256
MOST_ARGUMENTS = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """The code that ran."""

    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    dirty: bool | None = None
    diff_path: str | None = None
    untracked_path: str | None = None
    snapshot_path: str | None = None
    entry_point: str = ""
    arguments: list[str] = field(default_factory=list)
    working_folder: str = ""
    notebook: str | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Gpu:
    """A graphics processor; memory in bytes."""

    name: str
    memory: int | None = None
    driver: str = ""


@dataclass(frozen=True)
class Package:
    """An installed distribution."""

    name: str
    version: str


@dataclass(frozen=True)
class Variable:
    """A variable of the process' environment."""

    name: str
    value: str


@dataclass(frozen=True)
class Environment:
    """The machine and the packages; memory in bytes."""

    python: str = ""
    implementation: str = ""
    platform: str = ""
    cpu: str = ""
    cpu_count: int | None = None
    memory: int | None = None
    gpus: list[Gpu] = field(default_factory=list)
    hostname: str = ""
    packages: list[Package] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    lock_path: str | None = None


@dataclass(frozen=True)
class Failure:
    """The exception that ended a run; Unix milliseconds."""

    kind: str
    message: str
    traceback: str
    time: int


Fact = Source | Environment | Failure
KINDS: dict[type[Fact], str] = {
    Source: "source",
    Environment: "environment",
    Failure: "failure",
}


async def log(ctx: Context, run_id: str, facts: Sequence[Fact]) -> None:
    """Note facts of a run; each replaces what was known of its kind, so sending again is harmless.

    Raises InvalidInput, NotFound, RunDeleted.
    """
    access.require_write(ctx.viewer)
    if not facts:
        raise InvalidInput("nothing is given; name source, environment or failure")
    bodies = await asyncio.to_thread(lambda: {KINDS[type(each)]: _body(each) for each in facts})
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        await store.put(work.session, run.number, bodies)
        work.announce(run)


async def sources(ctx: Context, numbers: Sequence[int]) -> dict[int, Source | None]:
    """The sources of runs, by their numbers."""
    return {
        number: None if fact is None else Source(**fact)
        for number, fact in (await _of_runs(ctx, numbers, "source")).items()
    }


async def environments(ctx: Context, numbers: Sequence[int]) -> dict[int, Environment | None]:
    """The environments of runs, by their numbers."""
    return {
        number: None if fact is None else _environment(fact)
        for number, fact in (await _of_runs(ctx, numbers, "environment")).items()
    }


async def failures(ctx: Context, numbers: Sequence[int]) -> dict[int, Failure | None]:
    """How runs failed, by their numbers."""
    return {
        number: None if fact is None else Failure(**fact)
        for number, fact in (await _of_runs(ctx, numbers, "failure")).items()
    }


async def _of_runs(
    ctx: Context, numbers: Sequence[int], kind: str
) -> dict[int, dict[str, Any] | None]:
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        found = await store.of_runs(session, numbers, [kind])

    def unpacked() -> dict[int, dict[str, Any] | None]:
        bodies = {number: found.get((number, kind)) for number in numbers}
        return {n: None if body is None else store.unpack(body) for n, body in bodies.items()}

    return await asyncio.to_thread(unpacked) if found else dict.fromkeys(numbers)


def _environment(fact: dict[str, Any]) -> Environment:
    gpus = [Gpu(**each) for each in fact.pop("gpus")]
    packages = [Package(**each) for each in fact.pop("packages")]
    variables = [Variable(**each) for each in fact.pop("variables")]
    return Environment(**fact, gpus=gpus, packages=packages, variables=variables)


def _body(fact: Fact) -> bytes:
    kind = KINDS[type(fact)]
    content = asdict(fact)
    for name, most in (
        ("packages", MOST_PACKAGES),
        ("variables", MOST_VARIABLES),
        ("gpus", MOST_GPUS),
        ("arguments", MOST_ARGUMENTS),
        ("notes", 100),
    ):
        if len(content.get(name) or ()) > most:
            raise InvalidInput(f"{kind}.{name} has more than {most:,} entries", argument=kind)
    _check(content, kind)
    if isinstance(fact, Failure) and len(fact.traceback.encode()) > LONGEST_TRACEBACK:
        raise InvalidInput(
            f"failure.traceback has more than {LONGEST_TRACEBACK:,} bytes; leave out its middle",
            argument="failure",
        )
    if len(orjson.dumps(content)) > LARGEST:
        raise InvalidInput(f"{kind} has more than {LARGEST:,} bytes as JSON", argument=kind)
    return store.pack(content)


def _check(content: Any, argument: str) -> None:
    if isinstance(content, str):
        words.description(content, argument)
    elif isinstance(content, dict):
        for each in content.values():
            _check(each, argument)
    elif isinstance(content, list):
        for each in content:
            _check(each, argument)
