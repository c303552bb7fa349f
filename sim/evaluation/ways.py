"""The ways that road users really went: what nobody on the road could know yet, for those who judge afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from controller.site import Site
    from sim.evaluation.truth import Truth

    Floats = NDArray[np.float64]

STEP_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Of one road user: instants (s), places (n, 2), courses, speeds, acceleration along, metres gone, box."""

    who: int
    at_s: Floats
    place: Floats
    course: Floats
    speed: Floats
    along_mps2: Floats
    gone_m: Floats
    length_m: float
    width_m: float

    def ahead(self, at_s: float, on_m: Floats) -> Floats:
        """(k, 3) x, y, course where it is so many metres (k,) after `at_s`; where its way ends it goes straight on."""
        gone = np.interp(at_s, self.at_s, self.gone_m) + on_m
        beyond = np.maximum(gone - self.gone_m[-1], 0.0)
        course = np.interp(gone, self.gone_m, np.unwrap(self.course))
        x, y = (np.interp(gone, self.gone_m, self.place[:, axis]) for axis in (0, 1))
        return np.stack([x + beyond * np.cos(course), y + beyond * np.sin(course), course], axis=1)


def ways_of(truth: Truth, kinds: Collection[int] | None = None) -> list[Way]:
    """The ways of all who are of these classes (of everybody), STEP_S apart."""
    rows: dict[int, list[tuple[float, np.void]]] = {}
    for n in range(int(truth.seconds(truth.times_ns[-1]) / STEP_S) + 1):
        there = truth.at(truth.times_ns[0] + round(n * STEP_S * 1e9))
        for row in there if there is not None else ():
            if kinds is None or row["object_class"] in kinds:
                rows.setdefault(int(row["id"]), []).append((n * STEP_S, row))
    return [_way(who, given) for who, given in rows.items() if len(given) > 1]


def swerves(way: Way, site: Site) -> Floats:
    """The seconds at which it left a lane of the map otherwise than into a successor; branches of one lane overlap."""
    lane = site.lane_of(way.place, way.course).lane
    branches = {to for one in site.lanes if len(one.successors) > 1 for to in one.successors}
    away = []
    for k in np.flatnonzero((lane[:-1] >= 0) & (lane[1:] != lane[:-1])).tolist():
        left, to = site.lanes[lane[k]], site.lanes[lane[k + 1]].id if lane[k + 1] >= 0 else ""
        if left.id not in branches and to not in left.successors:
            away.append(k)
    return np.asarray(way.at_s[away])


def _way(who: int, given: list[tuple[float, np.void]]) -> Way:
    table = np.array([[row[name] for name in ("x", "y", "vx", "vy", "ax", "ay", "yaw")] for _, row in given], float)
    speed = np.hypot(table[:, 2], table[:, 3])
    course = np.where(speed > 0.5, np.arctan2(table[:, 3], table[:, 2]), table[:, 6])
    along = (table[:, 4:6] * table[:, 2:4]).sum(1) / np.maximum(speed, 1e-6)
    gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(table[:, :2], axis=0).T))])
    first = given[0][1]
    size = float(first["length"]), float(first["width"])
    return Way(who, np.array([at for at, _ in given]), table[:, :2], course, speed, along, gone, *size)
