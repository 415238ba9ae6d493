"""What goes together: fields, operators and values."""

import pytest

from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields
from trackql_server.filters.fields import Kind, Misfit
from trackql_server.filters.parse import field
from trackql_server.filters.tree import (
    Entity,
    Field,
    Moment,
    Operator,
    Relation,
    Scalar,
    Span,
    Statistic,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("metrics.loss", Field(Entity.METRIC, "loss", Statistic.LAST)),
        (" metric.loss.nan_count ", Field(Entity.METRIC, "loss", Statistic.NAN_COUNT)),
        ("metrics.min", Field(Entity.METRIC, "min", Statistic.LAST)),
        ("metrics.min.max", Field(Entity.METRIC, "min", Statistic.MAX)),
        ("metrics.`loss.min`", Field(Entity.METRIC, "loss.min", Statistic.LAST)),
        ("metrics.a.`min`", Field(Entity.METRIC, "a.min", Statistic.LAST)),
        ("metrics.val/loss.first", Field(Entity.METRIC, "val/loss", Statistic.FIRST)),
        ("params.min", Field(Entity.PARAM, "min")),
        ("params.a.min", Field(Entity.PARAM, "a.min")),
        ("tags.mlflow.source.name", Field(Entity.TAG, "mlflow.source.name")),
        ("tags.`it``s`", Field(Entity.TAG, "it`s")),
        ("config.optimizer.lr", Field(Entity.CONFIG, "optimizer.lr")),
        ("dataset.digest", Field(Entity.DATASET, "digest")),
        ("params.학습률", Field(Entity.PARAM, "학습률")),
        ("params.ключ.हिन्दी", Field(Entity.PARAM, "ключ.हिन्दी")),
        ("parent.metrics.loss", Field(Entity.METRIC, "loss", Statistic.LAST, Relation.PARENT)),
        ("children.attr.status", Field(Entity.ATTRIBUTE, "status", None, Relation.CHILDREN)),
        ("attributes.Created", Field(Entity.ATTRIBUTE, "start_time")),
        ("not.in", None),
        ("status.name", None),
        ("loss", None),
        ("metrics", None),
        ("metrics.", None),
        ("metrics.``", None),
        ("metrics.``.min", None),
        ("parent", None),
        ("parent.children.name", None),
        ("datasets.size", None),
        ("attributes.loss", None),
        ("params.`a\0`", None),
        ("params.\ud800", None),
        ("", None),
        ("metrics.a = 1", None),
        ("é" * 50_000 + "!", None),
    ],
)
def test_a_field_is_read_or_refused(text: str, found: Field | None) -> None:
    if found is not None:
        assert field(text) == found
        return
    with pytest.raises(InvalidFilter) as caught:
        field(text)
    assert len(str(caught.value)) < 400


def kept(text: str, operator: Operator, *values: Scalar) -> tuple[Scalar, ...]:
    return fields.comparison(field(text), operator, values).values


def test_values_become_what_the_field_keeps() -> None:
    assert kept("metrics.a", Operator.EQ, 3) == (3.0,)
    assert kept("metrics.a", Operator.LT, 10**400) == (float("inf"),)
    assert kept("status", Operator.IN, "running", "Failed") == ("RUNNING", "FAILED")
    assert kept("params.a", Operator.IN, 1, 2.5) == (1.0, 2.5)
    assert kept("config.a", Operator.EQ, True) == (True,)
    assert kept("duration", Operator.GT, Span(5)) == (Span(5),)
    assert kept("start_time", Operator.GE, "2026-11-01") == (Moment(1_793_491_200_000),)
    assert kept("start_time", Operator.GE, "20261101T0000+01") == (Moment(1_793_487_600_000),)
    bounds = kept("start_time", Operator.BETWEEN, 0, Span(-5))
    assert bounds == (Moment(0), Span(-5))


@pytest.mark.parametrize(
    ("text", "operator", "values", "part", "said"),
    [
        (
            "metrics.a",
            Operator.LIKE,
            ["x"],
            "operator",
            "does not go with metric 'a', which is a number",
        ),
        ("metrics.a", Operator.EQ, ["1"], 0, "expected numeric value type for metric 'a'"),
        ("metrics.a", Operator.EQ, [True], 0, "a number without quotes"),
        ("metrics.a", Operator.LT, [float("nan")], 0, "NaN can only be compared by = and !="),
        ("metrics.a", Operator.IN, [], "operator", "non-empty list"),
        ("metrics.a", Operator.EQ, [], "operator", "= wants 1 of values, not 0"),
        ("metrics.a", Operator.BETWEEN, [1.0], "operator", "BETWEEN wants 2"),
        ("metrics.a", Operator.IN, [1.0] * 1001, 1000, "more than 1,000 values"),
        ("user", Operator.EQ, [1.0], 0, "user is text: expected a quoted string"),
        ("user", Operator.LIKE, ["x" * 1001], 0, "at most 1,000 characters"),
        ("user", Operator.MATCHES, ["(a"], 0, "no regular expression of RE2: missing )"),
        ("user", Operator.MATCHES, ["a{1001}"], 0, "invalid repetition size"),
        ("user", Operator.EQ, ["a\0b"], 0, "NUL"),
        ("user", Operator.IN, ["a", "\udfff"], 1, "surrogate"),
        ("user", Operator.MATCHES, ["\ud800"], 0, "surrogate"),
        ("status", Operator.EQ, ["finishd"], 0, "did you mean 'FINISHED'?"),
        ("status", Operator.LT, ["RUNNING"], "operator", "use one of ="),
        ("status", Operator.EQ, [1.0], 0, "a status is text"),
        ("start_time", Operator.GT, ["yesterday"], 0, "write it like '2026-11-01'"),
        ("start_time", Operator.GT, ["1700000000000"], 0, "without quotes"),
        ("start_time", Operator.GT, ["9999-12-31T23:59:59-10:00"], 0, "is no date"),
        ("start_time", Operator.GT, [1e15], 0, "years 1 to 9999"),
        ("start_time", Operator.GT, [0.5], 0, "whole number"),
        ("start_time", Operator.GT, [10**400], 0, "years 1 to 9999"),
        ("start_time", Operator.GT, [float("nan")], 0, "whole number"),
        ("start_time", Operator.GT, [Moment(10**15)], 0, "years 1 to 9999"),
        ("start_time", Operator.GT, [Span(7)], 0, "as in -7d"),
        ("start_time", Operator.GT, [True], 0, "expected a date"),
        ("duration", Operator.GT, [60.0], 0, "wants a unit"),
        ("duration", Operator.GT, [Span(-1)], 0, "leave the minus out"),
        ("duration", Operator.GT, [Span(10**15)], 0, "so long a time"),
        ("duration", Operator.NULL, [], "operator", "use one of"),
        ("params.a", Operator.IN, [1.0, "1"], 1, "all text, all numbers"),
        ("params.a", Operator.LT, [float("inf")], 0, "finite numbers or with text"),
        ("params.a", Operator.EQ, [True], 0, "quoted text or with a number"),
        ("config.a", Operator.LT, [True], 0, "true and false can only"),
        ("config.a", Operator.IN, [True, 1.0], 1, "all text, all numbers"),
    ],
)
def test_what_does_not_go_together_is_told(
    text: str, operator: Operator, values: list[Scalar], part: str | int, said: str
) -> None:
    with pytest.raises(Misfit) as caught:
        fields.comparison(field(text), operator, tuple(values))
    assert said in str(caught.value)
    assert caught.value.part == part


def test_a_key_from_elsewhere_is_checked_too() -> None:
    with pytest.raises(Misfit, match="NUL") as caught:
        fields.comparison(Field(Entity.PARAM, "a\0"), Operator.EQ, ("x",))
    assert caught.value.part == "field"


def test_an_ordering_is_not_negated() -> None:
    with pytest.raises(Misfit, match="has its own opposite"):
        fields.comparison(field("metrics.a"), Operator.LT, (1.0,), negated=True)


def test_every_field_has_a_kind_and_every_kind_operators() -> None:
    assert set(fields.OPERATORS) == set(Kind)
    for name, kind in fields.ATTRIBUTES.items():
        assert fields.kind(fields.attribute(name)) is kind
    for alias, name in fields.ALIASES.items():
        assert fields.attribute(alias).key == name
