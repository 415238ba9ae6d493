"""One field and a direction, as MLflow spells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.filters.trees import all_fields
from trackql_server.errors import InvalidFilter
from trackql_server.filters.order import Order, parse_order, spell_order
from trackql_server.filters.tree import Entity, Field, Relation, Statistic


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("metrics.loss.min DESC", Order(Field(Entity.METRIC, "loss", Statistic.MIN), True)),
        ("metrics.loss", Order(Field(Entity.METRIC, "loss", Statistic.LAST))),
        ("params.lr", Order(Field(Entity.PARAM, "lr"))),
        (" start_time  asc ", Order(Field(Entity.ATTRIBUTE, "start_time"))),
        ("attribute.Created\tDesc", Order(Field(Entity.ATTRIBUTE, "start_time"), True)),
        ('metrics."m x" ASC', Order(Field(Entity.METRIC, "m x", Statistic.LAST))),
        ("tags.`DESC`", Order(Field(Entity.TAG, "DESC"))),
        ("tags.desc desc", Order(Field(Entity.TAG, "desc"), True)),
        ("config.optimizer.lr", Order(Field(Entity.CONFIG, "optimizer.lr"))),
    ],
)
def test_an_order_is_read(text: str, order: Order) -> None:
    assert parse_order(text) == order


@given(all_fields(), st.booleans())
def test_the_text_of_an_order_is_read_as_that_order(field: Field, descending: bool) -> None:
    order = Order(field, descending)
    if field.entity is Entity.DATASET or field.relation is not Relation.SELF:
        with pytest.raises(InvalidFilter, match="can't be sorted by"):
            parse_order(spell_order(order))
    else:
        assert parse_order(spell_order(order)) == order


@pytest.mark.parametrize(
    ("text", "position", "length", "said"),
    [
        ("", 0, 0, "a field like metrics.loss"),
        ("  'a'", 2, 3, "a field like metrics.loss"),
        ("loss", 0, 4, "there is no attribute 'loss'"),
        (" metrics DESC", 1, 7, "metrics wants a key, as in metrics.loss"),
        ("metrics.a b DESC", 10, 6, "in backticks"),
        ("metrics.a, metrics.b", 9, 11, "one field stands before ASC or DESC"),
        ("metrics.a down", 10, 4, "ASC or DESC"),
        ("metrics.a DESC NULLS LAST", 10, 15, "ASC or DESC"),
        ("metrics.a DESC;", 10, 5, "ASC or DESC"),
        ("metrics.`a DESC", 7, 8, "in backticks"),
        ("dataset.name", 0, 12, "can't be sorted by datasets"),
        ("parent.metrics.loss", 0, 19, "fields of a parent"),
        ("children.name DESC", 0, 13, "fields of children"),
        ("a" * 2_001, 2_000, 1, "at most 2,000 characters"),
        ("a" + " " * 1_998 + "!", 1_999, 1, "'!' is not expected"),
    ],
)
def test_what_is_no_order_is_refused_with_its_place(
    text: str, position: int, length: int, said: str
) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_order(text)
    error = caught.value
    assert said in error.message
    assert (error.position, error.length) == (position, length)
    assert error.extensions["argument"] == "orderBy"
