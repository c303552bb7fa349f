"""The state that `state_writer` wrote: objects are made without calling anything of theirs, of recordable classes only.

What a forged file can reach so has no file, socket or clock.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from controller.recording.array_bytes import MAX_BYTES, unpack
from controller.recording.pure import COUNT, FLOAT, INT, MAX_DEPTH, attributes, resolve
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NEW: Final[object] = object.__new__
_UNSET: Final = object()
_OPEN: Final = object()  # what is numbered but cannot be referred to before it is whole


def load(data: bytes, anchors: Mapping[str, object]) -> Any:
    """What `dump` wrote; ConfigError for anything else."""
    reader = _Reader(data, anchors)
    try:
        value = reader.read()
        if reader.at != len(data):
            raise ValueError(f"{len(data) - reader.at} bytes too many")
    except (ValueError, TypeError, LookupError, struct.error, AttributeError, OverflowError, SyntaxError) as error:
        raise ConfigError(f"the recorded state cannot be read: {error}") from None
    return value


class _Reader:
    """Bytes being read; any exception of a parser means that they are not ours."""

    def __init__(self, data: bytes, anchors: Mapping[str, object]) -> None:
        self.at = 0
        self._data, self._anchors = memoryview(data), anchors
        self._seen: list[object] = []
        self._names: list[str] = []
        self._depth = self._array_bytes = 0

    def read(self) -> Any:
        tag = bytes(self.take(1))
        try:
            return _READERS[tag](self)
        except KeyError:
            raise ValueError(f"unknown tag or name at byte {self.at}") from None

    def take(self, size: int) -> memoryview:
        if size > len(self._data) - self.at:
            raise ValueError(f"ends within the value at byte {self.at}")
        self.at += size
        return self._data[self.at - size : self.at]

    def count(self) -> int:
        number: int = COUNT.unpack(self.take(4))[0]
        return number

    def number(self) -> int:
        value: int = INT.unpack(self.take(8))[0]
        return value

    def text(self) -> str:
        return str(self.take(self.count()), "utf-8", "surrogatepass")

    def name(self) -> str:
        number = self.count()
        if number == len(self._names):
            self._names.append(self.text())
        return self._names[number]

    def recordable(self, kind: type) -> Any:
        name = self.name()
        found = resolve(name)
        if not isinstance(found, kind):
            raise ValueError(f"{name} is unknown here: recorded by another version?")
        return found

    def anchor(self) -> Any:
        return self._anchors[self.name()]

    def array(self) -> Any:
        array, self.at = unpack(self._data, self.at)
        self._array_bytes += array.nbytes
        if self._array_bytes > MAX_BYTES:
            raise ValueError("arrays of more than 256 MiB")
        return array

    def referred(self) -> Any:
        value = self._seen[self.count()]
        if value is _OPEN:
            raise ValueError("refers to what is not yet whole")
        return value

    def lacks(self) -> bool:
        """Whether the next value is none: a slot that was never set."""
        found = bytes(self._data[self.at : self.at + 1]) == b"U"
        self.at += found
        return found

    def begin(self, value: Any = _OPEN) -> int:
        self._seen.append(value)
        return len(self._seen) - 1

    def end(self, number: int, value: Any) -> Any:
        self._seen[number] = value
        return value

    def parts(self, count: int, *, may_lack: bool = False) -> list[Any]:
        if count > len(self._data) - self.at or self._depth > MAX_DEPTH:
            raise ValueError(f"{count} values nested {self._depth} deep at byte {self.at}")
        self._depth += 1
        values = [_UNSET if may_lack and self.lacks() else self.read() for _ in range(count)]
        self._depth -= 1
        return values


def _array(reader: _Reader) -> Any:
    number = reader.begin()
    return reader.end(number, reader.array())


def _frozen(make: Callable[[list[Any]], Any]) -> Callable[[_Reader], Any]:
    def read(reader: _Reader) -> Any:
        number = reader.begin()
        return reader.end(number, make(reader.parts(reader.count())))

    return read


def _list(reader: _Reader) -> list[Any]:
    value: list[Any] = []
    reader.begin(value)
    value += reader.parts(reader.count())
    return value


def _set(reader: _Reader) -> set[Any]:
    value: set[Any] = set()
    reader.begin(value)
    value.update(reader.parts(reader.count()))
    return value


def _deque(reader: _Reader) -> deque[Any]:
    most = reader.number()
    value: deque[Any] = deque(maxlen=None if most < 0 else most)
    reader.begin(value)
    value.extend(reader.parts(reader.count()))
    return value


def _mapping(make: Callable[[], dict[Any, Any]]) -> Callable[[_Reader], dict[Any, Any]]:
    def read(reader: _Reader) -> dict[Any, Any]:
        value = make()
        reader.begin(value)
        parts = reader.parts(2 * reader.count())
        value.update(dict(zip(parts[::2], parts[1::2], strict=True)))
        return value

    return read


def _named_tuple(reader: _Reader) -> Any:
    number = reader.begin()
    kind = reader.recordable(type)
    values = reader.parts(reader.count())
    if not issubclass(kind, tuple) or len(values) != len(getattr(kind, "_fields", ())):
        raise ValueError(f"{kind.__qualname__} has other fields: recorded by another version?")
    return reader.end(number, tuple.__new__(kind, values))


def _object(reader: _Reader) -> Any:
    told = reader.name().split(" ")
    kind, names = resolve(told[0]), told[1:]
    if not isinstance(kind, type) or getattr(kind, "__new__", None) is not _NEW:
        raise ValueError(f"{told[0]} is unknown here: recorded by another version?")
    value: object = object.__new__(kind)
    slots = set(attributes(value))
    if slots - set(names) or (set(names) - slots and not hasattr(value, "__dict__")):
        raise ValueError(f"{told[0]} has other attributes: recorded by another version?")
    reader.begin(value)
    for name, one in zip(names, reader.parts(len(names), may_lack=True), strict=True):
        if one is not _UNSET:
            object.__setattr__(value, name, one)
    return value


def _enum(reader: _Reader) -> Any:
    kind = reader.recordable(type)
    if not issubclass(kind, Enum):
        raise ValueError(f"{kind.__qualname__} has no members")
    return kind(reader.read())


_READERS: Final[Mapping[bytes, Callable[[_Reader], Any]]] = {
    b"N": lambda _: None,
    b"T": lambda _: True,
    b"F": lambda _: False,
    b"i": _Reader.number,
    b"I": lambda reader: int.from_bytes(reader.take(reader.count()), "little", signed=True),
    b"d": lambda reader: FLOAT.unpack(reader.take(8))[0],
    b"s": _Reader.text,
    b"b": lambda reader: bytes(reader.take(reader.count())),
    b"X": _Reader.anchor,
    b"R": _Reader.referred,
    b"g": lambda reader: reader.array()[()],
    b"A": _array,
    b"e": _enum,
    b"f": lambda reader: reader.recordable(FunctionType),
    b"t": _frozen(tuple),
    b"l": _list,
    b"S": _set,
    b"Z": _frozen(frozenset),
    b"q": _deque,
    b"D": _mapping(dict),
    b"C": _mapping(Counter),
    b"n": _named_tuple,
    b"O": _object,
}
