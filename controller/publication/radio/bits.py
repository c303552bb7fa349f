"""Bit fields in tables: most significant bit first, big-endian, encoded and decoded from the same rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Values = dict[str, int]


@dataclass(frozen=True, slots=True)
class Field:
    """One row: `step` is the wire unit in `unit` (0: a code, no quantity), real values are `low` to `high` steps.

    Wire values from `negative_from` on stand for themselves minus 2**bits; without it nothing is negative.
    """

    name: str
    bits: int
    step: float = 0.0
    unit: str = ""
    low: int = 0
    high: int | None = None
    unknown: int | None = None
    negative_from: int | None = None

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest value that the bits can hold."""
        turn = 1 << self.bits if self.negative_from is None else self.negative_from
        return turn - (1 << self.bits), turn - 1

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the largest value that says something, in steps."""
        return self.low, self.limits[1] if self.high is None else self.high

    def to_wire(self, quantity: float) -> int:
        """The nearest value inside the range; `unknown` for a number that is not finite. Never `unknown` else."""
        if not math.isfinite(quantity):
            return self.low if self.unknown is None else self.unknown
        low, high = self.range
        return round(min(max(quantity / self.step, low), high))

    def to_real(self, value: int) -> float:
        """The quantity; NaN for `unknown` and for what lies outside the range."""
        low, high = self.range
        return value * self.step if low <= value <= high and value != self.unknown else math.nan


def signed(bits: int) -> int:
    """`negative_from` of an ordinary two's complement."""
    return 1 << bits - 1


class Structure:
    """A fixed row of fields that fills whole bytes. `title` names it in Japanese."""

    __slots__ = ("_bits", "fields", "name", "size", "title")

    def __init__(self, name: str, title: str, *fields: Field) -> None:
        self.name, self.title, self.fields = name, title, fields
        self._bits = sum(field.bits for field in fields)
        if self._bits % 8:
            raise ValueError(f"{name}: {self._bits} bits are no whole number of bytes")
        self.size = self._bits // 8

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def pack(self, values: Mapping[str, int]) -> bytes:
        """`size` bytes; a field that is not given is unknown, or 0 when it has no such value. Raises ValueError for
        one that its bits cannot hold."""
        whole = 0
        for field in self.fields:
            value = values.get(field.name, field.unknown or 0)
            least, most = field.limits
            if not least <= value <= most:
                raise ValueError(f"{self.name}.{field.name}: {value} does not fit {field.bits} bits")
            whole = whole << field.bits | value & (1 << field.bits) - 1
        return whole.to_bytes(self.size, "big")

    def unpack(self, data: bytes, at: int = 0) -> Values | None:
        """The values that stand at offset `at`; None when the bytes end before."""
        if at < 0 or len(data) < at + self.size:
            return None
        whole, left, values = int.from_bytes(data[at : at + self.size], "big"), self._bits, {}
        for field in self.fields:
            left -= field.bits
            value = whole >> left & (1 << field.bits) - 1
            turn = field.negative_from
            values[field.name] = value if turn is None or value < turn else value - (1 << field.bits)
        return values
