"""Which modules see the same road users where two of them look, and which do not: counted pair by pair."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.blame import blame, cost, less, witnessed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

RECENT: Final = 16  # messages of a module that are remembered
SAME_NS: Final = 100_000_000  # stamps no farther apart are of the same instant
TOGETHER_M: Final = 3.0  # farther apart lies what is not the same road user; a third of its length, where that is told
LONGEST_M: Final = 5.0  # and is more, up to this: one may see the middle of a bus, another its near end
CLOSE: Final = 0.6  # of its reach, within which a module sees nearly everything
FARTHER: Final = 1.5  # times as far as a module can see
MEMORY: Final = 0.8  # of the counts, kept from one judgement to the next
ENOUGH: Final = 4.0  # new ones in a judgement for that
LEAST_SEEN: Final = 5.0
RIGHT, WRONG = 0.85, 0.3  # share that two modules both see: where both are right, where one of them is not
ODDEST: Final = -0.5  # nats against who is as odd as can be
GROSS: Final = 2.0  # times as seldom as small errors is a module grossly wrong
WORTH: Final = 0.5  # of a count: the next one is of the same road user
MOST: Final = 8.0  # nats, that two modules say about each other


class Told(NamedTuple):
    """A module's message: where it saw road users (n, 2), and the lengths that it tells (n,), 0 unknown."""

    stamp_ns: int
    place: Floats
    length: Floats


class Quarrels:
    """Counts (SLOTS, SLOTS) of what the first of two modules told where the second looks, and what that saw, too.

    `told`, `lonely` (SLOTS,): all that a module told, and what no other saw of it.
    """

    def __init__(self) -> None:
        self.seen, self.near = np.zeros((SLOTS, SLOTS)), np.zeros((SLOTS, SLOTS))
        self.told, self.lonely = np.zeros((2, SLOTS))
        self._kept, self._kept_told = np.zeros((SLOTS, SLOTS)), np.zeros(SLOTS)  # what the last judgement left
        self._recent: dict[int, deque[Told]] = {}

    def keep(self, slot: int, told: Told) -> None:
        """Remember a message, for those that others send of the same instant."""
        self._recent.setdefault(slot, deque(maxlen=RECENT)).append(told)

    def count(
        self,
        sensor: Sensor,
        told: Told,
        others: Mapping[int, Sensor],
        velocity: Callable[[Told], Floats],
    ) -> None:
        """Compare a message with those of others from the same instant, both ways.

        `velocity`: with which road users move (n, 2), NaN where that is unknown.
        """
        slot, alone = sensor.slot_index, np.ones(len(told.place), bool)
        for n, other in others.items():
            theirs = min(self._recent.get(n, ()), key=lambda one: abs(one.stamp_ns - told.stamp_ns), default=None)
            if theirs is None or abs(theirs.stamp_ns - told.stamp_ns) > SAME_NS:
                continue
            place = theirs.place + np.nan_to_num(velocity(theirs)) * ((told.stamp_ns - theirs.stamp_ns) / 1e9)
            apart = np.hypot(*(told.place[:, None] - place[None]).transpose(2, 0, 1))
            together = apart < np.clip(np.maximum.outer(told.length, theirs.length) / 3, TOGETHER_M, LONGEST_M)
            for one, two, where, by, met in (
                (slot, n, told.place, other, together.any(1)),
                (n, slot, place, sensor, together.any(0)),
            ):
                looked_at = looks(by, where)
                if one == slot:  # too far for itself to see: nobody else needs to look there to know that it is not so
                    looked_at |= _away(sensor, where) > FARTHER * sensor.reach_m
                self.seen[one, two] += looked_at.sum()
                self.near[one, two] += (looked_at & met).sum()
            alone &= ~together.any(1)
        self.told[slot] += len(alone)
        self.lonely[slot] += alone.sum()

    def forget(self, slot: int) -> None:
        """Another module stands there now."""
        for counts in (self.seen, self.near, self._kept):
            counts[slot] = counts[:, slot] = 0
        for told in (self.told, self.lonely, self._kept_told):
            told[slot] = 0
        self._recent.pop(slot, None)

    def fade(self) -> None:
        """Forget counts as new ones come: where there is little traffic they are kept for longer."""
        keep = MEMORY ** np.minimum((self.seen - self._kept) / ENOUGH, 1.0)
        self.seen, self.near = self.seen * keep, self.near * keep
        keep = MEMORY ** np.minimum((self.told - self._kept_told) / ENOUGH, 1.0)
        self.told, self.lonely = self.told * keep, self.lonely * keep
        self._kept, self._kept_told = self.seen.copy(), self.told.copy()  # counting goes on in place

    def agreement(self, slot: int, others: list[int]) -> float:
        """Share of what a module sees where others look, that they see too; NaN where that is too little."""
        seen = float(self.seen[slot, others].sum())
        return float(self.near[slot, others].sum()) / seen if seen >= LEAST_SEEN else math.nan

    def guilt(self, active: list[int], proven: NDArray[np.int64], out: frozenset[int], odd: Floats) -> Floats:
        """Probability (SLOTS,) that each module sees things elsewhere than they are; `out`: who is not fused now,
        `odd` (SLOTS,): nats to doubt one for what it says by itself. Who quarrels with nobody is not wrong.
        """
        peace, met = self._peace(), self.seen + self.seen.T

        def evidence(wrong: frozenset[int]) -> float:
            right = [slot for slot in active if slot not in wrong]
            can_be = right and witnessed(met, wrong)
            return float(np.triu(peace[np.ix_(right, right)], 1).sum()) if can_be else -math.inf

        price = less(GROSS * cost(proven, out), odd, ODDEST)
        found = np.zeros(SLOTS)
        for group, share in blame(active, evidence, price.__getitem__).items():
            found[list(group)] += share
        return found

    def _peace(self) -> Floats:
        """Log-likelihood ratio (SLOTS, SLOTS), symmetric: that two modules are both right, rather than not.

        Who sees nothing where another does may be blind, not wrong: it must tell of as much that nobody sees.
        """
        missed = np.minimum(self.seen - self.near, 2 * self.lonely)  # pairs are compared when either tells
        missed, near = missed + missed.T, self.near + self.near.T
        ratio = near * math.log(RIGHT / WRONG) + missed * math.log((1 - RIGHT) / (1 - WRONG))
        peace: Floats = np.clip(WORTH * ratio, -MOST, MOST)
        return peace


def looks(sensor: Sensor, place: Floats) -> NDArray[np.bool_]:
    """Which points (n, 2) lie where a module sees nearly everything; none if it does not declare where it looks."""
    near = _away(sensor, place) < CLOSE * sensor.reach_m
    if math.isfinite(sensor.reach_m):
        near[near] = sensor.expects(place[near, 0], place[near, 1])
        return near
    return np.zeros(len(place), bool)


def _away(sensor: Sensor, place: Floats) -> Floats:
    away: Floats = np.hypot(place[:, 0] - sensor.x, place[:, 1] - sensor.y)
    return away
