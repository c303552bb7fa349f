"""May this module serve this slot, and with which plan (PMI §4, §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.budget import fit
from interfaces.datasheet import problems
from interfaces.errors import AdmissionError
from interfaces.message import KINDS
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import SPEC_MAJOR, SPEC_NAME, SPEC_VERSION, MessageType
from modules.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from controller.budget import Budget
    from controller.config import Slot
    from modules.registry import ModuleKind

USUAL_RATE_HZ: Final = 10.0
SLOW_RATE_HZ: Final = 1.0
PREFERRED_FORMATS: Final = (2, 3, 4, 1)


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a module that may serve: what it shall send, and whether it must first prove itself."""

    plans: tuple[pb.Plan, ...]
    probation: bool


def decide(
    slot: Slot,
    hello: pb.Hello,
    sheet: pb.DataSheet,
    *,
    active_uids: Collection[bytes] = (),
    previous_uid: bytes | None = None,
    budget: Budget | None = None,
    registry: Mapping[str, ModuleKind] = REGISTRY,
) -> Grant:
    """The grant for a module in a slot; raises AdmissionError with a text a person can act on.

    `active_uids` are those of the other slots; `previous_uid` served this slot last; `budget` None means that
    nothing is counted.
    """
    _check_identity(slot, hello, sheet, active_uids)
    _check_sheet(slot, hello, sheet, registry)
    channels = _usable_channels(slot, sheet)
    _check_performance(slot, channels)
    plans = tuple(_plan(slot, channel) for channel in channels)
    if budget is not None:
        types = {channel.channel: channel.message_type for channel in channels}
        plans = fit(plans, types, budget, slot.min_rate_hz)
    swapped = previous_uid is not None and previous_uid != hello.uid
    return Grant(plans, probation=swapped and slot.probation_s > 0)


def _check_identity(slot: Slot, hello: pb.Hello, sheet: pb.DataSheet, active_uids: Collection[bytes]) -> None:
    if not hello.spec_min >> 8 <= SPEC_MAJOR <= hello.spec_max >> 8:
        raise AdmissionError(
            pb.SPEC_VERSION,
            f"the module speaks PMI {hello.spec_min >> 8}.x to {hello.spec_max >> 8}.x, this controller {SPEC_NAME}: "
            "update its firmware",
        )
    if hello.uid in active_uids:
        raise AdmissionError(
            pb.DUPLICATE_UID,
            f"uid {hello.uid.hex()} is already in service in another slot: two modules carry the same identity",
        )
    if list(hello.classes) != list(sheet.classes) or hello.level != sheet.level:
        raise AdmissionError(pb.BAD_SHEET, "HELLO and data sheet disagree about classes or level")
    if int(slot.level.removeprefix("L")) > hello.level:
        raise AdmissionError(
            pb.LEVEL_TOO_LOW, f"the slot requires level {slot.level}, the module offers L{hello.level}"
        )


def _check_sheet(slot: Slot, hello: pb.Hello, sheet: pb.DataSheet, registry: Mapping[str, ModuleKind]) -> None:
    kind = registry.get(slot.module_class)
    if kind is None or kind.code not in sheet.classes:
        offered = ", ".join(_class_name(code) for code in sheet.classes) or "nothing"
        raise AdmissionError(pb.WRONG_CLASS, f"the slot takes a {slot.module_class}, the module is: {offered}")
    if faults := (*problems(sheet, newer=hello.spec_max > SPEC_VERSION), *kind.faults(sheet)):
        raise AdmissionError(pb.BAD_SHEET, "data sheet: " + "; ".join(faults))


def _usable_channels(slot: Slot, sheet: pb.DataSheet) -> list[pb.Channel]:
    usable = [one for one in sheet.channels if one.message_type in KINDS and _usable_format(one) is not None]
    if not usable:
        raise AdmissionError(
            pb.BAD_SHEET, f"the module offers no channel that a {slot.module_class} slot of this controller can read"
        )
    return usable


def _check_performance(slot: Slot, channels: Sequence[pb.Channel]) -> None:
    rate_hz = max(channel.max_rate_mhz for channel in channels) / 1000
    if rate_hz < slot.min_rate_hz:
        raise AdmissionError(
            pb.PERFORMANCE_TOO_LOW, f"the slot requires {slot.min_rate_hz:g} Hz, the module offers {rate_hz:g} Hz"
        )
    latency_ms = max(channel.latency_p95_us for channel in channels) / 1000
    if latency_ms > slot.max_latency_ms:
        raise AdmissionError(
            pb.PERFORMANCE_TOO_LOW,
            f"the slot allows {slot.max_latency_ms:g} ms latency, the module declares {latency_ms:g} ms",
        )


def _plan(slot: Slot, channel: pb.Channel) -> pb.Plan:
    detections = channel.message_type == MessageType.DETECTIONS
    lively = detections or channel.message_type == MessageType.RADIO_RECEIVED
    usual_hz = USUAL_RATE_HZ if lively else SLOW_RATE_HZ
    rate_mhz = min(channel.max_rate_mhz, max(1, round(max(usual_hz, slot.min_rate_hz) * 1000)))
    return pb.Plan(
        channel=channel.channel,
        rate_mhz=rate_mhz,
        max_objects=channel.max_objects,
        record_format=_usable_format(channel) or 0,
        ordering=pb.ORDER_VULNERABLE_THEN_NEAREST if detections else pb.ORDER_ANY,
    )


def _usable_format(channel: pb.Channel) -> int | None:
    if channel.message_type != MessageType.DETECTIONS:
        return channel.record_formats[0] if channel.record_formats else 0
    return next((fmt for fmt in PREFERRED_FORMATS if fmt in channel.record_formats), None)


def _class_name(code: int) -> str:
    return pb.ModuleClass.Name(pb.ModuleClass.ValueType(code)).lower() if code in pb.ModuleClass.values() else str(code)
