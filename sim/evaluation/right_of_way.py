"""Merges, crossing paths and red lights by the ways that road users really went: what the pole could not know yet.

Nothing here looks along lanes: a way is what somebody drove, a crossing is where two such ways cut, and what would have
come of it follows from going on along them at the present speed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from interfaces.spec import VEHICLES, ObjectClass
from modules.signal import RED, YELLOW, SignalReading
from sim.evaluation.events import Expected
from sim.evaluation.ways import STEP_S, Way, ways_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from controller.site import Merge, Site, StopLine
    from sim.evaluation.recording import Recording

    Floats = NDArray[np.float64]
    Seen = Mapping[int, list[float]]

LEAD_S: Final = 1.5  # a path crossing has to be told while the later one is still so far away
COMFORT_MPS2, BRAKES_MPS2 = 2.5, 1.0
OVERLAP_S: Final = 0.2
UNKNOWN_S: Final = 4.0
ANGLES: Final = (math.radians(40), math.radians(140))
AHEAD_OF_MERGE_M, AT_MERGE_M, MERGE_SURE_S, MERGE_POSSIBLE_S, MERGE_AHEAD_S = 200.0, 4.0, 1.5, 5.0, 10.0
INTO_RED_S, HARDEST_STOP_MPS2, RED_AHEAD_S = 0.3, 3.5, 4.0
_RIDE: Final = [*(int(one) for one in VEHICLES), int(ObjectClass.BICYCLE)]


def right_of_way(recording: Recording, seen: Seen) -> Iterator[Expected]:
    """Everything of these three kinds; `seen`: the seconds at which each road user counts."""
    ways = ways_of(recording.truth, _RIDE)
    over_s = recording.truth.seconds(recording.truth.times_ns[-1])
    # Whether what was said shortly before the end came to pass nobody knows.
    yield Expected("crossing_path", over_s - UNKNOWN_S, over_s, frozenset(), over_s, must=False)
    yield from _crossings(ways, recording.site, seen)
    for merge in recording.site.merges:
        yield from _merges(ways, recording.site, merge, seen)
    colours = _colours(recording)
    for line in recording.site.stop_lines:
        if line.signal_group in colours:
            yield from _red_lights(ways, recording.site, line, colours[line.signal_group], seen)


def _crossings(ways: list[Way], site: Site, seen: Seen) -> Iterator[Expected]:
    """Pairs whose ways cut in a conflict area, and who would have been there at once."""
    inside = [np.flatnonzero(site.inside("conflict_area", way.place)) for way in ways]
    for i, one in enumerate(ways):
        for j in range(i + 1, len(ways)):
            if not len(inside[i]) or not len(inside[j]):
                continue
            met = _cut(one, inside[i], ways[j], inside[j])
            if met is not None:
                yield from _crossing(one, ways[j], met, seen)


def _cut(one: Way, here: NDArray[np.intp], other: Way, there: NDArray[np.intp]) -> tuple[float, float, float] | None:
    """Where two ways cut within those of their instants: metres gone by each, and the angle between their courses."""
    a, b = (way.place[rows[0] : rows[-1] + 2] for way, rows in ((one, here), (other, there)))
    da, db, off = np.diff(a, axis=0)[:, None], np.diff(b, axis=0)[None], b[None, :-1] - a[:-1, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        across = da[..., 0] * db[..., 1] - da[..., 1] * db[..., 0]
        s = (off[..., 0] * db[..., 1] - off[..., 1] * db[..., 0]) / across
        t = (off[..., 0] * da[..., 1] - off[..., 1] * da[..., 0]) / across
    hits = np.argwhere((s >= 0) & (s < 1) & (t >= 0) & (t < 1))
    if not len(hits):
        return None
    i, j = hits[0]
    gone = [
        float(way.gone_m[rows[0] + k] + part * np.diff(way.gone_m[rows[0] + k : rows[0] + k + 2])[0])
        for way, rows, k, part in ((one, here, i, s[i, j]), (other, there, j, t[i, j]))
    ]
    turn = abs(math.remainder(one.course[here[0] + i] - other.course[there[0] + j], 2 * math.pi))
    return gone[0], gone[1], turn


def _crossing(one: Way, other: Way, met: tuple[float, float, float], seen: Seen) -> Iterator[Expected]:
    if not ANGLES[0] <= met[2] <= ANGLES[1]:
        return
    _, i, j = np.intersect1d(np.round(one.at_s / STEP_S), np.round(other.at_s / STEP_S), return_indices=True)
    sides = []
    for way, rows, cut_m, width_m in ((one, i, met[0], other.width_m), (other, j, met[1], one.width_m)):
        half = width_m / 2 / math.sin(met[2])
        front = cut_m - way.gone_m[rows] - way.length_m / 2 - half
        speed = np.maximum(way.speed[rows], 0.1)
        braking, needed = -way.along_mps2[rows], speed**2 / (2 * np.maximum(front, 0.1))
        sides.append((front / speed, (front + way.length_m + 2 * half) / speed, way.speed[rows], braking, needed))
    (from_a, to_a, speed_a, braking_a, need_a), (from_b, to_b, speed_b, braking_b, need_b) = sides
    later, overlap = np.maximum(from_a, from_b), np.minimum(to_a, to_b) - np.maximum(from_a, from_b)
    coming = (np.minimum(to_a, to_b) > 0) & (np.minimum(speed_a, speed_b) > 2.0)
    possible = coming & (overlap > -1.0) & (later < 7.0)
    sure = coming & (overlap > OVERLAP_S) & (later < 4.0) & (np.minimum(from_a, from_b) > 0)
    sure &= (np.maximum(braking_a, braking_b) < BRAKES_MPS2) & (np.minimum(need_a, need_b) > COMFORT_MPS2)
    if not possible.any():
        return
    at_s, ids = one.at_s[i], frozenset({one.who, other.who})
    start_s, end_s = float(at_s[possible][0]), float(at_s[possible][-1])
    certain = at_s[sure & np.isin(np.round(at_s, 3), _both(seen, one.who, other.who))]
    if len(certain) < 3:
        yield Expected("crossing_path", start_s, end_s, ids, start_s, must=False)
        return
    close = at_s[sure & (later < LEAD_S)]
    due_s = max(float(close[0]) if len(close) else float(certain[-1]), float(certain[0]))
    yield Expected("crossing_path", start_s, end_s, ids, due_s)


def _both(seen: Seen, *who: int) -> list[float]:
    times = [{round(at_s, 3) for at_s in seen.get(one, ())} for one in who]
    return sorted(set.intersection(*times))


class _Passing(NamedTuple):
    """Who came to a merge, or was still on its way: at which of its instants, and over which of the two lanes."""

    way: Way
    k: int
    there: bool
    ramp: bool  # most of its way
    mainline: bool  # at last, or all of it


def _merges(ways: list[Way], site: Site, merge: Merge, seen: Seen) -> Iterator[Expected]:
    """Those of the ramp who came to the merge shortly before or after somebody of the mainline, or were about to."""
    passed = []
    for way in ways:
        away = np.hypot(*(way.place - merge.point).T)
        k = int(np.argmin(away))
        before = np.flatnonzero((away[: k + 1] < AHEAD_OF_MERGE_M) & (away[: k + 1] > 3 * AT_MERGE_M))
        if len(before) and (away[k] < AT_MERGE_M or k == len(away) - 1):  # who is still on its way counts, too
            lanes = site.lane_of(way.place[before], way.course[before]).lane
            ramp, mainline = np.count_nonzero(lanes == merge.ramp), np.count_nonzero(lanes == merge.mainline)
            passed.append(_Passing(way, k, bool(away[k] < AT_MERGE_M), bool(ramp > mainline), bool(mainline)))
    for one in passed:
        if one.ramp:
            # Who joined the mainline before the merge is mainline to who comes behind: possible, no more.
            yield from _merge(one, [other for other in passed if other.mainline and other is not one], merge, seen)


def _merge(one: _Passing, mainline: list[_Passing], merge: Merge, seen: Seen) -> Iterator[Expected]:
    way, at_s = one.way, float(one.way.at_s[one.k])
    start_s = at_s - MERGE_AHEAD_S
    near: dict[int, float] = {}
    for other in mainline:
        _, i, j = np.intersect1d(np.round(way.at_s / STEP_S), np.round(other.way.at_s / STEP_S), return_indices=True)
        arrival = [_arrival_s(side, rows, merge) for side, rows in ((one, i), (other, j))]
        gap_s = np.abs(arrival[0] - arrival[1])
        soon = way.at_s[i][(arrival[0] <= MERGE_AHEAD_S) & (way.at_s[i] <= at_s) & (gap_s < MERGE_POSSIBLE_S)]
        apart_s = abs(float(other.way.at_s[other.k]) - at_s) if one.there and other.there else math.inf
        if len(soon) or apart_s < MERGE_POSSIBLE_S:
            near[other.way.who] = math.inf if other.ramp else apart_s
            start_s = min(start_s, *soon[:1].tolist())
    if near:
        closest = min(near, key=lambda who: near[who])
        known = [t for t in _both(seen, way.who, closest) if at_s - MERGE_AHEAD_S <= t <= at_s - 1.0]
        must = near[closest] < MERGE_SURE_S and len(known) * STEP_S >= 1.0
        yield Expected("merging_vehicle", start_s, at_s, frozenset({way.who, *near}), at_s, must)


def _arrival_s(one: _Passing, rows: NDArray[np.intp], merge: Merge) -> Floats:
    """Seconds from each of these instants to the merge, along the way it went, at the speed of the instant."""
    way = one.way
    left = way.gone_m[one.k] - way.gone_m[rows] + np.hypot(*(way.place[one.k] - merge.point))
    return np.asarray(left / np.maximum(way.speed[rows], 1.0))


def _colours(recording: Recording) -> dict[int | None, list[tuple[float, int]]]:
    """(s, colour) of each signal group as its module told it."""
    told: dict[int | None, list[tuple[float, int]]] = {}
    for one in recording.reports:
        if isinstance(one.reading, SignalReading):
            for group in one.reading.groups:
                told.setdefault(group.group, []).append((recording.truth.seconds(one.at_ns), group.colour))
    return told


def _red_lights(
    ways: list[Way], site: Site, line: StopLine, told: list[tuple[float, int]], seen: Seen
) -> Iterator[Expected]:
    """Vehicles whose front passed the line in red; who came so fast that it looked so may be told, too."""
    times, shown = np.array([at_s for at_s, _ in told]), np.array([colour for _, colour in told])
    middle, along = line.points.mean(axis=0), line.points[-1] - line.points[0]
    across = np.array([-along[1], along[0]]) / np.hypot(*along)
    for way in ways:
        front = way.place + way.length_m / 2 * np.stack([np.cos(way.course), np.sin(way.course)], axis=1)
        beyond, aside = (front - middle) @ across, (front - middle) @ along / np.hypot(*along)
        passing = np.flatnonzero((beyond[:-1] * beyond[1:] < 0) & (np.abs(aside[:-1]) <= np.hypot(*along) / 2))
        if not len(passing) or way.at_s[passing[0]] < times[0]:
            continue
        k = int(passing[0])
        at_s = float(way.at_s[k + 1])
        colour = shown[np.searchsorted(times, way.at_s[: k + 1], side="right") - 1]
        left_m = np.abs(beyond[: k + 1])
        late = np.isin(colour, (RED, YELLOW)) & (way.speed[: k + 1] ** 2 / (2 * left_m + 0.2) > HARDEST_STOP_MPS2)
        since = np.searchsorted(times, [at_s - INTO_RED_S, at_s], side="right") - 1
        lane = site.lane_of(way.place[k : k + 1], way.course[k : k + 1]).lane[0]
        red = lane in line.lanes and since[0] >= 0 and bool((shown[since] == RED).all())
        if red or late.any():
            start_s = float(way.at_s[np.argmax(late)]) if late.any() else at_s
            before = sum(at_s - RED_AHEAD_S <= t < at_s for t in seen.get(way.who, ()))
            yield Expected(
                "red_light_running", start_s, at_s + 1, frozenset({way.who}), at_s, red and before * STEP_S >= 1.0
            )
