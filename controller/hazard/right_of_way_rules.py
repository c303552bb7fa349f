"""Rules of who goes first: red lights, merges, crossing paths. Arrival times along the lanes of the map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.hazard.memory import slope
from controller.hazard.scene import Scene, Sighting, of_track
from controller.hazard.surroundings import red
from interfaces.spec import ObjectClass
from modules.signal import RED, YELLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from controller.config import Hazards
    from controller.hazard.layout import Joint, Way

    Floats = NDArray[np.float64]

HARD_MPS2: Final = 4.5  # who would have to brake harder does not stop
MOVING_MPS: Final = 2.0
MARGIN_M: Final = 0.5  # one stops that far beyond the line and is no violator
PASSED_M: Final = 15.0  # so far beyond the line the crossing of it is told
AFTER_RED_S: Final = 0.3  # later than this into red, or the signal's own delay is told
WAITS_M: Final = 20.0
MERGE_S: Final = 10.0  # arrivals further ahead are guesses
CROSS_S: Final = 6.0
BRAKES_MPS2: Final = 1.0


def red_light_running(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Vehicles that need over 4.5 m/s² to stop at a red light, or one that turns red before them, or crossed on red."""
    found: dict[int, Sighting] = {}
    riders = _riders(scene) if scene.signals else None
    for line in scene.layout.lines:
        aspect = scene.signals.get(line.group)
        if riders is None or aspect is None or aspect.colour not in {RED, YELLOW}:
            continue
        for one in _coming(riders, line.ways, beyond_m=PASSED_M):
            front = one.distance_m - one.length_m / 2
            if aspect.colour == YELLOW:
                left_s = math.inf if aspect.until_ns is None else (aspect.until_ns - scene.now_ns) / 1e9
                late = front > one.speed * left_s > 0
                sure = _cannot_stop(one, front) if late else 0.0
            elif front > 0:
                sure = _cannot_stop(one, front)
            else:
                crossed_s = (scene.now_ns - aspect.since_ns) / 1e9 + front / one.speed  # after it turned red
                sure = 0.95 if crossed_s > AFTER_RED_S else 0.0
            if sure > 0.5:
                detail = (("to_line_m", front), ("signal_group", float(line.group)))
                seen = of_track(scene, one.row, sure, detail=detail)
                found[one.row] = seen._replace(sources=aspect.sources)
    return list(found.values())


def merging_vehicle(scene: Scene, config: Hazards) -> list[Sighting]:
    """A vehicle on a ramp and one of the mainline that reach the merge within merge_gap_s of each other."""
    if not scene.layout.merges:
        return []
    found, riders = [], _riders(scene)
    for joint in scene.layout.merges:
        mainline = list(_coming(riders, joint.second))
        for ramp in _coming(riders, joint.first):
            others = [one for one in mainline if one.row != ramp.row]
            if not others or ramp.arrival_s > MERGE_S:
                continue
            other = min(others, key=lambda one, at=ramp.arrival_s: abs(one.arrival_s - at))  # type: ignore[misc]
            gap = abs(other.arrival_s - ramp.arrival_s)
            doubt = math.hypot(ramp.doubt_s, other.doubt_s)
            sure = _normal((config.merge_gap_s - gap) / doubt) * ramp.share * other.share
            if sure > 0.1:
                detail = (
                    ("gap_s", gap),
                    ("ramp_arrival_s", ramp.arrival_s),
                    ("mainline_arrival_s", other.arrival_s),
                )
                found.append(_at(scene, joint, (ramp, other), sure, detail, (_id(scene, ramp),)))
    return found


def crossing_path(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Two whose lanes cross in a conflict area and who will be there at once; neither is held by red nor braking."""
    if not scene.layout.crossings:
        return []
    best: dict[tuple[int, int], Sighting] = {}
    riders, held = _riders(scene), held_m(scene)
    for joint in scene.layout.crossings:
        firsts, seconds = (
            [one for one in _coming(riders, side) if one.arrival_s <= CROSS_S and _comes(scene, one, held)]
            for side in (joint.first, joint.second)
        )
        for one in firsts:
            for other in seconds:
                if one.row == other.row:
                    continue
                stays = [_stay(side, half) for side, half in zip((one, other), joint.half_m, strict=True)]
                overlap = min(stays[0][1], stays[1][1]) - max(stays[0][0], stays[1][0])
                if max(stays[0][0], stays[1][0]) > CROSS_S or min(stays[0][1], stays[1][1]) < 0:
                    continue
                sure = _normal(overlap / math.hypot(one.doubt_s, other.doubt_s)) * one.share * other.share
                key = min(_id(scene, one), _id(scene, other)), max(_id(scene, one), _id(scene, other))
                if sure > max(0.1, best[key].probability if key in best else 0.0):
                    detail = (("overlap_s", overlap), ("first_s", stays[0][0]), ("second_s", stays[1][0]))
                    best[key] = _at(scene, joint, (one, other), sure, detail, key)
    return list(best.values())


def held_m(scene: Scene) -> Floats:
    """How far ahead of each there is a line where red holds it, for those who can stop there; else infinite."""
    held = np.full(len(scene.objects), math.inf)
    if not any(red(scene.signals, line.group) for line in scene.layout.lines):
        return held
    riders = _riders(scene)
    for line in scene.layout.lines:
        if red(scene.signals, line.group):
            for one in _coming(riders, line.ways, least_mps=-MOVING_MPS):
                front = one.distance_m - one.length_m / 2
                if front > -MARGIN_M and one.speed**2 <= 2 * HARD_MPS2 * (front + MARGIN_M):
                    held[one.row] = min(held[one.row], max(front, 0.0))
    return held


def at_red(scene: Scene) -> NDArray[np.bool_]:
    """Who stands or comes close before a red light."""
    near: NDArray[np.bool_] = held_m(scene) < WAITS_M
    return near


class _Comer(NamedTuple):
    row: int
    distance_m: float  # of its middle
    length_m: float
    speed: float
    arrival_s: float  # of its front
    doubt_s: float
    share: float


class _Riders(NamedTuple):
    """Vehicles and cyclists in lanes: rows by lane, and per row of the scene plain numbers."""

    by_lane: dict[int, list[int]]
    along_m: list[float]
    length_m: list[float]
    speed: list[float]  # along the lane
    doubt_m: list[float]
    doubt_mps: list[float]


def _riders(scene: Scene) -> _Riders:
    objects, match = scene.objects, scene.match
    rides = (match.lane >= 0) & (scene.vehicle | (objects["object_class"] == ObjectClass.BICYCLE))
    by_lane: dict[int, list[int]] = {}
    for row in np.flatnonzero(rides).tolist():
        by_lane.setdefault(int(match.lane[row]), []).append(row)
    course, cov = scene.memory["fast"], objects["cov"]
    speed = course[:, 0] * np.cos(match.direction) + course[:, 1] * np.sin(match.direction)
    doubt_m = np.sqrt(np.maximum((cov[:, 0, 0] + cov[:, 1, 1]) / 2, 0.0))
    doubt_mps = np.sqrt(np.maximum((cov[:, 2, 2] + cov[:, 3, 3]) / 2, 0.04))
    columns = (match.along_m, objects["length"], speed, doubt_m, doubt_mps)
    return _Riders(by_lane, *(column.tolist() for column in columns))


def _coming(
    riders: _Riders, ways: tuple[Way, ...], beyond_m: float = 0.0, least_mps: float = MOVING_MPS
) -> Iterator[_Comer]:
    """Those on these ways whose front is before their end, or `beyond_m` beyond."""
    for way in ways:
        for row in riders.by_lane.get(way.lane, ()):
            speed, size = riders.speed[row], riders.length_m[row]
            distance = way.offset_m - riders.along_m[row]
            front = distance - size / 2
            if speed < least_mps or front <= -beyond_m - MARGIN_M:
                continue
            crawl = max(speed, 0.1)
            arrival = max(front, 0.0) / crawl
            doubt = math.hypot(riders.doubt_m[row], arrival * riders.doubt_mps[row]) / crawl
            yield _Comer(row, distance, size, speed, arrival, max(doubt, 0.1), way.share)


def _cannot_stop(one: _Comer, front_m: float) -> float:
    """Probability that stopping takes more than 4.5 m/s²: by how much the speed is above the most that stops."""
    most = math.sqrt(2 * HARD_MPS2 * (max(front_m, 0.0) + MARGIN_M))
    return _normal((one.speed - most) / 0.5)


def _comes(scene: Scene, one: _Comer, held: Floats) -> bool:
    """Whether it is not going to stop before: red does not hold it, and it does not brake enough."""
    if held[one.row] < one.distance_m:
        return False
    direction, change = float(scene.match.direction[one.row]), slope(scene.memory[one.row : one.row + 1])[0]
    braking = -(float(change[0]) * math.cos(direction) + float(change[1]) * math.sin(direction))
    return braking < BRAKES_MPS2 or one.speed**2 / (2 * braking) > one.distance_m - one.length_m / 2


def _stay(one: _Comer, half_m: float) -> tuple[float, float]:
    """From when to when its body is within `half_m` of the joint, s from now."""
    return (
        (one.distance_m - one.length_m / 2 - half_m) / one.speed,
        (one.distance_m + one.length_m / 2 + half_m) / one.speed,
    )


def _at(
    scene: Scene,
    joint: Joint,
    pair: tuple[_Comer, _Comer],
    sure: float,
    detail: tuple[tuple[str, float], ...],
    key: tuple[int, ...],
) -> Sighting:
    first, other = pair
    there = float(scene.objects["existence"][[first.row, other.row]].min())
    heading = float(scene.match.direction[first.row])
    return Sighting(
        key, (first.row, other.row), joint.x, joint.y, sure * there, None, heading, first.speed, joint.id, detail
    )


def _id(scene: Scene, one: _Comer) -> int:
    return int(scene.objects["id"][one.row])


def _normal(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
