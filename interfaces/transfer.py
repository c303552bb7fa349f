"""Cyphal/CAN 1.0 transfers ↔ CAN frames: 29-bit ids, tail byte, toggle, transfer CRC (PMI §6, CAN binding).

Source: the Cyphal specification v1.0, chapter 4.2; names are its own.
"""

from __future__ import annotations

from binascii import crc_hqx
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from interfaces.errors import LocalProtocolError
from interfaces.spec import CAN_TRANSFER_MAX, CAN_TRANSFER_TIMEOUT

MTU_CLASSIC: Final = 8
MTU_FD: Final = 64
NODE_MAX: Final = 127
SUBJECT_MAX: Final = 8191
SERVICE_MAX: Final = 511
ID_MAX: Final = (1 << 29) - 1
FD_LENGTHS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)

_START, _END, _TOGGLE, _ID_MASK = 0x80, 0x40, 0x20, 0x1F
_SERVICE, _REQUEST, _ANONYMOUS, _RESERVED_23 = 1 << 25, 1 << 24, 1 << 24, 1 << 23
_MESSAGE_ONES, _RESERVED_7 = 3 << 21, 1 << 7


class Kind(Enum):
    """How a transfer travels."""

    MESSAGE = "message"
    REQUEST = "request"
    RESPONSE = "response"


class CanFrame(NamedTuple):
    """One data frame with an extended identifier."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one node says at once; `source` None is an anonymous message, `destination` None a broadcast."""

    kind: Kind
    port: int
    payload: bytes
    source: int | None
    destination: int | None = None
    priority: int = 4
    transfer_id: int = 0


def segment(transfer: Transfer, mtu: int = MTU_CLASSIC) -> list[CanFrame]:
    """The frames of a transfer, in order. Raises LocalProtocolError for what cannot be sent."""
    identifier = _identifier(transfer)
    payload, tail = transfer.payload, transfer.transfer_id & _ID_MASK
    room = mtu - 1
    if len(payload) <= room:
        padding = bytes(_padding(len(payload)))
        return [CanFrame(identifier, payload + padding + bytes((_START | _END | _TOGGLE | tail,)))]
    if transfer.source is None:
        raise LocalProtocolError(f"an anonymous transfer of {len(payload)} B: at most {room} B fit its only frame")
    body = payload + bytes(_padding((len(payload) + 2) % room)) if mtu > MTU_CLASSIC else payload
    body += crc_hqx(body, 0xFFFF).to_bytes(2, "big")
    tail |= _TOGGLE
    frames = []
    for at in range(0, len(body), room):
        first, last = _START if at == 0 else 0, _END if at + room >= len(body) else 0
        frames.append(CanFrame(identifier, body[at : at + room] + bytes((first | last | tail,))))
        tail ^= _TOGGLE
    return frames


class Reassembler:
    """CAN frames to whole transfers. Never raises: what does not fit is dropped and counted in `faults` by kind.

    Kinds: `can_format`, `can_toggle`, `can_crc`, `can_oversize`. A transfer-id that returns within two seconds is a
    repetition of the same transfer, dropped in silence (Cyphal §4.1.4).
    """

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self._sessions: dict[int, _Session] = {}

    def feed(self, identifier: int, data: bytes, now: float) -> Transfer | None:
        """The transfer that this frame completes at `now` (s), if any."""
        if not data or identifier > ID_MAX:
            return self._bad("can_format")
        tail = data[-1]
        anonymous = not identifier & _SERVICE and bool(identifier & _ANONYMOUS)
        if anonymous:
            return self._whole(identifier, data) if tail & (_START | _END) == _START | _END else self._bad("can_format")
        session = self._sessions.get(identifier)
        if session is None:
            session = self._sessions[identifier] = _Session()
        if tail & _START:
            if not tail & _TOGGLE or session.repeats(tail & _ID_MASK, now):
                return None  # the older protocol on the same bus, or the same transfer again
            session.start(tail & _ID_MASK, now)
            if tail & _END:
                session.parts = None
                return self._whole(identifier, data)
        return self._next(session, identifier, data, tail)

    def drop_node(self, node: int) -> None:
        """Forget what a node has begun: it left."""
        for identifier in [one for one in self._sessions if one & NODE_MAX == node]:
            del self._sessions[identifier]

    def _next(self, session: _Session, identifier: int, data: bytes, tail: int) -> Transfer | None:
        parts = session.parts
        if parts is None:
            return None  # its start was lost or already counted
        if tail & _ID_MASK != session.transfer_id or bool(tail & _TOGGLE) != session.toggle:
            session.parts = None
            return self._bad("can_toggle")
        session.toggle = not session.toggle
        parts += data[:-1]
        if len(parts) > CAN_TRANSFER_MAX + MTU_FD:
            session.parts = None
            return self._bad("can_oversize")
        if not tail & _END:
            return None
        session.parts = None
        if crc_hqx(parts, 0xFFFF):
            return self._bad("can_crc")
        return self._parsed(identifier, bytes(parts[:-2]), tail)

    def _whole(self, identifier: int, data: bytes) -> Transfer | None:
        return self._parsed(identifier, data[:-1], data[-1])

    def _parsed(self, identifier: int, payload: bytes, tail: int) -> Transfer | None:
        source, priority = identifier & NODE_MAX, identifier >> 26
        if identifier & _SERVICE:
            destination = identifier >> 7 & NODE_MAX
            if identifier & _RESERVED_23 or source == destination:
                return self._bad("can_format")
            kind = Kind.REQUEST if identifier & _REQUEST else Kind.RESPONSE
            port = identifier >> 14 & SERVICE_MAX
            return Transfer(kind, port, payload, source, destination, priority, tail & _ID_MASK)
        if identifier & _RESERVED_7:
            return None  # a message of a later Cyphal on the same bus
        if identifier & _RESERVED_23:
            return self._bad("can_format")
        sender = None if identifier & _ANONYMOUS else source
        return Transfer(Kind.MESSAGE, identifier >> 8 & SUBJECT_MAX, payload, sender, None, priority, tail & _ID_MASK)

    def _bad(self, kind: str) -> Transfer | None:
        self.faults[kind] += 1
        return None


class _Session:
    """One identifier's stream: what was begun and what came last."""

    __slots__ = ("last", "parts", "toggle", "transfer_id", "until")

    def __init__(self) -> None:
        self.parts: bytearray | None = None
        self.transfer_id = 0
        self.toggle = True
        self.last = -1
        self.until = 0.0

    def repeats(self, transfer_id: int, now: float) -> bool:
        return transfer_id == self.last and now < self.until

    def start(self, transfer_id: int, now: float) -> None:
        self.parts = bytearray()
        self.transfer_id = self.last = transfer_id
        self.toggle = True
        self.until = now + CAN_TRANSFER_TIMEOUT


def frame_length(size: int) -> int:
    """The shortest length (B) a CAN FD frame can have for `size` bytes."""
    return FD_LENGTHS[bisect_left(FD_LENGTHS, size)]


def _padding(size: int) -> int:
    """Zero bytes behind `size` bytes so that, with the tail byte, a frame has a length that exists."""
    return frame_length(size + 1) - size - 1 if size else 0


def _identifier(transfer: Transfer) -> int:
    source, destination = transfer.source, transfer.destination
    ports = SUBJECT_MAX if transfer.kind is Kind.MESSAGE else SERVICE_MAX
    nodes = [node for node in (source, destination) if node is not None]
    if not 0 <= transfer.port <= ports or not 0 <= transfer.priority <= 7 or any(not 0 <= n <= NODE_MAX for n in nodes):
        raise LocalProtocolError(f"port {transfer.port}, priority {transfer.priority} or nodes {nodes} out of range")
    base = transfer.priority << 26
    if transfer.kind is Kind.MESSAGE:
        anonymous = _ANONYMOUS if source is None else 0
        sender = crc_hqx(transfer.payload, 0xFFFF) & NODE_MAX if source is None else source
        return base | anonymous | _MESSAGE_ONES | transfer.port << 8 | sender
    if source is None or destination is None or source == destination:
        raise LocalProtocolError("a service transfer goes from one node to another one")
    request = _REQUEST if transfer.kind is Kind.REQUEST else 0
    return base | _SERVICE | request | transfer.port << 14 | destination << 7 | source
