"""A numpy array as bytes and back: every bit of it, and how it lay in memory, on which rounding may depend."""

from __future__ import annotations

import json
import math
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES: Final = 1 << 28
MAX_DIMENSIONS: Final = 8
SPARSE_FROM: Final = 1 << 16  # bytes; smaller arrays are not worth the search for what is zero
BLOCK: Final = 512

_KINDS: Final = frozenset("biufSUV")


def pack(array: NDArray[np.generic]) -> bytes:
    """dtype, shape, strides unless C-contiguous, then the values; TypeError for any but plain data."""
    name = _name(array.dtype)
    plain = array.flags.c_contiguous
    numbers = (*array.shape, *(() if plain else array.strides))
    head = struct.pack(f"<HBB{len(numbers)}q", len(name), array.ndim, plain, *numbers)
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.size and array.itemsize else _NOTHING
    return name.join((head[:4], head[4:])) + _pack_values(flat)


def unpack(data: memoryview, at: int) -> tuple[NDArray[np.generic], int]:
    """The array that begins at `at`, and where it ends; ValueError or struct.error for what `pack` never writes."""
    size, dimensions, plain = struct.unpack_from("<HBB", data, at)
    if dimensions > MAX_DIMENSIONS:
        raise ValueError(f"an array of {dimensions} dimensions")
    at += 4
    dtype = _dtype(bytes(data[at : at + size]))
    at += size
    shape = struct.unpack_from(f"<{dimensions}q", data, at)
    at += 8 * dimensions
    strides = None if plain else struct.unpack_from(f"<{dimensions}q", data, at)
    at += 0 if plain else 8 * dimensions
    array = _laid_out(shape, dtype, strides)
    values, at = _unpack_values(data, at, array.nbytes)
    if array.nbytes:
        array[...] = values.view(dtype).reshape(shape)
    return array, at


_NOTHING: Final = np.zeros(0, np.uint8)


@lru_cache(256)
def _name(dtype: np.dtype[np.generic]) -> bytes:
    told = dtype.descr if dtype.names else dtype.str
    if dtype.hasobject or dtype.kind not in _KINDS or np.dtype(told) != dtype:
        raise TypeError(f"an array of {dtype} is no plain data")
    return json.dumps(told).encode()


def _pack_values(flat: NDArray[np.uint8]) -> bytes:
    whole = len(flat) // BLOCK * BLOCK
    if len(flat) >= SPARSE_FROM:
        blocks = flat[:whole].reshape(-1, BLOCK)
        used = np.flatnonzero(blocks.view(np.uint64).any(1)).astype("<u4")
        if len(used) < 0.9 * len(blocks):
            head = struct.pack("<BI", 1, len(used))
            return b"".join((head, used.tobytes(), blocks[used].tobytes(), flat[whole:].tobytes()))
    return b"\0" + flat.tobytes()


def _unpack_values(data: memoryview, at: int, size: int) -> tuple[NDArray[np.uint8], int]:
    if not data[at]:
        return np.frombuffer(data, np.uint8, size, at + 1), at + 1 + size
    (count,) = struct.unpack_from("<I", data, at + 1)
    used = np.frombuffer(data, "<u4", count, at + 5)
    at += 5 + 4 * count
    values = np.zeros(size, np.uint8)
    whole = size // BLOCK * BLOCK
    if count and int(used.max()) >= whole // BLOCK:
        raise ValueError("a block beyond its array")
    values[:whole].reshape(-1, BLOCK)[used] = np.frombuffer(data, np.uint8, count * BLOCK, at).reshape(-1, BLOCK)
    at += count * BLOCK
    values[whole:] = np.frombuffer(data, np.uint8, size - whole, at)
    return values, at + size - whole


def _dtype(name: bytes) -> np.dtype[np.void]:
    told = json.loads(name)
    made = np.dtype([_field(one) for one in told] if isinstance(told, list) else str(told))
    if made.hasobject or _name(made) != name:
        raise ValueError(f"an array of {made}")
    return made


def _field(told: list[object]) -> tuple[object, ...]:
    name, kind, *shape = told
    return (name, kind, *(tuple(one) for one in shape if isinstance(one, list)))


def _laid_out(shape: tuple[int, ...], dtype: np.dtype[np.void], strides: tuple[int, ...] | None) -> NDArray[np.void]:
    size = math.prod(shape) * dtype.itemsize
    if strides is None or not size:
        if min(shape, default=0) < 0 or size > MAX_BYTES:
            raise ValueError(f"an array of shape {shape}")
        return np.zeros(shape, dtype)
    ways = [(count - 1) * stride for count, stride in zip(shape, strides, strict=True)]
    begin = -sum(way for way in ways if way < 0)
    extent = begin + sum(way for way in ways if way > 0) + dtype.itemsize
    if min(shape) < 0 or max(extent, size) > MAX_BYTES:
        raise ValueError(f"an array of shape {shape} and strides {strides}")
    return np.ndarray(shape, dtype, np.zeros(extent, np.uint8).data, begin, strides)
