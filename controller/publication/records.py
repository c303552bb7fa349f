"""Columns → the rows of a repeated message, as protobuf and as JSON, without a Python object a field.

In protobuf every row is a record of one width: varints keep all their bytes. Parsers take that, and a message that read
it writes itself in the usual, shortest form.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import orjson

from controller.publication.varint import varint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from numpy.typing import NDArray

    # By the names of the fields: n values; (n, width) of a repeated field; columns again of a message.
    Columns = Mapping[str, Any]
    Path = tuple[str, ...]  # of names, from the row down to a value

_STRING, _MESSAGE = 9, 11  # protobuf's numbers of types
_NUMBERS: Final[Mapping[int, tuple[Any, int]]] = {  # of the others: form and wire type
    1: (np.float64, 1),
    2: (np.float32, 5),
    8: (np.bool_, 0),
    13: (np.uint32, 0),
}
_LENGTH: Final = 2  # wire type of what says how long it is
_VARINT: Final = np.dtype((np.uint8, 5))  # of 32 bits, with all its bytes
_SHIFTS, _MORE = np.arange(0, 35, 7, dtype=np.uint32), np.array([0x80] * 4 + [0], np.uint32)


class Records:
    """The rows of `field`: messages of double, float, bool, uint32 and string, and of single messages of these.

    `widths` says how many numbers each repeated field has. A missing column is a KeyError.
    """

    def __init__(self, field: FieldDescriptor, widths: Mapping[str, int]) -> None:
        row, places = _record(_inner(field), widths)
        head = _head(field, _LENGTH) + varint(len(row))
        self._row, self._paths = head + row, list(places)
        self._dtype = np.dtype(
            {
                "names": [".".join(path) for path in places],
                "formats": [form for form, _ in places.values()],
                "offsets": [len(head) + at for _, at in places.values()],
                "itemsize": len(self._row),
            }
        )
        slots, end = _slots(_inner(field))
        self._pieces = [piece for text, _, _ in slots for piece in (text, b"")] + [end + b","]
        self._groups = _groups([(path, leaf) for _, path, leaf in slots])

    def wire(self, columns: Columns, count: int) -> bytes:
        """As the outer message reads it; without the strings, which have no width."""
        records = np.frombuffer(bytearray(self._row * count), self._dtype)
        with np.errstate(over="ignore"):  # beyond a float is infinite, as in protobuf
            for name, path in zip(self._dtype.names or (), self._paths, strict=True):
                column = reduce(getitem, path, columns)
                records[name] = _varints(column) if self._dtype[name] == _VARINT else column
        return records.tobytes()

    def json(self, columns: Columns, count: int) -> bytes:
        """An array in protobuf's JSON mapping, with the names of the fields and every field told."""
        if not count:
            return b"[]"
        pieces, step = self._pieces * count, len(self._pieces)
        for field, places, paths in self._groups:
            tokens = _tokens(field, [reduce(getitem, path, columns) for path in paths])
            for number, place in enumerate(places):
                pieces[2 * place + 1 :: step] = tokens[number * count : (number + 1) * count]
        pieces[0] = b"[" + pieces[0]
        pieces[-1] = pieces[-1][:-1] + b"]"
        return b"".join(pieces)


def _record(kind: Descriptor, widths: Mapping[str, int]) -> tuple[bytes, dict[Path, tuple[np.dtype[Any], int]]]:
    """A row of zeros, and the form and offset of each number in it."""
    row = b""
    places: dict[Path, tuple[np.dtype[Any], int]] = {}
    for field in kind.fields:
        if field.type == _STRING:
            continue
        if field.type == _MESSAGE:
            inner, within = _record(_inner(field), widths)
            row += _head(field, _LENGTH) + varint(len(inner))
            places |= {(field.name, *path): (form, len(row) + at) for path, (form, at) in within.items()}
            row += inner
            continue
        number, wire_type = _NUMBERS[field.type]
        form = _VARINT if number is np.uint32 else np.dtype(number)
        if field.is_repeated:
            form = np.dtype((form, widths[field.name]))
            row += _head(field, _LENGTH) + varint(form.itemsize)
        else:
            row += _head(field, wire_type)
        places[(field.name,)] = form, len(row)
        row += bytes(form.itemsize)
    return row, places


def _inner(field: FieldDescriptor) -> Descriptor:
    return cast("Descriptor", field.message_type)  # None only for other types


def _head(field: FieldDescriptor, wire_type: int) -> bytes:
    return varint(field.number << 3 | wire_type)


def _varints(column: Any) -> NDArray[Any]:
    """(n, 5) bytes."""
    return np.asarray(column, np.uint32)[:, None] >> _SHIFTS & 0x7F | _MORE


def _slots(kind: Descriptor, before: bytes = b"") -> tuple[list[tuple[bytes, Path, FieldDescriptor]], bytes]:
    """The text before each value, and after the last."""
    slots: list[tuple[bytes, Path, FieldDescriptor]] = []
    text = before + b"{"
    for field in kind.fields:
        text += b'"%b":' % field.name.encode()
        if field.type == _MESSAGE:
            inner, text = _slots(_inner(field), text)
            slots += [(words, (field.name, *path), leaf) for words, path, leaf in inner]
        else:
            opening, closing = (b"[", b"]") if field.is_repeated else (b"", b"")
            slots.append((text + opening, (field.name,), field))
            text = closing
        text += b","
    return slots, text[:-1] + b"}"


def _groups(leaves: Sequence[tuple[Path, FieldDescriptor]]) -> list[tuple[FieldDescriptor, list[int], list[Path]]]:
    """Values of one kind: a field of it, their places in the row, their paths. They are written together."""
    groups: dict[object, tuple[FieldDescriptor, list[int], list[Path]]] = {}
    for place, (path, field) in enumerate(leaves):
        kind = path if field.is_repeated else field.type
        _, places, paths = groups.setdefault(kind, (field, [], []))
        places.append(place)
        paths.append(path)
    return list(groups.values())


def _tokens(field: FieldDescriptor, columns: list[Any]) -> list[bytes]:
    """Each value as JSON, column after column, repeated ones without brackets; of a float the fewest digits that give
    its 32 bits back: protobuf's own digits between 1e-28 and 1e26, never more beyond."""
    if field.type == _STRING:
        return [orjson.dumps(one) for column in columns for one in column]
    with np.errstate(over="ignore"):
        values = np.array(columns, _NUMBERS[field.type][0], order="C")
    text = orjson.dumps(values.reshape(-1, values.shape[-1]), option=orjson.OPT_SERIALIZE_NUMPY)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        text = _finite(text, values)
    return text[2:-2].split(b"],[") if field.is_repeated else text[2:-2].replace(b"],[", b",").split(b",")


def _finite(text: bytes, values: NDArray[Any]) -> bytes:
    """With the words that stand for what is no finite number: orjson writes null."""
    first, *others = text.split(b"null")
    words = [_word(value) for value in values.flat if not math.isfinite(value)]
    return first + b"".join(word + other for word, other in zip(words, others, strict=True))


def _word(value: float) -> bytes:
    return b'"NaN"' if math.isnan(value) else b'"Infinity"' if value > 0 else b'"-Infinity"'
