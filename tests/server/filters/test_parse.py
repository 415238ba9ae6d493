"""Text becomes a tree, or an error that says where and what instead; nothing else ever happens."""

import random
import time

import pytest

from trackql_server.errors import InvalidFilter
from trackql_server.filters.parse import LONGEST, parse
from trackql_server.filters.spell import spell
from trackql_server.filters.tree import (
    All,
    Any,
    Comparison,
    Entity,
    Field,
    Moment,
    Node,
    Not,
    Operator,
    Span,
    Statistic,
    comparisons,
)


def leaf(key: str, *values: str | float, operator: Operator = Operator.EQ) -> Comparison:
    return Comparison(Field(Entity.PARAM, key), operator, values)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = leaf("a", 1.0), leaf("b", "x"), leaf("c", "y")
    text = "params.a = 1 {} params.b = 'x' {} params.c = 'y'"
    assert parse(text.format("AND", "OR")) == Any((All((a, b)), c))
    assert parse(text.format("or", "and")) == Any((a, All((b, c))))
    assert parse(text.format("AND", "AND")) == All((a, b, c))
    assert parse("NOT " + text.format("OR", "AND NOT")) == Any((Not(a), All((b, Not(c)))))
    assert parse("(params.a=1OR(params.b='x'))".replace("1OR", "1 OR")) == Any((a, b))


def test_words_of_the_language_are_keys_where_a_key_stands() -> None:
    found = parse("tags.and = 'or' AND tags.not.in LIKE 'is' AND NOT tags.BETWEEN IS NOT NULL")
    assert [each.field.key for each in comparisons(found)] == ["and", "not.in", "BETWEEN"]
    assert parse("not(tags.a in('x'))and(tags.b='y')") == parse(
        "NOT (tags.a IN ('x')) AND (tags.b = 'y')"
    )


def test_literals() -> None:
    found = comparisons(
        parse(
            "params.a IN ('it''s', \"say \"\"hi\"\"\", 'a\nb') AND metrics.a BETWEEN -.5 AND +1.E3"
            " AND duration > 1w2d3h4m5s6ms AND duration < 1.5h AND start_time >= -90m"
            " AND created < 1700000000000 AND config.a = True AND metrics.b.min < -inf"
        )
    )
    assert [each.values for each in found] == [
        ("it's", 'say "hi"', "a\nb"),
        (-0.5, 1000.0),
        (Span(788_645_006),),
        (Span(5_400_000),),
        (Span(-5_400_000),),
        (Moment(1_700_000_000_000),),
        (True,),
        (float("-inf"),),
    ]
    assert found[-1].field == Field(Entity.METRIC, "b", Statistic.MIN)


# The text, with the place of the mistake between ‹›, and what the message says.
MISTAKES = [
    ("‹loss› < 1", "there is no attribute 'loss'"),
    ("‹staus› = 'FINISHED'", "did you mean 'status'?"),
    ("‹metric› > 1", "metric wants a key, as in metric.loss"),
    ("‹foo.bar› = 1", "'foo' is none of metrics, params, tags"),
    ("‹mertics.a› = 1", "did you mean 'metrics'?"),
    ("‹datasets.size› = 'x'", "a dataset has name, digest, context"),
    ("‹parent.parent.name› = 'x'", "one step"),
    ("user = 'a' AND ‹params.``› = 1", "the key behind params is empty"),
    ("metrics.‹›", "expected a key"),
    ("metrics.‹ ›> 1", "expected a key"),
    ("metrics.loss.‹.›min > 1", "expected a key"),
    ("params.‹`my key = 1›", "has no end quote"),
    ('params.‹"my key = 1›', "has no end quote"),
    ("‹`run name = 'x'›", "has no end quote"),
    ("params.my ‹key› = 1", "a key with a blank or a sign in it stands in backticks"),
    ("params.a‹#b› = 1", "stands in backticks"),
    ("metrics.loss‹›", "ends too early (at character 13): expected a comparison like =, BETWEEN"),
    (
        "metrics.loss < ‹›",
        "expected a length of time like 2h, a number, quoted text or true or false",
    ),
    ("metrics.loss < ‹<› 1", "'<' is not expected here (at character 16)"),
    ("metrics.loss =‹>› 1", "write >="),
    ("status = ‹FINISHED›", "text stands in quotes, like 'FINISHED'"),
    ("status = ‹'finishd'›", "did you mean 'FINISHED'?"),
    ("status ‹<› 'RUNNING'", "use one of =, LIKE"),
    ("status NOT ‹BETWEEN› 'a' AND 'b'", "BETWEEN does not go with status"),
    ("params.a = ‹null›", "IS NULL"),
    ("params.a IS ‹'x'›", "expected NOT or NULL"),
    ("params.a NOT ‹=› 1", "expected BETWEEN, CONTAINS, ILIKE, IN or LIKE"),
    ("params.a LIKE ‹5›", "LIKE wants quoted text"),
    ("params.a ~ ‹'(x'›", "missing )"),
    ("params.a = ‹'x›", "the text that begins here has no end quote"),
    ("params.a = 'it'‹s›'", "doubled"),
    ("params.a IN ‹'x'›", "expected ("),
    ("params.a ‹IN› ()", "non-empty list"),
    ("params.a IN ('x', ‹,› 'y')", "',' is not expected"),
    ("params.a IN ('x'‹›", "expected ) or ,"),
    ("params.a IN ('x', ‹1›)", "all text, all numbers"),
    ("metrics.a > ‹'1'›", "expected numeric value type for metric 'a'"),
    ("metrics.a ‹CONTAINS› '1'", "use one of =, <, <=, >, >=, IN, BETWEEN, IS NULL"),
    ("metrics.a > 1‹,›5", "',' is not expected here"),
    ("metrics.a > 1‹,› metrics.b > 2", "expected the end, AND or OR; write AND"),
    ("metrics.a > 1 ‹&&› metrics.b > 2", "write AND"),
    ("metrics.a > 1 ‹||› metrics.b > 2", "write OR"),
    ("metrics.a > 1‹;›", "write AND"),
    ("‹!›(metrics.a > 1)", "write NOT"),
    ("metrics.a > 1‹)›", "expected the end, AND or OR"),
    ("(metrics.a > 1 ‹,›", "expected ), AND or OR"),
    ("(metrics.a > 1‹›", "the filter ends too early (at character 15): expected ), AND or OR"),
    ("(‹)›", "expected (, a field like metrics.loss or NOT"),
    ("metrics.a > 1 AND ‹AND› metrics.b > 2", "expected (, a field like metrics.loss or NOT"),
    ("metrics.a > 1 ‹metrics.b› > 2", "expected the end, AND or OR"),
    ("duration > ‹90›", "a unit, like 90s"),
    ("duration > ‹2H›", "the units of time are w, d, h, m, s and ms"),
    ("duration > ‹99999999999999999999d›", "so long a time"),
    ("start_time > ‹2026-11-01›", "a date is written like '2026-11-01'"),
    ("start_time > ‹2026-11-01T10:00Z› AND user = 'a'", "stands without quotes"),
    ("start_time > ‹'last week'›", "is no date"),
    ("start_time > ‹7d›", "as in -7d"),
    ("metrics.a = 1 AND metrics.b > ‹ınf›", "'ınf' is not expected"),
    ("params.a ‹LI\u212aE› 'x'", "stands in backticks"),
    ("params.a = 1‹\u00a0›", r"'\xa0' is not expected"),
]


@pytest.mark.parametrize(("marked", "said"), MISTAKES)
def test_a_mistake_is_shown_where_it_is_and_with_the_remedy(marked: str, said: str) -> None:
    before, wrong, after = marked.replace("›", "‹").split("‹")
    with pytest.raises(InvalidFilter) as caught:
        parse(before + wrong + after)
    error = caught.value
    assert said in error.message
    assert f"(at character {len(before) + 1})" in error.message
    assert (error.position, error.length) == (len(before), len(wrong))


def test_an_error_lists_what_could_stand_there() -> None:
    for text, expected in {
        "(user = 'a' ,": [")", "AND", "OR"],
        "user IN ('a' OR": [")", ","],
        "user": ["a comparison like =", "BETWEEN", "CONTAINS", "ILIKE", "IN", "IS", "LIKE", "NOT"],
        "status = 'x'": ["SCHEDULED", "RUNNING", "STALLED", "FINISHED", "FAILED", "KILLED"],
        "datasets.x = 'x'": ["name", "digest", "context"],
        "status < 'x'": ["=", "LIKE", "ILIKE", "~", "CONTAINS", "IN"],
    }.items():
        with pytest.raises(InvalidFilter) as caught:
            parse(text)
        assert caught.value.expected == expected
        assert caught.value.extensions == {
            "argument": "filter",
            "position": caught.value.position,
            "length": caught.value.length,
            "expected": expected,
        }


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("x" * (LONGEST + 1), LONGEST),
        ("(" * 10_000 + "user='a'" + ")" * 10_000, 50),
        ("NOT " * 10_000 + "user='a'", 200),
        ("NOT (user='a' AND " * 40 + "user='a'" + ")" * 40, None),
        (" AND ".join(["user='a'"] * 3_000), 200 * 13),
        ("params.a IN (" + "1," * 24_000 + "1)", 13 + 2 * 1_000 + 1),
        ("params.a IN (" + "1," * 1_000 + "1)", 13 + 2 * 1_000),
        ("params.a IN (" + "1," * 100_000 + "1)", LONGEST),
        ("user = '" + "'" * 40_000, 7),
        ("user = '" + "''" * 20_000, 7),
        ("params.`" + "``" * 20_000 + "x", 40_007),
        ("duration > " + "1m" * 20_000 + "x", 11),
        ("metrics.a > " + "1" * 40_000 + "x", 12),
        ("metrics.a > " + "1e" * 20_000, 12),
        ("params." + "a." * 20_000 + " = 1", None),
        ("params." + "é" * 40_000 + ".", 40_008),
        (" " * 40_000 + "?", 40_000),
        ("user ~ '" + "(" * 900 + "'", 7),
        ("user ~ '" + "((a{99}){99}){99}" + "'", 7),
        ("\0" * 40_000, 0),
        ("\ud800" * 40_000, None),
    ],
    ids=range(21),
)
def test_too_much_is_refused_at_once(text: str, position: int | None) -> None:
    parse("user = 'a'")  # what makes the parser is not counted
    began = time.perf_counter()
    with pytest.raises(InvalidFilter) as caught:
        parse(text)
    assert time.perf_counter() - began < 0.5
    assert position is None or caught.value.position == position
    assert caught.value.position is not None
    assert len(caught.value.message) < 500


def test_what_is_just_not_too_much_is_read_quickly() -> None:
    began = time.perf_counter()
    for text in (
        "(" * 50 + "user='a'" + ")" * 50,
        " AND ".join(["user='a'"] * 200),
        "params.a IN (" + ",".join(["1"] * 1_000) + ")",
        "user ~ '(a+)+$'",
        "user = '" + "''" * 20_000 + "'",
        "metrics.a > " + "1" * 40_000,
    ):
        parse(text)
    assert time.perf_counter() - began < 1


SOUP = r"""
( ) , = == != <> < <= > >= ~ !~ AND and OR NOT IN IS NULL LIKE ILIKE CONTAINS BETWEEN true FALSE
nan -inf 1 -2.5 .5 1e-3 1e999 2h -7d 1h30m 90 1700000000000 2026-11-01 '2026-11-01' '2026-13-01'
'' 'x' "y" 'it''s' ' " ` . ? ; && \ 'RUNNING' ı K ☃ é ключ हि 🚀 loss metrics `runname`
metrics.loss metrics.loss.min metrics. params.lr params.`a`b` config.a.b status user start_time
duration run_id dropped_points parent.name children.params.lr datasets.name attributes.created
"""
WORDS = [*SOUP.split(), 'tags."a b"', "LI\u212aE", "\n", "\u00a0", "\0", "\ud800"]
VALID = [
    "metrics.loss.min < 0.5 AND params.opt IN ('adam', 'sgd') OR NOT (tags.team LIKE 'a%')",
    "start_time > -7d AND duration BETWEEN 1h AND 1h30m AND config.amp = true",
    "params.`my key` IS NOT NULL AND parent.metrics.\"a b\".max >= -1e-3 AND status != 'FAILED'",
    "user NOT ILIKE '%x%' AND name !~ '^a.*(b|c)$' AND datasets.digest NOT IN ('a', 'b',)",
]


def noise(chance: random.Random) -> str:
    """Anything: random characters, random words of the language, or a filter with mistakes."""
    match chance.randrange(3):
        case 0:
            top = chance.choice((0x80, 0x250, 0x3000, 0x110000))
            return "".join(chr(chance.randrange(top)) for _ in range(chance.randrange(12)))
        case 1:
            between = chance.choice((" ", " ", ""))
            return between.join(chance.choices(WORDS, k=chance.randrange(10)))
    text = list(chance.choice(VALID))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(text))
        text[at : at + chance.randrange(3)] = chance.choice(
            (*WORDS, "", chr(chance.randrange(256)))
        )
    return "".join(text)


def outcome(text: str) -> Node | InvalidFilter:
    """The tree of a text, or why it has none."""
    try:
        return parse(text)
    except InvalidFilter as error:
        return error


@pytest.mark.slow
def test_nothing_but_our_error_is_raised() -> None:
    chance = random.Random(20_261_101)
    read = 0
    for _ in range(100_000):
        text = noise(chance)
        found = outcome(text)
        if isinstance(found, InvalidFilter):
            assert found.position is not None
            assert 0 <= found.position <= found.position + found.length <= len(text)
            assert len(found.message) < 500
        else:
            read += 1
            spelled = spell(found)
            assert spell(parse(spelled)) == spelled
    assert read > 5_000
