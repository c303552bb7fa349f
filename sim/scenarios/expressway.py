"""`expressway`: two lanes east and a ramp that joins from the left; something falls, a queue grows."""

from __future__ import annotations

from typing import Final

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import Manner, Route, Script
from sim.path import Path
from sim.scene import ORIGIN, ModuleSpec, Scenario, TruthEvent
from sim.site_map import SiteMap

FAST_MPS, RAMP_MPS = 26.0, 20.0
FAST_Y, SLOW_Y = 0.0, 3.5
_FAST: Final = ((-300.0, FAST_Y), (200.0, FAST_Y))
_SLOW: Final = ((-300.0, SLOW_Y), (200.0, SLOW_Y))
_RAMP: Final = ((-260.0, 34.0), (-120.0, 7.5), (-20.0, 7.0), (40.0, SLOW_Y), (200.0, SLOW_Y))
_STOPS_X: Final = (50.0, 42.5, 35.0)
_MANNER: Final = Manner(accelerate=1.4, brake=1.6, headway_s=1.5)


def expressway(seed: int) -> Scenario:
    """A merge (合流支援) with a fallen object (落下物) and a queue tail (渋滞末尾)."""
    return Scenario(
        name="expressway",
        description="An expressway merge where something lies on the road and a queue grows behind it",
        seed=seed,
        duration_s=60.0,
        site=_site(),
        modules=(
            ModuleSpec("camera", "camera", Mount(north_m=9, height_m=8, yaw_deg=-10), "downstream", True),
            ModuleSpec("lidar", "lidar", Mount(north_m=9, height_m=6), "merge", True),
            ModuleSpec("radar", "radar", Mount(north_m=9, height_m=7, yaw_deg=-176), "upstream"),
            ModuleSpec("comms", "comms", Mount(north_m=9, height_m=9)),
        ),
        routes=(
            Route(Path.through(_FAST), FAST_MPS, 10.0, priority=3, manner=_MANNER, quiet=((0.0, 8.0), (40.0, 60.0))),
            Route(Path.through(_SLOW), FAST_MPS * 0.9, 9.0, priority=2, manner=_MANNER),
            Route(Path.through(_RAMP, 30.0), RAMP_MPS, 5.0, priority=1, manner=_MANNER, give_way_m=12.0),
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("fallen_object", 4.0, 45.0, ("fallen",)),
            TruthEvent("queue_tail", 17.0, 46.0, ("queue-1", "queue-2", "queue-3")),
        ),
    )


def _scripts() -> tuple[Script, ...]:
    spot = Path.through([(60.0, FAST_Y), (62.0, FAST_Y)])
    lane = Path.through(_FAST)
    fallen = Script("fallen", ObjectClass.OBSTACLE, spot, ((4, 0), (45, 0)), 1.0, (1.2, 0.9, 0.6))
    cars = []
    for number, stop_x in enumerate(_STOPS_X, 1):
        begin, slow = 3.0 + number * 1.5, 4.0 + number * 1.5
        halt = slow + 7.0
        travelled = FAST_MPS * (slow - begin) + FAST_MPS / 2 * 7.0
        speeds = ((begin, FAST_MPS), (slow, FAST_MPS), (halt, 0.0), (46.0 + number, 0.0), (55.0, 14.0), (59.9, 20.0))
        cars.append(Script(f"queue-{number}", ObjectClass.CAR, lane, speeds, stop_x + 300.0 - travelled))
    return (fallen, *cars)


def _site() -> str:
    drawn = SiteMap(ORIGIN, "a simulated expressway merge, keep left")
    drawn.lane("fast", _FAST, 100)
    drawn.lane("slow", _SLOW, 100)
    ramp = [(x, y) for x, y in Path.through(_RAMP, 30.0).points[::20].tolist() if x < 40]
    drawn.lane("ramp", [*ramp, (40.0, SLOW_Y)], 60, ["slow"], kind="ramp")
    drawn.box("merge_area", "merge", (-30.0, SLOW_Y - 1.6), (45.0, 8.6))
    return drawn.text()
