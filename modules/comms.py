"""Communication modules: whether the way out is up and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.COMMS)


@dataclass(frozen=True, slots=True)
class CommsReading:
    """One report; None where the module does not know."""

    t_us: int
    up: bool
    uplink_bps: int
    rssi_dbm: int | None
    technology: str


def capability(sheet: pb.DataSheet) -> Capability:
    """What this module can do, from its data sheet."""
    return reporting_capability(sheet, MessageType.COMMS_STATUS, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet lacks."""
    return reporting_faults(sheet, MessageType.COMMS_STATUS)


def read(body: pb.CommsStatus, _declared: Capability) -> CommsReading:
    """One report."""
    return CommsReading(body.t_us, body.up, body.uplink_bps, given(body, "rssi_dbm"), body.technology[:64])
