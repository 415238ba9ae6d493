"""Whatever is asked, both databases find what a naive reading of the filter and the orders finds.

Some populations of random runs are stored; random filters and orders are asked of each, by pages of
several sizes, by every way a page can be made, and compared with `evaluator.py`.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.server.store.search import populations
from tests.server.store.search.evaluator import Record, View, is_nan
from tests.server.store.search.evaluator import kind as kind_of
from trackql_server.domain.context import Services
from trackql_server.filters import fields
from trackql_server.filters.fields import Kind
from trackql_server.filters.order import Order
from trackql_server.filters.spell import spell
from trackql_server.filters.tree import EVERYTHING, Entity, Field, Node
from trackql_server.models import Lifecycle
from trackql_server.models.columns import instant
from trackql_server.store.search import columns, pages, walks
from trackql_server.store.search.pages import Search
from trackql_server.store.search.scope import Scope

T = TypeVar("T")

ALIVE_SINCE = populations.NOW - populations.STALLED_AFTER * 1_000
LIFECYCLES = {None: None, False: Lifecycle.ACTIVE, True: Lifecycle.DELETED}

# What walks probe before they give up: so little that most do, just some, and as it is.
LOTS = st.sampled_from([(1,), (2, 3), (7, 20), walks.LOTS])


@dataclass
class World:
    """A stored population, and how its database is asked."""

    records: list[Record]
    ask: Callable[[Callable[[Connection], T]], T]


@pytest.fixture(params=range(3))
def world(request: pytest.FixtureRequest, database_url: str) -> Iterator[World]:
    records = populations.population(request.param)
    with asyncio.Runner() as runner:
        services = runner.run(
            Services.open(
                database_url,
                stalled_after=populations.STALLED_AFTER,
                clock=lambda: instant(populations.NOW),
            )
        )
        runner.run(populations.store(services, records))
        yield World(records, lambda work: runner.run(services.database.run_read(work)))
        runner.run(services.close())


@dataclass(frozen=True)
class Question:
    """What is asked."""

    experiment_ids: Sequence[str]
    deleted: bool | None
    node: Node = EVERYTHING
    orders: Sequence[Order] = ()
    whole: bool = False

    def scope(self) -> Scope:
        lifecycle = LIFECYCLES[self.deleted]
        return Scope(self.experiment_ids, lifecycle, instant(populations.NOW), instant(ALIVE_SINCE))

    def view(self, world: World) -> View:
        records = {record.id: record for record in world.records}
        return View(records, self.experiment_ids, self.deleted, populations.NOW, ALIVE_SINCE)


FIRST, SECOND = populations.EXPERIMENTS
EXPERIMENTS = st.sampled_from([[FIRST], [FIRST], [SECOND], [FIRST, SECOND], [FIRST, "none"], []])
DELETED = st.sampled_from([False, False, True, None])


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Anything that may be asked of a population."""
    orders = draw(populations.orders())
    node = draw(populations.trees(orders))
    return Question(draw(EXPERIMENTS), draw(DELETED), node, orders, draw(st.booleans()))


@settings(max_examples=100)
@given(question=questions(), size=st.integers(1, 7), offset=st.integers(0, 9), lots=LOTS)
def test_pages_are_what_the_filter_and_the_orders_say(
    world: World, question: Question, size: int, offset: int, lots: tuple[int, ...]
) -> None:
    found = question.view(world).found(question.node, question.orders, whole=question.whole)
    expected = [run.number for run in found]
    search = Search(question.scope(), question.node, question.orders, question.whole)

    def agree(connection: Connection) -> None:
        assert paged(connection, search, size, expected) == expected, spell(question.node)
        at_once = pages.page(connection, search, len(world.records))
        assert list(at_once.numbers) == expected
        assert not at_once.has_next
        jump = pages.page(connection, search, size, None, offset)
        assert list(jump.numbers) == expected[offset : offset + size]
        assert jump.has_next == (len(expected) > offset + size)
        assert pages.count(connection, search) == len(expected)
        assert list(pages.numbers(connection, search, 1_000)) == sorted(expected)
        assert len(pages.numbers(connection, search, 5)) == min(5, len(expected))
        some = [run.number for run in world.records[::2]]
        known = [int(row[-1]) for row in pages.among(connection, search, some)]
        assert sorted(known) == sorted({*some} & {*expected})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walks, "LOTS", lots)
        world.ask(agree)


def paged(connection: Connection, search: Search, size: int, expected: list[int]) -> list[int]:
    """The numbers of all pages, one after the other."""
    found: list[int] = []
    after, more = None, True
    while more and found == expected[: len(found)]:
        page = pages.page(connection, search, size, after)
        assert len(page.numbers) == len(page.cursors) <= size
        found += page.numbers
        more = page.has_next
        after = page.cursors[-1] if page.cursors else None
    return found


@settings(max_examples=50)
@given(
    asked=st.lists(populations.own_fields(), min_size=1, max_size=8),
    places=st.lists(st.integers(0, populations.RUNS - 1), unique=True),
    experiment_ids=EXPERIMENTS,
    looked_up=st.sampled_from([columns.LOOKED_UP, 3]),
)
def test_columns_are_what_runs_have(
    world: World,
    asked: list[Field],
    places: list[int],
    experiment_ids: list[str],
    looked_up: int,
) -> None:
    question = Question(experiment_ids, None)
    scope, view = question.scope(), question.view(world)
    runs = [world.records[place] for place in places if view.inside(world.records[place])]
    numbers = [run.number for run in runs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "LOOKED_UP", looked_up)
        made = world.ask(lambda connection: columns.columns(connection, scope, asked, numbers))
    assert [column.field for column in made] == asked
    for column in made:
        told = [cell(view, column.field, run) for run in runs]
        assert column.present.tolist() == [present for present, _, _ in told]
        if column.numbers is not None:
            known = [None if math.isnan(each) else each for each in column.numbers.tolist()]
            assert known == [number for _, number, _ in told]
        if column.texts is not None:
            assert column.texts.tolist() == [text for _, _, text in told]
        kind = fields.kind(column.field)
        assert (column.texts is None) == (kind in (Kind.NUMBER, Kind.TIME, Kind.DURATION))
        assert (column.numbers is None) == (
            kind in (Kind.TEXT, Kind.STATUS) or column.field.entity is Entity.TAG
        )


def cell(view: View, field: Field, run: Record) -> tuple[bool, float | None, str | None]:
    """Whether a run has a field, its number (None for NaN) and its text, flags spelled out."""
    values = view.values(field, run)
    numbers = [float(each) for each in values if kind_of(each) is float and not is_nan(each)]
    texts = [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in values
        if kind_of(each) is not float
    ]
    return bool(values), next(iter(numbers), None), next(iter(texts), None)
