"""Columns → the rows of a repeated message in protobuf's own form, without a Python object a field.

Every row is a record as wide as the one with the longest text: varints keep all their bytes, and what a shorter text
leaves is cut out at the end. Parsers take that, and a message that read it writes itself in the usual, shortest form.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.row_fields import MESSAGE, NUMBERS, SIZED, STRING, inner, tag
from controller.publication.varint import varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor import FieldDescriptor

    from controller.publication.row_fields import Columns

_WHOLE: Final = np.dtype((np.uint8, 5))  # a varint of 32 bits
_SIZE_B: Final = 2  # a varint of the size of a text or of a message
_LARGEST_B: Final = (1 << 14) - 1
KEPT: Final = 256  # records and blank rows, by the sizes of their texts
_SHIFTS: Final = np.arange(0, 35, 7, dtype=np.uint32)[:, None, None]


class WireRows:
    """The rows of `field`: messages of double, float, bool, uint32 and one string, and of single messages of these.

    `widths` says how many numbers each repeated field of double or float has. A missing column is a KeyError, a row of
    16 KiB a ValueError.
    """

    def __init__(self, field: FieldDescriptor, widths: Mapping[str, int]) -> None:
        self._row = b""  # of zeros, without its text
        self._numbers: dict[str, tuple[np.dtype[Any], int]] = {}  # by path: form and place in the row
        self._wholes: dict[str, tuple[np.dtype[Any], int]] = {}  # the same of varints
        self._text, self._begin = "", 0  # its path and its place
        self._sizes: list[tuple[int, int, bool]] = []  # places, bytes but for the text, whether that is among them
        self._add(field, "", widths)
        self._record, self._blank = lru_cache(KEPT)(self._wide), lru_cache(KEPT)(self._sized)

    def __call__(self, columns: Columns) -> bytes | bytearray:
        """As the outer message reads it."""
        texts = columns[self._text]
        sizes_b = [len(text) for text in texts]
        widest_b = max((1, *sizes_b))
        blanks = {size_b: self._blank(size_b, widest_b) for size_b in set(sizes_b)}
        told = bytearray().join([blanks[size_b] for size_b in sizes_b])
        records = np.frombuffer(told, self._record(widest_b))
        records[self._text] = texts
        with np.errstate(over="ignore"):  # beyond a float is infinite, as in protobuf
            for path in self._numbers:
                records[path] = columns[path]
        septets = np.asarray([columns[path] for path in self._wholes], np.uint32) >> _SHIFTS & 0x7F
        septets[:-1] |= 0x80
        for number, path in enumerate(self._wholes):
            records[path] = septets[:, number].T
        return told if blanks.keys() == {widest_b} else self._cut(told, sizes_b, widest_b)

    def _cut(self, told: bytearray, sizes_b: Iterable[int], widest_b: int) -> bytes:
        """Without what the texts leave of the widest."""
        begins = range(0, len(told), len(self._row) + widest_b)
        ends = (begin + self._begin + size_b for begin, size_b in zip(begins, sizes_b, strict=True))
        nexts = (begin + self._begin + widest_b for begin in begins)
        return b"".join(told[begin:end] for begin, end in zip((0, *nexts), (*ends, len(told)), strict=True))

    def _wide(self, text_b: int) -> np.dtype[Any]:
        """The record of a row with such a text."""
        text = {self._text: (np.dtype((np.bytes_, text_b)), self._begin)}
        behind = {path for path, (_, place) in (self._numbers | self._wholes).items() if place >= self._begin}
        fields = self._numbers | self._wholes | text
        return np.dtype(
            {
                "names": list(fields),
                "formats": [form for form, _ in fields.values()],
                "offsets": [place + text_b * (path in behind) for path, (_, place) in fields.items()],
                "itemsize": len(self._row) + text_b,
            }
        )

    def _sized(self, text_b: int, widest_b: int) -> bytes:
        """The row of zeros with the sizes in it, of its text and of what holds that, and with room for the widest."""
        row = bytearray(self._row)
        for place, alone_b, holds_text in self._sizes:
            size_b = alone_b + text_b * holds_text
            if size_b > _LARGEST_B:
                raise ValueError(f"a row has {size_b} B, more than {_LARGEST_B}")
            row[place : place + _SIZE_B] = size_b & 0x7F | 0x80, size_b >> 7
        return bytes(row[: self._begin] + bytes(widest_b) + row[self._begin :])

    def _add(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        if field.type in (MESSAGE, STRING):
            self._add_sized(field, path, widths)
            return
        number, wire_type = NUMBERS[field.type]
        if number is np.uint32:
            self._wholes[path] = _WHOLE, self._room(tag(field, wire_type), _WHOLE.itemsize)
        elif field.is_repeated:
            form = np.dtype((number, widths[field.name]))
            self._numbers[path] = form, self._room(tag(field, SIZED) + varint(form.itemsize), form.itemsize)
        else:
            form = np.dtype(number)
            self._numbers[path] = form, self._room(tag(field, wire_type), form.itemsize)

    def _add_sized(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        place, begin = self._room(tag(field, SIZED), _SIZE_B), len(self._row)
        if field.type == STRING:
            self._text, self._begin = path, begin
        else:
            for one in inner(field).fields:
                self._add(one, f"{path}.{one.name}" if path else one.name, widths)
        self._sizes.append((place, len(self._row) - begin, self._begin >= begin))

    def _room(self, head: bytes, size_b: int) -> int:
        """At the end of the row: its place."""
        place = len(self._row) + len(head)
        self._row += head + bytes(size_b)
        return place
