"""What rules of right of way need of the map, worked out once: the ways to stop lines, merges and crossings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.site import STRAIGHT
from controller.site_shapes import at, crossings, dense, edges_of, foot, length, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.site import Lane, Site, StopLine

REACH_M: Final = 200.0
STRAIGHT_WEIGHT: Final = 8.0  # most go straight on
FORK_M: Final = 1.0  # lanes of one beginning that run nearer to each other are one to look at
LEAST_ANGLE: Final = np.radians(30.0)  # lanes that meet flatter than this merge or run on


class Way(NamedTuple):
    """One who is `s` along `lane`, from `from_m` to `to_m`, has `offset_m` − s to go.

    `share` of those who are there get there.
    """

    lane: int
    offset_m: float
    share: float
    from_m: float = -math.inf
    to_m: float = math.inf


class Line(NamedTuple):
    """A stop line under a signal."""

    group: int
    ways: tuple[Way, ...]


class Joint(NamedTuple):
    """Where two ways meet: at a merge (ramp, mainline) or within a conflict area, where each is `half_m` deep."""

    id: str
    x: float
    y: float
    first: tuple[Way, ...]
    second: tuple[Way, ...]
    half_m: tuple[float, float] = (0.0, 0.0)


class Layout(NamedTuple):
    """All of them."""

    lines: tuple[Line, ...] = ()
    merges: tuple[Joint, ...] = ()
    crossings: tuple[Joint, ...] = ()
    road: tuple[float, float] = (0.0, 0.0)  # the place on a lane nearest to the pole: where its weather holds


def layout_of(site: Site) -> Layout:
    """The layout of a map; empty without one."""
    merges = tuple(
        Joint(
            one.id,
            float(one.point[0]),
            float(one.point[1]),
            ways(site.lanes, one.ramp, one.ramp_m),
            ways(site.lanes, one.mainline, one.mainline_m),
        )
        for one in site.merges
    )
    return Layout(tuple(_lines(site)), merges, tuple(_crossings(site)), _nearest(site))


def _nearest(site: Site) -> tuple[float, float]:
    if not site.lanes:
        return 0.0, 0.0
    points = np.concatenate([dense(lane.points) for lane in site.lanes])
    x, y = points[np.argmin(np.hypot(*points.T))]
    return float(x), float(y)


def ways(lanes: tuple[Lane, ...], lane: int, along_m: float) -> tuple[Way, ...]:
    """From `along_m` on `lane` upstream over its predecessors, 200 m far; each lane once, by its shortest way."""
    found = [Way(lane, along_m, 1.0)]
    seen = {lane}
    for way in found:  # grows
        if way.offset_m >= REACH_M:
            continue
        for index, one in enumerate(lanes):
            if index not in seen and lanes[way.lane].id in one.successors:
                seen.add(index)
                share = way.share * _share(lanes, one, lanes[way.lane])
                found.append(Way(index, way.offset_m + length(one.points), share))
    return tuple(found)


def forked(lanes: tuple[Lane, ...], reach: tuple[Way, ...]) -> tuple[Way, ...]:
    """The same ways, but who is where lanes of one beginning are still side by side may be on any of them."""
    first, rest = reach[0], reach[1:]
    lane = lanes[first.lane]
    before = next((one for one in lanes if lane.id in one.successors and len(one.successors) > 1), None)
    if before is None:
        return reach
    share = _share(lanes, before, lane)
    beside = {
        index: min(_beside_m(lane, one), first.offset_m)
        for index, one in enumerate(lanes)
        if one.id in before.successors and index != first.lane
    }
    own_m = max(beside.values(), default=0.0)
    shared = [Way(index, first.offset_m, share, to_m=along_m) for index, along_m in beside.items() if along_m > 0]
    return (first._replace(from_m=own_m), first._replace(share=share, to_m=own_m), *shared, *rest)


def _beside_m(one: Lane, other: Lane) -> float:
    """How far two lanes run side by side from where they begin."""
    along_m = np.arange(0.0, min(length(one.points), length(other.points)), 0.5)
    apart = np.hypot(*(at(one.points, along_m) - at(other.points, along_m)).T) > FORK_M
    return float(along_m[np.argmax(apart)] if apart.any() else along_m[-1])


def _share(lanes: tuple[Lane, ...], lane: Lane, taken: Lane) -> float:
    """How many of those on `lane` go on to `taken`: of its successors, one straight on counts as several that turn."""
    weight = {
        one.id: STRAIGHT_WEIGHT if _goes_straight(lane, one) else 1.0 for one in lanes if one.id in lane.successors
    }
    return weight[taken.id] / sum(weight.values())


def _goes_straight(lane: Lane, other: Lane) -> bool:
    course, way = lane.points[-1] - lane.points[-2], other.points[-1] - other.points[0]
    return bool(way @ course >= STRAIGHT * np.hypot(*way) * np.hypot(*course))


def _lines(site: Site) -> Iterator[Line]:
    for line in site.stop_lines:
        if line.signal_group is not None:
            for lane in line.lanes:
                yield Line(line.signal_group, ways(site.lanes, lane, _along(line, site.lanes[lane])))


def _along(line: StopLine, lane: Lane) -> float:
    """How far along a lane its stop line lies."""
    met, _ = crossings(edges_of(line.points), edges_of(lane.points))
    return foot(lane.points, met[0] if len(met) else line.points.mean(axis=0)).along_m


def _crossings(site: Site) -> Iterator[Joint]:
    areas = [area for area in site.areas if area.kind == "conflict_area"]
    for i, one in enumerate(site.lanes if areas else ()):
        for j in range(i + 1, len(site.lanes)):
            other = site.lanes[j]
            met, _ = crossings(edges_of(one.points), edges_of(other.points))
            for point in met:
                area = next((area for area in areas if area.contains(point[None])[0]), None)
                a, b = foot(one.points, point), foot(other.points, point)
                angle = turn(a.direction, b.direction)
                if area is None or not LEAST_ANGLE < angle < np.pi - LEAST_ANGLE:
                    continue
                half = other.width_m / 2 / np.sin(angle), one.width_m / 2 / np.sin(angle)
                first, second = (
                    forked(site.lanes, ways(site.lanes, *side)) for side in ((i, a.along_m), (j, b.along_m))
                )
                place = float(point[0]), float(point[1])
                yield Joint(area.id, *place, first, second, (float(half[0]), float(half[1])))
