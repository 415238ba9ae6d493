"""Many ids in, rows in the same order out: so that a list of runs costs a handful of statements."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from trackql_server.domain import experiments, metrics, runs
from trackql_server.domain.context import Context
from trackql_server.domain.pages import Page, Paged
from trackql_server.models import Experiment, ExperimentTag, Run

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class KeyedPage:
    """A page of a run's params, tags or metrics: what one loader call asks for."""

    run_id: str
    table: type[Any]
    keys: tuple[str, ...] | None
    search: str | None
    page: Page

    @property
    def question(self) -> tuple[Any, ...]:
        """What calls that one statement can answer have in common."""
        return (self.table, self.keys, self.search, self.page)


class Loaders:
    """What resolvers find in `info.context`: the domain's context, and loaders on it.

    The loaders gather but do not remember: a subscription lives long and must see what is new.
    """

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.consoles = 0  # looked into at this moment
        self.experiments: DataLoader[str, Experiment | None] = DataLoader(
            self._experiments, cache=False
        )
        self.runs: DataLoader[str, Run | None] = DataLoader(self._runs, cache=False)
        self.run_counts: DataLoader[tuple[str, bool], int] = DataLoader(
            self._run_counts, cache=False
        )
        self.experiment_tags: DataLoader[str, list[ExperimentTag]] = DataLoader(
            self._experiment_tags, cache=False
        )
        self.keyed: DataLoader[KeyedPage, Paged[Any]] = DataLoader(self._keyed, cache=False)
        self.keyed_counts: DataLoader[KeyedPage, int] = DataLoader(self._keyed_counts, cache=False)

        self._own: dict[object, DataLoader[Any, Any]] = {}

    def own(self, load: Callable[[Context, list[K]], Awaitable[dict[K, V]]]) -> DataLoader[K, V]:
        """The loader of one noun's own, made when it is first asked for.

        `load` gives what each of the keys stands for.
        """
        found = self._own.get(load)
        if found is None:

            async def gathered(keys: list[K]) -> list[V]:
                values = await load(self.ctx, list(dict.fromkeys(keys)))
                return [values[each] for each in keys]

            found = self._own[load] = DataLoader(gathered, cache=False)
        return found

    async def _experiments(self, ids: list[str]) -> list[Experiment | None]:
        found = await experiments.by_ids(self.ctx, list(dict.fromkeys(ids)))
        return [found.get(each) for each in ids]

    async def _runs(self, ids: list[str]) -> list[Run | None]:
        found = await runs.by_ids(self.ctx, list(dict.fromkeys(ids)))
        return [found.get(each) for each in ids]

    async def _run_counts(self, asked: list[tuple[str, bool]]) -> list[int]:
        found: dict[tuple[str, bool], int] = {}
        for running in {running for _, running in asked}:
            ids = list(dict.fromkeys(each for each, which in asked if which is running))
            counts = await experiments.run_counts(self.ctx, ids, running=running)
            found |= {(each, running): number for each, number in counts.items()}
        return [found[each] for each in asked]

    async def _experiment_tags(self, ids: list[str]) -> list[list[ExperimentTag]]:
        found = await experiments.tags(self.ctx, list(dict.fromkeys(ids)))
        return [found[each] for each in ids]

    async def _keyed(self, asked: list[KeyedPage]) -> list[Paged[Any]]:
        found: dict[KeyedPage, Paged[Any]] = {}
        for (table, keys, search, page), some in _by_question(asked).items():
            pages = await metrics.of_runs(self.ctx, table, list(some), keys, search, page)
            found |= {some[run_id]: paged for run_id, paged in pages.items()}
        return [found[each] for each in asked]

    async def _keyed_counts(self, asked: list[KeyedPage]) -> list[int]:
        found: dict[KeyedPage, int] = {}
        for (table, keys, search, _), some in _by_question(asked).items():
            counts = await metrics.counts(self.ctx, table, list(some), keys, search)
            found |= {some[run_id]: number for run_id, number in counts.items()}
        return [found[each] for each in asked]


def _by_question(asked: list[KeyedPage]) -> dict[tuple[Any, ...], dict[str, KeyedPage]]:
    questions: dict[tuple[Any, ...], dict[str, KeyedPage]] = defaultdict(dict)
    for each in asked:
        questions[each.question][each.run_id] = each
    return questions
