"""`roads`: a place, its modules, its traffic and what goes wrong there, all by chance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import BODY, WALKER, Manner, Route, Script
from sim.path import Path
from sim.scenarios.road_shapes import SHAPES, Lane, Place, Turned
from sim.scene import ModuleSpec, Scenario
from sim.sensor_model import MODELS

if TYPE_CHECKING:
    from numpy.random import Generator

DURATION_S: Final = 40.0
SETS: Final = (  # of classes of module
    ("camera", "lidar", "radar"),
    ("camera", "radar"),
    ("lidar",),
    ("camera", "camera", "radar"),
    ("lidar", "radar"),
    ("camera", "lidar", "radar", "radar"),
    ("radar",),
    ("camera", "camera", "lidar"),
)
RATES_HZ: Final = (5.0, 10.0, 20.0)
LATENCY_S: Final = (0.02, 0.4)
FIRST_S, LAST_S = 6.0, 28.0  # when something goes wrong
CLEAR_S: Final = 8.0  # before an actor appears nobody else arrives where it does …
EMPTY_S: Final = 35.0  # … and no one is left in the lane of who comes against the traffic, or both would stand there


def roads(seed: int) -> Scenario:
    """By turns a stretch of a town's road, a junction and an expressway; which modules see it goes by turns, too."""
    random = np.random.default_rng(seed)
    lies = Turned(bool(random.random() < 0.5), float(random.uniform(-math.pi, math.pi)))
    place = SHAPES[seed % len(SHAPES)](random, lies)
    scripts = _incidents(random, place)
    return Scenario(
        name="roads",
        description="A road, its modules and its traffic by chance: roads that nothing was developed on",
        seed=seed,
        duration_s=DURATION_S,
        site=place.drawn.text(),
        modules=_modules(random, place, SETS[seed % len(SETS)]),
        routes=tuple(replace(route, quiet=_quiet(route.path, scripts)) for route in place.routes),
        scripts=scripts,
    )


def _modules(random: Generator, place: Place, classes: tuple[str, ...]) -> tuple[ModuleSpec, ...]:
    """On one or two poles beside the road; each looks at a place near the middle."""
    poles = [_pole(random, place) for _ in range(2)]
    found = []
    for n, kind in enumerate(classes):
        x, y = poles[int(random.random() < 0.4)]
        look_x, look_y = random.uniform(-15, 15, 2)
        yaw = math.degrees(math.atan2(look_y - y, look_x - x))
        usual = MODELS[kind]
        model = replace(
            usual,
            rate_hz=float(random.choice(RATES_HZ)),
            latency_s=(latency_s := float(random.uniform(*LATENCY_S))),
            jitter_s=latency_s * float(random.uniform(0.02, 0.2)),
            detection=usual.detection - float(random.uniform(0.0, 0.08)),
            false_per_frame=usual.false_per_frame * float(random.uniform(0.3, 1.5)),
        )
        mount = Mount(east_m=round(x, 2), north_m=round(y, 2), height_m=6, yaw_deg=round(yaw, 1))
        found.append(ModuleSpec(f"{kind}-{n + 1}", kind, mount, required=n == 0, other=model))
    return tuple(found)


def _pole(random: Generator, place: Place) -> tuple[float, float]:
    angle = float(random.choice([-1, 1])) * math.radians(random.uniform(20, 160))
    aside, along = place.edge_m + float(random.uniform(3, 6)), float(random.uniform(5, 45))
    (found,) = place.lies([(math.copysign(along, math.cos(angle)), math.copysign(aside, angle))]).tolist()
    return found[0], found[1]


# ------------------------------------------------------------------------------------------------- what goes wrong


def _incidents(random: Generator, place: Place) -> tuple[Script, ...]:
    """None to three, one after the other."""
    count = int(random.choice([0, 1, 2, 2, 3, 3]))
    times = np.sort(random.uniform(FIRST_S, LAST_S, count)).tolist()
    kinds = _ON_EXPRESSWAYS if place.fast else _IN_TOWN
    chosen = random.choice(len(kinds), count, replace=False)
    return tuple(kinds[kind](random, place, f"{n}", times[n]) for n, kind in enumerate(chosen))


def _brakes(random: Generator, place: Place, key: str, at_s: float) -> Script:
    """One brakes hard, for no reason, and drives on."""
    lane, hard, left = _lane(random, place), float(random.uniform(5.0, 8.0)), float(random.uniform(0.1, 0.5))
    fast = float(random.uniform(0.8, 1.0)) * lane.limit_mps
    held_s = at_s + (1 - left) * fast / hard
    speeds = ((at_s, fast), (held_s, left * fast), (held_s + 1.5, left * fast), (held_s + 8.0, fast))
    return _car(random, f"brakes-{key}", lane, speeds, random.uniform(-25, 10))


def _breaks_down(random: Generator, place: Place, key: str, at_s: float) -> Script:
    """One comes to a halt in its lane and stays there for a while."""
    lane, at_s = _lane(random, place), min(at_s, 16.0)
    fast = 0.8 * lane.limit_mps
    halt_s, gone_s = at_s + fast / 2.5, at_s + fast / 2.5 + float(random.uniform(12, 20))
    speeds = ((at_s, fast), (halt_s, 0.0), (gone_s, 0.0), (gone_s + 6, fast))
    return _car(random, f"stands-{key}", lane, speeds, random.uniform(-20, 25) - fast**2 / 5.0)


def _crawls(random: Generator, place: Place, key: str, at_s: float) -> Script:
    lane = _lane(random, place)
    return _car(random, f"crawls-{key}", lane, ((at_s, 0.36 * lane.limit_mps),), -30.0)


def _races(random: Generator, place: Place, key: str, at_s: float) -> Script:
    lane = _lane(random, place)
    return _car(random, f"races-{key}", lane, ((at_s, lane.limit_mps + float(random.uniform(9, 14))),), -30.0)


def _comes_against(random: Generator, place: Place, key: str, at_s: float) -> Script:
    """One drives against the traffic of a lane."""
    lane = _lane(random, place)
    back = Lane(Path(lane.path.points[::-1]), lane.path.length_m - lane.middle_m, lane.limit_mps)
    return _car(random, f"against-{key}", back, ((at_s, float(random.uniform(0.5, 0.9)) * lane.limit_mps),), -30.0)


def _walks_over(random: Generator, place: Place, key: str, at_s: float) -> Script:
    """Somebody crosses the road where there is no crossing."""
    speed = float(random.uniform(0.9, 1.9))
    speeds = ((at_s, speed), (DURATION_S, speed))
    return _over(f"walks-{key}", ObjectClass.PEDESTRIAN, place, speeds, (0.5, 0.5, 1.7))


def _runs_over(random: Generator, place: Place, key: str, at_s: float) -> Script:
    speed = float(random.uniform(2.0, 5.0))
    return _over(f"runs-{key}", ObjectClass.ANIMAL, place, ((at_s, speed), (DURATION_S, speed)))


def _falls(random: Generator, place: Place, key: str, at_s: float) -> Script:
    """A load lies in a lane; it was lost by somebody who is gone."""
    lane = _lane(random, place)
    body = float(random.uniform(0.6, 1.6)), float(random.uniform(0.5, 1.0)), float(random.uniform(0.4, 0.9))
    along = lane.middle_m + float(random.uniform(-25, 25))
    return Script(f"fallen-{key}", ObjectClass.OBSTACLE, lane.path, ((at_s, 0.0), (DURATION_S, 0.0)), along, body)


_IN_TOWN: Final = (_brakes, _breaks_down, _comes_against, _walks_over, _runs_over, _races)
_ON_EXPRESSWAYS: Final = (_brakes, _breaks_down, _crawls, _races, _falls, _comes_against)


def _lane(random: Generator, place: Place) -> Lane:
    return place.lanes[int(random.integers(len(place.lanes)))]


def _car(
    random: Generator, key: str, lane: Lane, speeds: tuple[tuple[float, float], ...], from_middle_m: float
) -> Script:
    """It is `from_middle_m` from the middle of the place at the first of the times, if nobody holds it up."""
    at_s, fast = speeds[0]
    along = max(lane.middle_m + from_middle_m, 1.0)
    begin_s = max(at_s - along / fast, 0.0)
    told = ((begin_s, fast), *speeds, (max(DURATION_S, speeds[-1][0] + 1), speeds[-1][1]))
    length, width, height = (float(size * random.normal(1, 0.04)) for size in BODY[ObjectClass.CAR][:3])
    heeding = Route(lane.path, fast, 0.0, priority=5, manner=Manner(accelerate=3.0, brake=2.5, headway_s=1.0))
    start_m = along - fast * (at_s - begin_s)
    return Script(key, ObjectClass.CAR, lane.path, told, start_m, (length, width, height), heeding=heeding)


def _over(
    key: str, kind: ObjectClass, place: Place, speeds: tuple[tuple[float, float], ...],
    body: tuple[float, float, float] | None = None,
) -> Script:  # fmt: skip
    """It crosses, but not straight before somebody who cannot stop any more."""
    assert place.across is not None  # noqa: S101 -- every shape has one
    heeding = Route(place.across, speeds[0][1], 0.0, priority=9, give_way_m=1.2, manner=WALKER)
    return Script(key, kind, place.across, speeds, body=body, heeding=heeding)


def _quiet(path: Path, scripts: tuple[Script, ...]) -> tuple[tuple[float, float], ...]:
    """When nobody arrives on a way: so long before an actor appears on it that it is not in the way of anybody."""
    spans = []
    for script in scripts:
        same = script.path is path or np.array_equal(script.path.points[::-1], path.points)
        if same:
            against = script.path is not path
            ahead_s = script.start_m / max(script.speeds[0][1], 5.0)
            begin_s, end_s = script.speeds[0][0], script.speeds[-1][0]
            spans.append((begin_s - EMPTY_S, end_s) if against else (begin_s - ahead_s - CLEAR_S, begin_s + 2.0))
    return tuple(spans)
