"""A way over the ground: a smooth curve by arc length, and how two such ways meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEP_M: Final = 0.5
LATERAL_MPS2: Final = 2.0  # what a driver takes in a bend
SLOWING_MPS2: Final = 1.2
MEETING_M: Final = 2.9  # two centre lines nearer than this cannot both be driven at once
_STRIDE: Final = 8
TOUCHING_M: Final = 3.2  # who keeps to a path farther off than this is never in the way


class Pose(NamedTuple):
    """One place on a path: m, rad counter-clockwise from east, 1/m (positive to the left)."""

    x: float
    y: float
    yaw: float
    curvature: float


class Meeting(NamedTuple):
    """Where two paths come too near: from `enter_m` to `leave_m` on the one, `other_*` on the other.

    `joins`: they go on as one, side by side no more.
    """

    enter_m: float
    leave_m: float
    other_enter_m: float
    other_leave_m: float
    joins: bool


@dataclass(frozen=True, eq=False)
class Path:
    """A curve sampled every half metre; `points` (n, 2) m in local ENU."""

    points: Floats

    @classmethod
    def through(cls, corners: Sequence[tuple[float, float]], turn_m: float = 10.0) -> Path:
        """Straight between the corners, each corner cut by a parabola that begins and ends `turn_m` from it."""
        given = np.asarray(corners, float)
        pieces = [given[:1]]
        for before, corner, after in zip(given[:-2], given[1:-1], given[2:], strict=True):
            pieces.append(_rounded(before, corner, after, turn_m))
        pieces.append(given[-1:])
        return cls(_resampled(np.concatenate(pieces)))

    @classmethod
    def along(cls, points: Floats) -> Path:
        """Through points (n, 2) that lie close together already, or on straights."""
        return cls(_resampled(points))

    @cached_property
    def length_m(self) -> float:
        """Length of the curve."""
        return float(STEP_M * (len(self.points) - 1))

    @cached_property
    def headings(self) -> Floats:
        """Direction at each point, rad, unwrapped."""
        steps = np.gradient(self.points, axis=0)
        return np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))

    @cached_property
    def curvatures(self) -> Floats:
        """Curvature at each point, 1/m, smoothed as a steering wheel smooths it."""
        if len(self.points) < 5:
            return np.zeros(len(self.points))
        raw = np.gradient(self.headings) / STEP_M
        return np.convolve(np.pad(raw, 2, mode="edge"), np.full(5, 0.2), "valid")

    @cached_property
    def comfortable_mps(self) -> Floats:
        """Highest speed at each point that its bends, and those ahead, allow."""
        speed = np.sqrt(LATERAL_MPS2 / np.maximum(np.abs(self.curvatures), 1e-3))
        for i in range(len(speed) - 2, -1, -1):
            speed[i] = min(speed[i], np.sqrt(speed[i + 1] ** 2 + 2 * SLOWING_MPS2 * STEP_M))
        return speed

    def at(self, along_m: float) -> Pose:
        """The place at `along_m`, clamped to the ends."""
        poses = self._poses
        place = min(max(along_m / STEP_M, 0.0), len(poses) - 1.0)
        i = min(int(place), max(len(poses) - 2, 0))
        share, here, there = place - i, poses[i], poses[min(i + 1, len(poses) - 1)]
        x, y, yaw = (a + share * (b - a) for a, b in zip(here[:3], there[:3], strict=True))
        return Pose(x, y, yaw, here.curvature)

    def comfortable_at(self, along_m: float) -> float:
        """`comfortable_mps` at a place."""
        speeds = self._comfortable
        return speeds[min(int(along_m / STEP_M), len(speeds) - 1)]

    # Columns as lists: one place at a time is asked for, which numpy is slow at.

    @cached_property
    def _poses(self) -> list[Pose]:
        columns = (*self.points.T.tolist(), self.headings.tolist(), self.curvatures.tolist())
        return [Pose(*row) for row in zip(*columns, strict=True)]

    @cached_property
    def _comfortable(self) -> list[float]:
        return list(self.comfortable_mps.tolist())


class Shadow:
    """One path as seen from another: for every place of `other`, where it lies along and beside `own`.

    `touches`: whether they come near anywhere; `meetings`: where.
    """

    def __init__(self, own: Path, other: Path) -> None:
        nearest = _nearest(own.points, other.points)
        along: Floats = (nearest * STEP_M).astype(float)
        aside = np.hypot(*(other.points - own.points[nearest]).T)
        beyond = (nearest == 0) | (nearest == len(own.points) - 1)
        aside = np.where(beyond & (aside > STEP_M), np.inf, aside)
        turn = other.headings - own.headings[nearest]
        self.touches = bool((aside < TOUCHING_M).any())
        self.meetings = tuple(_meetings(along, aside, turn))
        self._places = list(zip(along.tolist(), aside.tolist(), turn.tolist(), strict=True))

    def at(self, other_along_m: float) -> tuple[float, float, float]:
        """(along, aside, turn) m, m, rad of one place of the other path."""
        return self._places[min(max(round(other_along_m / STEP_M), 0), len(self._places) - 1)]


def _nearest(own: Floats, other: Floats) -> NDArray[np.intp]:
    """Index of the point of a smooth line `own` (n, 2) that lies nearest to each of `other` (m, 2)."""
    some = own[::_STRIDE]
    # |a - b|^2 less |a|^2, whose minimum lies at the same b: one product of matrices instead of n x m roots.
    rough = np.argmin((some**2).sum(1)[None, :] - 2 * other @ some.T, axis=1) * _STRIDE
    around = np.clip(rough[:, None] + np.arange(-_STRIDE, _STRIDE + 1), 0, len(own) - 1)
    best = np.argmin(((other[:, None] - own[around]) ** 2).sum(2), axis=1)
    return np.asarray(around[np.arange(len(around)), best])


def _meetings(along_m: Floats, aside_m: Floats, turn: Floats) -> list[Meeting]:
    near = np.concatenate([[False], aside_m < MEETING_M, [False]])
    edges = np.flatnonzero(np.diff(near.astype(int)))
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        along = along_m[first:end]
        # From one lane into one lane is following, which is no meeting.
        if first * STEP_M > 2.0 or along.min() > 2.0:
            place = (float(along.min()), float(along.max()), float(first * STEP_M), float((end - 1) * STEP_M))
            last = min(end, len(aside_m)) - 1
            found.append(Meeting(*place, bool(aside_m[last] < STEP_M and abs(np.cos(turn[last])) > 0.99)))
    return found


def _rounded(before: Floats, corner: Floats, after: Floats, turn_m: float) -> Floats:
    """Points of the parabola that cuts a corner."""
    into, out = corner - before, after - corner
    start = corner - into * min(turn_m / float(np.hypot(*into)), 0.5)
    end = corner + out * min(turn_m / float(np.hypot(*out)), 0.5)
    t = np.linspace(0, 1, 41)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)


def _resampled(points: Floats) -> Floats:
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.arange(0.0, along[-1] + 1e-9, STEP_M)
    return np.stack([np.interp(places, along, points[:, 0]), np.interp(places, along, points[:, 1])], axis=1)
