"""`wrong_way_fog`: at night, in fog, somebody comes the wrong way along an expressway (逆走)."""

from __future__ import annotations

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import Script
from sim.path import Path
from sim.scenarios import motorway
from sim.scene import ModuleSpec, Scenario, TruthEvent
from sim.weather import NIGHT_FOG

WEATHER_STATION = ModuleSpec("weather", "environment", Mount(north_m=9, height_m=4), "weather")


def wrong_way_fog(seed: int) -> Scenario:
    """A wrong-way driver whom cameras see late and radars early."""
    end_s = 60.0
    return Scenario(
        name="wrong_way_fog",
        description="Night and fog on an expressway: a car comes the wrong way, another one gets out of its way",
        seed=seed,
        duration_s=end_s,
        site=motorway.site_text("a simulated expressway, keep left", 80, ramp=False),
        modules=(*motorway.MODULES, WEATHER_STATION),
        routes=tuple(
            motorway.lane_routes(9.0, 9.0, fast_quiet=((-30.0, 42.0),), slow_quiet=((8.0, 28.0),), share=0.75)
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("low_visibility", 0.0, end_s, ()),
            TruthEvent("wrong_way", 19.0, 33.0, ("wrong-way-car",)),
            TruthEvent("sudden_braking", 24.0, 26.0, ("meeting-car",)),
            TruthEvent("collision_risk", 24.5, 27.2, ("wrong-way-car", "meeting-car")),
            TruthEvent("near_miss", 25.9, 27.6, ("wrong-way-car", "meeting-car")),
        ),
        weather=NIGHT_FOG,
    )


def _scripts() -> tuple[Script, ...]:
    against = Path.through([(motorway.EAST_X, motorway.FAST_Y), (motorway.WEST_X, motorway.FAST_Y)])
    aside = Path.through(
        [
            (motorway.WEST_X, motorway.FAST_Y),
            (-60.0, motorway.FAST_Y),
            (-38.0, motorway.SLOW_Y),
            (motorway.EAST_X, motorway.SLOW_Y),
        ],
        6.0,
    )
    begin = -95.0 - motorway.WEST_X - 20 * 9
    return (
        Script("wrong-way-car", ObjectClass.CAR, against, ((14, 21), (40, 21))),
        Script(
            "meeting-car",
            ObjectClass.CAR,
            aside,
            ((15, 20), (24, 20), (25.9, 11.5), (28, 11.5), (32, 16), (50, 16)),
            begin,
            zips=True,
        ),
    )
