"""Who rides along which lane towards what: arrival times along the lanes of the map, and whom a red light holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.hazard.surroundings import red
from interfaces.spec import VEHICLES, ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from controller.hazard.layout import Layout, Way
    from controller.hazard.surroundings import Aspect
    from controller.site import LaneMatch

    Floats = NDArray[np.float64]

HARD_MPS2: Final = 4.5  # who would have to brake harder does not stop
MOVING_MPS: Final = 2.0
MARGIN_M: Final = 0.5  # one stops that far beyond the line and is no violator
_RIDE: Final = [*(int(c) for c in VEHICLES), int(ObjectClass.BICYCLE)]


class Comer(NamedTuple):
    """One on its way to a place on the map."""

    row: int
    distance_m: float  # of its middle
    length_m: float
    speed: float
    arrival_s: float  # of its front
    doubt_s: float
    share: float

    @property
    def front_m(self) -> float:
        """From its front to the place; negative beyond."""
        return self.distance_m - self.length_m / 2


class Riders(NamedTuple):
    """Vehicles and cyclists in lanes: rows by lane, and per row of the scene plain numbers."""

    by_lane: dict[int, list[int]]
    along_m: list[float]
    length_m: list[float]
    speed: list[float]  # along the lane
    doubt_m: list[float]
    doubt_mps: list[float]


NOBODY: Final = Riders({}, [], [], [], [], [])


def riders(objects: NDArray[np.void], memory: NDArray[np.void], match: LaneMatch) -> Riders:
    """Those of `objects` that ride in a lane."""
    rides = (match.lane >= 0) & np.isin(objects["object_class"], _RIDE)
    by_lane: dict[int, list[int]] = {}
    for row in np.flatnonzero(rides).tolist():
        by_lane.setdefault(int(match.lane[row]), []).append(row)
    course, cov = memory["fast"], objects["cov"]
    speed = course[:, 0] * np.cos(match.direction) + course[:, 1] * np.sin(match.direction)
    doubt_m = np.sqrt(np.maximum((cov[:, 0, 0] + cov[:, 1, 1]) / 2, 0.0))
    doubt_mps = np.sqrt(np.maximum((cov[:, 2, 2] + cov[:, 3, 3]) / 2, 0.04))
    columns = (match.along_m, objects["length"], speed, doubt_m, doubt_mps)
    return Riders(by_lane, *(column.tolist() for column in columns))


def coming(
    known: Riders, ways: tuple[Way, ...], beyond_m: float = 0.0, least_mps: float = MOVING_MPS
) -> Iterator[Comer]:
    """Those on these ways whose front is before their end, or `beyond_m` beyond."""
    for way in ways:
        for row in known.by_lane.get(way.lane, ()):
            speed, size = known.speed[row], known.length_m[row]
            distance = way.offset_m - known.along_m[row]
            front = distance - size / 2
            if speed < least_mps or front <= -beyond_m - MARGIN_M or not way.from_m <= known.along_m[row] < way.to_m:
                continue
            crawl = max(speed, 0.1)
            arrival = max(front, 0.0) / crawl
            doubt = math.hypot(known.doubt_m[row], arrival * known.doubt_mps[row]) / crawl
            yield Comer(row, distance, size, speed, arrival, max(doubt, 0.1), way.share)


def held_m(known: Riders, layout: Layout, signals: Mapping[int, Aspect], now_ns: int) -> Floats:
    """How far ahead of each there is a line where red holds it, for those who can stop there; else infinite.

    Red known to end before one gets there holds nobody.
    """
    held = np.full(len(known.speed), math.inf)
    for line in layout.lines:
        if red(signals, line.group):
            until_ns = signals[line.group].until_ns
            left_s = math.inf if until_ns is None else (until_ns - now_ns) / 1e9
            for one in coming(known, line.ways, least_mps=-MOVING_MPS):
                if 0 < left_s < one.front_m / max(one.speed, 0.1) and one.speed > MOVING_MPS:
                    continue
                if one.front_m > -MARGIN_M and one.speed**2 <= 2 * HARD_MPS2 * (one.front_m + MARGIN_M):
                    held[one.row] = min(held[one.row], max(one.front_m, 0.0))
    return held
