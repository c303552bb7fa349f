"""One row of a published field table: what a key may hold, and how a real value gets there without being unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

U8_MAX: Final = 255
U16_MAX: Final = 65_535
U24_MAX: Final = 16_777_215
U32_MAX: Final = 4_294_967_295


class Kind(StrEnum):
    """What JSON value a key holds."""

    INTEGER = "integer"
    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "string"
    DATE = "date"  # 2026-01-23
    UTC = "date-time, Z"  # 2026-01-23T01:23:45.678Z
    JST = "date-time, +09:00"
    UUID = "uuid"
    LIST = "array"


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `low` and `high` bound an integer or number, the length of a text, the count of a list.

    `step` is what one count of an integer is worth in `unit`; `unknown` the integer that says so. `first` and `last`
    bound what a real value may become where it is not simply everything but `unknown`. `counts` names the list whose
    length this integer is. `codes` says in words what the integers mean. `rows` are the keys of a list's objects.
    """

    name: str
    key: str
    low: float = 0
    high: float = 0
    kind: Kind = Kind.INTEGER
    unit: str = ""
    step: float = 1
    unknown: int | None = None
    first: int | None = None
    last: int | None = None
    required: bool = True
    codes: str = ""
    counts: str = ""
    rows: tuple[Field, ...] = ()

    @property
    def real(self) -> tuple[int, int]:
        """Least and greatest integer that a real value may become."""
        low = self.low + 1 if self.unknown == self.low else self.low
        high = self.high - 1 if self.unknown == self.high else self.high
        return int(low if self.first is None else self.first), int(high if self.last is None else self.last)

    def column(self, values: ArrayLike) -> list[int]:
        """Values in `unit` as integers: rounded, kept within `real`; not finite ones are unknown, or least."""
        told = np.asarray(values, np.float64)
        low, high = self.real
        nothing = low if self.unknown is None else self.unknown
        with np.errstate(invalid="ignore", over="ignore"):
            held = np.clip(np.rint(told / self.step), low, high)
        numbers: list[int] = np.where(np.isfinite(told), held, nothing).astype(np.int64).tolist()
        return numbers

    def encode(self, value: float) -> int:
        """One value as `column` does it."""
        return self.column([value])[0]


def index(table: tuple[Field, ...]) -> dict[str, Field]:
    """Every field of a table and of the lists in it, by key."""
    found: dict[str, Field] = {}
    for row in table:
        found[row.key] = row
        found |= index(row.rows)
    return found
