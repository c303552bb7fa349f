"""Columns → the rows of a repeated message in protobuf's own form, without a Python object a field.

Every row is a record of one width but for its texts: varints keep all their bytes. Parsers take that, and a message
that read it writes itself in the usual, shortest form.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.row_fields import MESSAGE, NUMBERS, STRING, inner
from controller.publication.varint import varint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import FieldDescriptor

    from controller.publication.row_fields import Columns

_SIZED: Final = 2  # wire type of what says how long it is
_WHOLE: Final = np.dtype((np.uint8, 5))  # a varint of 32 bits
_SIZE_B: Final = 2  # a varint of the size of a text or of a message
_LARGEST_B: Final = (1 << 14) - 1
BLANKS: Final = 256  # kept, by the sizes of their texts
_SHIFTS: Final = np.arange(0, 35, 7, dtype=np.uint32)[:, None, None]


class WireRows:
    """The rows of `field`: messages of double, float, bool, uint32 and string, and of single messages of these.

    `widths` says how many numbers each repeated field of double or float has. A missing column is a KeyError, a row of
    16 KiB a ValueError.
    """

    def __init__(self, field: FieldDescriptor, widths: Mapping[str, int]) -> None:
        self._row = b""  # of zeros, without its texts
        self._numbers: dict[str, tuple[np.dtype[Any], int]] = {}  # by path: form and place in the row
        self._wholes: dict[str, tuple[np.dtype[Any], int]] = {}  # the same of varints
        self._texts: dict[str, int] = {}  # the places
        self._sizes: dict[int, tuple[int, tuple[str, ...]]] = {}  # by place: bytes but for the texts, these texts
        self._add(field, "", widths)
        fields = self._numbers | self._wholes
        self._record = np.dtype(
            {
                "names": list(fields),
                "formats": [form for form, _ in fields.values()],
                "offsets": [place for _, place in fields.values()],
                "itemsize": len(self._row),
            }
        )
        ends = (0, *self._texts.values(), len(self._row))
        self._pieces = np.dtype([(f"{begin}", f"V{end - begin}") for begin, end in pairwise(ends)])
        self._blank = lru_cache(BLANKS)(self._sized)

    def __call__(self, columns: Columns, count: int) -> bytes:
        """As the outer message reads it."""
        texts = [[text.encode() for text in columns[path]] for path in self._texts]
        sizes_b = zip(*([len(text) for text in each] for each in texts), strict=True) if texts else [()] * count
        records = np.frombuffer(bytearray().join([self._blank(each) for each in sizes_b]), self._record)
        with np.errstate(over="ignore"):  # beyond a float is infinite, as in protobuf
            for path in self._numbers:
                records[path] = columns[path]
        septets = np.asarray([columns[path] for path in self._wholes], np.uint32) >> _SHIFTS & 0x7F
        septets[:-1] |= 0x80
        for number, path in enumerate(self._wholes):
            records[path] = septets[:, number].T
        woven = [records.view(self._pieces)[name].tolist() for name in self._pieces.names or ()]
        for number, each in enumerate(texts):
            woven.insert(2 * number + 1, each)
        return b"".join(chain.from_iterable(zip(*woven, strict=True)))

    def _sized(self, texts_b: tuple[int, ...]) -> bytes:
        """The row of zeros with the sizes in it, of its texts and of what holds them."""
        row, by_path = bytearray(self._row), dict(zip(self._texts, texts_b, strict=True))
        for place, (alone_b, held) in self._sizes.items():
            size_b = alone_b + sum(by_path[path] for path in held)
            if size_b > _LARGEST_B:
                raise ValueError(f"a row has {size_b} B, more than {_LARGEST_B}")
            row[place : place + _SIZE_B] = size_b & 0x7F | 0x80, size_b >> 7
        return bytes(row)

    def _add(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        if field.type in (MESSAGE, STRING):
            self._add_sized(field, path, widths)
            return
        number, wire_type = NUMBERS[field.type]
        if number is np.uint32:
            self._wholes[path] = _WHOLE, self._room(_tag(field, wire_type), _WHOLE.itemsize)
        elif field.is_repeated:
            form = np.dtype((number, widths[field.name]))
            self._numbers[path] = form, self._room(_tag(field, _SIZED) + varint(form.itemsize), form.itemsize)
        else:
            form = np.dtype(number)
            self._numbers[path] = form, self._room(_tag(field, wire_type), form.itemsize)

    def _add_sized(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        place, begin, known = self._room(_tag(field, _SIZED), _SIZE_B), len(self._row), len(self._texts)
        if field.type == STRING:
            self._texts[path] = begin
        else:
            for one in inner(field).fields:
                self._add(one, f"{path}.{one.name}" if path else one.name, widths)
        self._sizes[place] = len(self._row) - begin, tuple(self._texts)[known:]

    def _room(self, head: bytes, size_b: int) -> int:
        """At the end of the row: its place."""
        place = len(self._row) + len(head)
        self._row += head + bytes(size_b)
        return place


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    return varint(field.number << 3 | wire_type)
