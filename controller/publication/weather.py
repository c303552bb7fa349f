"""Readings of environment modules → RoadEnvironment: each module's own word, for who wants to judge it."""

from __future__ import annotations

import math
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from controller.publication.envelope import header, position, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from modules.environment import POSSIBLE

if TYPE_CHECKING:
    from controller.hazard.surroundings import Weather
    from controller.publication.publication import Publication, Sender, Stamp
    from modules.environment import EnvironmentReading

PERIOD_S: Final = 60.0
# What a figure has to change by before it is told at once, relative to itself or at least so much of its unit.
CHANGE: Final = 0.25
LEAST_CHANGE: Final = {
    "visibility_m": 50.0,
    "precipitation_mmph": 2.0,
    "air_temperature_c": 2.0,
    "road_temperature_c": 1.0,
    "humidity_percent": 20.0,
    "wind_speed_mps": 3.0,
    "wind_direction_deg": math.inf,
    "water_level_m": 0.03,
    "road_surface": 1.0,
}


def weather(told: Weather, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """All that holds now, at the pole; nothing without a reading. Quality: 3 of one module, 5 of two, 7 of more."""
    if not told:
        return ()
    place = position(sender, 0.0, 0.0, math.nan)
    mask = reduce(or_, (bit for bit, _ in told))
    message = pb.RoadEnvironment(
        header=header(sender, stamp, stamp.published_at_ns, mask, min(1 + 2 * len(told), 7)),
        position=place,
        readings=[_reading(sender.slots[bit.bit_length() - 1], one) for bit, one in told],
    )
    topic = topics.name(topics.WEATHER, sender, tile=topics.tile(place.latitude_deg, place.longitude_deg))
    return publications(topics.WEATHER, topic, message, sender, stamp.published_at_ns, place.spatial_id)


def changed(before: Weather, now: Weather) -> bool:
    """Whether enough has changed to be told before its time."""
    old = dict(before)
    return old.keys() != {bit for bit, _ in now} or any(_differs(old[bit], one) for bit, one in now)


def _differs(before: EnvironmentReading, now: EnvironmentReading) -> bool:
    for name, least in LEAST_CHANGE.items():
        one, other = getattr(before, name), getattr(now, name)
        if (one is None) != (other is None):
            return True
        if one is not None and abs(one - other) >= max(least, CHANGE * abs(one) if name != "road_surface" else 0.0):
            return True
    return False


def _reading(slot: str, one: EnvironmentReading) -> pb.RoadEnvironment.Reading:
    numbers = {name: getattr(one, name) for name in POSSIBLE if name != "road_surface"}
    known = {name: math.nan if value is None else value for name, value in numbers.items()}
    return pb.RoadEnvironment.Reading(slot=slot, road_surface=one.road_surface, **known)
