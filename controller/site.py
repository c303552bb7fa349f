"""The site map: lanes and areas around the pole in local ENU metres, and fast questions about where points lie."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.site_kinds import CARRIED
from controller.site_shapes import dense, least_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

APART_WIDTHS: Final = 0.8  # centre lines that stay so many widths apart belong to lanes that do not touch
STRAIGHT: Final = 0.87  # cosine of 30°: a successor that turns by less goes straight on


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A lane: `points` (n, 2) m run along its centre in driving direction; `speed_limit_mps` NaN when unknown."""

    id: str
    points: NDArray[np.float64]
    width_m: float
    speed_limit_mps: float = math.nan
    type: str = "driving"
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A polygon; `edges` (m, 4) m are (x0, y0, x1, y1) of the outer ring and its holes together.

    `signal_group`: the group of the signal module that holds on a crossing, None where there is none.
    """

    id: str
    kind: str
    edges: NDArray[np.float64]
    signal_group: int | None = None

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `points` (n, 2) lie inside, by the even-odd rule."""
        x, y = points[:, 0, None], points[:, 1, None]
        x0, y0, x1, y1 = self.edges.T
        straddles = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        inside: NDArray[np.bool_] = np.count_nonzero(straddles & left, axis=1) % 2 == 1
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class StopLine:
    """A stop line; `points` (n, 2) m; `lanes` are the indices of those that stop there, `signal_group` as of areas."""

    id: str
    points: NDArray[np.float64]
    lanes: tuple[int, ...] = ()
    signal_group: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Where a ramp meets the mainline (合流): lanes by index, the end of the ramp, and how far along each that lies.

    `id` is that of the merge area; `point` (2,) m.
    """

    id: str
    ramp: int
    mainline: int
    point: NDArray[np.float64]
    ramp_m: float
    mainline_m: float


class LaneMatch(NamedTuple):
    """Per point its lane's index (−1: in none), direction rad, offset left of the centre line, way from the beginning;
    NaN where in none.
    """

    lane: NDArray[np.intp]
    direction: NDArray[np.float64]
    offset_m: NDArray[np.float64]
    along_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Everything the map holds; `Site()` is a pole without a map, where every question answers no."""

    lanes: tuple[Lane, ...] = ()
    areas: tuple[Area, ...] = ()
    stop_lines: tuple[StopLine, ...] = ()
    merges: tuple[Merge, ...] = ()
    _segments: _Segments = field(init=False, repr=False)
    _apart: dict[tuple[int, int], bool] = field(init=False, repr=False, default_factory=dict)  # answers once found

    def __post_init__(self) -> None:
        object.__setattr__(self, "_segments", _segments(self.lanes))

    def lane_of(self, points: NDArray[np.float64], headings: NDArray[np.float64] | None = None) -> LaneMatch:
        """The lane each of `points` (n, 2) lies in; where lanes overlap, the one that fits `headings` rad best."""
        count, parts = len(points), self._segments
        if not count or not len(parts.lane):
            nothing = np.full(count, np.nan)
            return LaneMatch(np.full(count, -1, np.intp), nothing, nothing.copy(), nothing.copy())
        dx, dy = points[:, 0, None] - parts.x, points[:, 1, None] - parts.y
        along = dx * parts.ux + dy * parts.uy
        left = dy * parts.ux - dx * parts.uy
        beyond = np.maximum(np.maximum(-along, along - parts.length), 0.0)
        distance = np.hypot(left, beyond)
        outside = (distance > parts.half_width) | (parts.first & (along < 0)) | (parts.last & (along > parts.length))
        cost = distance / parts.half_width
        if headings is not None:
            turn = np.abs(np.angle(np.exp(1j * (headings[:, None] - parts.direction))))
            cost = cost + np.nan_to_num(turn) * 2
        cost = np.where(outside | ~np.isfinite(distance), np.inf, cost)
        best = np.argmin(cost, axis=1)
        rows = np.arange(count)
        found = np.isfinite(cost[rows, best])
        clamped = np.clip(along[rows, best], 0.0, parts.length[best]) + parts.start[best]
        return LaneMatch(
            np.where(found, parts.lane[best], -1),
            np.where(found, parts.direction[best], np.nan),
            np.where(found, left[rows, best], np.nan),
            np.where(found, clamped, np.nan),
        )

    def inside(self, kind: str, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `points` (n, 2) lie in any area of `kind`."""
        found = np.zeros(len(points), bool)
        for area in self.areas:
            if area.kind == kind:
                found |= area.contains(points)
        return found

    def in_carriageway(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `points` lie where vehicles drive: the polygons, or the lanes' own width when there is none."""
        if self.has("carriageway"):
            return self.inside("carriageway", points)
        carried = np.array([lane.type in CARRIED for lane in self.lanes] + [False])
        found: NDArray[np.bool_] = carried[self.lane_of(points).lane]  # −1 reads the False at the end
        return found

    def in_crossing(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `points` (n, 2) lie on a crossing."""
        return self.inside("crossing", points)

    def watched(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `points` count: in no blind area and, where interest areas are drawn, in one of them."""
        seen = ~self.inside("blind_area", points)
        return seen & self.inside("interest_area", points) if self.has("interest_area") else seen

    def has(self, kind: str) -> bool:
        """Whether any area of `kind` is drawn."""
        return any(area.kind == kind for area in self.areas)

    def lanes_apart(self, one: int, two: int) -> bool:
        """Whether who keeps to the one, and straight on after it, nowhere touches who does so on the other.

        Their centre lines stay 0.8 widths apart.
        """
        pair = (min(one, two), max(one, two))
        if pair not in self._apart:
            a, b = (np.concatenate([dense(lane.points) for lane in self._straight_on(index)]) for index in pair)
            width = (self.lanes[one].width_m + self.lanes[two].width_m) / 2
            self._apart[pair] = one != two and least_distance(a, b) >= APART_WIDTHS * width
        return self._apart[pair]

    def _straight_on(self, index: int) -> list[Lane]:
        """The lane, and its successors that do not turn."""
        lane = self.lanes[index]
        turned = ((other, other.points[-1] - other.points[0]) for other in self.lanes if other.id in lane.successors)
        course = lane.points[-1] - lane.points[-2]
        ahead = [other for other, way in turned if way @ course >= STRAIGHT * np.hypot(*way) * np.hypot(*course)]
        return [lane, *ahead]

    @property
    def knows_carriageway(self) -> bool:
        """Whether the map tells road from roadside."""
        return bool(self.lanes) or self.has("carriageway")


class _Segments(NamedTuple):
    """Every straight piece of every lane, as columns (one entry a piece)."""

    lane: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ux: NDArray[np.float64]
    uy: NDArray[np.float64]
    length: NDArray[np.float64]
    direction: NDArray[np.float64]
    half_width: NDArray[np.float64]
    start: NDArray[np.float64]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]


def _segments(lanes: tuple[Lane, ...]) -> _Segments:
    rows: list[tuple[float, ...]] = []
    for index, lane in enumerate(lanes):
        steps = np.diff(lane.points, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        starts = np.cumsum(lengths) - lengths
        used = np.flatnonzero(lengths > 1e-6)
        for i in used:
            (x, y), (sx, sy), size = lane.points[i], steps[i], lengths[i]
            ends = (float(i == used[0]), float(i == used[-1]))
            rows.append(
                (index, x, y, sx / size, sy / size, size, math.atan2(sy, sx), lane.width_m / 2, starts[i], *ends)
            )
    table = np.array(rows, np.float64).reshape(-1, 11).T.copy()
    x, y, ux, uy, length, direction, half_width, start = table[1:9]
    ends_at = table[9:] > 0
    return _Segments(
        table[0].astype(np.intp), x, y, ux, uy, length, direction, half_width, start, ends_at[0], ends_at[1]
    )
