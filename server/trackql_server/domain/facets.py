"""Verbs that help to ask: which keys and values there are, what may stand at an editor's cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trackql_server.domain import search, words
from trackql_server.domain.context import Context
from trackql_server.domain.search import Where
from trackql_server.errors import InvalidFilter, InvalidInput
from trackql_server.filters.fields import Kind, kind
from trackql_server.filters.parse import parse
from trackql_server.filters.spell import spell, spell_key, spell_value
from trackql_server.filters.tree import Entity, Field, Relation
from trackql_server.models import LabelKind
from trackql_server.store.paging import Page, Paged
from trackql_server.store.search import facets as store

KINDS = {
    Entity.METRIC: LabelKind.METRIC,
    Entity.PARAM: LabelKind.PARAM,
    Entity.TAG: LabelKind.TAG,
    Entity.CONFIG: LabelKind.CONFIG,
}


class Suggested(StrEnum):
    """What a suggestion is."""

    KEYWORD = "KEYWORD"
    OPERATOR = "OPERATOR"
    ATTRIBUTE = "ATTRIBUTE"
    ENTITY = "ENTITY"
    KEY = "KEY"
    STATISTIC = "STATISTIC"
    VALUE = "VALUE"
    LITERAL = "LITERAL"


@dataclass(frozen=True)
class Suggestion:
    """A text that may stand at the cursor; `runs` have the value where it is one."""

    text: str
    kind: Suggested
    runs: int | None = None


@dataclass(frozen=True)
class Suggestions:
    """What may replace the characters from `start` up to `end`."""

    start: int
    end: int
    items: Sequence[Suggestion]


@dataclass(frozen=True)
class Checked:
    """A filter as it is spelled in full, or what is wrong with it."""

    canonical: str | None
    error: InvalidFilter | None


async def keys(
    ctx: Context, where: Where, kind: LabelKind, prefix: str, text: str | None, page: Page
) -> Paged[str]:
    """Keys of a kind that the runs of some experiments use, by their letters."""
    scope = await search.scope(ctx, where)
    if len(prefix) > words.LONGEST_KEY:
        raise InvalidInput("prefix is longer than any key", argument="prefix")
    async with ctx.read() as session:
        return await store.keys(session, scope, kind, prefix, text, page)


async def key_counts(
    ctx: Context, where: Where, kind: LabelKind, some: Sequence[str]
) -> dict[str, int]:
    """How many runs use each of these keys."""
    scope = await search.scope(ctx, where)
    async with ctx.read() as session:
        return await store.key_counts(session, scope, kind, some)


async def values(
    ctx: Context, where: Where, field: Field, prefix: str, most: int
) -> list[tuple[str, int]]:
    """Texts that a field has, the most frequent first, with how many runs have each.

    Raises InvalidFilter for a field that holds no texts.
    """
    if not 0 <= most <= 1000:
        raise InvalidInput("first must lie between 0 and 1000", argument="first")
    textual = kind(field) in (Kind.TEXT, Kind.PARAM, Kind.CONFIG, Kind.STATUS)
    if not textual or field.entity is Entity.DATASET:
        raise InvalidFilter("only fields that hold texts have values to list", argument="field")
    scope = await search.scope(ctx, where)
    async with ctx.read() as session:
        return await store.values(session, scope, field, prefix[: words.LONGEST_VALUE], most)


def check(text: str) -> Checked:
    """Whether a filter can be read."""
    try:
        return Checked(spell(parse(text)), None)
    except InvalidFilter as error:
        return Checked(None, error)


async def suggest(ctx: Context, where: Where, text: str, cursor: int, most: int) -> Suggestions:
    """What may stand at the cursor of an editor, stored keys and values among it."""
    if not 0 <= most <= 1000:
        raise InvalidInput("first must lie between 0 and 1000", argument="first")
    from trackql_server.filters.complete import complete  # brings the parser along

    found = complete(text, cursor)
    items = [
        *(Suggestion(each, _word(each)) for each in found.words),
        *(Suggestion(each, Suggested.ATTRIBUTE) for each in found.attributes),
        *(Suggestion(each, Suggested.ENTITY) for each in found.entities),
        *(Suggestion(each, Suggested.STATISTIC) for each in found.statistics),
    ]
    if found.keys is not None:
        entity, prefix = found.keys
        if entity in KINDS and len(prefix) <= words.LONGEST_KEY:
            page = Page(most)
            stored = await keys(ctx, where, KINDS[entity], prefix, None, page)
            spelled = (spell_key(entity, key) for key in stored.rows)
            items = [*(Suggestion(each, Suggested.KEY) for each in spelled), *items]
    if found.values is not None:
        field, prefix = found.values
        if field.relation is Relation.SELF and field.entity is not Entity.DATASET:
            stored_values = await values(ctx, where, field, prefix, most)
            items += [
                Suggestion(spell_value(value), Suggested.VALUE, runs)
                for value, runs in stored_values
            ]
    items += [Suggestion(each, Suggested.LITERAL) for each in found.literals]
    return Suggestions(found.start, found.end, items[:most])


def _word(text: str) -> Suggested:
    return Suggested.KEYWORD if text in ("AND", "OR", "NOT", "(", ")", ",") else Suggested.OPERATOR
