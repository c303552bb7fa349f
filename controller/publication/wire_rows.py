"""Columns → the rows of a repeated message in protobuf's own form, without a Python object a field.

Every row is a record of one width but for its texts: varints keep all their bytes. Parsers take that, and a message
that read it writes itself in the usual, shortest form.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.row_fields import MESSAGE, NUMBERS, STRING, inner
from controller.publication.varint import varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor import FieldDescriptor
    from numpy.typing import NDArray

    from controller.publication.row_fields import Columns

_SIZED: Final = 2  # wire type of what says how long it is
_WHOLE: Final = np.dtype((np.uint8, 5))  # a varint of 32 bits
_SIZE: Final = np.dtype((np.uint8, 2))  # a varint of the size of a text or of a message
_LARGEST_B: Final = (1 << 14) - 1
_SHIFTS: Final = np.arange(0, 35, 7, dtype=np.uint32)[:, None, None]


class WireRows:
    """The rows of `field`: messages of double, float, bool, uint32 and string, and of single messages of these.

    `widths` says how many numbers each repeated field of double or float has. A missing column is a KeyError, a row of
    16 KiB a ValueError.
    """

    def __init__(self, field: FieldDescriptor, widths: Mapping[str, int]) -> None:
        self._row = b""  # of zeros, without its texts
        self._forms: dict[str, np.dtype[Any]] = {}  # of what stands where; a name is the offset
        self._numbers: dict[str, str] = {}
        self._wholes: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, tuple[str, ...]]] = {}  # bytes but for the texts, these texts
        self._add(field, "", widths)
        self._alone_b = np.array([[alone_b] for alone_b, _ in self._sizes.values()])
        self._holds = np.array([[path in held for path in self._texts.values()] for _, held in self._sizes.values()])
        self._record = np.dtype(
            {
                "names": list(self._forms),
                "formats": list(self._forms.values()),
                "offsets": [int(name) for name in self._forms],
                "itemsize": len(self._row),
            }
        )
        ends = (0, *map(int, self._texts), len(self._row))
        self._pieces = np.dtype([(f"{begin}", f"V{end - begin}") for begin, end in pairwise(ends)])

    def __call__(self, columns: Columns, count: int) -> bytes:
        """As the outer message reads it."""
        records = np.frombuffer(bytearray(self._row * count), self._record)
        with np.errstate(over="ignore"):  # beyond a float is infinite, as in protobuf
            for name, path in self._numbers.items():
                records[name] = columns[path]
        _fill(records, self._wholes, [columns[path] for path in self._wholes.values()], _WHOLE)
        texts = [[text.encode() for text in columns[path]] for path in self._texts.values()]
        long_b = np.array([[len(text) for text in each] for each in texts], np.int64).reshape(len(texts), count)
        sizes_b = self._alone_b + self._holds @ long_b
        if count and sizes_b.max() > _LARGEST_B:
            raise ValueError(f"a row has {sizes_b.max()} B, more than {_LARGEST_B}")
        _fill(records, self._sizes, sizes_b, _SIZE)
        woven = [records.view(self._pieces)[name].tolist() for name in self._pieces.names or ()]
        for number, each in enumerate(texts):
            woven.insert(2 * number + 1, each)
        return b"".join(chain.from_iterable(zip(*woven, strict=True)))

    def _add(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        if field.type in (MESSAGE, STRING):
            self._add_sized(field, path, widths)
            return
        number, wire_type = NUMBERS[field.type]
        if number is np.uint32:
            self._wholes[self._next(_tag(field, wire_type), _WHOLE)] = path
        elif field.is_repeated:
            form = np.dtype((number, widths[field.name]))
            self._numbers[self._next(_tag(field, _SIZED) + varint(form.itemsize), form)] = path
        else:
            self._numbers[self._next(_tag(field, wire_type), np.dtype(number))] = path

    def _add_sized(self, field: FieldDescriptor, path: str, widths: Mapping[str, int]) -> None:
        name, begin, known = self._next(_tag(field, _SIZED), _SIZE), len(self._row), len(self._texts)
        if field.type == STRING:
            self._texts[f"{begin}"] = path
        else:
            for one in inner(field).fields:
                self._add(one, f"{path}.{one.name}" if path else one.name, widths)
        self._sizes[name] = len(self._row) - begin, tuple(self._texts.values())[known:]

    def _next(self, head: bytes, form: np.dtype[Any]) -> str:
        """Room at the end of the row: its name."""
        self._row += head
        name = f"{len(self._row)}"
        self._forms[name] = form
        self._row += bytes(form.itemsize)
        return name


def _fill(records: NDArray[np.void], names: Iterable[str], columns: Any, form: np.dtype[Any]) -> None:
    """Whole numbers as varints of this form."""
    split = np.asarray(columns, np.uint32) >> _SHIFTS[: form.itemsize] & 0x7F
    split[:-1] |= 0x80
    for number, name in enumerate(names):
        records[name] = split[:, number].T


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    return varint(field.number << 3 | wire_type)
