"""Who counts: a pole can be blamed only for road users that its modules could see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.occlusion import Wall, behind_walls, half_width_rad, hidden_share
from sim.sensing import HIDDEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor
    from controller.site import Site
    from sim.evaluation.truth import Truth

    Bools = NDArray[np.bool_]

MEMORY_NS: Final = 1_000_000_000  # who has just been hidden still counts for so long: a pole has to carry them over


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The eyes of a pole: placed modules with their declared fields of view, how far each sees in this weather."""

    sensors: tuple[Sensor, ...]
    reach_m: tuple[float, ...]
    site: Site
    walls: tuple[Wall, ...] = ()

    def look(self, truth: NDArray[np.void]) -> tuple[Bools, Bools]:
        """Which TRUTH rows are in a module's field of view, and which of them no wall and no body hides from it."""
        inside, seen = np.zeros(len(truth), bool), np.zeros(len(truth), bool)
        for sensor, reach_m in zip(self.sensors, self.reach_m, strict=True):
            dx, dy = truth["x"] - sensor.x, truth["y"] - sensor.y
            away, turn = np.hypot(dx, dy), np.arctan2(dy, dx) - sensor.yaw + math.pi
            bearing = np.remainder(turn, 2 * math.pi) - math.pi
            half = half_width_rad(truth, away, bearing, sensor.yaw)
            hidden = hidden_share(truth, away, bearing, half, sensor.z) >= HIDDEN
            hidden |= behind_walls(truth["x"], truth["y"], (sensor.x, sensor.y), self.walls)
            within = sensor.covers(truth["x"], truth["y"]) & (away <= reach_m)
            inside |= within
            seen |= within & ~hidden
        watched = self.site.watched(np.stack([truth["x"], truth["y"]], axis=1))
        return inside & watched, seen & watched


def counted(truth: Truth, sight: Sight) -> tuple[frozenset[int], ...]:
    """For each instant of `truth` the ids that count: in a field of view, and seen then or within the second before."""
    last: dict[int, int] = {}
    found = []
    for instant_ns, rows in zip(truth.times_ns, truth.frames, strict=True):
        inside, seen = sight.look(rows)
        last |= dict.fromkeys(rows["id"][seen].tolist(), instant_ns)
        present = rows["id"][inside].tolist()
        found.append(frozenset(one for one in present if instant_ns - last.get(one, -MEMORY_NS - 1) <= MEMORY_NS))
    return tuple(found)
