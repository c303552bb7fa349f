"""`crossing`: somebody steps onto the road from in front of a bus that hides them."""

from __future__ import annotations

from typing import Final

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import WALKER, WALKERS, Route, Script
from sim.path import Path
from sim.scene import ORIGIN, ModuleSpec, Scenario, TruthEvent
from sim.site_map import SiteMap

HALF_M, ARM_M, SPEED_MPS = 1.625, 150.0, 11.0
_EAST: Final = ((-ARM_M, HALF_M), (ARM_M, HALF_M))
_WEST: Final = ((ARM_M, -HALF_M), (-ARM_M, -HALF_M))
_BAY_Y: Final = 4.7


def crossing(seed: int) -> Scenario:
    """A hidden pedestrian at a bus stop."""
    return Scenario(
        name="crossing",
        description="A bus stop: a pedestrian steps out from in front of the bus, a car brakes just in time",
        seed=seed,
        duration_s=60.0,
        site=_site(),
        modules=(
            ModuleSpec("camera", "camera", Mount(east_m=-42, north_m=-7, height_m=6, yaw_deg=12), "bus stop", True),
            ModuleSpec("lidar", "lidar", Mount(east_m=14, north_m=-7, height_m=5), "crossing", True),
            ModuleSpec("radar", "radar", Mount(east_m=-42, north_m=-7, height_m=5.5, yaw_deg=8), "road east"),
            ModuleSpec("comms", "comms", Mount(east_m=14, north_m=-7, height_m=8)),
        ),
        routes=(
            Route(Path.through(_EAST), SPEED_MPS, 7.0, priority=2, quiet=((45.0, 60.0), (0.0, 14.0))),
            Route(Path.through(_WEST), SPEED_MPS, 7.0, priority=2, quiet=((52.0, 60.0), (0.0, 10.0))),
            Route(Path.through([(-60.0, 8.0), (60.0, 8.0)]), 1.3, 2.0, WALKERS, manner=WALKER),
            Route(Path.through([(60.0, -8.0), (-60.0, -8.0)]), 1.3, 2.0, WALKERS, manner=WALKER),
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("person_on_road", 14.5, 18.8, ("stepping-out",)),
            TruthEvent("near_miss", 14.0, 16.2, ("stepping-out", "approaching-car")),
            TruthEvent("sudden_braking", 14.6, 16.2, ("approaching-car",)),
        ),
    )


def _scripts() -> tuple[Script, ...]:
    bay = Path.through([(-60.0, _BAY_Y), (8.0, _BAY_Y), (32.0, HALF_M), (ARM_M, HALF_M)], 10.0)
    over = Path.through([(-1.0, 7.0), (-1.0, -12.0)])
    along = ARM_M - 13.35 - SPEED_MPS * 8.6
    return (
        Script("bus", ObjectClass.LARGE_VEHICLE, bay, ((0, 0), (26, 0), (36, 9), (47, 9)), 52.0),
        Script("stepping-out", ObjectClass.PEDESTRIAN, over, ((12, 1.5), (24.5, 1.5)), body=(0.4, 0.5, 1.45)),
        Script(
            "approaching-car",
            ObjectClass.CAR,
            Path.through(_EAST),
            ((6, SPEED_MPS), (14.6, SPEED_MPS), (16.17, 0), (19, 0), (25, 10), (36, 10)),
            along,
        ),
    )


def _site() -> str:
    drawn = SiteMap(ORIGIN, "a simulated bus stop, keep left")
    drawn.lane("eastward", _EAST, 40)
    drawn.lane("westward", _WEST, 40)
    drawn.box("carriageway", "road", (-ARM_M, -2 * HALF_M), (ARM_M, 2 * HALF_M))
    drawn.box("crossing", "crossing", (12.0, -2 * HALF_M), (16.0, 2 * HALF_M))
    return drawn.text()
