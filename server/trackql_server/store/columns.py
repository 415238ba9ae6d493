"""How a column of points is packed: one tag byte, then raw or compressed little-endian numbers.

Integer columns that advance evenly (most steps) cost 17 bytes whatever their length; others are
kept as differences in the narrowest width that holds them, then compressed. Float columns are
compressed only where it pays; every bit pattern comes back, NaN payloads included.
"""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

RAW = b"r"
EVEN = b"e"
ZSTD = b"z"
DELTA = {b"1": "<i1", b"2": "<i2", b"4": "<i4"}

# Level 1: on noisy floats a higher level gains under 1 % and costs three times the time.
LEVEL = 1
# Compressing must save this share of a float column, or reading is slowed for nothing.
WORTH = 0.9


def pack_ints(column: Int64s) -> bytes:
    """Packed without compression: for the small chunks of a series that still grows."""
    count = len(column)
    if count == 1:
        return RAW + column.tobytes()
    stride = int(column[1]) - int(column[0])
    if -(2**62) < stride < 2**62 and bool((np.diff(column) == stride).all()):
        return EVEN + struct.pack("<qq", int(column[0]), stride)
    return RAW + np.ascontiguousarray(column, "<i8").tobytes()


def pack_floats(column: Float64s) -> bytes:
    """Packed without compression."""
    return RAW + np.ascontiguousarray(column, "<f8").tobytes()


def seal_ints(column: Int64s) -> bytes:
    """Packed for keeping: even, or narrow differences compressed, or all of it compressed."""
    packed = pack_ints(column)
    if packed[:1] == EVEN or len(column) < 2:
        return packed
    differences = np.diff(column)
    # A difference that wrapped around would not fit a narrow width, so the check is exact.
    low, high = int(differences.min()), int(differences.max())
    for tag, width in DELTA.items():
        bounds = np.iinfo(width)
        if bounds.min <= low and high <= bounds.max and not _wraps(column):
            head = struct.pack("<q", int(column[0]))
            return tag + head + _compress(differences.astype(width).tobytes())
    return ZSTD + _compress(packed[1:])


def seal_floats(column: Float64s) -> bytes:
    """Packed for keeping: compressed where that saves enough."""
    raw = np.ascontiguousarray(column, "<f8").tobytes()
    compressed = _compress(raw)
    return ZSTD + compressed if len(compressed) < WORTH * len(raw) else RAW + raw


def unpack_ints(packed: bytes, count: int) -> Int64s:
    """The inverse of `pack_ints` and `seal_ints`; `count` points."""
    tag, body = packed[:1], memoryview(packed)[1:]
    if tag == EVEN:
        first, stride = struct.unpack("<qq", body)
        # Wrapping arithmetic keeps the extremes of int64 exact.
        return np.arange(count, dtype=np.int64) * np.int64(stride) + np.int64(first)
    if tag in DELTA:
        column = np.empty(count, np.int64)
        column[0] = struct.unpack("<q", body[:8])[0]
        column[1:] = np.frombuffer(_decompress(body[8:]), DELTA[tag])
        return np.cumsum(column, out=column)
    return np.frombuffer(_decompress(body) if tag == ZSTD else body, "<i8")


def unpack_floats(packed: bytes) -> Float64s:
    """The inverse of `pack_floats` and `seal_floats`."""
    body = memoryview(packed)[1:]
    return np.frombuffer(_decompress(body) if packed[:1] == ZSTD else body, "<f8")


def _wraps(column: Int64s) -> bool:
    """Whether a difference of neighbours leaves int64; only then is np.diff not the difference."""
    return int(column.max()) - int(column.min()) >= 2**63


def _compress(raw: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=LEVEL).compress(raw)


def _decompress(packed: Any) -> bytes:
    return zstandard.ZstdDecompressor().decompress(packed)
