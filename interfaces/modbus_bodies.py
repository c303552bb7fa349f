"""What a Modbus unit's register blocks say as bodies of PMI messages, and a plan as registers (PMI §6). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.records import FORMATS
from interfaces.registers import PLAN_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interfaces.registers import Page

    Values = Mapping[str, Any]

_TEXTS: Final = ("vendor", "product", "serial_number", "slot_strap")
_SAME: Final = ("uid", "sheet_hash", "fw_hash", "boot_id", "device_id", "sheet_size", "spec_min", "spec_max", "level")
_NO_TEMPERATURE: Final = -32768
_NO_VOLTAGE: Final = 0xFFFF


def hello(values: Values) -> pb.Hello:
    """Of an IDENTITY block."""
    classes = [pb.ModuleClass.ValueType(code) for code in range(16) if values["classes"] >> code & 1]
    texts = {name: values[name].rstrip(b"\0").decode("utf-8", "replace") for name in _TEXTS}
    return pb.Hello(classes=classes, **texts, **{name: values[name] for name in _SAME})


def heartbeat(values: Values) -> pb.Heartbeat:
    """Of a STATUS block."""
    beat = pb.Heartbeat(
        state=pb.ModuleState.ValueType(values["state"]),
        boot_id=values["boot_id"],
        t_us=values["t_us"],
        uptime_s=values["uptime_s"],
        frames_sent=values["frames_sent"],
        frames_dropped=values["frames_dropped"],
        crc_errors=values["crc_errors"],
    )
    if values["temperature_cdeg"] != _NO_TEMPERATURE:
        beat.temperature_cdeg = values["temperature_cdeg"]
    if values["supply_mv"] != _NO_VOLTAGE:
        beat.supply_mv = values["supply_mv"]
    if values["fault_code"]:
        beat.faults.add(code=values["fault_code"], severity=pb.FaultSeverity.ValueType(values["fault_severity"]))
    return beat


def time_reply(values: Values, asked: tuple[int, int]) -> pb.TimeReply:
    """Of a TIME block; `asked` is the request's token and its time of sending (us)."""
    return pb.TimeReply(
        token=asked[0],
        controller_tx_us=asked[1],
        module_rx_us=values["module_rx_us"],
        module_tx_us=values["module_tx_us"],
        clock_err_us=values["clock_err_us"],
        clock_state=pb.ClockState.ValueType(values["clock_state"]),
    )


def detections(pages: Sequence[Page], record_format: int, t_us: int) -> pb.DetectionFrame:
    """Of the pages of one frame; `t_us` is the unit's clock of lately: a page has only the lower half of its own."""
    first = pages[0]
    return pb.DetectionFrame(
        t_us=max(0, t_us + _signed32(first.t_us - t_us)),
        seq=first.seq,
        rec_fmt=record_format,
        rec_size=FORMATS[record_format].itemsize,
        total=first.total,
        clock_err_us=first.clock_err_us,
        records=b"".join(page.records for page in pages),
    )


def plan(body: pb.Activate, session: int) -> dict[str, int]:
    """The values of a PLAN block."""
    values: dict[str, int] = {"session": session, "probation": body.probation, "count": len(body.plans)}
    for index, one in enumerate(body.plans[:PLAN_CHANNELS]):
        values |= {
            f"channel_{index}": one.channel,
            f"rate_mhz_{index}": one.rate_mhz,
            f"max_objects_{index}": one.max_objects,
            f"format_{index}": one.record_format,
            f"ordering_{index}": int(one.ordering),
        }
    return values


def _signed32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
