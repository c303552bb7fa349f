"""One exchange at a time on an RS-485 line: what was asked, until when an answer may come (PMI §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.spec import ADDRESS_CONTROLLER, CRC_SIZE, HEADER_SIZE, MAX_PAYLOAD, RS485_ANSWER, RS485_LAG, MessageType

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

    from interfaces.proto import pmi_pb2 as pb

BITS_PER_BYTE: Final = 10  # 8N1


@dataclass(frozen=True, slots=True)
class Found:
    """A module has an address and has said HELLO."""

    address: int
    hello: pb.Hello
    frame: Frame


@dataclass(frozen=True, slots=True)
class Heard:
    """Frames of a module that was found."""

    address: int
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault by kind, laid to a module or, with address 0, to the line."""

    address: int
    kind: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A module does not answer any more, or another boot of it was found."""

    address: int
    reason: str


Event = Found | Heard | Wrong | Gone


@dataclass(slots=True)
class Turn:
    """What was asked: `whom` in a MUTE and in the POLL that tells a reboot from a second module with the same uid."""

    type: MessageType
    address: int
    seq: int
    until: float
    limit: float
    started: float
    request: bool = False
    damaged: bool = False
    tries: int = 0
    whom: pb.Present | None = None


class LineTurns:
    """Questions out, one at a time; `baud` says how long frames take."""

    def __init__(self, baud: int) -> None:
        self._byte_s = BITS_PER_BYTE / baud
        self._longest_s = 1.25 * self._byte_s * (MAX_PAYLOAD + HEADER_SIZE)
        self._turn: Turn | None = None
        self._seq = 0
        self._now = 0.0
        self._out: list[Frame] = []

    def take_frames(self) -> list[Frame]:
        """Frames to send now, in order."""
        frames, self._out = self._out, []
        return frames

    def _ask(self, kind: MessageType, body: Body, dst: int, flags: Flag = Flag.NONE) -> Turn:
        self._say(kind, body, dst, flags)
        until = self._now + sum(map(wire_size, self._out)) * self._byte_s + RS485_ANSWER
        until += RS485_LAG if kind is MessageType.POLL else 0.0  # a question into a late answer would destroy both
        limit = until + (self._longest_s if kind is MessageType.POLL else RS485_ANSWER)
        self._turn = Turn(kind, dst, self._seq, until, limit, self._now)
        return self._turn

    def _say(self, kind: MessageType, body: Body, dst: int, flags: Flag = Flag.NONE) -> None:
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        self._out.append(encode(Message(kind, body, ADDRESS_CONTROLLER, dst, 0, self._seq, flags)))


def wire_size(frame: Frame) -> int:
    """Bytes that a frame takes on the wire, delimiters and stuffing included."""
    size = HEADER_SIZE + len(frame.payload) + len(frame.tag) + CRC_SIZE
    return size + size // 254 + 3
