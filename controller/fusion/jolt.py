"""A module whose view moves all at once: it was knocked, or its clock stepped.

Before, it saw its own tracks as well as it always does; now it does not. That shows within a second, in that module
first: so it tells which of two is to be doubted. It convicts nobody alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.misfit import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor
    from controller.fusion.track import Tracks

    Floats = NDArray[np.float64]

LEAST_AGE_S: Final = 1.0  # of a track that counts
NEAR_M: Final = 4.0  # farther off lies something else
COMMON_M: Final = 0.3  # 1 sigma of what a track has wrong all the time
LATE_S: Final = 0.03  # … and of when it was there
WIDER: Final = 3.0  # times as far off as usual is what a module sees after a jolt
LOST: Final = 0.6  # share of its tracks that it does not see any more then, or half of the rest
USUAL_LOST, MOST_LOST = 0.12, 0.7  # at least and at most, without one
USUAL_OFF: Final = 0.5  # at least, of the mean square in sigmas
USUALLY: Final = 60.0  # tracks: what is usual of them
WORTH: Final = 0.7  # of a track: what moves it moves the next one, too
MOST: Final = 3.0  # nats that one track says,
MOST_TOLD: Final = 6.0  # … and one message,
MOST_EACH: Final = 4.0  # … and all messages of one track lately
LATELY_NS: Final = 1_000_000_000
KEPT: Final = 0.9  # from one message to the next: what comes slowly is no jolt
FELT: Final = 8.0  # nats: two tracks at least
SUSPECTED: Final = 4.0  # nats, from which on nothing counts as usual
REST_NS: Final = 3_000_000_000  # after a jolt all that is fused is shaken


class Jolts:
    """Of every slot's module: what is usual, and a cumulative sum (Page 1954) of what speaks for a jolt."""

    def __init__(self) -> None:
        self._off, self._lost = np.full(SLOTS, USUAL_OFF), np.full(SLOTS, USUAL_LOST)
        self._known, self._nats = np.zeros((2, SLOTS))  # tracks that tell what is usual; for a jolt
        self._shaken: dict[int, dict[int, int]] = {}  # tracks that say so, and when they last did
        self._rests_until_ns = 0

    def forget(self, slot: int) -> None:
        """Another module stands there now."""
        self._off[slot], self._lost[slot] = USUAL_OFF, USUAL_LOST
        self._known[slot] = self._nats[slot] = 0.0
        self._shaken.pop(slot, None)

    def felt(self, sensor: Sensor, seen: Floats, tracks: Tracks, place: Floats) -> bool:
        """Whether a message that saw these points (n, 2) makes it sure, now; `place` (m, 2): of all tracks then."""
        slot, objects = sensor.slot_index, tracks.objects
        own = (objects["sources"] >> slot & 1 != 0) & (objects["age_s"] > LEAST_AGE_S)
        own[own] = sensor.expects(*place[own].T)
        if tracks.valid_at_ns < self._rests_until_ns or not own.any():
            return False
        away, _, mutual = nearest(place[own], seen)
        near = mutual & (away < NEAR_M)
        off2 = away**2 / _usual2(sensor, objects[own], place[own])
        nats = self._told(slot, off2, near) if self._known[slot] > USUALLY else np.zeros(len(near))
        shaken = self._shaken.setdefault(slot, {})
        shaken.update(dict.fromkeys(objects["id"][own][nats > 0].tolist(), tracks.valid_at_ns))
        for track in [track for track, at_ns in shaken.items() if tracks.valid_at_ns - at_ns > LATELY_NS]:
            del shaken[track]
        told = KEPT * self._nats[slot] + min(WORTH * nats.sum(), MOST_TOLD)
        self._nats[slot] = min(max(told, 0.0), MOST_EACH * len(shaken))
        if self._nats[slot] >= FELT:
            self.forget(slot)
            self._nats[:] = 0
            self._rests_until_ns = tracks.valid_at_ns + REST_NS
            return True
        if self._nats[slot] < SUSPECTED:
            self._learn(slot, off2, near)
        return False

    def _told(self, slot: int, off2: Floats, near: NDArray[np.bool_]) -> Floats:
        """Log-likelihood ratio (m,) of a jolt."""
        lost = self._lost[slot]
        then = max(LOST, (1 + lost) / 2)
        wider = 0.5 * off2 / self._off[slot] * (1 - WIDER**-2) - 2 * math.log(WIDER)
        nats = np.where(near, wider + math.log((1 - then) / (1 - lost)), math.log(then / lost))
        told: Floats = np.clip(nats, -MOST, MOST)
        return told

    def _learn(self, slot: int, off2: Floats, near: NDArray[np.bool_]) -> None:
        """What is usual, from what was seen without a jolt."""
        if near.any():
            new = min(np.count_nonzero(near) / USUALLY, 0.5)
            mean = np.minimum(off2[near] / 2, 8 * self._off[slot]).mean()
            self._off[slot] = max(self._off[slot] + new * (mean - self._off[slot]), USUAL_OFF)
        self._known[slot] += len(near)
        new = min(len(near) / USUALLY, 0.5)
        self._lost[slot] += new * (1 - near.mean() - self._lost[slot])
        self._lost[slot] = min(max(self._lost[slot], USUAL_LOST), MOST_LOST)


def _usual2(sensor: Sensor, tracks: NDArray[np.void], place: Floats) -> Floats:
    """Variance (m,) of how far a module sees each track from where it is."""
    declared, _ = sensor.accuracy(*place.T)
    variance = (tracks["cov"][:, 0, 0] + tracks["cov"][:, 1, 1]) / 2
    usual2: Floats = declared**2 + variance + COMMON_M**2 + LATE_S**2 * (tracks["vx"] ** 2 + tracks["vy"] ** 2)
    return usual2
