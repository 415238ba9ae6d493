"""What may stand at the cursor of an editor; the caller looks up keys and values itself."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from trackql_server.filters import fields, grammar
from trackql_server.filters.fields import Kind, Misfit
from trackql_server.filters.mistakes import OPEN_TEXT
from trackql_server.filters.parse import LONGEST, segments
from trackql_server.filters.reading import SIGNS
from trackql_server.filters.spell import SEGMENT
from trackql_server.filters.tree import Entity, Field, Operator, Relation, Statistic


@dataclass(frozen=True, slots=True)
class Completion:
    """The span of the text that a chosen suggestion replaces, and what may stand there.

    `keys` is an entity whose keys with a prefix are wanted, to be inserted as `spell.spell_key`
    spells them; `values` a field whose stored texts with a prefix are wanted, to be inserted as
    `spell.spell_value` does. All else is inserted as it is.
    """

    start: int
    end: int
    words: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    keys: tuple[Entity, str] | None = None
    statistics: tuple[str, ...] = ()
    values: tuple[Field, str] | None = None
    literals: tuple[str, ...] = ()


TIMES = ("-1h", "-24h", "-7d", "-30d", "'2026-11-01'", "'2026-11-01T14:30:00Z'")
DURATIONS = ("90s", "10m", "2h", "1d")
LITERALS = ("STRING", "NUMBER", "SPAN", "BOOLEAN")

# Words that are longer than what is typed of them, or end at once.
WHOLE = ("STRING", "LPAR", "RPAR", "COMMA")
WHOLE_SIGNS = ("=", "==", "<=", ">=", "!=", "<>", "!~", "~")

QUOTABLE = rf"(?:`(?:[^`]|``)*`|\"[^\"]*\"|{SEGMENT})"
OPEN_FIELD = re.compile(rf"(?:{QUOTABLE}\.)*(?:`(?:[^`]|``)*|\"[^\"]*)?\Z")
OPEN_WORD = re.compile(r"[^\s()'\"`,]+\Z")
OWNER = re.compile(r"(?:parent|children)\.")
HEAD = re.compile(r"`?(\w+)`?\.")
PIECE = re.compile(r"`((?:[^`]|``)*)`?|\"([^\"]*)\"?|([^`\"]+)")
LAST = re.compile(r"(.+\.)(\w*)", re.DOTALL)
SIGN = re.compile(r"[=<>!~]*")
NAME = re.compile(r"\w*\.?")
WORD = re.compile(r"[^\s()'\"`,=<>!~]*")


def complete(text: str, cursor: int) -> Completion:
    """What may stand at the cursor; of the text behind it, only the rest of its word counts."""
    cursor = min(max(cursor, 0), len(text))
    nothing = Completion(cursor, cursor)
    if len(text) > LONGEST:
        return nothing
    tokens, failed = _read(text[:cursor])
    start = _start(text[:cursor], tokens, failed)
    if start is None:
        return nothing
    tokens = [token for token in tokens if (token.end_pos or 0) <= start]
    typed = text[start:cursor]
    names = grammar.follow(text[:start])
    if "FIELD" in names:
        return _field(text, start, cursor)
    found = replace(nothing, start=start, end=_end(text, typed, cursor))
    if names & {"STRING", "COMPARE", "BETWEEN", "_NULL"}:
        return _compared(found, tokens, typed, valued="STRING" in names)
    signs = {"_AND": "AND", "_OR": "OR", "LPAR": "(", "RPAR": ")", "COMMA": ","}
    return replace(found, words=_fitting((signs[name] for name in signs if name in names), typed))


def _read(behind: str) -> tuple[list[Token], int | None]:
    """The words in front of the cursor, and where they stop to fit."""
    reader = grammar.bare().parse_interactive(behind)
    tokens: list[Token] = []
    try:
        tokens.extend(reader.iter_parse())
    except UnexpectedToken as error:
        return tokens, error.token.start_pos or 0
    except UnexpectedCharacters as error:
        return tokens, error.pos_in_stream
    except UnexpectedInput:
        return tokens, len(behind)
    return tokens, None


def _start(behind: str, tokens: list[Token], failed: int | None) -> int | None:
    """Where the word that is being typed begins; None where the text in front of it is wrong."""
    last = tokens[-1] if tokens else None
    begin, end = (last.start_pos or 0, last.end_pos) if last is not None else (0, 0)
    if failed is None:
        whole = last is None or last.type in WHOLE or last in WHOLE_SIGNS or end != len(behind)
        return len(behind) if whole else begin
    if last is not None and end == failed:
        unfinished = {"STRING": OPEN_TEXT, "FIELD": OPEN_FIELD}.get(last.type)
        if unfinished and unfinished.match(behind, begin):
            return begin
    for unfinished in (OPEN_TEXT, OPEN_FIELD, OPEN_WORD):
        if unfinished.match(behind, failed):
            return failed
    return None


def _end(text: str, typed: str, cursor: int) -> int:
    """Where the word under the cursor ends."""
    if not typed:
        return cursor
    if typed[0] in "'\"":
        return _closed(text, typed[0], cursor)
    rest = (SIGN if SIGN.fullmatch(typed) else WORD).match(text, cursor)
    return rest.end() if rest else cursor


def _closed(text: str, quote: str, cursor: int) -> int:
    """Behind the end quote, if the text behind the cursor has one to spare."""
    if text.count(quote, cursor) % 2:
        return text.index(quote, cursor) + 1
    rest = WORD.match(text, cursor)
    return rest.end() if rest else cursor


def _field(text: str, start: int, cursor: int) -> Completion:
    """A field, or what may stand in place of one."""
    owner = OWNER.match(text, start, cursor)
    at = owner.end() if owner else start
    head = HEAD.match(text, at, cursor)
    entity = fields.ENTITIES.get(head[1]) if head else None
    if head is None:
        typed = text[at:cursor]
        rest = NAME.match(text, cursor) if typed else None
        belongs = (Relation.PARENT, Relation.CHILDREN) if owner is None else ()
        # An attribute needs no entity; who begins with one may have it.
        entities = [each for each in Entity if typed or each is not Entity.ATTRIBUTE]
        return Completion(
            at,
            rest.end() if rest else cursor,
            words=() if owner else _fitting(("NOT", "("), typed),
            attributes=_fitting(fields.ATTRIBUTES, typed),
            entities=_fitting((f"{each}." for each in (*entities, *belongs)), typed),
        )
    if entity is None:
        return Completion(cursor, cursor)
    at = head.end()
    typed = text[at:cursor]
    found = Completion(at, _end_of_key(text, at, cursor))
    if entity in (Entity.ATTRIBUTE, Entity.DATASET):
        known = fields.DATASET_KEYS if entity is Entity.DATASET else fields.ATTRIBUTES
        return replace(found, attributes=_fitting(known, typed))
    statistics: list[str] = []
    last = LAST.fullmatch(typed)
    if entity is Entity.METRIC and last and not _is_open(last[1]):
        statistics = [f"{last[1]}{each}" for each in Statistic if each.startswith(last[2])]
    return replace(found, keys=(entity, _unquoted(typed)), statistics=tuple(statistics))


def _is_open(typed: str) -> bool:
    return bool(typed.count("`") % 2 or PIECE.sub("", typed) or typed.endswith(("`.`", '."')))


def _end_of_key(text: str, at: int, cursor: int) -> int:
    """Where the key under the cursor ends."""
    for quote in ("`", '"'):
        if text.count(quote, at, cursor) % 2:
            return _closed(text, quote, cursor)
    rest = re.compile(rf"(?:\.?{QUOTABLE})*").match(text, cursor) if cursor > at else None
    return rest.end() if rest else cursor


def _unquoted(typed: str) -> str:
    """The beginning of a key or of a text, as it is stored."""
    return "".join(
        ticked.replace("``", "`") or doubled or plain
        for ticked, doubled, plain in PIECE.findall(typed)
    )


def _compared(
    found: Completion, tokens: Sequence[Token], typed: str, *, valued: bool
) -> Completion:
    """The operators of the last field, or the values for its operator."""
    place = max(index for index, token in enumerate(tokens) if token.type == "FIELD")
    try:
        field = fields.field(segments(tokens[place]))
    except Misfit:
        return found
    words = [token.upper() for token in tokens[place + 1 :]]
    if not valued:
        offered = [
            spelling
            for operator in fields.OPERATORS[fields.kind(field)]
            for spelling in _spellings(operator)
        ]
        done = "".join(f"{word} " for word in words)
        fitting = [each[len(done) :] for each in offered if each.startswith(done)]
        return replace(found, words=_fitting(fitting, typed))
    operator = Operator(next(SIGNS.get(word, word) for word in words if word != "NOT"))
    former = next((each.type for each in tokens[place + 2 :] if each.type in LITERALS), None)
    return _values(found, field, operator, typed, former)


def _values(
    found: Completion, field: Field, operator: Operator, typed: str, former: str | None
) -> Completion:
    """What the field can be compared with, of one kind with the former value of a list."""
    literals: tuple[str, ...] = ()
    stored = operator in (
        Operator.EQ,
        Operator.IN,
        Operator.LIKE,
        Operator.ILIKE,
        Operator.CONTAINS,
    )
    match fields.kind(field):
        case Kind.TEXT:
            stored = operator is not Operator.MATCHES
        case Kind.NUMBER:
            stored, literals = False, ("NaN",) if operator is Operator.EQ else ()
        case Kind.TIME:
            stored, literals = False, TIMES
        case Kind.DURATION:
            stored, literals = False, DURATIONS
        case Kind.STATUS:
            stored, literals = False, tuple(f"'{status}'" for status in fields.STATUSES)
        case Kind.PARAM:
            stored = former == "STRING" or (stored and former is None)
        case Kind.CONFIG:
            stored = former == "STRING" or (stored and former is None)
            if operator in (Operator.EQ, Operator.IN) and former in (None, "BOOLEAN"):
                literals = ("true", "false")
    prefix = typed[1:].replace(typed[0] * 2, typed[0]) if typed[:1] in ("'", '"') else typed
    return replace(
        found,
        values=(field, prefix) if stored else None,
        literals=tuple(
            each
            for each in literals
            if each.lower().startswith(typed.lower())
            or (each[0] == "'" and each[1:].lower().startswith(prefix.lower()))
        ),
    )


def _spellings(operator: Operator) -> tuple[str, ...]:
    """An operator and its opposite."""
    match operator:
        case Operator.EQ | Operator.MATCHES:
            return operator, f"!{operator}"
        case Operator.NULL:
            return operator, "IS NOT NULL"
        case Operator.LT | Operator.LE | Operator.GT | Operator.GE:
            return (operator,)
    return operator, f"NOT {operator}"


def _fitting(words: Iterable[str], typed: str) -> tuple[str, ...]:
    """Those that begin with what is typed, in any letter case."""
    return tuple(str(word) for word in words if word.lower().startswith(typed.lower()))
