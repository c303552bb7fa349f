"""Finding modules by their uids on a line where all answer at once: halve the range until one is alone (PMI §6).

The search of RDM (ANSI E1.20): a range in which answers collide is split, a module that is heard is muted and its range
is asked for again. Wide ranges come first, so that two modules with one uid do not keep the others waiting.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from interfaces.spec import REQUEST_RETRIES, RS485_SEARCH_WIDTH, UID_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable

LAST: Final = (1 << 8 * UID_SIZE) - 1


class BranchSearch:
    """One pass over all uids but `skip`: ask for `range` and say what came, until `range` is None.

    `shared` are uids that always collide: two modules have the same one. `noisy`: answers came to everything.
    """

    def __init__(self, skip: Iterable[bytes] = ()) -> None:
        self.shared: list[bytes] = []
        self.noisy = False
        self._tries = 0
        borders = [-1, *sorted(_place(uid) for uid in skip), LAST + 1]
        self._ranges = deque((below + 1, above - 1) for below, above in pairwise(borders) if above - below > 1)

    @property
    def range(self) -> tuple[bytes, bytes] | None:
        """Lowest and highest uid to ask for now; None when the search is over."""
        if not self._ranges:
            return None
        lower, upper = self._ranges[0]
        return _bytes(lower), _bytes(upper)

    def empty(self) -> None:
        """Nobody answered."""
        self._ranges.popleft()
        self._tries = 0

    def found(self, uid: bytes, *, muted: bool = True) -> None:
        """One was heard; muted, it leaves the range to the others, else they are looked for beside it."""
        self._tries = 0
        if muted:
            return
        lower, upper = self._ranges.popleft()
        at = _place(uid)
        self._ranges += [one for one in ((lower, at - 1), (at + 1, upper)) if one[0] <= one[1]]

    def collided(self) -> None:
        """Something came that is no answer."""
        lower, upper = self._ranges.popleft()
        if lower < upper:
            self._split(lower, upper)
        elif self._tries < REQUEST_RETRIES:
            self._tries += 1
            self._ranges.appendleft((lower, upper))
        else:
            self._tries = 0
            self.shared.append(_bytes(lower))

    def _split(self, lower: int, upper: int) -> None:
        middle = (lower + upper) // 2
        self._ranges += [(lower, middle), (middle + 1, upper)]
        if len(self._ranges) > RS485_SEARCH_WIDTH:
            self._ranges.clear()
            self.noisy = True


def within(uid: bytes, lower: bytes, upper: bytes) -> bool:
    """Whether a BRANCH is for a uid. The last byte counts most: there the serial numbers of one product differ."""
    return lower[::-1] <= uid[::-1] <= upper[::-1]


def _place(uid: bytes) -> int:
    return int.from_bytes(uid, "little")


def _bytes(place: int) -> bytes:
    return place.to_bytes(UID_SIZE, "little")
