"""Columns → the rows of a repeated message in protobuf's JSON mapping, without a Python object a field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from controller.publication.row_fields import MESSAGE, NUMBERS, STRING, inner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from numpy.typing import NDArray

    from controller.publication.row_fields import Columns


class JsonRows:
    """The rows of `field`: messages of double, float, bool, uint32 and string, and of single messages of these.

    A missing column is a KeyError.
    """

    def __init__(self, field: FieldDescriptor) -> None:
        slots, end = _slots(inner(field))
        self._pieces = [piece for text, _, _ in slots for piece in (text, b"")] + [end + b","]
        self._groups = _groups([(path, leaf) for _, path, leaf in slots])

    def __call__(self, columns: Columns, count: int) -> bytes:
        """An array in protobuf's JSON mapping, with the names of the fields and every field told."""
        if not count:
            return b"[]"
        pieces, step = self._pieces * count, len(self._pieces)
        for field, places, paths in self._groups:
            tokens = _tokens(field, [columns[path] for path in paths])
            for number, place in enumerate(places):
                pieces[2 * place + 1 :: step] = tokens[number * count : (number + 1) * count]
        pieces[0] = b"[" + pieces[0]
        pieces[-1] = pieces[-1][:-1] + b"]"
        return b"".join(pieces)


def _slots(kind: Descriptor, before: bytes = b"") -> tuple[list[tuple[bytes, str, FieldDescriptor]], bytes]:
    """The text before each value, and after the last."""
    slots: list[tuple[bytes, str, FieldDescriptor]] = []
    text = before + b"{"
    for field in kind.fields:
        text += b'"%b":' % field.name.encode()
        if field.type == MESSAGE:
            within, text = _slots(inner(field), text)
            slots += [(words, f"{field.name}.{path}", leaf) for words, path, leaf in within]
        else:
            opening, closing = (b"[", b"]") if field.is_repeated else (b"", b"")
            slots.append((text + opening, field.name, field))
            text = closing
        text += b","
    return slots, text[:-1] + b"}"


def _groups(leaves: Sequence[tuple[str, FieldDescriptor]]) -> list[tuple[FieldDescriptor, list[int], list[str]]]:
    """Values of one kind: a field of it, their places in the row, their paths. They are written together."""
    groups: dict[object, tuple[FieldDescriptor, list[int], list[str]]] = {}
    for place, (path, field) in enumerate(leaves):
        kind = path if field.is_repeated else field.type
        _, places, paths = groups.setdefault(kind, (field, [], []))
        places.append(place)
        paths.append(path)
    return list(groups.values())


def _tokens(field: FieldDescriptor, columns: list[Any]) -> list[bytes]:
    """Each value as JSON, column after column, repeated ones without brackets; of a float the fewest digits that give
    its 32 bits back: protobuf's own digits between 1e-28 and 1e26, never more beyond."""
    if field.type == STRING:
        return [orjson.dumps(one.decode()) for column in columns for one in column]
    with np.errstate(over="ignore"):
        values = np.array(columns, NUMBERS[field.type][0], order="C")
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
