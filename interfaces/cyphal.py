"""The public regulated messages of Cyphal that every node on our CAN speaks (PMI §6, CAN binding).

Byte layouts are those of the public regulated data types: uavcan.node.Heartbeat.1.0, uavcan.node.GetInfo.1.0,
uavcan.pnp.NodeIDAllocationData.1.0 and 2.0, uavcan.time.Synchronization.1.0. Parsers return None for what is malformed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

NAME_MAX: Final = 50
_HEARTBEAT: Final = struct.Struct("<IBBB")
_INFO: Final = struct.Struct("<6BQ16sB")
_CRC64_POLY: Final = 0x42F0E1EBA9EA3693
_CRC64_ONES: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class NodeHeartbeat:
    """health 0 nominal .. 3 warning; mode 0 operational, 1 initialising, 2 maintenance, 3 software update."""

    uptime_s: int
    health: int = 0
    mode: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What GetInfo answers; `name` is ASCII in reverse order of a domain, `uid` 16 B."""

    uid: bytes
    name: str
    software: tuple[int, int] = (1, 0)
    hardware: tuple[int, int] = (1, 0)


def heartbeat_bytes(beat: NodeHeartbeat) -> bytes:
    """7 B."""
    return _HEARTBEAT.pack(beat.uptime_s & 0xFFFFFFFF, beat.health, beat.mode, beat.status)


def parse_heartbeat(data: bytes) -> NodeHeartbeat | None:
    """A heartbeat, or None when it is too short."""
    if len(data) < _HEARTBEAT.size:
        return None
    uptime_s, health, mode, status = _HEARTBEAT.unpack_from(data)
    return NodeHeartbeat(uptime_s, health & 3, mode & 7, status)


def info_bytes(info: NodeInfo) -> bytes:
    """A GetInfo response without image CRC and certificate."""
    name = info.name.encode("ascii", "replace")[:NAME_MAX]
    head = _INFO.pack(1, 0, *info.hardware, *info.software, 0, info.uid, len(name))
    return head + name + b"\0\0"


def parse_info(data: bytes) -> NodeInfo | None:
    """A GetInfo response, or None when it is malformed."""
    if len(data) < _INFO.size:
        return None
    _, _, hw_major, hw_minor, sw_major, sw_minor, _, uid, length = _INFO.unpack_from(data)
    name = data[_INFO.size : _INFO.size + length]
    if length > NAME_MAX or len(name) < length:
        return None
    return NodeInfo(uid, name.decode("ascii", "replace"), (sw_major, sw_minor), (hw_major, hw_minor))


def uid_hash(uid: bytes) -> bytes:
    """The 48 bits (6 B LE) by which a node on classic CAN asks for its id: the low bits of CRC-64/WE over the uid."""
    crc = _CRC64_ONES
    for byte in uid:
        crc ^= byte << 56
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC64_POLY if crc >> 63 else 0)) & _CRC64_ONES
    return (crc ^ _CRC64_ONES).to_bytes(8, "little")[:6]


def allocation_bytes(key: bytes, node: int | None = None) -> bytes:
    """A request (`node` None) or an answer; `key` of 6 B makes version 1, of 16 B version 2."""
    if len(key) == 6:
        return key + (b"\0" if node is None else b"\1" + node.to_bytes(2, "little"))
    return (0xFFFF if node is None else node).to_bytes(2, "little") + key


def parse_allocation(data: bytes, *, fd: bool) -> tuple[bytes, int | None] | None:
    """(key, node): node None for a request that states no wish. None when it is malformed."""
    if fd:
        if len(data) < 18:
            return None
        node = int.from_bytes(data[:2], "little")
        return data[2:18], node if node <= 127 else None
    if len(data) < 7 or data[6] > 1 or len(data) < 7 + 2 * data[6]:
        return None
    return data[:6], int.from_bytes(data[7:9], "little") if data[6] else None


def sync_bytes(previous_us: int) -> bytes:
    """7 B: when the message before this one left, µs."""
    return (previous_us & ((1 << 56) - 1)).to_bytes(7, "little")


def parse_sync(data: bytes) -> int | None:
    """The time (µs) when the message before this one left; None when it is too short."""
    return int.from_bytes(data[:7], "little") if len(data) >= 7 else None
