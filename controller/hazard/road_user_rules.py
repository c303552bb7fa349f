"""Rules about single road users and pairs: persons, animals and objects on the road, sudden braking, collision risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.conflict import ConflictType
from controller.hazard.course import around
from controller.hazard.memory import slope
from controller.hazard.scene import Scene, Sighting, of_track
from controller.hazard.surroundings import red
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Hazards

CHILD, CYCLIST = 1, 2
COLLISION_SUBCAUSE: Final = {
    ConflictType.REAR_END: 1,
    ConflictType.CROSSING: 2,
    ConflictType.LATERAL: 3,
    ConflictType.VRU: 4,
}
COLLISION_USE_CASES: Final = {
    ConflictType.REAR_END: (0x20,),
    ConflictType.CROSSING: (0x30, 0x35),
    ConflictType.LATERAL: (0x28, 0x29),
    ConflictType.VRU: (0x1A,),
}
STEP_IN_M: Final = 0.5
UNSEEN_S: Final = 0.6  # who was not measured for so long may still be there, but nothing new is told of them …
REMEMBERED: Final = 0.75  # … their probability being below what begins a hazard
CROSSING_M: Final = 1.0
NO_CYCLISTS_MPS: Final = 79 / 3.6
BRAKING_MPS2: Final = 4.0
SURE_MPS2: Final = 3.0  # in the track's word alone: speeds fall behind when braking begins, then catch up steeply
LEAST_MPS: Final = 4.5  # in the mean of the last second; who creeps and stops endangers nobody
LEAST_DRAC_MPS2, HARD_DRAC_MPS2 = 1.5, 3.0
FACING_RAD: Final = np.radians(150)
IN_LANE_M: Final = 1.6


def person_on_road(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Persons on foot in the carriageway, off crossings that are not red; cyclists only where the limit is 80 km/h."""
    classes = scene.objects["object_class"]
    walking = np.isin(classes, (int(ObjectClass.PEDESTRIAN), int(ObjectClass.LIGHT_VEHICLE)))
    rows = np.flatnonzero(walking | (classes == ObjectClass.BICYCLE) & _no_place_for_cyclists(scene))
    inside = _share_inside(scene, rows) * np.where(scene.seen_s[rows] > UNSEEN_S, REMEMBERED, 1.0)
    return [
        of_track(scene, int(i), share, subcause=_who(scene, int(i)))
        for i, share in zip(rows, inside, strict=True)
        if share > 0.5
    ]


def animal(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Animals in the carriageway."""
    rows = np.flatnonzero(scene.objects["object_class"] == ObjectClass.ANIMAL)
    on = scene.site.in_carriageway(scene.points[rows])
    sure = scene.objects["class_confidence"]
    return [of_track(scene, int(i), float(sure[i])) for i in rows[on] if sure[i] > 0.5]


def fallen_object(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Things that have stood in the carriageway for 3 s since they were first seen, with nobody beside them."""
    objects, still = scene.objects, scene.still_s
    thing = (objects["object_class"] == ObjectClass.OBSTACLE) | (
        (objects["object_class"] == ObjectClass.UNKNOWN) & (objects["length"] < 2.5)
    )
    age = (scene.now_ns - scene.memory["first_ns"]) / 1e9
    rows = np.flatnonzero(thing & (still >= 3.0) & (still >= age - 1.5))
    on = scene.site.in_carriageway(scene.points[rows])
    found = []
    for i in rows[on]:
        away = np.hypot(*(scene.points - scene.points[i]).T)
        if np.count_nonzero(away < 2.5) == 1:  # itself
            large = float(objects["length"][i]) > 2.0
            found.append(
                of_track(scene, int(i), 0.9, subcause=4 if large else 1, detail=(("still_s", float(still[i])),))
            )
    return found


def sudden_braking(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Vehicles that slow down by more than 4 m/s²: mean of the track's word, at least 3, and of its recent speeds."""
    objects, recent = scene.objects, scene.memory["middle"]
    speed = np.maximum(np.hypot(*recent.T), 1e-6)
    told = (objects["ax"] * recent[:, 0] + objects["ay"] * recent[:, 1]) / speed  # sure, but it follows slowly
    seen = (slope(scene.memory) * recent).sum(axis=1) / speed
    braking = -(told + seen) / 2
    was = np.hypot(*scene.memory["slow"].T)  # how fast it is no longer tells: hard braking is over in a second
    rows = scene.vehicle & (was > LEAST_MPS) & (braking > BRAKING_MPS2) & (-told > SURE_MPS2)
    return [of_track(scene, int(i), 0.9, detail=(("braking_mps2", float(braking[i])),)) for i in np.flatnonzero(rows)]


def collision_risk(scene: Scene, config: Hazards) -> list[Sighting]:
    """Pairs on course to touch within collision_lead_s + 1 s, or 3 m/s² of each, that neither red nor braking parts."""
    pairs = scene.conflicts
    parallel = (pairs["angle"] < np.radians(30)) | (pairs["angle"] > np.radians(130))
    least = np.where(parallel, 0.9, 0.7)  # there the doubt of the lateral speed grows larger than the road …
    least = np.where(_face_to_face(scene), 0.5, least)  # … but for a lane that keeps both
    soon = (pairs["ttc_s"] <= config.collision_lead_s + 1.0) & (pairs["drac_mps2"] >= LEAST_DRAC_MPS2)
    hard = pairs["drac_mps2"] >= HARD_DRAC_MPS2  # fast ones cannot wait for it to be near
    urgent = (soon | hard) & (pairs["probability"][:, 0] >= least) & ~scene.stopping & (pairs["gap_m"] > 0)
    return [_of_pair(scene, pairs[i]) for i in np.flatnonzero(urgent)]


def _face_to_face(scene: Scene) -> NDArray[np.bool_]:
    """Which conflicts are between two that come towards each other in one lane, and surely are in none beside it."""
    first, second = scene.conflicts["first"], scene.conflicts["second"]
    variance = np.maximum(scene.objects["cov"][:, 0, 0], scene.objects["cov"][:, 1, 1])
    lane, inside = scene.match.lane, np.abs(scene.match.offset_m) + 2 * np.sqrt(variance) < IN_LANE_M
    same = (lane[first] == lane[second]) & (lane[first] >= 0) & inside[first] & inside[second]
    return np.asarray(same & (scene.conflicts["angle"] > FACING_RAD))


def _of_pair(scene: Scene, pair: np.void) -> Sighting:
    rows = int(pair["first"]), int(pair["second"])
    items = scene.objects[list(rows)]
    ttc = float(pair["ttc_s"])
    meet = [(float(one["x"] + one["vx"] * ttc), float(one["y"] + one["vy"] * ttc)) for one in items]
    quicker = int(np.argmax(np.hypot(items["vx"], items["vy"])))
    one = items[quicker]
    return Sighting(
        (int(items[0]["id"]), int(items[1]["id"])),
        rows,
        (meet[0][0] + meet[1][0]) / 2,
        (meet[0][1] + meet[1][1]) / 2,
        float(pair["probability"][0]) * float(items["existence"].min()),
        COLLISION_SUBCAUSE[ConflictType(int(pair["type"]))],
        float(np.arctan2(one["vy"], one["vx"])),
        float(np.hypot(one["vx"], one["vy"])),
        "",
        (("ttc_s", ttc), ("drac_mps2", float(pair["drac_mps2"])), ("closing_mps", float(pair["closing_mps"]))),
        COLLISION_USE_CASES[ConflictType(int(pair["type"]))],
    )


def _no_place_for_cyclists(scene: Scene) -> NDArray[np.bool_]:
    limits = np.array([lane.speed_limit_mps for lane in scene.site.lanes] + [0.0])
    return np.asarray(limits[scene.match.lane] > NO_CYCLISTS_MPS)


def _share_inside(scene: Scene, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """How much of the ring around each lies in the carriageway; 0 within a metre of a crossing that is not red."""
    if not len(rows):
        return np.zeros(0)
    inside = scene.site.in_carriageway(around(scene.objects[rows], STEP_IN_M)).reshape(len(rows), -1).mean(axis=1)
    near, crossing = around(scene.objects[rows], CROSSING_M), np.zeros(len(rows), bool)
    for area in scene.site.areas:
        if area.kind == "crossing" and not red(scene.signals, area.signal_group):
            crossing |= area.contains(near).reshape(len(rows), -1).any(axis=1)
    return np.where(crossing, 0.0, inside)


def _who(scene: Scene, row: int) -> int:
    item = scene.objects[row]
    if item["object_class"] == ObjectClass.BICYCLE:
        return CYCLIST
    return CHILD if 0.6 <= item["height"] <= 1.25 and item["class_confidence"] > 0.5 else 0
