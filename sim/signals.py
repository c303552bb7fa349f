"""Traffic signals of a fixed-time plan (定周期制御): which group shows what, and for how much longer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Colour(IntEnum):
    """What a group shows, as PMI's SignalState counts it."""

    DARK = 0
    RED = 1
    YELLOW = 2
    GREEN = 3


class Aspect(NamedTuple):
    """A group's colour now and how long it will last, s."""

    group: int
    colour: Colour
    remaining_s: float


class Go(NamedTuple):
    """A group's turn in the cycle: green from `at_s` for `green_s`, then yellow (on foot: flashing) for `yellow_s`."""

    at_s: float
    green_s: float
    yellow_s: float


@dataclass(frozen=True, slots=True)
class Signals:
    """A plan: `turns` gives each group's, a cycle takes `cycle_s`; second 0 of the scene is second 0 of a cycle."""

    cycle_s: float
    turns: tuple[tuple[int, Go], ...]

    def colour(self, group: int, now_s: float) -> Colour:
        """What a group shows; dark if the plan has no such group."""
        return next((self._aspect(group, go, now_s).colour for one, go in self.turns if one == group), Colour.DARK)

    def aspects(self, now_s: float) -> tuple[Aspect, ...]:
        """Every group, in the plan's order."""
        return tuple(self._aspect(group, go, now_s) for group, go in self.turns)

    def _aspect(self, group: int, go: Go, now_s: float) -> Aspect:
        since = (now_s - go.at_s) % self.cycle_s
        for colour, end_s in ((Colour.GREEN, go.green_s), (Colour.YELLOW, go.green_s + go.yellow_s)):
            if since < end_s:
                return Aspect(group, colour, end_s - since)
        return Aspect(group, Colour.RED, self.cycle_s - since)
