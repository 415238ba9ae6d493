"""What names, keys and values may look like; each check names the argument and the remedy."""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from trackql_server.errors import InvalidInput

LONGEST_NAME = 500
LONGEST_KEY = 500
LONGEST_VALUE = 65_536
LONGEST_DESCRIPTION = 1_000_000
MOST_NAMED = 10_000

RUN_ID = re.compile(r"[0-9a-f]{32}")
WRITER = re.compile(r"[A-Za-z0-9_-]{1,64}")

# fmt: off
ADJECTIVES = (
    "able", "amber", "ample", "apt", "bold", "brave", "bright", "brisk", "calm", "candid", "clear",
    "clever", "cosmic", "crisp", "daring", "deft", "eager", "early", "exact", "fair", "fast",
    "fine", "fleet", "fond", "frank", "free", "fresh", "gentle", "glad", "golden", "grand", "happy",
    "hardy", "honest", "humble", "ideal", "jolly", "keen", "kind", "lively", "loyal", "lucid",
    "lucky", "mellow", "merry", "mighty", "modest", "neat", "nimble", "noble", "novel", "open",
    "patient", "placid", "plucky", "polite", "proud", "quick", "quiet", "rapid", "ready", "regal",
    "robust", "rosy", "serene", "sharp", "shiny", "silent", "simple", "sleek", "smart", "smooth",
    "snappy", "solid", "spry", "stable", "steady", "still", "sunny", "swift", "tidy", "tranquil",
    "true", "upbeat", "vivid", "warm", "wise", "witty", "zesty",
)
NOUNS = (
    "alder", "ant", "auk", "badger", "bass", "bear", "beech", "bison", "boar", "calf", "carp",
    "cedar", "cod", "colt", "crane", "crow", "deer", "dove", "duck", "eagle", "eel", "elk", "elm",
    "falcon", "fawn", "fern", "finch", "fir", "fox", "frog", "gnu", "goat", "goose", "grouse",
    "gull", "hare", "hawk", "hazel", "heron", "horse", "ibex", "jay", "kite", "koala", "lark",
    "lemur", "lion", "lynx", "maple", "mare", "mink", "mole", "moose", "moth", "mule", "newt",
    "oak", "orca", "otter", "owl", "ox", "panda", "perch", "pike", "pine", "plover", "pony", "puma",
    "quail", "ram", "raven", "robin", "rook", "sage", "salmon", "seal", "shrew", "shrike", "skunk",
    "sloth", "snail", "sole", "spruce", "stag", "stoat", "stork", "swan", "swift", "teal", "tern",
    "thrush", "toad", "trout", "vole", "wasp", "whale", "willow", "wolf", "wren", "yak", "yew",
    "zebra",
)
# fmt: on


def name(text: str, argument: str) -> str:
    """A name of an experiment or run."""
    if not text.strip():
        raise InvalidInput(f"{argument} is empty; give it at least one letter", argument=argument)
    return _text(text, argument, LONGEST_NAME)


def key(text: str, argument: str) -> str:
    """A key of a param, tag or metric."""
    if not text:
        raise InvalidInput(f"{argument} is empty; give the key a name", argument=argument)
    return _text(text, argument, LONGEST_KEY)


def value(text: str, argument: str) -> str:
    """A value of a param or tag."""
    return _text(text, argument, LONGEST_VALUE)


def description(text: str, argument: str) -> str:
    """A description, in Markdown."""
    return _text(text, argument, LONGEST_DESCRIPTION)


def fitting(text: str, argument: str, longest: int) -> str:
    """Any text of at most so many characters."""
    return _text(text, argument, longest)


def run_id(text: str, argument: str) -> str:
    """A run's id."""
    if not RUN_ID.fullmatch(text):
        raise InvalidInput(f"{argument} must be 32 hex digits in lower case", argument=argument)
    return text


def writer(text: str, argument: str) -> str:
    """The id that a process gave itself as the writer of a journal."""
    if not WRITER.fullmatch(text):
        raise InvalidInput(f"{argument} must be 1 to 64 letters, digits, - or _", argument=argument)
    return text


def few(things: Sequence[str], argument: str) -> None:
    """Ids or keys to look for; both databases take some 32,000 parameters a statement."""
    if len(things) > MOST_NAMED:
        raise InvalidInput(
            f"{argument} names {len(things)} things; ask for at most {MOST_NAMED} at once",
            argument=argument,
        )


def moment(given: datetime, argument: str) -> datetime:
    """A point in time, to the millisecond that is kept; UTC where no zone is given."""
    try:
        aware = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except OverflowError as error:
        raise InvalidInput(
            f"{argument} lies outside of the years 1 to 9999", argument=argument
        ) from error
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def made_up_name() -> str:
    """A name for a run that was given none."""
    number = secrets.randbelow(1000)
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{number}"


def _text(text: str, argument: str, longest: int) -> str:
    if "\0" in text:
        raise InvalidInput(f"{argument} holds a NUL character; remove it", argument=argument)
    if len(text) > longest:
        raise InvalidInput(
            f"{argument} has {len(text)} characters; at most {longest} are kept", argument=argument
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{argument} holds half of a surrogate pair, which is no text", argument=argument
        ) from error
    return text


def fresh_run_id() -> str:
    """A new run's id."""
    return secrets.token_hex(16)
