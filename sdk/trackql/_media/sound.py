"""Sound: what is stored of samples is WAV."""

from __future__ import annotations

import wave
from io import BytesIO
from typing import Any

from trackql.errors import InvalidInput

from . import arrays, sniff
from .base import Encoded, Media, content, size_of


class Audio(Media):
    """Sound: an array of samples, or samples × channels, the bytes of a file, or its path.

    An array is stored as WAV of 16 bits; floats go from -1 to 1.
    """

    kind = "AUDIO"

    def __init__(
        self, data: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        super().__init__(caption)
        self._data: Any = content(data)
        self._ending: str | None = None
        self._rate = sample_rate
        if self._data is not None:
            self._ending = sniff.sound(self._data)
            if self._ending is None:
                raise InvalidInput(
                    "data is no sound of a known format: give WAV, FLAC, Ogg, MP3 or M4A, or an "
                    "array with sample_rate",
                    argument="data",
                )
            return
        if type(sample_rate) is not int or not 1 <= sample_rate <= 1_000_000:
            raise InvalidInput(
                "sample_rate must be given with an array: how many samples are a second",
                argument="sample_rate",
            )
        samples = arrays.copied(data, "data")
        if samples.ndim == 1:
            samples = samples[:, None]
        if samples.ndim != 2 or not samples.size or samples.shape[1] > 64:
            raise InvalidInput(
                f"data must be samples, or samples × channels, not {arrays.shape_of(samples)}",
                argument="data",
            )
        if samples.dtype.kind not in "fiu" or samples.dtype.str[1:] in ("i1", "u2", "u4", "u8"):
            raise InvalidInput(
                f"data must be floats, or int16, int32 or uint8, not {samples.dtype}",
                argument="data",
            )
        self._data = samples

    def _encode(self) -> Encoded:
        if self._ending is not None:
            return Encoded(self._data, self._ending, sniff.SOUNDS[self._ending])
        count, channels = self._data.shape
        assert self._rate is not None
        body = {"sampleRate": self._rate, "channels": channels, "seconds": count / self._rate}
        return Encoded(write(self._data, self._rate), "wav", "audio/wav", body)

    def _size(self) -> int:
        return size_of(self._data)


def write(samples: Any, rate: int) -> bytes:
    """A WAV file of 16 bits; `samples` is an array of samples × channels."""
    import numpy as np

    if samples.dtype.kind == "f":
        clean = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        samples = np.rint(np.clip(clean, -1.0, 1.0) * 32767).astype("<i2")
    elif samples.dtype.itemsize == 1 and samples.dtype.kind == "u":
        samples = (samples.astype("<i2") - 128) * 256
    elif samples.dtype.itemsize > 2:
        bits = samples.dtype.itemsize * 8 - 16
        samples = (samples >> bits).astype("<i2")
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()
