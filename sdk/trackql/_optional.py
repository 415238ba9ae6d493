"""Packages that only some answers need: imported when one is asked for, named when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import NotInstalled


def load(module: str, purpose: str, instead: str) -> Any:
    """The module; raises NotInstalled, which says what to install and what works without it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise NotInstalled(
            f"{purpose} needs {module}: install it with `pip install {module}`, or {instead}",
            package=module,
        ) from error
