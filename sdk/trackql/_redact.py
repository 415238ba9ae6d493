"""Takes secrets out of texts that leave this machine, by the shapes and names that they have.

Names give away values (`--api-key 123`, `password=x`), and many services' keys are known by their
beginning. A text without such signs is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "[redacted]"

_NAME = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|(?<!max_)(?<!max-)(?<!num_)(?<!num-)token|api[-_]?key"
    r"|access[-_]?key(?:[-_]?id)?|private[-_]?key|auth(?:orization)?|credentials?|cookie|sas"
    r"|client[-_]?secret|encryption[-_]?key|signing[-_]?key|session[-_]?(?:id|key|token)"
    r"|connection[-_]?string|dsn|bearer)"
)
# The name of an option or variable: the secret word is its last part, like in HF_TOKEN.
_SECRET_NAME = re.compile(rf"(?i)^[-\w.]*?(?:^|[-_.]|\b){_NAME}$|(?i:^[-\w.]*{_NAME}$)")
_HARMLESS = re.compile(r"(?i)^(?:true|false|none|null|yes|no|on|off|\d{1,3}|)$")

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
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}"  # SendGrid
    r"|\bdapi[0-9a-f]{32}\b"  # Databricks
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"  # a JSON web token
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)([^\s/@'\"<>]+)@")
_HEADER = re.compile(r"(?i)\b(bearer|basic|digest|token)(\s+)([A-Za-z0-9+/=_.~-]{8,})")
_QUERY = re.compile(
    r"(?i)([?&;](?:[\w.-]*(?:token|signature|secret|password|credential|api_?key|access_?key)"
    r"|sig|key|auth|code)=)([^&\s'\"<>#]+)"
)
_PAIR = re.compile(
    rf"(?i)(?<![\w])((?:[-\w.]*?[-_.])??{_NAME})([\"']?\s*[:=]\s*)"
    r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;)}\]]+)"
)
# In code only texts that are written out are secrets; `token = next(tokens)` is none.
_LITERAL = re.compile(
    rf"(?i)(?<![\w])((?:[-\w.]*?[-_.])??{_NAME})([\"']?\s*(?::\s*\w+\s*)?[:=]\s*)"
    r"([rbuf]?\"[^\"\s]{6,}\"|[rbuf]?'[^'\s]{6,}')"
)


def text(given: str) -> str:
    """A text without what looks like a secret."""
    given = address(SHAPES.sub(MARK, given))
    given = _HEADER.sub(_header, given)
    return _PAIR.sub(_pair, given)


def code(given: str) -> str:
    """The same of a program, where names alone say little."""
    given = address(SHAPES.sub(MARK, given))
    given = re.sub(r"(?i)\b(bearer|basic)(\s+)([A-Za-z0-9+/=_.~-]{16,})", _header, given)
    return _LITERAL.sub(_pair, given)


def address(given: str) -> str:
    """A text whose addresses have no credentials."""
    return _QUERY.sub(rf"\1{MARK}", _USERINFO.sub(r"\1", given))


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
    return bool(_SECRET_NAME.match(name.lstrip("-")))


def _header(found: re.Match[str]) -> str:
    value = found[3]
    if value.isalpha() and value.lower() == value:  # a word of a sentence
        return found[0]
    return f"{found[1]}{found[2]}{MARK}"


def _pair(found: re.Match[str]) -> str:
    name, sign, value = found.groups()
    quote = value[-1] if value[-1] in "\"'" else ""
    inner = value.strip("\"'")
    if _HARMLESS.match(inner) or inner == MARK or inner.startswith(MARK):
        return found[0]
    if not quote and ("(" in value or value.startswith(("$", "<", "{", "os.", "self.", "args."))):
        return found[0]
    start = value[: value.index(quote)] if quote else ""
    return f"{name}{sign}{start}{quote}{MARK}{quote}"
