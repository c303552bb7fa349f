"""Power supply and cabinet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.POWER)


@dataclass(frozen=True, slots=True)
class PowerReading:
    """One report; None where the module does not know."""

    t_us: int
    supply_mv: int | None
    current_ma: int | None
    battery_percent: float | None
    cabinet_temperature_c: float | None
    door_open: bool | None
    on_mains: bool | None


def capability(sheet: pb.DataSheet) -> Capability:
    """What this module can do, from its data sheet."""
    return reporting_capability(sheet, MessageType.POWER_STATUS, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet lacks."""
    return reporting_faults(sheet, MessageType.POWER_STATUS)


def read(body: pb.PowerStatus, _declared: Capability) -> PowerReading:
    """One report; numbers that are not finite count as unknown."""
    return PowerReading(
        t_us=body.t_us,
        supply_mv=given(body, "supply_mv"),
        current_ma=given(body, "current_ma"),
        battery_percent=given(body, "battery_percent"),
        cabinet_temperature_c=given(body, "cabinet_temperature_c"),
        door_open=given(body, "door_open"),
        on_mains=given(body, "on_mains"),
    )
