"""The checked unit on a byte stream (PMI §6, serial binding): COBS, CRC-16 over the header, CRC-32 over all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag


class Flag(IntFlag):
    """Low nibble of the first header byte."""

    NONE = 0
    ACK_REQ = 1
    ACK = 2
    AUTH = 4
    MORE = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One PMI message as it stands on any bus: addressing and type outside, protobuf bytes inside.

    `src`/`dst`: 0 none, 1 controller, 2..254 modules, 255 all. `session` 0 before a session exists.
    """

    type: int
    payload: bytes
    src: int = 0
    dst: int = 0
    session: int = 0
    seq: int = 0
    priority: int = 4
    flags: Flag = Flag.NONE
    tag: bytes = b""
