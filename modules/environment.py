"""Weather, road surface and water level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.ENVIRONMENT)


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
    """One report; numbers that are not finite count as unknown."""
    return EnvironmentReading(
        t_us=body.t_us,
        visibility_m=given(body, "visibility_m"),
        precipitation_mmph=given(body, "precipitation_mmph"),
        air_temperature_c=given(body, "air_temperature_c"),
        road_temperature_c=given(body, "road_temperature_c"),
        humidity_percent=given(body, "humidity_percent"),
        wind_speed_mps=given(body, "wind_speed_mps"),
        wind_direction_deg=given(body, "wind_direction_deg"),
        water_level_m=given(body, "water_level_m"),
        road_surface=given(body, "road_surface"),
    )
