"""Rules that need lanes: wrong way, stationary and slow vehicle, queue tail, speeding. Pure functions of a Scene."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.right_of_way_rules import at_red
from controller.hazard.scene import Scene, Sighting, of_track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Hazards

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

DRIVEN: Final = ("driving", "ramp", "bus")
EXPRESSWAY_MPS: Final = 80 / 3.6
FLOWING_MPS: Final = 8.0
WAITING_M: Final = 15.0  # before a stop line, crossing or junction standing is usual …
WAITING_S: Final = 60.0  # … for so long
SURE_SIGMAS: Final = 1.5  # of the place: the lane beside may be the right one
QUEUE_GAP_M, QUEUE_GAP_S = 25.0, 3.0  # whichever is longer at one's speed


def wrong_way(scene: Scene, config: Hazards) -> list[Sighting]:
    """Vehicles whose speed along their lane is below −wrong_way_mps by two sigmas, well inside it and in no other."""
    match, course = scene.match, scene.memory["fast"]
    rows = _in_lane(scene, (*DRIVEN, "shoulder"))
    along, sigma = _along(scene)
    width = np.array([lane.width_m for lane in scene.site.lanes] + [0.0])[match.lane]
    against = along < -0.7 * np.hypot(*course.T)
    hit = rows & against & (along + 2 * sigma < -config.wrong_way_mps) & (np.abs(match.offset_m) < width / 2 - 0.3)
    hit[hit] = ~_may_be_right(scene, np.flatnonzero(hit))
    return [
        of_track(
            scene, int(i), _above(-along[i], config.wrong_way_mps, sigma[i]), detail=(("along_mps", float(along[i])),)
        )
        for i in np.flatnonzero(hit)
    ]


def stationary_vehicle(scene: Scene, config: Hazards) -> list[Sighting]:
    """Vehicles standing for stationary_s in a lane that usually flows, not in a queue, at red or where one waits."""
    still = scene.still_s
    rows = _in_lane(scene, DRIVEN) & (still >= config.stationary_s) & (_flow(scene) > FLOWING_MPS)
    if not rows.any():
        return []
    found, red = [], at_red(scene)
    for i in np.flatnonzero(rows & ~red):
        least = WAITING_S if _waits(scene, int(i)) else config.stationary_s
        if still[i] >= least and not _slow_ahead(scene, int(i)):
            sure = max(float(scene.objects["stationary"][i]), 0.95)
            found.append(of_track(scene, int(i), sure, detail=(("still_s", float(still[i])),)))
    return found


def slow_vehicle(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Vehicles on an expressway below half the lane's usual speed and 50 km/h that nothing holds up."""
    flow, speed = _flow(scene), scene.speed
    rows = _in_lane(scene, DRIVEN) & (_limit(scene) >= EXPRESSWAY_MPS) & (speed > 1.0)
    rows &= (speed < flow / 2) & (speed < 50 / 3.6)
    return [
        of_track(scene, int(i), 0.9, detail=(("usual_mps", float(flow[i])),))
        for i in np.flatnonzero(rows)
        if not _slow_ahead(scene, int(i))
    ]


def queue_tail(scene: Scene, _config: Hazards) -> list[Sighting]:
    """The upstream end of three vehicles below 10 km/h in a lane of 60 km/h or more, one coming at more than 50."""
    found = []
    rows, speed, along = _in_lane(scene, DRIVEN), scene.speed, scene.match.along_m
    fast_lane = np.nan_to_num(_limit(scene), nan=math.inf) > 59 / 3.6
    for lane in np.unique(scene.match.lane[rows & fast_lane]):
        here = rows & (scene.match.lane == lane)
        queue = np.flatnonzero(here & (speed < 10 / 3.6))
        if len(queue) < 3:
            continue
        tail = int(queue[np.argmin(along[queue])])
        coming = here & (speed > 50 / 3.6) & (along < along[tail])
        if coming.any():
            seen = of_track(scene, tail, 0.9, detail=(("vehicles", float(len(queue))),))
            found.append(seen._replace(key=(int(lane),)))
    return found


def speeding(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Vehicles that by two sigmas run 20 km/h above the limit of their lane."""
    along, sigma = _along(scene)
    limit = _limit(scene)
    rows = _in_lane(scene, DRIVEN) & (along - 2 * sigma > limit + 20 / 3.6)
    return [
        of_track(
            scene, int(i), _above(along[i], limit[i] + 20 / 3.6, sigma[i]), detail=(("limit_mps", float(limit[i])),)
        )
        for i in np.flatnonzero(rows)
    ]


def _in_lane(scene: Scene, types: tuple[str, ...]) -> Bools:
    fits = np.array([lane.type in types for lane in scene.site.lanes] + [False])
    rows: Bools = scene.vehicle & fits[scene.match.lane]
    return rows


def _per_lane(scene: Scene, values: list[float]) -> Floats:
    spread: Floats = np.array([*values, math.nan])[scene.match.lane]
    return spread


def _limit(scene: Scene) -> Floats:
    return _per_lane(scene, [lane.speed_limit_mps for lane in scene.site.lanes])


def _flow(scene: Scene) -> Floats:
    return _per_lane(scene, scene.flow_mps.tolist())


def _along(scene: Scene) -> tuple[Floats, Floats]:
    """Speed along the lane and its sigma, m/s."""
    cos, sin = np.cos(scene.match.direction), np.sin(scene.match.direction)
    course, cov = scene.memory["fast"], scene.objects["cov"]
    along = course[:, 0] * cos + course[:, 1] * sin
    variance = cov[:, 2, 2] * cos**2 + cov[:, 3, 3] * sin**2 + 2 * cov[:, 2, 3] * cos * sin
    return along, np.sqrt(np.maximum(variance, 0.01))


def _may_be_right(scene: Scene, rows: NDArray[np.intp]) -> Bools:
    """Whether a lane of their direction lies so near that the doubt of the place reaches it."""
    cos, sin, cov = np.cos(scene.match.direction[rows]), np.sin(scene.match.direction[rows]), scene.objects["cov"][rows]
    variance = cov[:, 0, 0] * sin**2 + cov[:, 1, 1] * cos**2 - 2 * cov[:, 0, 1] * cos * sin
    aside = SURE_SIGMAS * np.sqrt(np.maximum(variance, 0.0))[:, None] * np.stack([-sin, cos], axis=1)
    course = np.arctan2(*scene.memory["fast"][rows].T[::-1])
    right = np.zeros(len(rows), bool)
    for side in (-1, 1):
        lanes = scene.site.lane_of(scene.points[rows] + side * aside, course)
        right |= (lanes.lane >= 0) & (np.cos(np.nan_to_num(lanes.direction) - course) > 0)
    return right


def _above(value: float, threshold: float, sigma: float) -> float:
    return 0.5 * (1 + math.erf((value - threshold) / (sigma * math.sqrt(2))))


def _ahead_m(scene: Scene, row: int, points: Floats) -> Floats:
    """How far `points` (n, 2) lie ahead in the lane's direction; infinite when aside by more than a lane or behind."""
    direction = scene.match.direction[row]
    x, y = (points - scene.points[row]).T
    ahead = x * np.cos(direction) + y * np.sin(direction)
    aside = np.abs(y * np.cos(direction) - x * np.sin(direction))
    return np.where((ahead > 0.1) & (aside < 2.0), ahead, np.inf)


def _slow_ahead(scene: Scene, row: int) -> bool:
    """Whether a vehicle close ahead is as slow: along the lane, however it bends, or straight on in no lane apart."""
    others = np.flatnonzero(scene.vehicle & (scene.speed < max(3.0, float(scene.speed[row]) + 2.0)))
    reach = max(QUEUE_GAP_M, QUEUE_GAP_S * float(scene.speed[row])) + float(scene.objects["length"][row]) / 2
    match, lane = scene.match, int(scene.match.lane[row])
    away = _ahead_m(scene, row, scene.points[others])
    for n, other in enumerate(others.tolist()):
        there = int(match.lane[other])
        if lane >= 0 and there == lane:
            along = float(match.along_m[other] - match.along_m[row])
            away[n] = along if along > 0.1 else math.inf
        elif lane >= 0 and there >= 0 and away[n] < reach and scene.site.lanes_apart(lane, there):
            away[n] = math.inf
    return bool((away < reach).any())


def _waits(scene: Scene, row: int) -> bool:
    """Whether standing is usual there: inside a junction, or close before a stop line, crossing or junction."""
    here = scene.points[row : row + 1]
    site, lane = scene.site, scene.site.lanes[int(scene.match.lane[row])]
    if site.inside("conflict_area", here)[0] or site.in_crossing(here)[0]:
        return True
    direction = scene.match.direction[row]
    ahead = np.arange(0.0, WAITING_M + float(scene.objects["length"][row]) / 2, 1.0)
    path = here + ahead[:, None] * np.array([np.cos(direction), np.sin(direction)])
    if site.in_crossing(path).any():
        return True
    lines = [line.points.mean(axis=0) for line in site.stop_lines]
    if lines and (_ahead_m(scene, row, np.array(lines)) < ahead[-1]).any():
        return True
    rest = float(np.hypot(*np.diff(lane.points, axis=0).T).sum() - scene.match.along_m[row])
    return len(lane.successors) > 1 and rest < ahead[-1]
