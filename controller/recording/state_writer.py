"""A pipeline's state as bytes: our own pure classes, numpy arrays and plain containers; never code.

A value is a tag byte and what belongs to it; numbers are little-endian. Containers, arrays and objects are numbered in
the order in which they begin, so that one met again is a reference. `anchors` are objects that both sides have already
(the configuration, the site map): they are written by name.
"""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.recording.array_bytes import pack
from controller.recording.pure import COUNT, DERIVED, FLOAT, INT, MAX_DEPTH, attributes, place_of
from interfaces.errors import PoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_UNSET: Final = object()  # a slot without a value


class StateError(PoleError):
    """Something in the state is of a kind that cannot be written; the text says where."""


def dump(value: object, anchors: Mapping[str, object]) -> bytes:
    """The value as bytes; StateError names the path to what cannot be written."""
    writer = _Writer(anchors)
    try:
        writer.write(value)
    except (TypeError, ValueError) as error:
        raise StateError(f"{'.'.join(map(str, writer.path))}: {error}") from None
    return b"".join(writer.out)


class _Writer:
    """One value being written; `path` leads to where it is."""

    def __init__(self, anchors: Mapping[str, object]) -> None:
        self.out: list[bytes] = []
        self.path: list[object] = []
        self._anchors = {id(one): name for name, one in anchors.items()}
        self._seen: dict[int, int] = {}
        self._alive: list[object] = []  # what is numbered must live on, or its id() may come again
        self._names: dict[str, int] = {}

    def write(self, value: Any) -> None:
        kind: Any = type(value)  # hashable, which the type checker does not believe
        if (leaf := _LEAVES.get(kind)) is not None:
            self.out.append(leaf(value))
        elif (name := self._anchors.get(id(value))) is not None:
            self._name(b"X", name)
        elif (number := self._seen.get(id(value))) is not None:
            self.out.append(b"R" + COUNT.pack(number))
        elif isinstance(value, np.generic):
            self.out.append(b"g" + pack(np.asarray(value)))
        elif isinstance(value, Enum):
            self._name(b"e", place_of(kind))
            self.write(value.value)
        elif isinstance(value, FunctionType):
            self._name(b"f", place_of(value))
        else:
            self._begin(value, kind)

    def _begin(self, value: Any, kind: type) -> None:
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        if kind is np.ndarray:
            self.out.append(b"A" + pack(value))
        elif kind in _PARTS:
            tag, parts = _PARTS[kind]
            most = INT.pack(-1 if value.maxlen is None else value.maxlen) if kind is deque else b""
            self.out.append(tag + most + COUNT.pack(len(value)))
            self._all(parts(value))
        elif isinstance(value, tuple):
            self._name(b"n", place_of(kind))
            self.out.append(COUNT.pack(len(value)))
            self._all(enumerate(value))
        else:
            self._object(value, place_of(kind))

    def _object(self, value: object, place: str) -> None:
        if type(value).__new__ is not object.__new__:
            raise ValueError(f"{place} makes its objects in its own way")
        names, derived = attributes(value), DERIVED.get(place, {})
        self._name(b"O", f"{place} {' '.join(names)}")
        self._all((name, derived.get(name, getattr(value, name, _UNSET))) for name in names)

    def _all(self, values: Iterable[tuple[object, object]]) -> None:
        if len(self.path) >= MAX_DEPTH:
            raise ValueError("is nested too deep")
        for name, one in values:
            self.path.append(name)
            if one is _UNSET:
                self.out.append(b"U")
            else:
                self.write(one)
            self.path.pop()

    def _name(self, tag: bytes, name: str) -> None:
        """A name in full the first time, afterwards its number alone."""
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = len(self._names)
            self.out.append(tag + COUNT.pack(number) + _text(name))
        else:
            self.out.append(tag + COUNT.pack(number))


def _bytes(value: bytes) -> bytes:
    return COUNT.pack(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode("utf-8", "surrogatepass"))


def _int(value: int) -> bytes:
    if -(1 << 63) <= value < 1 << 63:
        return b"i" + INT.pack(value)
    return b"I" + _bytes(value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _items(value: Mapping[Any, Any]) -> Iterable[tuple[object, object]]:
    return ((key, part) for key, one in value.items() for part in (key, one))


_LEAVES: Final[Mapping[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _int,
    float: lambda value: b"d" + FLOAT.pack(value),
    str: lambda value: b"s" + _text(value),
    bytes: lambda value: b"b" + _bytes(value),
}
_PARTS: Final[Mapping[type, tuple[bytes, Callable[[Any], Iterable[tuple[object, object]]]]]] = {
    tuple: (b"t", enumerate),
    list: (b"l", enumerate),
    set: (b"S", enumerate),
    frozenset: (b"Z", enumerate),
    deque: (b"q", enumerate),
    dict: (b"D", _items),
    Counter: (b"C", _items),
}
