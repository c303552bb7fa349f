"""What a message costs on each kind of wire, in seconds of the wire's time: what budgets count (PMI §5, §7)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from interfaces.frame import Frame, encode
from interfaces.transfer import MTU_CLASSIC, MTU_FD, frame_length

if TYPE_CHECKING:
    from collections.abc import Callable

CAN_PRELUDE_B: Final = 10
BITS_8N1: Final = 10
BITS_8E1: Final = 11
MODBUS_PAGE_B: Final = 240  # ten records of 24 B
MODBUS_QUERY_B: Final = 8
MODBUS_ANSWER_B: Final = 255
MODBUS_TURN_S: Final = 0.00175 * 2 + 0.0005  # the silences around a query and its answer
MODBUS_TCP_POLL_S: Final = 0.0085  # 70 polls a second are the ceiling of 60 %
RS485_POLL_B: Final = 24
RS485_TURN_S: Final = 0.001
_CAN_OVERHEAD_BITS: Final = 67  # extended frame: start, id, control, CRC, acknowledge, end, interframe space
_FD_SLOW_BITS: Final = 62  # of those at the nominal rate, stuffing included
_FD_FAST_BITS: Final = 40  # control, stuff count and CRC at the data rate


@dataclass(frozen=True, slots=True)
class WireCost:
    """`message_s(payload_b)` is the wire's time (s) for one message; `text` says what the wire is, for people."""

    text: str
    message_s: Callable[[int], float]


def serial(baud: int) -> WireCost:
    """A serial line with one module, 8N1."""
    overhead_b = len(encode(Frame(0x40, b"\1" * 100, seq=1))) - 100
    return WireCost(f"serial {baud}", lambda b: (overhead_b + b + b // 254) * BITS_8N1 / baud)


def rs485(baud: int) -> WireCost:
    """A polled line: the poll and the turn-round belong to the message."""
    overhead_b = RS485_POLL_B + len(encode(Frame(0x40, b"\1" * 100, seq=1))) - 100
    return WireCost(f"RS-485 {baud}", lambda b: RS485_TURN_S + (overhead_b + b + b // 254) * BITS_8N1 / baud)


def can(bitrate: int, data_bitrate: int = 0) -> WireCost:
    """CAN, or with `data_bitrate` CAN FD; bits/s."""
    text = f"CAN FD {bitrate}/{data_bitrate}" if data_bitrate else f"CAN {bitrate}"
    mtu = MTU_FD if data_bitrate else MTU_CLASSIC

    def message_s(payload_b: int) -> float:
        size = payload_b + CAN_PRELUDE_B
        if size <= mtu - 1:
            return can_frame_s(frame_length(size + 1) if data_bitrate else size + 1, bitrate, data_bitrate)
        whole, rest = divmod(size + 2, mtu - 1)
        last = can_frame_s(frame_length(rest + 1) if data_bitrate else rest + 1, bitrate, data_bitrate) if rest else 0.0
        return whole * can_frame_s(mtu, bitrate, data_bitrate) + last

    return WireCost(text, message_s)


def can_frame_s(length: int, bitrate: int, data_bitrate: int = 0) -> float:
    """Bus time of one extended data frame of `length` data bytes, a typical tenth of stuff bits included."""
    if data_bitrate:
        return _FD_SLOW_BITS / bitrate + (_FD_FAST_BITS + 8.8 * length) / data_bitrate
    return (_CAN_OVERHEAD_BITS + 8 * length) * 1.1 / bitrate


def modbus_rtu(baud: int) -> WireCost:
    """Whole pages of ten objects, query and silences included, 8E1."""
    poll_s = (MODBUS_QUERY_B + MODBUS_ANSWER_B) * BITS_8E1 / baud + MODBUS_TURN_S
    return WireCost(f"Modbus RTU {baud}", lambda b: max(1, ceil(b / MODBUS_PAGE_B)) * poll_s)


def modbus_tcp() -> WireCost:
    """Whole pages of ten objects at the rate a controller can poll."""
    return WireCost("Modbus TCP", lambda b: max(1, ceil(b / MODBUS_PAGE_B)) * MODBUS_TCP_POLL_S)


def stream() -> WireCost:
    """A byte stream without a speed of its own (TCP): as a 100 Mbit/s line."""
    return WireCost("TCP", lambda b: (b + 100) * 8 / 100e6)
