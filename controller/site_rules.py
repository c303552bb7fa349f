"""What a drawn map must obey in the plane: one function a rule, one table of rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.site_findings import ERROR, WARNING
from controller.site_kinds import CARRIED
from controller.site_shapes import area_m2, at, chord, crossings, dense, edges_of, foot, length, turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from controller.site import Area, Lane, Site

GAP_M: Final = 1.0  # between the end of a lane and the beginning of the next
LOOK_M: Final = 3.0  # over which the direction of a lane's end is taken: single points jitter
BACKWARDS: Final = math.radians(90)
LEAST_LENGTH_M: Final = 0.5
LEAST_AREA_M2: Final = 1.0
LEAST_SHARE: Final = 0.5  # of a lane that lies in a carriageway
ONCOMING: Final = math.radians(150)
PROBE_M: Final = 20.0  # shorter lanes turn inside junctions and cross oncoming ones


class Remark(NamedTuple):
    """What a rule has against the feature with `id`."""

    severity: str
    id: str
    text: str


def check(site: Site) -> Iterator[Remark]:
    """Everything that the rules have against a map; what builds on right shapes is judged only where all are."""
    first = [remark for rule in FIRST for remark in rule(site)]
    yield from first
    if not first:
        for rule in RULES:
            yield from rule(site)


def lanes_follow_each_other(site: Site) -> Iterator[Remark]:
    """A lane's end is the beginning of its successor, or for a ramp a point of it, and both run the same way."""
    index = {lane.id: lane for lane in site.lanes}
    for lane in site.lanes:
        for name in lane.successors:
            follower = index[name]
            met = foot(follower.points, lane.points[-1])
            gap = float(np.hypot(*(follower.points[0] - lane.points[-1])))
            if lane.type == "ramp" and met.distance_m <= GAP_M:
                begin = min(max(met.along_m, 0.0), max(length(follower.points) - LOOK_M, 0.0))
            elif gap <= GAP_M:
                begin = 0.0
            else:
                yield Remark(ERROR, lane.id, f"successors: {name!r} begins {gap:.1f} m from where this lane ends; "
                             f"allowed: {GAP_M:g} m{_reversal(lane, follower)}")  # fmt: skip
                continue
            yield from _one_way(lane, follower, begin)


def lanes_have_a_length(site: Site) -> Iterator[Remark]:
    """A lane is long enough to have a direction."""
    for lane in site.lanes:
        size = length(lane.points)
        if size < LEAST_LENGTH_M:
            yield Remark(ERROR, lane.id, f"geometry: is {size:.2f} m long; allowed: {LEAST_LENGTH_M:g} m and more")


def polygons_are_simple(site: Site) -> Iterator[Remark]:
    """A ring neither crosses itself nor another ring of its polygon, and encloses something."""
    for area in site.areas:
        _, sides = crossings(area.edges, area.edges)
        if len(sides):
            first, second = sides[0] + 1
            yield Remark(
                ERROR,
                area.id,
                f"geometry: its outline crosses itself: side {first} with side {second}, counted from 1; "
                "draw it in one go around",
            )
        elif area_m2(area.edges) < LEAST_AREA_M2:
            yield Remark(ERROR, area.id, f"geometry: covers {area_m2(area.edges):.1f} m²; "
                         f"allowed: {LEAST_AREA_M2:g} m² and more")  # fmt: skip


def lanes_lie_in_the_carriageway(site: Site) -> Iterator[Remark]:
    """Where any carriageway is drawn, lanes that vehicles drive on lie in one."""
    if not site.has("carriageway"):
        return
    for lane in _carried(site):
        points = dense(lane.points, 1.0)
        outside = ~site.inside("carriageway", points)
        if outside.all():
            yield Remark(ERROR, lane.id, "geometry: lies outside every carriageway; draw the carriageway around it")
        elif outside.mean() > 1 - LEAST_SHARE:
            yield Remark(WARNING, lane.id, f"geometry: {outside.mean():.0%} of it lies outside every carriageway; "
                         "persons and objects there do not count as on the road")  # fmt: skip


def interest_areas_hold_something(site: Site) -> Iterator[Remark]:
    """An interest area holds a part of a lane or a crossing that is not blind: else nothing would count in it."""
    interest = [area for area in site.areas if area.kind == "interest_area"]
    if not interest or not site.lanes:
        return
    empty = list(_empty(site, interest, _worth_watching(site)))
    yield from empty
    for lane in site.lanes if not empty else ():
        if not site.inside("interest_area", dense(lane.points, 1.0)).any():
            yield Remark(WARNING, lane.id, "lies outside every interest_area: nothing on it counts")


def crossings_cross_lanes(site: Site) -> Iterator[Remark]:
    """A crossing lies across a lane."""
    for area in site.areas:
        if area.kind == "crossing" and not any(_touches(area, lane) for lane in site.lanes):
            yield Remark(WARNING, area.id, "crosses no lane; is a lane missing, or is it drawn at another place?")


def traffic_keeps_left(site: Site) -> Iterator[Remark]:
    """Beside a lane, what comes the other way is to its right: where it is to its left, one of the two is reversed."""
    told: set[frozenset[str]] = set()
    for lane in _carried(site):
        size = length(lane.points)
        if size < PROBE_M:
            continue
        met = [_left_neighbour(site, lane, size * share) for share in (0.25, 0.5, 0.75)]
        name = next((one for one in met if one and met.count(one) > 1), None)
        if name is not None and frozenset((lane.id, name)) not in told:
            told.add(frozenset((lane.id, name)))
            yield Remark(WARNING, lane.id, f"has oncoming lane {name!r} on its left; traffic keeps left: "
                         "is one of the two drawn against its driving direction?")  # fmt: skip


FIRST: Final[tuple[Callable[[Site], Iterator[Remark]], ...]] = (
    lanes_have_a_length,
    lanes_follow_each_other,
    polygons_are_simple,
)
RULES: Final[tuple[Callable[[Site], Iterator[Remark]], ...]] = (
    lanes_lie_in_the_carriageway,
    interest_areas_hold_something,
    crossings_cross_lanes,
    traffic_keeps_left,
)


def _one_way(lane: Lane, follower: Lane, begin_m: float) -> Iterator[Remark]:
    size = length(lane.points)
    end = chord(lane.points, max(size - LOOK_M, 0.0), size)
    start = chord(follower.points, begin_m, min(begin_m + LOOK_M, length(follower.points)))
    bend = turn(end, start)
    if bend > BACKWARDS:
        yield Remark(ERROR, lane.id, f"successors: runs backwards into {follower.id!r}, which turns by "
                     f"{math.degrees(bend):.0f}° there; draw both in driving direction")  # fmt: skip


def _reversal(lane: Lane, follower: Lane) -> str:
    """A hint when turning one of the two round would close the gap."""
    if np.hypot(*(follower.points[-1] - lane.points[-1])) <= GAP_M:
        return f"; {follower.id!r} ends there: is it drawn against its driving direction?"
    if np.hypot(*(follower.points[0] - lane.points[0])) <= GAP_M:
        return "; this lane begins there: is it drawn against its driving direction?"
    return ""


def _carried(site: Site) -> list[Lane]:
    return [lane for lane in site.lanes if lane.type in CARRIED]


def _empty(site: Site, interest: list[Area], worth: NDArray[np.float64]) -> Iterator[Remark]:
    for area in interest:
        inside = area.contains(worth)
        if not inside.any():
            yield Remark(ERROR, area.id, "is empty: no lane and no crossing lies in it; is it drawn at another place?")
        elif site.inside("blind_area", worth[inside]).all():
            yield Remark(ERROR, area.id, "is empty: all lanes and crossings in it lie in a blind_area")


def _worth_watching(site: Site) -> NDArray[np.float64]:
    """Points (n, 2) of all lanes and crossings, about a metre apart."""
    rings = [area.edges[:, :2] for area in site.areas if area.kind == "crossing"]
    return np.concatenate([*(dense(lane.points, 1.0) for lane in site.lanes), *rings])


def _touches(area: Area, lane: Lane) -> bool:
    inside = area.contains(lane.points).any()
    return bool(inside) or len(crossings(area.edges, edges_of(lane.points))[1]) > 0


def _left_neighbour(site: Site, lane: Lane, along_m: float) -> str | None:
    """The oncoming lane beside `lane` on its left, if one is there."""
    direction = chord(lane.points, along_m - 1.0, along_m + 1.0)
    left = np.array([-math.sin(direction), math.cos(direction)])
    here = at(lane.points, np.array([along_m]))[0]
    match = site.lane_of(here[None] + left * (lane.width_m / 2 + 1.5), np.array([direction + math.pi]))
    found = int(match.lane[0])
    oncoming = found >= 0 and turn(float(match.direction[0]), direction) > ONCOMING
    return site.lanes[found].id if oncoming else None
