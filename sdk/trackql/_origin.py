"""Where a dataset comes from, in the words of MLflow's sources and without credentials."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from . import _redact, _source

# Parts of an address that let somebody in, by the names they usually have.
_SECRET = re.compile(
    r"(?i)(token|signature|secret|password|passwd|credential|apikey|api[-_]key|access[-_]?key|auth"
    r"|session|^sig$|^key$|^pwd$|^x-(amz|goog)-)"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Origin(NamedTuple):
    """The kind of a place and its facts; `name` is the last part of its path."""

    kind: str
    facts: dict[str, Any]
    name: str = ""


def origin(source: Any = None) -> Origin:
    """Of a path, an address, a source of MLflow's, or (None) this script."""
    if source is None:
        facts = {
            "mlflow.user": _source.user(),
            "mlflow.source.name": _source.script(),
            "mlflow.source.type": "LOCAL",
        }
        return Origin("code", {"tags": facts})
    if isinstance(source, Origin):
        return source
    if isinstance(source, str | os.PathLike):
        return _place(os.fspath(source))
    if isinstance(source, dict):
        return Origin("other", {str(key): clean(value) for key, value in source.items()})
    tell, kind = getattr(source, "to_dict", None), getattr(source, "_get_source_type", None)
    if callable(tell) and callable(kind):
        found = {str(key): clean(value) for key, value in dict(tell()).items()}
        return Origin(str(kind()), found)
    return Origin("other", {"text": clean(str(source))[:10_000]})


def _place(text: str) -> Origin:
    if not _SCHEME.match(text):
        path = os.path.abspath(text)
        return Origin("local", {"uri": path}, os.path.basename(path))
    address = without_credentials(text)
    parts = urlsplit(address)
    name = parts.path.rstrip("/").rpartition("/")[2] or parts.netloc
    if parts.scheme in ("http", "https"):
        return Origin("http", {"url": address}, name)
    if parts.scheme == "file":
        return Origin("local", {"uri": address}, name)
    return Origin(parts.scheme, {"uri": address}, name)


def clean(value: Any) -> Any:
    """A fact of a place; addresses without credentials."""
    return without_credentials(value) if isinstance(value, str) else value


def without_credentials(address: str) -> str:
    """An address without user, password and the parts of its query that let somebody in."""
    if _SCHEME.match(address):
        address = _bare(address)
    return _redact.SHAPES.sub(_redact.MARK, _redact.address(address))


def _bare(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.partition("?")[0].rpartition("@")[2]
    place = parts.netloc.rpartition("@")[2]
    query = parts.query
    if query:
        kept = [
            (key, value)
            for key, value in parse_qsl(query, keep_blank_values=True)
            if not _SECRET.search(key)
        ]
        if len(kept) != len(parse_qsl(query, keep_blank_values=True)):
            query = urlencode(kept)
    return urlunsplit((parts.scheme, place, parts.path, query, ""))
