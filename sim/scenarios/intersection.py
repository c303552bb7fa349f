"""`intersection` and `calm`: the same place with and without trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.spec import ObjectClass
from sim.driving import Script
from sim.path import Path
from sim.scenarios import junction
from sim.scene import Scenario, TruthEvent

if TYPE_CHECKING:
    from sim.occlusion import Wall

# Arrivals pause so that nobody ordinary is where the actors play; before second 0 it is the warm-up.
_QUIET: Final = {
    "west": ((-30.0, 27.0), (31.0, 76.0)),
    "east": ((-16.0, 38.0), (56.0, 66.0)),
    "south": ((-30.0, 18.0), (56.0, 72.0)),
    "north": ((8.0, 20.0), (36.0, 44.0), (56.0, 72.0)),
    "walkers": ((-8.0, 6.0), (14.0, 28.0)),
    "cyclists": ((-6.0, 2.0), (28.0, 38.0), (48.0, 60.0)),
    "north-east": ((0.0, 44.0),),
    "west-south": ((-30.0, 90.0),),
    "south-west": ((-30.0, 90.0),),
    "south-east": ((-30.0, 90.0),),
    "north-west": ((-30.0, 90.0),),
}
# The house on the corner that hides the side road's traffic from the main road's (出会い頭).
_HOUSE: Final[tuple[Wall, ...]] = (((6.0, -14.0), (34.0, -14.0)), ((6.0, -14.0), (6.0, -34.0)))


def intersection(seed: int) -> Scenario:
    """A minute and a half of trouble."""
    return Scenario(
        name="intersection",
        description="A junction where a car stands, someone walks on the road, two cars nearly collide (出会い頭), "
        "one brakes hard, one drives the wrong way and one turns right before an oncoming one (右直)",
        seed=seed,
        duration_s=90.0,
        site=junction.site_text(),
        modules=junction.MODULES,
        routes=junction.routes(quiet=_QUIET),
        scripts=_scripts(),
        events=(
            TruthEvent("stationary_vehicle", 5.5, 24.0, ("standing-car",)),
            TruthEvent("person_on_road", 9.65, 14.65, ("walker",)),
            TruthEvent("crossing_path", 15.5, 18.6, ("side-car", "main-car")),
            TruthEvent("collision_risk", 17.0, 18.6, ("side-car", "main-car")),
            TruthEvent("near_miss", 17.5, 20.6, ("side-car", "main-car")),
            TruthEvent("sudden_braking", 18.0, 19.5, ("main-car",)),
            TruthEvent("sudden_braking", 27.0, 28.5, ("braking-car",)),
            TruthEvent("wrong_way", 36.0, 48.0, ("wrong-way-car",)),
            TruthEvent("crossing_path", 69.0, 71.6, ("turning-car", "oncoming-car")),
            TruthEvent("collision_risk", 70.0, 71.6, ("turning-car", "oncoming-car")),
            TruthEvent("near_miss", 70.4, 73.5, ("turning-car", "oncoming-car")),
            TruthEvent("sudden_braking", 71.0, 72.8, ("oncoming-car",)),
        ),
        walls=_HOUSE,
    )


def calm(seed: int) -> Scenario:
    """Nothing to report."""
    return Scenario(
        name="calm",
        description="Ordinary traffic at the same junction; nothing to warn of",
        seed=seed,
        duration_s=60.0,
        site=junction.site_text(),
        modules=junction.MODULES,
        routes=junction.routes(share=0.7),
    )


def _scripts() -> tuple[Script, ...]:
    eastward, westward = junction.way("west", "east"), junction.way("east", "west")
    half, far = junction.HALF_M, junction.ARM_M
    against = Path.through([(-far, -half), (half, -half), (half, -far)], 7.0)
    over = Path.through([(-35.0, 8.0), (-35.0, -16.0)])
    car = ObjectClass.CAR
    return (
        Script("standing-car", car, eastward, ((0, 10), (1.5, 10), (5.5, 0), (24, 0), (30, 12), (38, 12)), far + 5),
        Script("walker", ObjectClass.PEDESTRIAN, over, ((6, 1.3), (24, 1.3)), body=(0.45, 0.5, 1.7)),
        Script("side-car", car, junction.way("south", "north"), ((9, 9), (31, 9)), 58.4),
        Script(
            "main-car", car, westward, ((9, 13), (18, 13), (19.5, 2.5), (21, 2.5), (27, 11), (35.5, 11)), far - 131.5
        ),
        Script("braking-car", car, eastward, ((22, 13), (27, 13), (28.5, 4), (30, 4), (36, 12), (46, 12)), 10.0),
        Script("wrong-way-car", car, against, ((36, 11), (46, 11), (48.5, 4.5), (52, 4.5), (57, 11), (59.9, 11)), 10.0),
        Script(
            "turning-car",
            car,
            junction.way("east", "north"),
            ((60, 11), (67, 11), (70, 5), (74, 5.5), (79, 9), (89.9, 9)),
            far - 2.0 - 11 * 7 - 24 - 7.0,
        ),
        Script(
            "oncoming-car",
            car,
            eastward,
            ((62, 13), (71, 13), (72.8, 2), (74.5, 2), (81, 12), (89.9, 12)),
            far - 24.0 - 13 * 9,
        ),
    )
