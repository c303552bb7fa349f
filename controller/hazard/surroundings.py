"""What modules that detect nothing say of the road: weather and signals, for as long as it holds."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from modules.environment import EnvironmentReading
from modules.signal import DARK, RED, SignalReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WEATHER_HOLDS_S: Final = 60.0
SIGNAL_HOLDS_S: Final = 2.0
AHEAD_S: Final = 1.0  # a report from further in the future is of a clock that was wrong


class Aspect(NamedTuple):
    """What one signal group shows: since when (UTC ns, as first told) and, where known, until when; who says so."""

    colour: int
    since_ns: int
    until_ns: int | None
    sources: int


Weather = tuple[tuple[int, EnvironmentReading], ...]  # bit of the slot, its reading


class Surroundings:
    """The newest report of each slot, by its number. `tell` in the order of arrival."""

    def __init__(self) -> None:
        self._weather: dict[int, tuple[int, EnvironmentReading]] = {}
        self._signals: dict[int, dict[int, tuple[int, Aspect]]] = {}  # slot, group: told at (UTC ns), what

    def tell(self, slot: int, reading: object, at_ns: int) -> None:
        """Take in one report; those of other modules say nothing of the road."""
        if isinstance(reading, EnvironmentReading):
            self._weather[slot] = at_ns, reading
        elif isinstance(reading, SignalReading):
            known = self._signals.get(slot, {})
            self._signals[slot] = {
                one.group: (at_ns, _aspect(known.get(one.group), slot, one.colour, one.remaining_ds, at_ns))
                for one in reading.groups
            }

    def forget(self, slot: int) -> None:
        """Its module serves no more."""
        self._weather.pop(slot, None)
        self._signals.pop(slot, None)

    def weather(self, now_ns: int) -> Weather:
        """Readings that still hold."""
        return tuple(
            (1 << slot, reading)
            for slot, (at_ns, reading) in sorted(self._weather.items())
            if _holds(at_ns, now_ns, WEATHER_HOLDS_S)
        )

    def signals(self, now_ns: int) -> dict[int, Aspect]:
        """What each group shows; dark groups and those of which modules say different things are unknown."""
        told: dict[int, list[Aspect]] = {}
        for groups in self._signals.values():
            for group, (at_ns, aspect) in groups.items():
                if aspect.colour != DARK and _holds(at_ns, now_ns, SIGNAL_HOLDS_S):
                    told.setdefault(group, []).append(aspect)
        return {group: _joined(one) for group, one in told.items() if len({aspect.colour for aspect in one}) == 1}


def visibility_m(weather: Weather) -> float:
    """What the modules that tell it say in the middle; infinite when none does."""
    told = [reading.visibility_m for _, reading in weather if reading.visibility_m is not None]
    return median(told) if told else math.inf


def red(signals: Mapping[int, Aspect], group: int | None) -> bool:
    """Whether a group is known to show red; groups that are unknown are not."""
    return group is not None and group in signals and signals[group].colour == RED


def _aspect(known: tuple[int, Aspect] | None, slot: int, colour: int, remaining_ds: int | None, at_ns: int) -> Aspect:
    same = known is not None and known[1].colour == colour and _holds(known[0], at_ns, SIGNAL_HOLDS_S)
    until = None if remaining_ds is None else at_ns + remaining_ds * 100_000_000
    return Aspect(colour, known[1].since_ns if known is not None and same else at_ns, until, 1 << slot)


def _joined(aspects: Iterable[Aspect]) -> Aspect:
    all_ = list(aspects)
    sources = 0
    for one in all_:
        sources |= one.sources
    return min(all_, key=lambda one: one.since_ns)._replace(sources=sources)


def _holds(at_ns: int, now_ns: int, holds_s: float) -> bool:
    return -AHEAD_S * 1e9 <= now_ns - at_ns <= holds_s * 1e9
