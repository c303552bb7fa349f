"""How long each rule takes in virtual time, from when it is so to NEW; negative: how long before it comes to pass."""

from __future__ import annotations

from functools import cache

from scenes import (
    User,
    along,
    braking,
    crossroads,
    delay_s,
    junction,
    lights,
    new,
    road,
    run,
    steady,
    straight,
    weather,
)

from controller.site import Site
from interfaces.spec import ObjectClass
from modules.signal import GREEN, RED

PERSON = ObjectClass.PEDESTRIAN
RAMP = [(-200.0, -40.0), (-50.0, -10.0), (0.0, 0.0)]
QUEUE = [User(straight(60 + 8 * i, 1.6, 0.5, 0)) for i in range(4)]
WEATHER = {
    "low_visibility": weather(visibility_m=120.0),
    "heavy_precipitation": weather(precipitation_mmph=25.0, air_temperature_c=15.0),
    "slippery_road": weather(road_surface=4, road_temperature_c=-2.0),
    "aquaplaning": weather(precipitation_mmph=35.0, road_surface=2),
    "flooded_road": weather(water_level_m=0.3),
    "strong_wind": weather(wind_speed_mps=22.0),
}
# kind: (road users, seconds, map, more of `run`, when it is so, s)
SCENES = {
    "wrong_way": ([User(straight(100, 1.6, -12, 0))], 4, road(), {}, 0.0),
    "stationary_vehicle": ([User(straight(0, 1.6), yaw=0.0)], 9, road(), {}, 0.0),
    "slow_vehicle": ([User(straight(-100, 1.6, 8, 0))], 6, road(100), {}, 0.0),
    "queue_tail": ([*QUEUE, User(straight(-100, 1.6, 20, 0), end=5)], 5, road(), {}, 0.0),
    "speeding": ([User(straight(-150, 1.6, 85 / 3.6, 0))], 5, road(), {}, 0.0),
    "person_on_road": ([User(straight(0, 0), PERSON)], 3, road(), {}, 0.0),
    "animal": ([User(straight(0, 0, 1, 0), ObjectClass.ANIMAL)], 3, road(), {}, 0.0),
    "fallen_object": ([User(straight(0, 1.0), ObjectClass.OBSTACLE)], 6, road(), {}, 0.0),
    "sudden_braking": ([User(braking(-100, 15, 2, 6, 1.6))], 5, road(), {}, 2.0),
    "collision_risk": ([User(straight(-50, 0, 10, 0)), User(straight(0, -50, 0, 10))], 6, Site(), {}, 4.685),
    "red_light_running": (
        [User(straight(-80, 0, 14, 0))],
        8,
        crossroads(signals=True),
        {"told": lights((0.0, RED), until=8.0)},
        (80 - 6 - 2.25) / 14,
    ),
    "merging_vehicle": (
        [User(along(RAMP, 60, 15.0)), User(straight(-200, 0, 20, 0))],
        9,
        junction(),
        {},
        (203.96 - 60) / 15,
    ),
    "crossing_path": (
        [User(straight(-70, 0, 12, 0)), User(straight(0, -70, 0, 12))],
        6,
        crossroads(),
        {},
        (70 - 2.25 - 1.6) / 12,
    ),
    "service_degraded": ([], 3, road(), {"lacking": lambda t: ("camera",) if t >= 1 else ()}, 1.0),
} | {kind: ([], 8, road(), {"told": steady(one, 8)}, 0.0) for kind, one in WEATHER.items()}
LEAD_S = {"collision_risk": 1.5, "red_light_running": 0.0, "merging_vehicle": 2.0, "crossing_path": 1.5}
GREEN_THEN_RED = lights((0.0, GREEN), (2.0, RED), until=8.0)


@cache
def delay(kind: str, seed: int | None = None) -> float:
    """Seconds from when it is so to the first NEW of `kind`; infinite when there is none."""
    users, seconds, site, more, since_s = SCENES[kind]
    begun = new(run(users, seconds, site, seed=seed, **more)[0], kind)
    return delay_s(begun[0], since_s) if begun else float("inf")


if __name__ == "__main__":
    for kind in SCENES:
        print(f"{kind:22} {delay(kind):6.2f} s")
