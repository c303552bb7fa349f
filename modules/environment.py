"""Weather, road surface and water level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.ENVIRONMENT)
# What can be measured on Earth (records of WMO, with room); anything else is a broken sensor and counts as unknown.
POSSIBLE: Final = {
    "visibility_m": (0.0, 100_000.0),
    "precipitation_mmph": (0.0, 500.0),
    "air_temperature_c": (-60.0, 60.0),
    "road_temperature_c": (-60.0, 90.0),
    "humidity_percent": (0.0, 105.0),
    "wind_speed_mps": (0.0, 110.0),
    "wind_direction_deg": (0.0, 360.0),
    "water_level_m": (-5.0, 20.0),
    "road_surface": (0, 5),
}


@dataclass(frozen=True, slots=True)
class EnvironmentReading:
    """One report; None where the module does not know."""

    t_us: int
    visibility_m: float | None
    precipitation_mmph: float | None
    air_temperature_c: float | None
    road_temperature_c: float | None
    humidity_percent: float | None
    wind_speed_mps: float | None
    wind_direction_deg: float | None
    water_level_m: float | None
    road_surface: int | None


def capability(sheet: pb.DataSheet) -> Capability:
    """What this module can do, from its data sheet."""
    return reporting_capability(sheet, MessageType.ENVIRONMENT, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet lacks."""
    return reporting_faults(sheet, MessageType.ENVIRONMENT)


def read(body: pb.EnvironmentReading, _declared: Capability) -> EnvironmentReading:
    """One report; numbers that are not finite or not possible count as unknown."""
    return EnvironmentReading(t_us=body.t_us, **{name: _possible(body, name) for name in POSSIBLE})


def _possible(body: pb.EnvironmentReading, name: str) -> Any:
    value, (low, high) = given(body, name), POSSIBLE[name]
    return value if value is not None and low <= value <= high else None
