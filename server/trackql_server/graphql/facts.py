"""What surrounds a run: its source, its environment, how it failed."""

import strawberry

from trackql_server import models
from trackql_server.domain import facts as domain
from trackql_server.domain.facts import Environment, Failure, Source
from trackql_server.graphql.context import Info
from trackql_server.graphql.paging import Given
from trackql_server.graphql.scalars import Int64

RunRow = strawberry.Parent[models.Run]


@strawberry.type(description="The code that ran: enough to check it out again.")
class RunSource:
    commit: str | None = strawberry.field(description="The commit that was checked out.")
    branch: str | None = strawberry.field(description="The branch; null for a detached commit.")
    remote: str | None = strawberry.field(
        description="Where the repository comes from, without credentials."
    )
    dirty: bool | None = strawberry.field(
        description="Whether anything differed from the commit; null without a repository."
    )
    diff_path: str | None = strawberry.field(
        description="Artifact with what was changed and not committed; for `git apply`."
    )
    untracked_path: str | None = strawberry.field(
        description="Artifact with files that git did not know: a zip."
    )
    snapshot_path: str | None = strawberry.field(
        description="Artifact with the sources, where there is no repository: a zip."
    )
    entry_point: str = strawberry.field(
        description="What was started: a script, `python -m …`, a notebook."
    )
    arguments: list[str] = strawberry.field(
        description="Its command line, with what looks like a secret taken out."
    )
    working_folder: str = strawberry.field(description="The folder it ran in.")
    notebook: str | None = strawberry.field(description="The notebook, if it was one.")
    notes: list[str] = strawberry.field(description="What could not be captured, and why.")


@strawberry.type(description="A graphics processor.")
class Gpu:
    name: str = strawberry.field(description="Its model.")
    memory: Int64 | None = strawberry.field(description="Bytes of its memory.")
    driver: str = strawberry.field(description="The driver's version.")


@strawberry.type(description="An installed package.")
class Package:
    name: str = strawberry.field(description="Its name.")
    version: str = strawberry.field(description="Its version.")


@strawberry.type(description="A variable of the environment that was on the list of harmless ones.")
class EnvironmentVariable:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="The machine and the packages that a run had: enough to rebuild them.")
class RunEnvironment:
    python: str = strawberry.field(description="The version of Python.")
    implementation: str = strawberry.field(description="Which Python: CPython, PyPy.")
    platform: str = strawberry.field(description="The operating system.")
    cpu: str = strawberry.field(description="The model of the processor.")
    cpu_count: int | None = strawberry.field(description="Processors that the run could use.")
    memory: Int64 | None = strawberry.field(description="Bytes of memory.")
    gpus: list[Gpu] = strawberry.field(description="Its graphics processors.")
    hostname: str = strawberry.field(description="The machine.")
    packages: list[Package] = strawberry.field(description="Installed packages, by name.")
    variables: list[EnvironmentVariable] = strawberry.field(
        description="Variables of the environment that are known to be harmless, by name."
    )
    lock_path: str | None = strawberry.field(
        description="Artifact with the packages; for `pip install -r`."
    )


@strawberry.type(description="The exception that ended a run.")
class RunFailure:
    kind: str = strawberry.field(description="Its type.")
    message: str = strawberry.field(description="What it said.")
    traceback: str = strawberry.field(description="Where it came from, as Python prints it.")
    time: Int64 = strawberry.field(description="When, Unix milliseconds.")


@strawberry.type
class RunFacts:
    @strawberry.field(
        graphql_type=RunSource | None, description="The code that ran; null when not captured."
    )
    @staticmethod
    async def source(root: RunRow, info: Info) -> Source | None:
        return await info.context.own(domain.sources).load(root.number)

    @strawberry.field(
        graphql_type=RunEnvironment | None,
        description="The machine and the packages; null when not captured.",
    )
    @staticmethod
    async def environment(root: RunRow, info: Info) -> Environment | None:
        return await info.context.own(domain.environments).load(root.number)

    @strawberry.field(
        graphql_type=RunFailure | None,
        description="The exception that ended it last; null when none did.",
    )
    @staticmethod
    async def failure(root: RunRow, info: Info) -> Failure | None:
        return await info.context.own(domain.failures).load(root.number)


@strawberry.input(description="The code that ran.")
class RunSourceInput:
    commit: str | None = strawberry.field(default=None, description="The commit checked out.")
    branch: str | None = strawberry.field(default=None, description="The branch.")
    remote: str | None = strawberry.field(
        default=None, description="Where the repository comes from; without credentials."
    )
    dirty: bool | None = strawberry.field(
        default=None, description="Whether anything differed from the commit."
    )
    diff_path: str | None = strawberry.field(
        default=None, description="Artifact with what was changed and not committed."
    )
    untracked_path: str | None = strawberry.field(
        default=None, description="Artifact with files that git did not know."
    )
    snapshot_path: str | None = strawberry.field(
        default=None, description="Artifact with the sources, where there is no repository."
    )
    entry_point: str = strawberry.field(default="", description="What was started.")
    arguments: list[str] | None = strawberry.field(
        default=None, description="Its command line; without secrets."
    )
    working_folder: str = strawberry.field(default="", description="The folder it ran in.")
    notebook: str | None = strawberry.field(default=None, description="The notebook.")
    notes: list[str] | None = strawberry.field(
        default=None, description="What could not be captured, and why."
    )


@strawberry.input(description="A graphics processor.")
class GpuInput:
    name: str = strawberry.field(description="Its model.")
    memory: Int64 | None = strawberry.field(default=None, description="Bytes of its memory.")
    driver: str = strawberry.field(default="", description="The driver's version.")


@strawberry.input(description="An installed package.")
class PackageInput:
    name: str = strawberry.field(description="Its name.")
    version: str = strawberry.field(description="Its version.")


@strawberry.input(description="A variable of the environment.")
class EnvironmentVariableInput:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value; no secret.")


@strawberry.input(description="The machine and the packages that a run had.")
class RunEnvironmentInput:
    python: str = strawberry.field(default="", description="The version of Python.")
    implementation: str = strawberry.field(default="", description="Which Python.")
    platform: str = strawberry.field(default="", description="The operating system.")
    cpu: str = strawberry.field(default="", description="The model of the processor.")
    cpu_count: int | None = strawberry.field(default=None, description="Processors.")
    memory: Int64 | None = strawberry.field(default=None, description="Bytes of memory.")
    gpus: list[GpuInput] | None = strawberry.field(default=None, description="Graphics processors.")
    hostname: str = strawberry.field(default="", description="The machine.")
    packages: list[PackageInput] | None = strawberry.field(
        default=None, description="Installed packages; at most 20,000."
    )
    variables: list[EnvironmentVariableInput] | None = strawberry.field(
        default=None, description="Variables of the environment; at most 1,000."
    )
    lock_path: str | None = strawberry.field(
        default=None, description="Artifact with the packages."
    )


@strawberry.input(description="The exception that ended a run.")
class RunFailureInput:
    kind: str = strawberry.field(description="Its type.")
    message: str = strawberry.field(description="What it said.")
    traceback: str = strawberry.field(
        description="Where it came from; at most 262,144 bytes, without secrets."
    )
    time: Int64 = strawberry.field(description="When, Unix milliseconds.")


@strawberry.input(description="What surrounds a run; each replaces what was known of its kind.")
class LogRunFactsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    source: RunSourceInput | None = strawberry.field(default=None, description="Its code.")
    environment: RunEnvironmentInput | None = strawberry.field(
        default=None, description="Its machine and packages."
    )
    failure: RunFailureInput | None = strawberry.field(
        default=None, description="The exception that ended it."
    )


@strawberry.type(description="That facts of a run were noted.")
class LoggedFacts:
    run_id: strawberry.ID = strawberry.field(description="The run.")


def _source(given: RunSourceInput) -> Source:
    return Source(
        given.commit,
        given.branch,
        given.remote,
        given.dirty,
        given.diff_path,
        given.untracked_path,
        given.snapshot_path,
        given.entry_point,
        given.arguments or [],
        given.working_folder,
        given.notebook,
        given.notes or [],
    )


def _environment(given: RunEnvironmentInput) -> Environment:
    return Environment(
        given.python,
        given.implementation,
        given.platform,
        given.cpu,
        given.cpu_count,
        given.memory,
        [domain.Gpu(each.name, each.memory, each.driver) for each in given.gpus or ()],
        given.hostname,
        [domain.Package(each.name, each.version) for each in given.packages or ()],
        [domain.Variable(each.name, each.value) for each in given.variables or ()],
        given.lock_path,
    )


@strawberry.type
class FactMutation:
    @strawberry.mutation(
        description=(
            "Note what surrounds a run: its source, its environment, how it failed. Sending again"
            " replaces what was known of the kinds given."
        )
    )
    async def log_run_facts(self, info: Info, input: Given[LogRunFactsInput]) -> LoggedFacts:
        facts: list[domain.Fact] = []
        if input.source is not None:
            facts.append(_source(input.source))
        if input.environment is not None:
            facts.append(_environment(input.environment))
        if (failed := input.failure) is not None:
            facts.append(Failure(failed.kind, failed.message, failed.traceback, failed.time))
        await domain.log(info.context.ctx, input.run_id, facts)
        return LoggedFacts(run_id=input.run_id)
