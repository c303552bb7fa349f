"""`expressway`: two lanes on which a truck crawls, somebody races, a car breaks down and a deer crosses."""

from __future__ import annotations

from interfaces.spec import ObjectClass
from sim.driving import Script
from sim.path import Path
from sim.scenarios import motorway
from sim.scene import Scenario, TruthEvent

END_S = 105.0


def expressway(seed: int) -> Scenario:
    """Trouble of four kinds, one after another."""
    return Scenario(
        name="expressway",
        description="Two lanes of an expressway: a slow truck, a racing car, a breakdown, a deer",
        seed=seed,
        duration_s=END_S,
        site=motorway.site_text("a simulated expressway, keep left", 100, ramp=False),
        modules=motorway.MODULES,
        routes=tuple(
            motorway.lane_routes(
                12.0, 9.0, fast_quiet=((36.0, 56.0), (62.0, 84.0)), slow_quiet=((0.0, 38.0), (46.0, END_S))
            )
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("slow_vehicle", 17.5, 48.0, ("slow-truck",)),
            TruthEvent("speeding", 52.4, 60.3, ("racing-car",)),
            TruthEvent("slow_vehicle", 66.0, 71.5, ("broken-down",)),
            TruthEvent("stationary_vehicle", 71.9, END_S, ("broken-down",)),
            TruthEvent("animal", 81.5, 83.7, ("deer",)),
        ),
    )


def _scripts() -> tuple[Script, ...]:
    slow, fast = Path.through(motorway.SLOW), Path.through(motorway.FAST)
    over = Path.through([(20.0, -6.0), (20.0, 14.0)])
    west = -motorway.WEST_X
    return (
        Script("slow-truck", ObjectClass.LARGE_VEHICLE, slow, ((8, 10.5), (56, 10.5)), west - 250.0),
        Script("racing-car", ObjectClass.CAR, fast, ((50, 38), (62.5, 38)), west - 240.0),
        Script("broken-down", ObjectClass.CAR, slow, ((54, 20), (62, 20), (72, 0), (END_S, 0)), west + 45.0 - 260.0),
        Script("deer", ObjectClass.ANIMAL, over, ((80, 3.0), (86, 3.0))),
    )
