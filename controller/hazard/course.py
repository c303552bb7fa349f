"""Which conflicts are real: not one body seen twice, not a bend, not somebody who is already stopping in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.conflict import ConflictType, narrowed, separation
from controller.hazard.memory import slope, turn_rate
from interfaces.spec import VEHICLES, VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.site import LaneMatch, Site

    Bools = NDArray[np.bool_]

MIN_AGE_S: Final = 0.5
MIN_EXISTENCE: Final = 0.5
MAX_DOUBT_M: Final = 1.0
MIN_CLOSING_MPS: Final = 1.0
MIN_CLOSING_REAR_END_MPS: Final = 2.0
KERB_M: Final = 0.6
GENTLE_MPS2: Final = 3.0  # what takes more to stop is no ordinary braking, even when it succeeds
KEEPING_M, KEEPING_MPS, KEEPING_RAD = 0.8, 0.7, 0.25  # within these a vehicle keeps its lane
_LOOK_S: Final = np.arange(0.1, 4.05, 0.1)
_VEHICLES: Final = [int(c) for c in VEHICLES]
_WEAK: Final = [int(c) for c in VULNERABLE]


def credible(
    objects: NDArray[np.void], memory: NDArray[np.void], conflicts: NDArray[np.void], site: Site, match: LaneMatch
) -> Bools:
    """Which rows of `conflicts` are between two road users that may really meet."""
    kept: Bools = _road_users(objects, conflicts) & _fast_enough(conflicts)
    kept &= ~_twins(objects, conflicts)
    kept &= ~_kept_apart_by_the_kerb(objects, conflicts, site)
    kept &= ~_in_lanes_apart(objects, memory, conflicts, site, match)
    rows = np.flatnonzero(kept & (conflicts["probability"][:, 0] > 0.2))
    kept[:] = False
    if len(rows):
        kept[rows] = _meets_when_turning(objects, turn_rate(memory), conflicts[rows])
    return kept


def beyond_red(speed: NDArray[np.float64], conflicts: NDArray[np.void], held_m: NDArray[np.float64]) -> Bools:
    """Which conflicts lie beyond a red light at which a party can still stop; who follows another is not concerned."""
    stops = np.zeros(len(conflicts), bool)
    for side in ("first", "second"):
        stops |= speed[conflicts[side]] * conflicts["ttc_s"] > held_m[conflicts[side]]
    across: Bools = stops & (conflicts["type"] != ConflictType.REAR_END)
    return across


def stopping(memory: NDArray[np.void], conflicts: NDArray[np.void]) -> Bools:
    """Which conflicts ordinary braking ends: it has begun, and needs little more than that of the last half second."""
    first, second = conflicts["first"], conflicts["second"]
    velocity = memory["fast"][second] - memory["fast"][first]
    change = slope(memory)[second] - slope(memory)[first]
    speed = np.maximum(np.hypot(*velocity.T), 1e-6)
    braking = -(velocity * change).sum(axis=1) / speed
    needed = speed * speed / (2 * np.maximum(np.nan_to_num(conflicts["ttc_s"]) * speed, 0.05))
    ends: Bools = (braking > 0.5) & (needed < np.minimum(1.4 * braking, GENTLE_MPS2))
    return ends


def _road_users(objects: NDArray[np.void], conflicts: NDArray[np.void]) -> Bools:
    """A vehicle (or a quick cyclist) and any other road user, both surely there and surely where they are said to be.

    What nobody could classify is one while it moves.
    """
    speed = np.hypot(objects["vx"], objects["vy"])
    classes = objects["object_class"]
    unknown = (classes == ObjectClass.UNKNOWN) & (speed > 1.0)
    vehicle = np.isin(classes, _VEHICLES) | (unknown & (objects["length"] > 1.2))
    quick = (classes == ObjectClass.BICYCLE) & (speed > 3.0)
    user = vehicle | np.isin(classes, _WEAK) | unknown
    there = (objects["existence"] >= MIN_EXISTENCE) & (objects["age_s"] >= MIN_AGE_S) & user
    there &= np.maximum(objects["cov"][:, 0, 0], objects["cov"][:, 1, 1]) <= MAX_DOUBT_M**2
    first, second = conflicts["first"], conflicts["second"]
    strong = vehicle | quick
    moving = np.maximum(speed[first], speed[second]) > 1.0
    both: Bools = there[first] & there[second] & (strong[first] | strong[second]) & moving
    return both


def _fast_enough(conflicts: NDArray[np.void]) -> Bools:
    following = conflicts["type"] == ConflictType.REAR_END
    least = np.where(following, MIN_CLOSING_REAR_END_MPS, MIN_CLOSING_MPS)
    return np.asarray(conflicts["closing_mps"] >= least)


def _twins(objects: NDArray[np.void], conflicts: NDArray[np.void]) -> Bools:
    """Conflicts of which a party shares its body with another track: overlapping boxes that move alike.

    The younger one is the twin.
    """
    first, second = conflicts["first"], conflicts["second"]
    same = (conflicts["gap_m"] < -0.3) & (conflicts["closing_mps"] < 2.5)
    younger = np.where(objects["age_s"][first] < objects["age_s"][second], first, second)
    twin = np.zeros(len(objects), bool)
    twin[younger[same]] = True
    shared: Bools = same | twin[first] | twin[second]
    return shared


def _kept_apart_by_the_kerb(objects: NDArray[np.void], conflicts: NDArray[np.void], site: Site) -> Bools:
    """Conflicts of one on the road with one on foot or a cyclist beside it; without a map everybody is on it."""
    if not site.knows_carriageway or not len(conflicts):
        return np.zeros(len(conflicts), bool)
    near = around(objects, KERB_M)
    on_road: Bools = np.any((site.in_carriageway(near) | site.in_crossing(near)).reshape(len(objects), -1), axis=1)
    beside = np.isin(objects["object_class"], _WEAK) & ~on_road
    first, second = conflicts["first"], conflicts["second"]
    apart: Bools = (beside[first] & on_road[second]) | (on_road[first] & beside[second])
    return apart


def _in_lanes_apart(
    objects: NDArray[np.void], memory: NDArray[np.void], conflicts: NDArray[np.void], site: Site, match: LaneMatch
) -> Bools:
    """Conflicts of two that keep to lanes which nowhere meet: noise, or straight prediction of a bend."""
    apart = np.zeros(len(conflicts), bool)
    if not site.lanes:
        return apart
    course = memory["fast"]
    cos, sin = np.cos(match.direction), np.sin(match.direction)
    drift = np.abs(course[:, 1] * cos - course[:, 0] * sin)
    forward = np.abs(course[:, 0] * cos + course[:, 1] * sin)
    keeping = (match.lane >= 0) & (np.abs(match.offset_m) < KEEPING_M) & np.isin(objects["object_class"], _VEHICLES)
    keeping &= (drift < KEEPING_MPS) & (np.arctan2(drift, forward) < KEEPING_RAD)
    first, second = conflicts["first"], conflicts["second"]
    for i in np.flatnonzero(keeping[first] & keeping[second]):
        apart[i] = site.lanes_apart(int(match.lane[first[i]]), int(match.lane[second[i]]))
    return apart


def around(objects: NDArray[np.void], radius_m: float) -> NDArray[np.float64]:
    """Nine points an object, shape (9 n, 2): its centre and a ring around it."""
    angle = np.arange(8) * np.pi / 4
    ring = np.concatenate([[[0.0, 0.0]], np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius_m])
    centre = np.stack([objects["x"], objects["y"]], axis=1)
    points: NDArray[np.float64] = (centre[:, None, :] + ring).reshape(-1, 2)
    return points


def _meets_when_turning(objects: NDArray[np.void], rate: NDArray[np.float64], conflicts: NDArray[np.void]) -> Bools:
    """Whether the boxes also touch when both keep their rate of turn: on a bend straight prediction is wrong."""
    first, second = conflicts["first"], conflicts["second"]
    ax, ay = _ahead(objects[first], rate[first])
    bx, by = _ahead(objects[second], rate[second])
    yaw = objects["yaw"][first][:, None] + rate[first][:, None] * _LOOK_S
    other = objects["yaw"][second][:, None] + rate[second][:, None] * _LOOK_S
    sizes = [objects[name][rows] for rows in (first, second) for name in ("length", "width")]
    half = narrowed(np.stack(sizes)[:, :, None] / 2)
    gap = separation(bx - ax, by - ay, yaw, other - yaw, half)
    allowed = conflicts["closing_mps"][:, None] * 0.05  # half a step
    touching: Bools = (gap <= allowed).any(axis=1) | (conflicts["gap_m"] <= 0)
    return touching


def _ahead(objects: NDArray[np.void], rate: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    speed = np.hypot(objects["vx"], objects["vy"])[:, None]
    half_turn = rate[:, None] * _LOOK_S / 2
    course = np.arctan2(objects["vy"], objects["vx"])[:, None] + half_turn
    way = speed * _LOOK_S * np.sinc(half_turn / np.pi)
    return objects["x"][:, None] + way * np.cos(course), objects["y"][:, None] + way * np.sin(course)
