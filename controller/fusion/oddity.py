"""What is odd about a module by itself: stamps and places that its data sheet does not explain, vehicles off the road
or beside their lanes.

Nobody is convicted of that: a map may be wrong and a view told too small. Where modules contradict each other it says
whom to doubt.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.unknown import known_or
from interfaces.spec import VEHICLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

USUAL: Final = 0.8  # of the declared latency, which 95 % of the messages keep
TOO_NEW_S, TOO_OLD_S = 0.03, 0.1  # 1 sigma, with a share of what is declared: a wire only adds to it
DOUBT: Final = 0.2
STRANGEST: Final = 4.0  # sigmas: more says no more
MEAN_OF: Final = 10.0  # messages
KEEPS_M, LEAVES_M = 0.5, 1.3  # 1 sigma of vehicles beside the middle of their lane: if a module is right, if it is not
SURE_M: Final = 1.0  # what is placed less surely does not tell one lane from the next
STRAYS_RIGHT, STRAYS_WRONG = 0.05, 0.5  # share that lies where nothing can be, likewise
STANDS_MPS: Final = 1.5
VIEW_GROWN: Final = 1.3  # a declared field of view is meant on the safe side
LATELY: Final = 40.0  # road users
WORTH, STRAY_WORTH = 0.25, 0.5  # of a road user: the next one is the same
MOST: Final = 4.0  # nats, that stamps and lanes say; of what cannot be there every one counts
_VEHICLES: Final = [int(one) for one in VEHICLES]


class Ground(NamedTuple):
    """What the map says of points (n, 2): whether vehicles drive there, and how many metres beside the middle of a lane
    they lie, NaN in none.
    """

    driven: Callable[[Floats], NDArray[np.bool_]]
    aside_m: Callable[[Floats], Floats]


class Oddities:
    """Of every slot's module, lately."""

    def __init__(self) -> None:
        self._stamps = np.zeros(SLOTS)  # sigmas from the declared latency
        self._lanes, self._strays = np.zeros((2, SLOTS))  # nats

    def forget(self, slot: int) -> None:
        """Another module stands there now."""
        self._stamps[slot] = self._lanes[slot] = self._strays[slot] = 0.0

    def stamped(self, sensor: Sensor, late_s: float) -> None:
        """A message came so long after its stamp; in a log that does not know, at once."""
        if not late_s:
            return
        declared, slot = sensor.capability.latency_s, sensor.slot_index
        off = late_s - USUAL * declared
        sigmas = off / ((TOO_NEW_S if off < 0 else TOO_OLD_S) + DOUBT * declared)
        self._stamps[slot] += (min(max(sigmas, -STRANGEST), STRANGEST) - self._stamps[slot]) / MEAN_OF

    def placed(self, sensor: Sensor, rows: NDArray[np.void], pace: Floats, ground: Ground | None) -> None:
        """A message's rows (n,) lie there, and move with `pace` (n,) m/s, NaN unknown; `ground`: what the map says, as
        far as there is one."""
        slot = sensor.slot_index
        vehicles = np.isin(rows["object_class"], _VEHICLES) & ~(pace < STANDS_MPS)  # who stands may do so off the road
        strays = ~(_within(sensor, rows, 1.0) | _within(sensor, rows, VIEW_GROWN))
        if ground is not None:
            place = np.stack((rows["x"], rows["y"]), 1)
            strays |= vehicles & ~ground.driven(place)
            lanes = _beside(ground.aside_m(place[vehicles]), known_or(rows["sigma_pos"][vehicles], 1.0))
            self._lanes[slot] = _lately(self._lanes[slot], lanes)
        here, there = math.log((1 - STRAYS_WRONG) / (1 - STRAYS_RIGHT)), math.log(STRAYS_WRONG / STRAYS_RIGHT)
        self._strays[slot] = _lately(self._strays[slot], np.where(strays, there, here))

    def nats(self) -> Floats:
        """How much (SLOTS,) is to be said against each of them."""
        against = np.minimum(0.5 * self._stamps**2 + WORTH * np.maximum(self._lanes, 0.0), MOST)
        told: Floats = against + STRAY_WORTH * np.maximum(self._strays, 0.0)
        return told


def _within(sensor: Sensor, rows: NDArray[np.void], grown: float) -> NDArray[np.bool_]:
    """Which rows a module can see by its own data sheet, if its view were so many times as large."""
    return sensor.covers(sensor.x + (rows["x"] - sensor.x) / grown, sensor.y + (rows["y"] - sensor.y) / grown)


def _beside(aside_m: Floats, sigma_m: Floats) -> Floats:
    """Nats that vehicles, so far from the middle of a lane, say against who placed them; of those that say anything."""
    known = np.isfinite(aside_m) & (sigma_m < SURE_M)
    off2, doubt2 = aside_m[known] ** 2, sigma_m[known] ** 2
    keeps, leaves = KEEPS_M**2 + doubt2, LEAVES_M**2 + doubt2
    nats: Floats = 0.5 * (off2 - keeps) * (1 / keeps - 1 / leaves)  # beyond what who is right would make of them
    return nats


def _lately(before: float, nats: Floats) -> float:
    """With so many more; what was before fades."""
    return before * max(1 - len(nats) / LATELY, 0.0) + float(nats.sum())
