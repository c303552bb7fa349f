"""Whether a module's distances change as fast as its Doppler says: what it knows of their scale without any other.

A frequency shift tells how fast something comes nearer, whatever scale its distance is told in. Two modules that
contradict each other about distances alone leave open who is wrong; a radar that agrees with itself is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.misfit import nearest
from controller.fusion.standing import REACH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

FASTEST_MPS: Final = 100.0
SAME_M: Final = 2.5  # from where its range rate takes it: farther off is another
LOST_S: Final = 0.6  # without being seen
WAY_M: Final = 20.0  # nearer or farther, of which the rates are compared with the distances
NEAREST_M: Final = 20.0  # nearer, the height of a mast and a shifted mount change how fast something comes
REFLECTED_M: Final = 0.2  # 1 sigma of which part of a body sends its echo back
STRANGE: Final = 0.3  # of the way: more is another road user, or another unit of speed
DOUBTED: Final = 0.5  # what that leaves of what was told before
SURE_M: Final = 0.3  # 1 sigma, at best, of what is too far at 30 m
ENOUGH: Final = 4 / SURE_M**2  # information that is kept: more is of long ago

COURSE: Final = np.dtype(
    [("last_ns", "<i8"), ("place", "<f8", 2), ("rate", "<f8"), ("start", "<f8", 2), ("way", "<f8")]
)  # of one road user: where it was from the mount; `way` as the rates say, from `start` on


class RangeRates:
    """Of every slot's module: normal equations of how many metres too far it sees at 30 m."""

    def __init__(self) -> None:
        self._told = np.zeros((2, SLOTS))
        self._courses: dict[int, NDArray[np.void]] = {}

    def forget(self, slot: int) -> None:
        """Another module stands there now, or the same one otherwise."""
        self._told[:, slot] = 0.0
        self._courses.pop(slot, None)

    @property
    def told(self) -> Floats:
        """Information in 1 / m² and pull in 1 / m (2, SLOTS)."""
        told: Floats = self._told * np.minimum(1.0, 1 / SURE_M**2 / np.maximum(self._told[0], 1e-9))
        return told

    def keep(self, sensor: Sensor, rows: NDArray[np.void], stamp_ns: int) -> None:
        """Learn from what one message saw; of rows (n,) without range rate nothing."""
        rows, slot = rows[np.abs(rows["range_rate"]) < FASTEST_MPS], sensor.slot_index
        if not len(rows):
            return
        courses, unseen = _followed(self._courses.get(slot, np.zeros(0, COURSE)), sensor, rows, stamp_ns)
        ended = np.abs(courses["way"]) >= WAY_M
        self._learn(sensor, rows[ended], courses[ended])
        courses["start"][ended], courses["way"][ended] = courses["place"][ended], 0.0
        self._courses[slot] = np.concatenate((courses, unseen))

    def _learn(self, sensor: Sensor, rows: NDArray[np.void], courses: NDArray[np.void]) -> None:
        begin, end, way = _away(courses["start"]), _away(courses["place"]), courses["way"]
        too_far = end - begin - way
        clear, strange = np.minimum(begin, end) > NEAREST_M, np.abs(too_far) > STRANGE * np.abs(way)
        sight = courses["place"] / np.maximum(end, 1e-6)[:, None]
        along2 = np.einsum("ni,nij,nj->n", sight, sensor.noise(rows), sight)
        weight = (clear & ~strange) / (2 * (along2 + REFLECTED_M**2))
        told = self._told[:, sensor.slot_index]
        told += (weight * (way / REACH_M) ** 2).sum(), (weight * too_far * way / REACH_M).sum()
        told *= min(1.0, ENOUGH / max(told[0], 1e-9)) * DOUBTED ** np.count_nonzero(clear & strange)


def _followed(
    before: NDArray[np.void], sensor: Sensor, rows: NDArray[np.void], stamp_ns: int
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """The courses (n,) of what a message saw, and those that go on unseen."""
    seen = np.zeros(len(rows), COURSE)
    seen["last_ns"], seen["rate"] = stamp_ns, rows["range_rate"]
    seen["place"] = seen["start"] = np.stack((rows["x"] - sensor.x, rows["y"] - sensor.y), 1)
    dt = (stamp_ns - before["last_ns"]) / 1e9
    going = (dt > 0) & (dt <= LOST_S)
    before, dt = before[going], dt[going]
    sight = before["place"] / np.maximum(_away(before["place"]), 1e-6)[:, None]
    apart, which, mutual = nearest(seen["place"], before["place"] + sight * (before["rate"] * dt)[:, None])
    same = np.flatnonzero(mutual & (apart < SAME_M))
    then = which[same]
    seen["start"][same] = before["start"][then]
    seen["way"][same] = before["way"][then] + 0.5 * (before["rate"][then] + seen["rate"][same]) * dt[then]
    return seen, np.delete(before, then)


def _away(place: Floats) -> Floats:
    away: Floats = np.hypot(place[:, 0], place[:, 1])
    return away
