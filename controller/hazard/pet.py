"""Post-encroachment time: how long after one road user left a patch of road another of a different course took it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CELL_M: Final = 0.5
SIDE: Final = 512  # cells; the grid wraps every 256 m and each cell remembers which tile it stands for
MIN_SPEED_MPS: Final = 0.5
SURE_SIGMAS: Final = 3.0  # of the speed: with less, whether it crosses or follows nobody can say
STEADY_MPS: Final = 3.0  # slower, a velocity's direction says less than the body's
RIM_M: Final = 0.35  # of a body that its place and size leave in doubt: who only passes beside it takes nothing of it
MIN_WIDTH_M: Final = 0.4
MIN_ANGLE, MAX_ANGLE = math.radians(30), math.radians(150)  # less is following, more is passing the other way

_CELL = np.dtype([("id", "<u4"), ("tile", "<i4"), ("course", "<f4"), ("left_s", "<f8")])


class Encroachment(NamedTuple):
    """Track `second` took at (x, y) what track `first` had left `pet_s` before."""

    first: int
    second: int
    pet_s: float
    x: float
    y: float


class FootprintGrid:
    """The patches of road last covered, by whom and until when. Times are exact between ticks at constant speed."""

    def __init__(self, max_pet_s: float = 2.0) -> None:
        self._cells = np.zeros(SIDE * SIDE, _CELL)
        self._max_pet_s = max_pet_s
        self._origin_ns: int | None = None
        self._now_s = 0.0

    def update(self, objects: NDArray[np.void], valid_at_ns: int) -> list[Encroachment]:
        """Take in TRACK rows of one tick; the shortest encroachment of each pair of present tracks since the last."""
        if self._origin_ns is None:
            self._origin_ns = valid_at_ns - 1_000_000_000
        now = (valid_at_ns - self._origin_ns) / 1e9
        elapsed, self._now_s = min(now - self._now_s, 1.0), now
        speed = np.hypot(objects["vx"], objects["vy"])
        doubt = np.sqrt(np.maximum(objects["cov"][:, 2, 2], objects["cov"][:, 3, 3]))
        known = np.isfinite(objects["yaw"]) & (speed > SURE_SIGMAS * doubt)
        moving = np.flatnonzero(np.isfinite(speed) & (speed > MIN_SPEED_MPS) & known)
        if not len(moving):
            return []
        owner, x, y, entered, leaves = _footprints(objects[moving], speed[moving], elapsed)
        rows = moving[owner]
        column, line = np.floor(x / CELL_M).astype(np.int64), np.floor(y / CELL_M).astype(np.int64)
        slot = (line % SIDE) * SIDE + column % SIDE
        tile = ((line // SIDE) * 65536 + column // SIDE).astype(np.int32)
        course = _course(objects)[rows]
        ids = objects["id"][rows]
        was = self._cells[slot]
        pet = now - entered - was["left_s"]
        turned = np.abs(np.angle(np.exp(1j * (course - was["course"]))))
        taken = (was["left_s"] > 0) & (was["tile"] == tile) & (was["id"] != ids)
        taken &= (turned >= MIN_ANGLE) & (turned <= MAX_ANGLE)
        taken &= (pet >= 0) & (pet < self._max_pet_s) & np.isin(was["id"], objects["id"])
        taken &= entered <= elapsed + CELL_M / speed[rows]  # new ground lies at the front
        found = _shortest(was["id"][taken], ids[taken], pet[taken], x[taken], y[taken])
        # What is covered at the next tick is written again then: who gathers speed leaves sooner than it seems.
        fresh = np.zeros(len(slot), _CELL)
        fresh["id"], fresh["tile"], fresh["course"] = ids, tile, course
        fresh["left_s"] = now + np.minimum(leaves, elapsed)
        self._cells[slot] = fresh
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._cells[:] = 0
        self._origin_ns = None
        self._now_s = 0.0


def _footprints(
    objects: NDArray[np.void], speed: Floats, elapsed: float
) -> tuple[NDArray[np.intp], Floats, Floats, Floats, Floats]:
    """Sample points of each box, with what it ran over since the last tick: owner, x, y, seconds since and until."""
    length = np.clip(np.nan_to_num(objects["length"], nan=0.5), 0.3, 25)
    width = np.clip(np.nan_to_num(objects["width"], nan=0.5), 0.3, 4)
    course = _course(objects)
    # Along the course; a box that points elsewhere than it moves is rare and short.
    turn = np.abs(objects["yaw"] - course)
    long = length * np.abs(np.cos(turn)) + width * np.abs(np.sin(turn))
    wide = width * np.abs(np.cos(turn)) + length * np.abs(np.sin(turn))
    wide = np.maximum(wide - 2 * RIM_M, np.minimum(wide, MIN_WIDTH_M))
    sweep = np.minimum(speed * elapsed, 30.0)
    n_long = np.ceil((long + sweep) / CELL_M).astype(np.intp) + 1
    n_wide = np.ceil(wide / CELL_M).astype(np.intp) + 1
    count = n_long * n_wide
    owner = np.repeat(np.arange(len(objects)), count)
    index = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    i, j = index // n_wide[owner], index % n_wide[owner]
    back = i / (n_long[owner] - 1) * (long + sweep)[owner]  # metres behind the front edge
    side = (j / (n_wide[owner] - 1) - 0.5) * wide[owner]
    ahead = long[owner] / 2 - back
    cos, sin = np.cos(course)[owner], np.sin(course)[owner]
    x = objects["x"][owner] + ahead * cos - side * sin
    y = objects["y"][owner] + ahead * sin + side * cos
    return owner, x, y, back / speed[owner], (long[owner] - back) / speed[owner]


def _course(objects: NDArray[np.void]) -> Floats:
    """Where each one is going (rad): its velocity, or of a slow one its body, forwards or backwards."""
    moving = np.arctan2(objects["vy"], objects["vx"])
    reverse = np.cos(objects["yaw"] - moving) < 0
    body = objects["yaw"] + np.where(reverse, np.pi, 0.0)
    steady = np.hypot(objects["vx"], objects["vy"]) >= STEADY_MPS
    course: Floats = np.where(steady | ~np.isfinite(body), moving, body)
    return course


def _shortest(
    first: NDArray[np.uint32], second: NDArray[np.uint32], pet: Floats, x: Floats, y: Floats
) -> list[Encroachment]:
    best: dict[tuple[int, int], Encroachment] = {}
    for i in np.argsort(pet, kind="stable"):
        pair = int(first[i]), int(second[i])
        if pair not in best:
            best[pair] = Encroachment(*pair, float(pet[i]), float(x[i]), float(y[i]))
    return list(best.values())
