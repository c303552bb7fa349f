"""`merge`: vehicles join an expressway (合流支援), a load falls (落下物), a queue grows (渋滞末尾)."""

from __future__ import annotations

from typing import Final

from interfaces.spec import ObjectClass
from sim.driving import Route, Script
from sim.path import Path
from sim.scenarios import motorway
from sim.scene import Scenario, TruthEvent

FALLS_S, END_S = 20.0, 80.0
FALLEN_X: Final = 62.0
_HALTS: Final = ((34.0, 50.0), (38.0, 42.5), (42.0, 35.0), (46.0, 27.5), (50.0, 20.0))  # s, x of the queue's cars
_LATE_HALT: Final = (58.0, 12.0)


def merge(seed: int) -> Scenario:
    """A merge with a fallen object, a queue and a driver who brakes late."""
    queue = tuple(f"queue-{number}" for number in range(1, len(_HALTS) + 1))
    return Scenario(
        name="merge",
        description="An expressway merge (合流支援): a load falls off a truck, a queue grows behind it, "
        "somebody sees its tail late",
        seed=seed,
        duration_s=END_S,
        site=motorway.site_text("a simulated expressway merge, keep left", 100, ramp=True),
        modules=motorway.MODULES,
        routes=(
            *motorway.lane_routes(16.0, 13.0, fast_quiet=((0.0, END_S - 5.0),)),
            motorway.ramp_route(8.0),
            Route(
                Path.through(motorway.OVER, 25.0),
                motorway.SLOW_MPS,
                5.0,
                motorway.MIX,
                1,
                manner=motorway.MANNER,
                zips=True,
                quiet=((-30.0, 54.0),),
            ),
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("fallen_object", FALLS_S, END_S, ("fallen",)),
            TruthEvent("slow_vehicle", 28.7, 33.6, ("queue-1",)),
            TruthEvent("stationary_vehicle", 33.9, END_S, ("queue-1",)),
            TruthEvent("queue_tail", 41.0, END_S, queue),
            TruthEvent("collision_risk", 53.6, 54.5, ("queue-5", "late-car")),
            TruthEvent("sudden_braking", 54.0, 58.0, ("late-car",)),
            TruthEvent("near_miss", 55.0, 58.5, ("queue-5", "late-car")),
        ),
    )


def _scripts() -> tuple[Script, ...]:
    lane = Path.through(motorway.FAST)
    spot = Path.through([(FALLEN_X - 2.0, motorway.FAST_Y), (FALLEN_X + 2.0, motorway.FAST_Y)])
    west = -motorway.WEST_X
    truck = Script("truck", ObjectClass.LARGE_VEHICLE, lane, ((8, 24), (27.5, 24)), FALLEN_X + 8.0 + west - 12 * 24)
    load = Script("fallen", ObjectClass.OBSTACLE, spot, ((FALLS_S, 0), (END_S, 0)), 2.0, (1.2, 0.9, 0.6))
    cars = [_halting(f"queue-{number}", lane, motorway.FAST_MPS, halt, 2.6) for number, halt in enumerate(_HALTS, 1)]
    return (truck, load, *cars, _halting("late-car", lane, 26.0, _LATE_HALT, 6.5))


def _halting(key: str, lane: Path, speed: float, halt: tuple[float, float], braking: float) -> Script:
    """A car that comes with `speed` and brakes to a halt at (s, x)."""
    at_s, x = halt
    slow_s = at_s - speed / braking
    begin_s = slow_s - 5.5
    along = x - motorway.WEST_X - speed * 5.5 - speed**2 / (2 * braking)
    return Script(key, ObjectClass.CAR, lane, ((begin_s, speed), (slow_s, speed), (at_s, 0.0), (END_S, 0.0)), along)
