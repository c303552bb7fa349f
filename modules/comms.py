"""Communication modules: whether the way out is up and how good it is, and what their radio heard of vehicles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType, ObjectClass
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.COMMS)
PAYLOADS_MAX: Final = 16  # of one message; more are not looked at
PAYLOAD_MAX_B: Final = 1400

# What vehicles say of themselves: far from all of them speak, and nobody vouches for those who do.
COOPERATIVE: Final = replace(
    DEFAULT,
    accuracy=((0.0, 1.5, 0.5),),
    detection_probability=0.05,
    false_per_frame=0.5,
    object_classes=frozenset(int(one) for one in ObjectClass),
    delivers_tracks=True,
)


@dataclass(frozen=True, slots=True)
class CommsReading:
    """One report; None where the module does not know."""

    t_us: int
    up: bool
    uplink_bps: int
    rssi_dbm: int | None
    technology: str
    radio_busy_percent: int | None = None
    radio_sent: int = 0
    radio_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """One payload from the radio: the module's time of reception, the format as in PayloadFormat."""

    t_us: int
    format: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class RadioReading:
    """What the radio heard since the last report; `total` counts what was heard, more than `heard` when cut."""

    t_us: int
    heard: tuple[Heard, ...]
    total: int


def capability(sheet: pb.DataSheet) -> Capability:
    """What this module can do, from its data sheet; with a radio it detects the vehicles that speak."""
    found = reporting_capability(sheet, MessageType.COMMS_STATUS, DEFAULT)
    radio = next((one for one in sheet.channels if one.message_type == MessageType.RADIO_RECEIVED), None)
    if radio is None:
        return found
    return replace(
        COOPERATIVE,
        rate_hz=radio.max_rate_mhz / 1000,
        max_objects=radio.max_objects,
        latency_s=radio.latency_p95_us / 1e6 or DEFAULT.latency_s,
    )


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet lacks."""
    return reporting_faults(sheet, MessageType.COMMS_STATUS)


def read(body: pb.CommsStatus | pb.RadioReceived, _declared: Capability) -> CommsReading | RadioReading:
    """One report."""
    if isinstance(body, pb.RadioReceived):
        heard = tuple(
            Heard(one.t_us, one.format, one.payload)
            for one in body.payloads[:PAYLOADS_MAX]
            if len(one.payload) <= PAYLOAD_MAX_B
        )
        return RadioReading(body.t_us, heard, max(body.total, len(body.payloads)))
    return CommsReading(
        body.t_us,
        body.up,
        body.uplink_bps,
        given(body, "rssi_dbm"),
        body.technology[:64],
        given(body, "radio_busy_percent"),
        body.radio_sent,
        body.radio_dropped,
    )
