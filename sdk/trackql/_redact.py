"""Takes secrets out of texts that leave this machine, by the shapes and names that they have.

Names give away values (`--api-key 123`, `password=x`), and many services' keys are known by their
beginning. A text without such signs is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "[redacted]"

# Words that end the names of secrets, and of what only sounds like one: tokens of texts.
WORDS = frozenset((
    "password", "passwd", "passphrase", "pwd", "secret", "token", "auth", "authorization",
    "credential", "credentials", "cookie", "sas", "dsn", "bearer", "apikey",
))  # fmt: skip
PAIRS = frozenset((
    "api-key", "access-key", "secret-key", "private-key", "encryption-key", "signing-key",
    "account-key", "client-key", "storage-key", "session-id", "session-key", "connection-string",
    "key-id",
))  # fmt: skip
ENDINGS = ("password", "passwd", "secret", "apikey", "token", "credentials")
TOKENS = frozenset((
    "pad", "eos", "bos", "unk", "sep", "cls", "mask", "special", "stop", "start", "end", "max",
    "min", "num", "per", "next", "first", "last", "new", "image", "n", "prefix", "suffix", "oov",
    "blank",
))  # fmt: skip
_BREAK = re.compile(r"[-_.]+|(?<=[a-z0-9])(?=[A-Z])")
_HARMLESS = re.compile(r"(?i)(?:true|false|none|null|yes|no|on|off|\d{1,3}|)\Z")

# What a secret looks like, whatever its name.
SHAPES = re.compile(
    r"(?s)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"  # AWS
    r"|\bAIza[\w-]{35}"  # Google
    r"|\bya29\.[\w.-]{20,}"
    r"|\bGOCSPX-[\w-]{20,}"
    r"|\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,}"  # GitHub
    r"|\bgithub_pat_\w{22,}"
    r"|\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-[\w.-]{20,}"  # GitLab
    r"|\bhf_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|\bsk-(?:proj-|ant-|svcacct-|admin-|or-)?[\w-]{20,}"  # OpenAI, Anthropic
    r"|\bxox[abeoprs]-[\w-]{10,}"  # Slack
    r"|\bxapp-\d-[\w-]{10,}"
    r"|hooks\.slack\.com/services/[\w/]{20,}"
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|\bpypi-[\w-]{50,}"
    r"|\bnpm_[A-Za-z0-9]{36}"
    r"|\bdop_v1_[0-9a-f]{64}"
    r"|\bSG\.[\w-]{16,100}\.[\w-]{16,}"  # SendGrid
    r"|\bdapi[0-9a-f]{32}\b"  # Databricks
    r"|\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]*"  # a JSON web token
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)([^\s/@'\"<>]+)@")
_HEADER = re.compile(r"(?i)\b(bearer|basic|digest|token)([ \t]+)([A-Za-z0-9+/=_.~-]{8,})")
_QUERY = re.compile(r"([?&;])([\w.-]{1,60})=([^&\s'\"<>#]+)")
_QUERY_WORDS = ("sig", "key", "code", "signature", "credential")
# A name and what binds it to a value; in code a type may stand between them.
_NAMED = re.compile(r"(?<![-\w.])([-\w.]{1,100})([\"']?[ \t]{0,8}[:=][ \t]{0,8})")
_TYPED = re.compile(r"\w{1,40}[ \t]{0,8}=[ \t]{0,8}")
_VALUE = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;)}\]]+")
# In code only texts that are written out are secrets; `token = next(tokens)` is none.
_LITERAL = re.compile(r"[rbuf]?(?:\"[^\"\s]{6,}\"|'[^'\s]{6,}')")


def text(given: str) -> str:
    """A text without what looks like a secret."""
    return _named(_HEADER.sub(_header, address(SHAPES.sub(MARK, given))), code=False)


def code(given: str) -> str:
    """The same of a program, where names alone say little."""
    return _named(_HEADER.sub(_header, address(SHAPES.sub(MARK, given))), code=True)


def address(given: str) -> str:
    """A text whose addresses have no credentials."""
    return _QUERY.sub(_query, _USERINFO.sub(r"\1", given))


def arguments(given: Iterable[str]) -> list[str]:
    """A command line without secrets: `--api-key X` loses X, `--password=X` what follows."""
    told: list[str] = []
    hide = False
    for word in given:
        name, equals, value = word.partition("=")
        if hide and not word.startswith("--"):
            told.append(MARK)
        elif equals and secret(name) and not _HARMLESS.match(value):
            told.append(f"{name}={MARK}")
        else:
            told.append(text(word))
        hide = not equals and word.startswith("-") and secret(word)
    return told


def variable(name: str, value: str) -> str:
    """The value of a variable of the environment."""
    if secret(name) and not _HARMLESS.match(value):
        return MARK
    return text(value)


def secret(name: str) -> bool:
    """Whether what has this name is secret."""
    words = [word.lower() for word in _BREAK.split(name.strip("-_.")) if word]
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    if words[-1] == "token" and before in TOKENS:
        return False
    return words[-1] in WORDS or f"{before}-{words[-1]}" in PAIRS or words[-1].endswith(ENDINGS)


def _named(given: str, *, code: bool) -> str:
    """A text without the values of secret names."""
    told: list[str] = []
    done = 0
    for found in _NAMED.finditer(given):
        at = found.end()
        if found.start() < done or not secret(found[1]):
            continue
        if code and ":" in found[2] and (typed := _TYPED.match(given, at)):
            at = typed.end()
        value = (_LITERAL if code else _VALUE).match(given, at)
        if value is None or _plain(value[0]):
            continue
        quote = value[0][-1] if value[0][-1] in "\"'" else ""
        before = value[0][: value[0].index(quote) + 1] if quote else ""
        told += [given[done:at], before, MARK, quote]
        done = value.end()
    return "".join([*told, given[done:]])


def _plain(value: str) -> bool:
    """Whether a value says nothing, or where a secret comes from."""
    inner = value.strip("\"'")
    if _HARMLESS.match(inner) or inner.startswith(MARK[:-1]):
        return True
    quoted = value[-1] in "\"'"
    return not quoted and (
        "(" in value or value.startswith(("$", "<", "{", "os.", "self.", "args."))
    )


def _header(found: re.Match[str]) -> str:
    value = found[3]
    if value.isalpha() and value.islower():  # a word of a sentence
        return found[0]
    return f"{found[1]}{found[2]}{MARK}"


def _query(found: re.Match[str]) -> str:
    start, name, value = found.groups()
    words = _BREAK.split(name.lower())
    if value.startswith(MARK) or not (secret(name) or words[-1] in _QUERY_WORDS):
        return found[0]
    return f"{start}{name}={MARK}"
