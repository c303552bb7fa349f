"""What is remembered of each track from tick to tick: smoothed motion, and for how long it has stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.track import Tracks

FORGET_S: Final = 5.0
MAX_TRACKS: Final = 2000
STILL_M: Final = 1.0  # plus twice the doubt of the position, at most STILL_DOUBT_M
STILL_DOUBT_M: Final = 0.6
HEIR_M: Final = 1.5
FAST_S, MIDDLE_S, SLOW_S = 0.12, 0.4, 1.2
RECENT: Final = 6  # velocities of the last RECENT_S, for the acceleration
RECENT_S: Final = 0.45
APART_S: Final = 0.07

MEMORY = np.dtype(
    [
        ("id", "<u4"),
        ("first_ns", "<i8"),
        ("seen_ns", "<i8"),
        ("anchor_ns", "<i8"),  # since when it has stayed within reach of the anchor
        ("anchor", "<f8", (2,)),
        ("position", "<f8", (2,)),
        ("fast", "<f8", (2,)),  # exponential means of the velocity
        ("middle", "<f8", (2,)),
        ("slow", "<f8", (2,)),
        ("recent_ns", "<i8", (RECENT,)),  # newest first; 0: none yet
        ("recent", "<f8", (RECENT, 2)),
    ]
)


class Memory:
    """All tracks of the last seconds; `update` returns the rows that belong to the tick's tracks, in their order."""

    def __init__(self) -> None:
        self._rows = np.zeros(0, MEMORY)

    def update(self, tracks: Tracks) -> NDArray[np.void]:
        """Take in one tick (later than the last)."""
        objects, now = tracks.objects, tracks.valid_at_ns
        old = self._rows
        order = np.searchsorted(old["id"], objects["id"])
        safe = np.minimum(order, max(len(old) - 1, 0))
        known = (old["id"][safe] == objects["id"]) if len(old) else np.zeros(len(objects), bool)
        rows = np.zeros(len(objects), MEMORY)
        rows[known] = old[safe[known]]
        position = np.stack([objects["x"], objects["y"]], axis=1)
        velocity = np.stack([objects["vx"], objects["vy"]], axis=1)
        self._begin(rows, ~known, objects, now, position, velocity)
        _smooth(rows, now, velocity)
        doubt = np.minimum(2 * np.sqrt(np.maximum(objects["cov"][:, 0, 0], objects["cov"][:, 1, 1])), STILL_DOUBT_M)
        left = np.hypot(*(position - rows["anchor"]).T) > STILL_M + doubt
        rows["anchor"][left], rows["anchor_ns"][left] = position[left], now
        rows["position"], rows["seen_ns"] = position, now
        self._keep(rows, now)
        return rows

    def clear(self) -> None:
        """Forget everything."""
        self._rows = np.zeros(0, MEMORY)

    def _begin(
        self,
        rows: NDArray[np.void],
        new: NDArray[np.bool_],
        objects: NDArray[np.void],
        now: int,
        position: NDArray[np.float64],
        velocity: NDArray[np.float64],
    ) -> None:
        rows["id"][new], rows["first_ns"][new], rows["seen_ns"][new] = objects["id"][new], now, now
        rows["anchor"][new], rows["anchor_ns"][new] = position[new], now
        for name in ("fast", "middle", "slow"):
            rows[name][new] = velocity[new]
        lost = self._rows[~np.isin(self._rows["id"], objects["id"])]
        if not len(lost):
            return
        for i in np.flatnonzero(new):
            # A standing road user whose track was broken goes on standing under its new id.
            away = np.hypot(*(lost["anchor"] - position[i]).T)
            heir = int(np.argmin(away))
            if away[heir] < HEIR_M and np.hypot(*velocity[i]) < 1.0:
                rows["anchor"][i], rows["anchor_ns"][i] = lost["anchor"][heir], lost["anchor_ns"][heir]

    def _keep(self, rows: NDArray[np.void], now: int) -> None:
        others = self._rows[~np.isin(self._rows["id"], rows["id"])]
        others = others[now - others["seen_ns"] <= FORGET_S * 1e9]
        both = np.concatenate([rows, others])[:MAX_TRACKS]
        self._rows = both[np.argsort(both["id"], kind="stable")]


def slope(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Acceleration m/s² (n, 2): the straight line through the velocities of the last half second; 0 of a single one."""
    age = (rows["recent_ns"][:, :1] - rows["recent_ns"]) / 1e9
    weight = ((rows["recent_ns"] > 0) & (age <= RECENT_S)).astype(float)
    weight[:, 1] = rows["recent_ns"][:, 1] > 0  # at slow rates the last but one, however old
    count = np.maximum(weight.sum(axis=1), 1.0)[:, None]
    lag = np.where(weight > 0, age, 0.0)
    off = weight * (lag - lag.sum(axis=1, keepdims=True) / count)
    spread = (off * off).sum(axis=1, keepdims=True)
    change: NDArray[np.float64] = -(off[:, :, None] * rows["recent"]).sum(axis=1) / np.maximum(spread, 1e-9)
    return change


def turn_rate(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Turn of the course in rad/s over the last second; 0 below 2 m/s or within its noise."""
    fast, slow = rows["fast"], rows["slow"]
    cross = slow[:, 0] * fast[:, 1] - slow[:, 1] * fast[:, 0]
    angle = np.arctan2(cross, (slow * fast).sum(axis=1))
    rate = np.clip(angle / (SLOW_S - FAST_S), -0.8, 0.8)
    return np.where((np.hypot(*fast.T) > 2.0) & (np.abs(rate) > 0.06), rate, 0.0)


def _smooth(rows: NDArray[np.void], now: int, velocity: NDArray[np.float64]) -> None:
    dt = (now - rows["seen_ns"]) / 1e9
    for name, constant in (("fast", FAST_S), ("middle", MIDDLE_S), ("slow", SLOW_S)):
        rows[name] += (1 - np.exp(-dt / constant))[:, None] * (velocity - rows[name])
    taken = rows["recent_ns"][:, 0] - rows["recent_ns"][:, 1] >= APART_S * 1e9
    for name in ("recent_ns", "recent"):
        rows[name][taken, 1:] = rows[name][taken, :-1]
    rows["recent_ns"][:, 0], rows["recent"][:, 0] = now, velocity
