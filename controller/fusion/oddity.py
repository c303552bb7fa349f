"""What is odd about a module by itself: stamps that its data sheet does not explain, vehicles beside their lanes.

Nobody is convicted of that. Where two modules contradict each other and no third knows better, it says whom to doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS

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
LATELY: Final = 40.0  # vehicles
WORTH: Final = 0.25  # of a vehicle: the next one is the same
MOST: Final = 4.0  # nats


class Ground(NamedTuple):
    """What the map says of points (n, 2): whether vehicles drive there, and how many metres beside the middle of a lane
    they lie, NaN in none.
    """

    driven: Callable[[Floats], NDArray[np.bool_]]
    aside_m: Callable[[Floats], Floats]


class Oddities:
    """Of every slot's module, lately."""

    def __init__(self) -> None:
        self._stamps, self._lanes = np.zeros((2, SLOTS))  # sigmas from the declared latency; nats

    def forget(self, slot: int) -> None:
        """Another module stands there now."""
        self._stamps[slot] = self._lanes[slot] = 0.0

    def stamped(self, sensor: Sensor, late_s: float) -> None:
        """A message came so long after its stamp; in a log that does not know, at once."""
        if not late_s:
            return
        declared, slot = sensor.capability.latency_s, sensor.slot_index
        off = late_s - USUAL * declared
        sigmas = off / ((TOO_NEW_S if off < 0 else TOO_OLD_S) + DOUBT * declared)
        self._stamps[slot] += (min(max(sigmas, -STRANGEST), STRANGEST) - self._stamps[slot]) / MEAN_OF

    def placed(self, slot: int, aside_m: Floats, sigma_m: Floats) -> None:
        """Vehicles (n,) were seen so far from the middle of a lane."""
        known = np.isfinite(aside_m) & (sigma_m < SURE_M)
        off2, doubt2 = aside_m[known] ** 2, sigma_m[known] ** 2
        keeps, leaves = KEEPS_M**2 + doubt2, LEAVES_M**2 + doubt2
        nats = 0.5 * (off2 - keeps) * (1 / keeps - 1 / leaves)  # beyond what a module that is right would make of them
        self._lanes[slot] *= max(1 - len(nats) / LATELY, 0.0)
        self._lanes[slot] += nats.sum()

    def nats(self) -> Floats:
        """How much (SLOTS,) is to be said against each of them."""
        against: Floats = np.minimum(0.5 * self._stamps**2 + WORTH * np.maximum(self._lanes, 0.0), MOST)
        return against
