"""Weather and light of a scene: what an environment module reports of it, and what it does to sensors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Surface(IntEnum):
    """State of the road surface as PMI's EnvironmentReading counts it."""

    DRY = 0
    MOIST = 1
    WET = 2
    SNOW = 3
    ICE = 4
    BLACK_ICE = 5


@dataclass(frozen=True, slots=True)
class Weather:
    """One weather, the same for the whole scene; visibility is the meteorological optical range (WMO-No. 8, 9.1)."""

    visibility_m: float = 20_000.0
    precipitation_mmph: float = 0.0
    night: bool = False
    air_temperature_c: float = 18.0
    road_temperature_c: float = 21.0
    humidity_percent: float = 55.0
    wind_speed_mps: float = 2.0
    wind_direction_deg: float = 290.0
    water_level_m: float = 0.0
    surface: Surface = Surface.DRY


CLEAR: Final = Weather()
RAIN: Final = Weather(3_000.0, 15.0, False, 14.0, 15.0, 96.0, 5.0, surface=Surface.WET)
NIGHT: Final = Weather(night=True, air_temperature_c=11.0, road_temperature_c=10.0, humidity_percent=70.0)
NIGHT_FOG: Final = Weather(150.0, 0.0, True, 6.0, 5.5, 100.0, 0.5, surface=Surface.MOIST)
