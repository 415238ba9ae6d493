"""Packages that only some answers need: imported when one is asked for, named when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import NotInstalled

# What to install for a module that is called otherwise.
PACKAGES = {"PIL.Image": "pillow"}


def load(module: str, purpose: str, instead: str) -> Any:
    """The module; raises NotInstalled, which says what to install and what works without it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = PACKAGES.get(module, module)
        raise NotInstalled(
            f"{purpose} needs {package}: install it with `pip install {package}`, or {instead}",
            package=package,
        ) from error
