"""Short numbers for long ones: a standard's 8 or 16 bits for what the pole numbers with 32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ShortIds:
    """One number below 2**bits for each id in use, the id's lowest bits unless they are taken; kept while in use."""

    def __init__(self, bits: int) -> None:
        self._count = 1 << bits
        self._short: dict[int, int] = {}

    def of(self, ids: Iterable[int]) -> list[int]:
        """The numbers of all ids that are in use now; others lose theirs. Beyond 2**bits ids, numbers repeat."""
        used = list(ids)
        self._short = {one: self._short[one] for one in used if one in self._short}
        taken = set(self._short.values())
        for one in used:
            if one not in self._short:
                number = one % self._count
                while number in taken and len(taken) < self._count:
                    number = (number + 1) % self._count
                self._short[one] = number
                taken.add(number)
        return [self._short[one] for one in used]
