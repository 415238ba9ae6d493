"""An editor's suggestions: all that fits, and nothing that leads nowhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.filters.trees import trees
from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields, grammar
from trackql_server.filters.complete import Completion, complete
from trackql_server.filters.parse import LONGEST, field, parse
from trackql_server.filters.spell import spell, spell_key, spell_value
from trackql_server.filters.tree import Entity, Node


def at(marked: str) -> tuple[Completion, str]:
    """The suggestions where the bar stands, and what they replace."""
    text = marked.replace("|", "")
    found = complete(text, marked.index("|"))
    return found, text[found.start : found.end]


BOTH = ("AND", "OR")
NOTS = ("NOT LIKE", "NOT ILIKE", "NOT CONTAINS", "NOT IN", "NOT BETWEEN")
LENGTHS = ("=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "BETWEEN", "NOT BETWEEN")
STATUSES = tuple(f"'{status}'" for status in fields.STATUSES)


@pytest.mark.parametrize(
    ("marked", "replaced", "offered"),
    [
        ("st|", "st", {"attributes": ("status", "start_time")}),
        ("met|", "met", {"entities": ("metrics.",)}),
        ("met|rics.loss > 1", "metrics.", {"entities": ("metrics.",)}),
        ("par|", "par", {"attributes": ("parent_run_id",), "entities": ("params.", "parent.")}),
        ("n|", "n", {"attributes": ("name",), "words": ("NOT",)}),
        ("user = 'a' and NO|", "NO", {"words": ("NOT",)}),
        ("parent.st|", "st", {"attributes": ("status", "start_time")}),
        ("attributes.st|art < 1", "start", {"attributes": ("status", "start_time")}),
        ("datasets.|", "", {"attributes": ("name", "digest", "context")}),
        ("metrics.|", "", {"keys": (Entity.METRIC, "")}),
        ("metrics.lo|ss > 1", "loss", {"keys": (Entity.METRIC, "lo")}),
        ("children.params.l|", "l", {"keys": (Entity.PARAM, "l")}),
        ("tags.`my k|", "`my k", {"keys": (Entity.TAG, "my k")}),
        ("tags.`my k|ey` = 'x'", "`my key`", {"keys": (Entity.TAG, "my k")}),
        ('tags."my |', '"my ', {"keys": (Entity.TAG, "my ")}),
        ("config.a.`b c`.d|", "a.`b c`.d", {"keys": (Entity.CONFIG, "a.b c.d")}),
        ("params.a.|", "a.", {"keys": (Entity.PARAM, "a.")}),
        (
            "metrics.a.arg|",
            "a.arg",
            {"keys": (Entity.METRIC, "a.arg"), "statistics": ("a.argmin", "a.argmax")},
        ),
        (
            "metrics.`a b`.su|m > 1",
            "`a b`.sum",
            {"keys": (Entity.METRIC, "a b.su"), "statistics": ("`a b`.sum",)},
        ),
        ("metrics.`a.mi|", "`a.mi", {"keys": (Entity.METRIC, "a.mi")}),
        ("params.a n|", "n", {"words": NOTS}),
        ("duration |", "", {"words": LENGTHS}),
        ("status = |", "", {"literals": STATUSES}),
        ("status IN ('RUNNING', f|", "f", {"literals": ("'FINISHED'", "'FAILED'")}),
        ("status != 'fi|x' and", "'fix'", {"literals": ("'FINISHED'",)}),
        ("params.a !|= 1", "!=", {"words": ("!=", "!~")}),
        ("metrics.a <|", "<", {"words": ("<", "<=")}),
        ("params.a IS |", "", {"words": ("NULL", "NOT NULL")}),
        ("params.a is not n|", "n", {"words": ("NULL",)}),
        ("params.a NOT b|", "b", {"words": ("BETWEEN",)}),
        ("params.a IN |", "", {"words": ("(",)}),
        ("params.a IN (1 |", "", {"words": (")", ",")}),
        ("params.a IN (1, |", "", {}),
        ("params.a = ad|", "ad", {"values": (field("params.a"), "ad")}),
        ("params.a = 'it''|s' OR", "'it''s'", {"values": (field("params.a"), "it'")}),
        ("params.a = 'ad| AND user = 'x'", "'ad", {"values": (field("params.a"), "ad")}),
        ("params.a = 'ad|am' AND user = 'x'", "'adam'", {"values": (field("params.a"), "ad")}),
        ("params.a < |", "", {}),
        ("params.a BETWEEN 'x' AND |", "", {"values": (field("params.a"), "")}),
        ("user ~ |", "", {}),
        ("user LIKE 'a|", "'a", {"values": (field("user"), "a")}),
        (
            "config.a != |",
            "",
            {"values": (field("config.a"), ""), "literals": ("true", "false")},
        ),
        ("config.a IN (true, |", "", {"literals": ("true", "false")}),
        ("config.a IN ('x', |", "", {"values": (field("config.a"), "")}),
        ("metrics.a = |", "", {"literals": ("NaN",)}),
        ("duration > 1|", "1", {"literals": ("10m", "1d")}),
        ("start_time BETWEEN -7d |", "", {"words": ("AND",)}),
        (
            "start_time > '2026|-",
            "'2026-",
            {"literals": ("'2026-11-01'", "'2026-11-01T14:30:00Z'")},
        ),
        ("metrics.a > 1 |", "", {"words": BOTH}),
        ("metrics.a > 1 a|nd user = 'x'", "and", {"words": ("AND",)}),
        ("(metrics.a > 1 |", "", {"words": (*BOTH, ")")}),
        ("(user = 'a')|", "", {"words": BOTH}),
        ("metrics.a > > |", "", {}),
        ("nope |", "", {}),
        ("nope.|", "", {}),
        ("user = 'a' ) |", "", {}),
    ],
)
def test_what_fits_is_offered(marked: str, replaced: str, offered: dict[str, Any]) -> None:
    found, old = at(marked)
    assert old == replaced
    assert found == Completion(found.start, found.end, **offered)


def test_an_empty_box_offers_every_field() -> None:
    found = complete("", 0)
    assert found.attributes == tuple(fields.ATTRIBUTES)
    assert found.words == ("NOT", "(")
    owners = ("parent.", "children.")
    assert found.entities == ("metrics.", "params.", "tags.", "config.", "datasets.", *owners)


def test_a_cursor_anywhere_and_a_text_too_long_are_harmless() -> None:
    assert complete("st", 99) == complete("st", 2)
    assert complete("st", -1) == complete("st", 0)
    assert complete("a" * (LONGEST + 1), 3) == Completion(3, 3)
    for text in ("`" * 99, "'" * 99, "(" * 20_000, "metrics." + "`a`." * 9_000, "\ud800.\0"):
        complete(text, len(text))


def insertions(found: Completion) -> list[str]:
    """What may be put in the place; of stored keys and values, one that is conceivable."""
    texts = [*found.words, *found.attributes, *found.entities, *found.statistics, *found.literals]
    if found.keys is not None:
        entity, prefix = found.keys
        texts.append(spell_key(entity, prefix + "k"))
    if found.values is not None:
        texts.append(spell_value(found.values[1] + "v"))
    return texts


def reads(text: str) -> bool:
    try:
        parse(text)
    except InvalidFilter:
        return False
    return True


def leads_on(text: str) -> bool:
    """Whether following suggestions (and numbers where none are made) ends in a filter."""
    for _ in range(30):
        if reads(text):
            return True
        text += "" if text.endswith(".") else " "
        found = complete(text, len(text))
        offered = insertions(found)
        if not offered:
            text += "'x'" if text.endswith("~ ") else "1"
            continue
        text += next((each for each in (")", "=", "run_id") if each in offered), offered[0])
    return False


@given(trees, st.data())
def test_a_suggestion_never_leads_nowhere(tree: Node, data: st.DataObject) -> None:
    text = spell(tree)
    cursor = data.draw(st.integers(0, len(text)))
    found = complete(text, cursor)
    assert 0 <= found.start <= cursor <= found.end <= len(text)
    for each in insertions(found):
        assert leads_on(text[: found.start] + each), (text[: found.start], each)


@given(trees)
def test_nothing_that_fits_is_left_out(tree: Node) -> None:
    tokens = [str(token) for token in grammar.bare().lex(spell(tree))]
    assert parse(" ".join(tokens)) == tree
    for place, token in enumerate(tokens):
        before = "".join(f"{each} " for each in tokens[:place])
        found = complete(before, len(before))
        if token[0] in "'-" or token[0].isdigit() or token in ("NaN", "inf", "true", "false"):
            continue
        texts = [*found.words, *found.attributes, *found.entities]
        assert any(token.startswith(each) or each.startswith(token) for each in texts), before


@given(st.text(), st.integers(0, 20))
def test_any_text_is_completed_or_not(text: str, cursor: int) -> None:
    found = complete(text, cursor)
    assert 0 <= found.start <= found.end <= len(text)
