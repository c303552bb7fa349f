"""`encounters`: open ground without a map, on which pairs of road users meet by chance, safely or just so."""

from __future__ import annotations

import json
import math
from typing import Final, NamedTuple

import numpy as np

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.box import overlapping
from sim.driving import BODY, Script
from sim.path import Path
from sim.scene import ModuleSpec, Scenario

MEETINGS: Final = 24
EACH_S, MEET_S = 10.0, 6.0  # a pair comes every 10 s, and would meet 6 s later
HALF_M: Final = 15.0  # they meet in a square of twice that around the pole
ARM_M, BEND_M = 140.0, 6.0
KINDS: Final = ("crossing", "crossing", "walking", "following", "oncoming", "turning")
SPEEDS: Final = {  # lowest and highest, m/s
    ObjectClass.CAR: (5.0, 15.0),
    ObjectClass.MEDIUM_VEHICLE: (5.0, 13.0),
    ObjectClass.LARGE_VEHICLE: (4.0, 12.0),
    ObjectClass.MOTORCYCLE: (5.0, 16.0),
    ObjectClass.BICYCLE: (3.3, 6.0),
    ObjectClass.PEDESTRIAN: (1.0, 1.8),
}
_DRIVEN: Final = (ObjectClass.CAR, ObjectClass.CAR, *list(SPEEDS)[:4])
_WEAK: Final = (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE)


class Party(NamedTuple):
    """One of a pair where it would be when they meet: m, rad, m/s; `turned` rad: how far it turns just before."""

    kind: ObjectClass
    x: float
    y: float
    yaw: float
    speed: float
    turned: float = 0.0


def encounters(seed: int) -> Scenario:
    """Crossing, following, oncoming, turning; near and far; with and without braking: all by the seed."""
    random = np.random.default_rng(seed)
    return Scenario(
        name="encounters",
        description="Open ground without a map: pairs of road users meet by chance, some of them just in time",
        seed=seed,
        duration_s=MEETINGS * EACH_S,
        site=json.dumps({"type": "FeatureCollection", "features": []}),
        modules=(
            ModuleSpec("camera", "camera", Mount(east_m=-45, north_m=-30, height_m=6, yaw_deg=34), "centre", True),
            ModuleSpec("lidar", "lidar", Mount(height_m=5), "centre", True),
            ModuleSpec("radar", "radar", Mount(east_m=-60, height_m=6), "centre"),
        ),
        routes=(),
        scripts=tuple(script for n in range(MEETINGS) for script in _pair(random, n)),
    )


def _pair(random: np.random.Generator, number: int) -> tuple[Script, Script]:
    """Drawn again until they do not run into each other, which is no near miss any more."""
    while _touch(*(pair := _drawn(random, number))):
        pass
    return pair


def _touch(one: Script, two: Script) -> bool:
    instants = np.arange(one.speeds[0][0], one.speeds[-1][0] - 1e-6, 0.1).tolist()
    boxes = [np.array([_box(script, at_s) for at_s in instants]) for script in (one, two)]
    return bool(overlapping(*boxes).any())


def _box(script: Script, at_s: float) -> tuple[float, ...]:
    state = script.at(at_s)
    assert state is not None  # noqa: S101 -- both are there all the time
    pose = script.path.at(state[0])
    return pose.x, pose.y, pose.yaw, *(script.body or BODY[script.object_class])[:2]


def _drawn(random: np.random.Generator, number: int) -> tuple[Script, Script]:
    meeting, begin_s = KINDS[number % len(KINDS)], number * EACH_S
    x, y, yaw = random.uniform((-HALF_M, -HALF_M, -math.pi), (HALF_M, HALF_M, math.pi)).tolist()
    one = _party(random, _DRIVEN, x, y, yaw)
    two = _other(random, meeting, one)
    late_s = float(random.uniform(-3.5, 3.5)) if meeting in {"crossing", "walking", "turning"} else 0.0
    brakes = int(random.integers(3))  # the one, the other, or nobody
    return (
        _script(random, f"{number}-0", one, begin_s, begin_s + MEET_S, brakes=brakes == 0),
        _script(random, f"{number}-1", two, begin_s, begin_s + MEET_S + late_s, brakes=brakes == 1),
    )


def _other(random: np.random.Generator, meeting: str, one: Party) -> Party:
    side = float(random.choice([-1.0, 1.0]))
    two = _party(random, _WEAK if meeting == "walking" else _DRIVEN, one.x, one.y, one.yaw)
    if meeting in {"crossing", "walking"}:
        return two._replace(yaw=one.yaw + side * math.radians(random.uniform(50, 130)))
    if meeting == "turning":  # from the other way into the way across
        turned = side * math.radians(random.uniform(60, 100))
        return two._replace(yaw=one.yaw + math.pi + turned, speed=min(two.speed, 7.0), turned=turned)
    if meeting == "oncoming":
        return _beside(two, 0.0, side * float(random.uniform(0, 4.5)))._replace(yaw=one.yaw + math.pi)
    ahead = (BODY[one.kind][0] + BODY[two.kind][0]) / 2 + float(random.uniform(0, 12))
    aside, slow = random.choice([0.0, 0.0, 3.2]), random.choice([0.0, 0.4, 0.7])
    return _beside(two, ahead, float(aside))._replace(speed=float(slow) * one.speed)


def _party(random: np.random.Generator, kinds: tuple[ObjectClass, ...], x: float, y: float, yaw: float) -> Party:
    kind = kinds[int(random.integers(len(kinds)))]
    return Party(kind, x, y, yaw, float(random.uniform(*SPEEDS[kind])))


def _beside(party: Party, ahead_m: float, aside_m: float) -> Party:
    cos, sin = math.cos(party.yaw), math.sin(party.yaw)
    return party._replace(x=party.x + ahead_m * cos - aside_m * sin, y=party.y + ahead_m * sin + aside_m * cos)


def _script(
    random: np.random.Generator, key: str, party: Party, begin_s: float, meet_s: float, *, brakes: bool
) -> Script:
    path, middle_m = _way(party)
    length, width, height = (float(size * random.normal(1, 0.04)) for size in BODY[party.kind][:3])
    end_s, speed = begin_s + EACH_S, party.speed
    speeds: tuple[tuple[float, float], ...] = ((begin_s, speed), (end_s, speed))
    if brakes and speed > 2:
        hard, ahead_s = random.uniform((2.0, 0.6), (8.0, 3.0)).tolist()
        brake_s = max(meet_s - ahead_s, begin_s + 1.0)
        if (halt_s := brake_s + speed / hard) < end_s:
            speeds = ((begin_s, speed), (brake_s, speed), (halt_s, 0.0), (end_s, 0.0))
    return Script(key, party.kind, path, speeds, middle_m - speed * (meet_s - begin_s), (length, width, height))


def _way(party: Party) -> tuple[Path, float]:
    """A path through the party's place, and how far along it that lies."""
    x, y, cos, sin = party.x, party.y, math.cos(party.yaw), math.sin(party.yaw)
    out = x + ARM_M * cos, y + ARM_M * sin
    if not party.turned:
        return Path.through([(x - ARM_M * cos, y - ARM_M * sin), out]), ARM_M
    bend, before = (x - BEND_M * cos, y - BEND_M * sin), party.yaw - party.turned
    come = bend[0] - ARM_M * math.cos(before), bend[1] - ARM_M * math.sin(before)
    path = Path.through([come, bend, out], BEND_M)
    return path, float(np.argmin(np.hypot(*(path.points - (x, y)).T))) * path.length_m / (len(path.points) - 1)
