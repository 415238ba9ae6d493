"""A tree has one text, and the text is that tree."""

import pytest
from hypothesis import given

from tests.server.filters.trees import all_fields, keys, trees
from trackql_server.filters import parse
from trackql_server.filters.spell import (
    spell,
    spell_field,
    spell_key,
    spell_moment,
    spell_span,
    spell_value,
)
from trackql_server.filters.tree import EVERYTHING, All, Any, Entity, Field, Node, Not, Statistic


@given(trees)
def test_the_text_of_a_tree_is_read_as_that_tree(tree: Node) -> None:
    text = spell(tree)
    assert parse.parse(text) == tree
    assert spell(parse.parse(text)) == text


@given(all_fields())
def test_the_text_of_a_field_is_read_as_that_field(field: Field) -> None:
    assert parse.field(spell_field(field)) == field


@given(keys)
def test_a_spelled_key_stands_behind_its_entity(key: str) -> None:
    for entity in (Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.CONFIG):
        assert parse.field(f"{entity}.{spell_key(entity, key)}").key == key


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("", ""),
        ("  \n", ""),
        ("metric.loss<1", "metrics.loss < 1"),
        ("metrics.loss.last <> 1.50", "metrics.loss != 1.5"),
        ("metrics.loss == nan", "metrics.loss = NaN"),
        ("metrics.loss > -Infinity", "metrics.loss > -inf"),
        (
            "metrics.loss < 1e20 and metrics.loss > 1e-7",
            "metrics.loss < 1e+20 AND metrics.loss > 1e-07",
        ),
        ("metrics.`loss.min` = 1", "metrics.`loss.min` = 1"),
        ('parameters."my key" like "a""b"', "params.`my key` LIKE 'a\"b'"),
        ("params.a in ('x',)", "params.a IN ('x')"),
        ("attributes.`Run name` = 'x'", "name = 'x'"),
        ("\"run name\" = 'x'", "name = 'x'"),
        ("`metrics`.a > 1", "metrics.a > 1"),
        ("run.status = 'finished'", "status = 'FINISHED'"),
        ("created >= 1700000000000", "start_time >= '2023-11-14T22:13:20Z'"),
        ("start_time > '2026-11-01 12:30+02:00'", "start_time > '2026-11-01T10:30:00Z'"),
        ("start_time > -24h", "start_time > -1d"),
        ("duration > 90m", "duration > 1h30m"),
        ("not not (params.a is not null)", "NOT NOT (params.a IS NOT NULL)"),
        ("user='a' or (user='b' and user='c')", "user = 'a' OR user = 'b' AND user = 'c'"),
        ("(user='a' or user='b') and user='c'", "(user = 'a' OR user = 'b') AND user = 'c'"),
        ("children.tags.team not ilike 'a%'", "children.tags.team NOT ILIKE 'a%'"),
        ("config.amp = TRUE and config.lr !~ '^1'", "config.amp = true AND config.lr !~ '^1'"),
    ],
)
def test_equal_filters_have_one_text(given: str, canonical: str) -> None:
    assert spell(parse.parse(given)) == canonical
    assert spell(parse.parse(canonical)) == canonical


def test_what_has_no_parts_keeps_its_meaning() -> None:
    assert spell(EVERYTHING) == ""
    assert spell(Any(())) == "run_id IS NULL"
    assert spell(Not(EVERYTHING)) == "NOT (run_id IS NOT NULL)"
    leaf = parse.parse("user = 'a'")
    assert spell(All((leaf, Any(())))) == "user = 'a' AND (run_id IS NULL)"
    assert parse.parse(spell(All((Any((leaf,)),)))) == leaf


def test_single_parts() -> None:
    assert spell_span(0) == "0ms"
    assert spell_span(-93_784_005) == "-1d2h3m4s5ms"
    assert spell_moment(-1) == "1969-12-31T23:59:59.999Z"
    assert spell_value(-0.5) == "-0.5"
    assert spell_field(Field(Entity.METRIC, "a.min", Statistic.MAX)) == "metrics.`a.min`.max"
