"""`crossing`: somebody steps onto the road from in front of a bus that hides them, beside a crossing."""

from __future__ import annotations

from typing import Final

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import WALKER, WALKERS, Route, Script
from sim.path import Path
from sim.scene import ORIGIN, ModuleSpec, Scenario, TruthEvent
from sim.site_map import SiteMap

HALF_M, ARM_M, SPEED_MPS, WALK_MPS = 1.625, 150.0, 11.0, 1.3
_EAST: Final = ((-ARM_M, HALF_M), (ARM_M, HALF_M))
_WEST: Final = ((ARM_M, -HALF_M), (-ARM_M, -HALF_M))
_BAY_Y: Final = 4.7
_ZEBRA_X: Final = (12.0, 16.0)


def crossing(seed: int) -> Scenario:
    """A hidden pedestrian at a bus stop, and people to whom drivers give way at the crossing."""
    return Scenario(
        name="crossing",
        description="A bus stop: a pedestrian steps out from in front of the bus, a car brakes just in time; "
        "later people use the crossing",
        seed=seed,
        duration_s=80.0,
        site=_site(),
        modules=(
            ModuleSpec("camera", "camera", Mount(east_m=-42, north_m=-7, height_m=6, yaw_deg=12), "bus stop", True),
            ModuleSpec("lidar", "lidar", Mount(east_m=14, north_m=-7, height_m=5), "crossing", True),
            ModuleSpec("radar", "radar", Mount(east_m=-42, north_m=-7, height_m=5.5, yaw_deg=8), "road east"),
            ModuleSpec("comms", "comms", Mount(east_m=14, north_m=-7, height_m=8)),
        ),
        routes=_routes(),
        scripts=_scripts(),
        events=(
            TruthEvent("person_on_road", 14.5, 18.8, ("stepping-out",)),
            TruthEvent("collision_risk", 13.6, 15.6, ("stepping-out", "approaching-car")),
            TruthEvent("near_miss", 14.0, 16.5, ("stepping-out", "approaching-car")),
            TruthEvent("sudden_braking", 14.6, 16.2, ("approaching-car",)),
        ),
    )


def _routes() -> tuple[Route, ...]:
    zebra = sum(_ZEBRA_X) / 2
    alone = ((-30.0, 34.0),)  # the crossing is left to the script
    return (
        Route(Path.through(_EAST), SPEED_MPS, 7.0, priority=2, quiet=((-15.0, 14.0),)),
        Route(Path.through(_WEST), SPEED_MPS, 7.0, priority=2, quiet=((-8.0, 10.0),)),
        Route(Path.through([(-60.0, 8.0), (60.0, 8.0)]), WALK_MPS, 2.0, WALKERS, manner=WALKER),
        Route(Path.through([(60.0, -9.0), (-60.0, -9.0)]), WALK_MPS, 2.0, WALKERS, manner=WALKER),
        Route(_over(zebra - 0.8, -1), WALK_MPS, 2.5, WALKERS, 9, give_way_m=1.2, manner=WALKER, quiet=alone),
        Route(_over(zebra + 0.8, 1), WALK_MPS, 2.5, WALKERS, 9, give_way_m=1.2, manner=WALKER, quiet=alone),
    )


def _over(x: float, way: int) -> Path:
    return Path.through([(x, -12.0 * way), (x, 12.0 * way)])


def _scripts() -> tuple[Script, ...]:
    bay = Path.through([(-60.0, _BAY_Y), (8.0, _BAY_Y), (32.0, HALF_M), (ARM_M, HALF_M)], 10.0)
    out = Path.through([(-1.0, 7.0), (-1.0, -12.0)])
    along = ARM_M - 13.35 - SPEED_MPS * 8.6
    return (
        Script("bus", ObjectClass.LARGE_VEHICLE, bay, ((0, 0), (26, 0), (36, 9), (47, 9)), 52.0),
        Script("stepping-out", ObjectClass.PEDESTRIAN, out, ((12, 1.5), (24.5, 1.5)), body=(0.4, 0.5, 1.45)),
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
    drawn.box("crossing", "crossing", (_ZEBRA_X[0], -2 * HALF_M), (_ZEBRA_X[1], 2 * HALF_M))
    return drawn.text()
