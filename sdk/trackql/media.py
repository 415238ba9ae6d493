"""Rich values for `Run.log`: pictures, sound, video, tables, text, pages and histograms.

What is given is copied when an object is made; it is encoded later, behind the training loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _session, values
from ._media import arrays
from ._media.base import Media
from ._media.encoder import Task
from ._media.histograms import Histogram
from ._media.pictures import Image, Video
from ._media.reading import LoggedValue, ValueSeries
from ._media.recognise import recognise
from ._media.sound import Audio
from ._media.tables import Table
from ._media.texts import Html, Text
from .errors import InvalidInput, InvalidValue

if TYPE_CHECKING:
    from .runs import Run

__all__ = [
    "Audio",
    "Histogram",
    "Html",
    "Image",
    "LoggedValue",
    "Media",
    "Table",
    "Text",
    "ValueSeries",
    "Video",
]

# Values of a key that one step may have.
PLACES = 1000
# Bytes that a value takes while it waits, however small it is.
ENTRY = 500


def log(run: Run, items: Mapping[str, Any], step: Any = 0, moment: int | None = None) -> None:
    """Log numbers, rich values and lists of them at a step; nothing of it, if one does not fit."""
    at = values.step(step)
    time_ms = time.time_ns() // 1_000_000 if moment is None else moment
    numbers: dict[str, float] = {}
    found: list[tuple[str, list[Media]]] = []
    for key, value in items.items():
        values.key(key)
        media = several(value)
        if media is None:
            numbers[key] = _number(key, value)
        else:
            found.append((key, media))
    kinds: dict[str, str] = run.__dict__.setdefault("_kinds", {})
    for key, media in found:
        for each in media:
            if kinds.get(key, media[0].kind) != each.kind:
                raise InvalidInput(
                    f"{key!r} holds values of the kind {kinds.get(key, media[0].kind)} and can't "
                    f"hold one of the kind {each.kind}: log it under another key",
                    argument=key,
                )
    if run._lane is None:
        run._attach()  # which raises RunStopped where the run is to stop
    if numbers:
        run.log_metrics(numbers, at, time_ms)
    encoder = _session.session.encoder()
    for key, media in found:
        kinds[key] = media[0].kind
        for place, each in enumerate(media):
            encoder.put(Task(run, key, at, place, time_ms, each, each._size() + ENTRY))


def _number(key: str, value: Any) -> float:
    if isinstance(value, str):
        raise InvalidValue(key, value, "wrap a text in trackql.Text, or set a param or a tag")
    if arrays.is_array(value) and math.prod(value.shape) != 1:
        raise InvalidValue(
            key, value, "wrap an array in trackql.Image, trackql.Audio or trackql.Histogram"
        )
    return values.number(key, value)


def several(value: Any) -> list[Media] | None:
    """Rich values, one or a list of them; None for anything else. Raises InvalidInput."""
    if (one := recognise(value)) is not None:
        return [one]
    if not isinstance(value, list | tuple) or not value:
        return None
    found = [recognise(each) for each in value]
    made = [each for each in found if each is not None]
    if len(made) < len(found):
        return None
    if len(made) > PLACES:
        raise InvalidInput(
            f"a list of {len(made)} values is too long: log at most {PLACES} at a step",
            argument="value",
        )
    return made
