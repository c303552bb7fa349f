"""Rules of who goes first: red lights, merges, crossing paths. Arrival times along the lanes of the map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from controller.hazard.memory import slope
from controller.hazard.riders import HARD_MPS2, MARGIN_M, Comer, coming
from controller.hazard.scene import Scene, Sighting, of_track
from modules.signal import RED, YELLOW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from controller.config import Hazards
    from controller.hazard.layout import Joint

    Floats = NDArray[np.float64]

PASSED_M: Final = 15.0  # so far beyond the line the crossing of it is told
AFTER_RED_S: Final = 0.3  # later than this into red, or the signal's own delay is told
WAITS_M: Final = 20.0
MERGE_S: Final = 10.0  # arrivals further ahead are guesses
CROSS_S: Final = 4.0
BRAKES_MPS2: Final = 1.0
SLOWS_MPS2, TURNS_MPS = 0.7, 6.0  # who slows down so, to so much at the crossing, may be about to turn


def red_light_running(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Vehicles that need over 4.5 m/s² to stop at a light that will be red when they get there, or crossed on red."""
    found: dict[int, Sighting] = {}
    for line in scene.layout.lines:
        aspect = scene.signals.get(line.group)
        if aspect is None or aspect.colour not in {RED, YELLOW}:
            continue
        for one in coming(scene.riders, line.ways, beyond_m=PASSED_M):
            front = one.front_m
            changes = aspect.until_ns is not None and front > one.speed * (aspect.until_ns - scene.now_ns) / 1e9 > 0
            if front > 0 or aspect.colour == YELLOW:
                red_then = changes if aspect.colour == YELLOW else not changes
                sure = _cannot_stop(one, front) if red_then else 0.0
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
    found = []
    for joint in scene.layout.merges:
        mainline = list(coming(scene.riders, joint.second))
        for ramp in coming(scene.riders, joint.first):
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
    for joint in scene.layout.crossings:
        firsts, seconds = (
            [one for one in coming(scene.riders, side) if one.arrival_s <= CROSS_S and _comes(scene, one)]
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
                share = _goes_on(scene, one) * _goes_on(scene, other)
                sure = _normal(overlap / math.hypot(one.doubt_s, other.doubt_s)) * share
                key = min(_id(scene, one), _id(scene, other)), max(_id(scene, one), _id(scene, other))
                if sure > max(0.1, best[key].probability if key in best else 0.0):
                    detail = (("overlap_s", overlap), ("first_s", stays[0][0]), ("second_s", stays[1][0]))
                    best[key] = _at(scene, joint, (one, other), sure, detail, key)
    return list(best.values())


def at_red(scene: Scene) -> NDArray[np.bool_]:
    """Who stands or comes close before a red light."""
    near: NDArray[np.bool_] = scene.held_m < WAITS_M
    return near


def _cannot_stop(one: Comer, front_m: float) -> float:
    """Probability that stopping takes more than 4.5 m/s²: by how much the speed is above the most that stops."""
    most = math.sqrt(2 * HARD_MPS2 * (max(front_m, 0.0) + MARGIN_M))
    return _normal((one.speed - most) / 0.5)


def _comes(scene: Scene, one: Comer) -> bool:
    """Whether it is not going to stop before: red does not hold it, and it does not brake enough."""
    if scene.held_m[one.row] < one.distance_m:
        return False
    braking = _braking(scene, one)
    return braking < BRAKES_MPS2 or one.speed**2 / (2 * braking) > one.front_m


def _goes_on(scene: Scene, one: Comer) -> float:
    """Share of those like it that take this way: of several, who slows down to a turn is as likely to turn."""
    braking = _braking(scene, one)
    slowed2 = one.speed**2 - 2 * braking * max(one.front_m, 0.0)
    turns = braking > SLOWS_MPS2 and slowed2 < TURNS_MPS**2
    return min(one.share, 0.5) if turns and one.share < 1 else one.share


def _braking(scene: Scene, one: Comer) -> float:
    """m/s² along its lane."""
    direction, change = float(scene.match.direction[one.row]), slope(scene.memory[one.row : one.row + 1])[0]
    return -(float(change[0]) * math.cos(direction) + float(change[1]) * math.sin(direction))


def _stay(one: Comer, half_m: float) -> tuple[float, float]:
    """From when to when its body is within `half_m` of the joint, s from now."""
    return (
        (one.front_m - half_m) / one.speed,
        (one.distance_m + one.length_m / 2 + half_m) / one.speed,
    )


def _at(
    scene: Scene,
    joint: Joint,
    pair: tuple[Comer, Comer],
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


def _id(scene: Scene, one: Comer) -> int:
    return int(scene.objects["id"][one.row])


def _normal(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
