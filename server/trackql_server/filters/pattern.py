"""Regular expressions, by an engine whose time is linear in the text it reads."""

from functools import cache
from typing import Any

# Memory that one compiled expression may take; RE2 refuses larger ones.
MEMORY = 8 * 1024 * 1024


@cache
def _options() -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    return options


def regex(text: str) -> Any:
    """The compiled pattern; raises ValueError with what is wrong."""
    import re2

    try:
        return re2.compile(text, _options())
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(said if len(said) <= 100 else said[:99] + "…") from None
