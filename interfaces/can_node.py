"""One node's view of a CAN bus, sans-IO: PMI frames and regulated messages ↔ CAN frames (PMI §6, CAN binding).

A PMI frame is one transfer: `type u8 | flags u8 | session u16 | seq u32 | length u16`, little-endian, then the payload
and, with AUTH, the tag. `length` counts the payload: CAN FD pads. Requests and their replies travel as services, all
else as subject 4096 + type · 16 + channel.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, Final

from interfaces.frame import Flag, Frame
from interfaces.message import KINDS
from interfaces.spec import (
    ADDRESS_ALL,
    ADDRESS_NONE,
    CAN_ALLOCATION_SUBJECT,
    CAN_ALLOCATION_SUBJECT_FD,
    CAN_HEARTBEAT_SUBJECT,
    CAN_NODE_CONTROLLER,
    CAN_SERVICE_ACTIVATE,
    CAN_SERVICE_AUTH,
    CAN_SERVICE_DIAG,
    CAN_SERVICE_SELF_TEST,
    CAN_SERVICE_SHEET,
    CAN_SUBJECT_BASE,
    CAN_SYNC_SUBJECT,
    MAX_PAYLOAD,
    TAG_SIZE,
    MessageType,
)
from interfaces.transfer import MTU_CLASSIC, MTU_FD, CanFrame, Kind, Reassembler, Transfer, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

PRELUDE: Final = struct.Struct("<BBHIH")
REGULATED: Final = frozenset(
    {CAN_HEARTBEAT_SUBJECT, CAN_SYNC_SUBJECT, CAN_ALLOCATION_SUBJECT, CAN_ALLOCATION_SUBJECT_FD}
)
_T = MessageType
SERVICES: Final[Mapping[int, int]] = {
    _T.GET_SHEET: CAN_SERVICE_SHEET,
    _T.ACTIVATE: CAN_SERVICE_ACTIVATE,
    _T.SELF_TEST: CAN_SERVICE_SELF_TEST,
    _T.AUTH_START: CAN_SERVICE_AUTH,
    _T.AUTH_FINISH: CAN_SERVICE_AUTH,
}
_PMI_SERVICES: Final = frozenset({*SERVICES.values(), CAN_SERVICE_DIAG})
_FLAGS: Final = tuple(Flag(bits) for bits in range(16))


class CanNode:
    """One node: its id (None until allocated), its transfer-ids, what it was asked and what it has begun to hear."""

    def __init__(self, node: int | None, *, fd: bool) -> None:
        self.node = node
        self.fd = fd
        self.faults: Counter[str] = Counter()
        self._reassembler = Reassembler()
        self._transfer_ids: Counter[tuple[Kind, int, int | None]] = Counter()
        self._asked: dict[tuple[int, int], tuple[int, int]] = {}  # (asker, reply type) → (service, transfer-id)

    def to_can(self, frame: Frame) -> list[CanFrame]:
        """The CAN frames of a PMI frame; needs a node-id. Raises LocalProtocolError for what does not fit."""
        prelude = PRELUDE.pack(frame.type, frame.flags, frame.session, frame.seq, len(frame.payload))
        payload = prelude + frame.payload + frame.tag
        asked = self._asked.pop((frame.dst, frame.type), None)
        if asked is not None:
            service, transfer_id = asked
            return self._cut(
                Transfer(Kind.RESPONSE, service, payload, self.node, frame.dst, frame.priority, transfer_id)
            )
        if frame.dst in {ADDRESS_NONE, ADDRESS_ALL, CAN_NODE_CONTROLLER}:
            return self.say(CAN_SUBJECT_BASE + frame.type * 16, payload, priority=frame.priority)
        return self.ask(SERVICES.get(frame.type, CAN_SERVICE_DIAG), payload, frame.dst, priority=frame.priority)

    def say(self, subject: int, payload: bytes, *, priority: int = 4) -> list[CanFrame]:
        """A message to everybody."""
        transfer_id = self._next_id(Kind.MESSAGE, subject, None)
        return self._cut(Transfer(Kind.MESSAGE, subject, payload, self.node, None, priority, transfer_id))

    def ask(self, service: int, payload: bytes, node: int, *, priority: int = 4) -> list[CanFrame]:
        """A request to one node."""
        transfer_id = self._next_id(Kind.REQUEST, service, node)
        return self._cut(Transfer(Kind.REQUEST, service, payload, self.node, node, priority, transfer_id))

    def answer(self, request: Transfer, payload: bytes) -> list[CanFrame]:
        """The response to a request."""
        return self._cut(
            Transfer(
                Kind.RESPONSE,
                request.port,
                payload,
                self.node,
                request.source,
                request.priority,
                request.transfer_id,
            )
        )

    def from_can(self, identifier: int, data: bytes, now: float) -> Frame | Transfer | None:
        """A PMI frame or a regulated transfer that is complete and for us; all else None."""
        transfer = self._reassembler.feed(identifier, data, now)
        if transfer is None or (transfer.destination is not None and transfer.destination != self.node):
            return None
        if transfer.source is None or not _is_pmi(transfer):
            return transfer
        return self._frame(transfer)

    def drop_node(self, node: int) -> None:
        """Forget a node that left."""
        self._reassembler.drop_node(node)
        self._asked = {key: value for key, value in self._asked.items() if key[0] != node}

    @property
    def wire_faults(self) -> Counter[str]:
        """All that was wrong, frames and transfers."""
        return self.faults + self._reassembler.faults

    def _frame(self, transfer: Transfer) -> Frame | None:
        payload = transfer.payload
        if len(payload) < PRELUDE.size:
            return self._bad("can_length")
        kind, flags, session, seq, length = PRELUDE.unpack_from(payload)
        tag_size = TAG_SIZE if flags & Flag.AUTH else 0
        end = PRELUDE.size + length
        if length > MAX_PAYLOAD or end + tag_size > len(payload):
            return self._bad("can_length")
        if transfer.kind is Kind.MESSAGE and (transfer.port - CAN_SUBJECT_BASE) // 16 != kind:
            return self._bad("can_port")
        source = transfer.source or 0
        if transfer.kind is Kind.REQUEST and kind in KINDS and (reply := KINDS[kind].reply) is not None:
            self._asked[source, reply] = transfer.port, transfer.transfer_id
        return Frame(
            kind,
            payload[PRELUDE.size : end],
            source,
            ADDRESS_ALL if transfer.destination is None else transfer.destination,
            session,
            seq,
            transfer.priority,
            _FLAGS[flags & 15],
            payload[end : end + tag_size],
        )

    def _bad(self, kind: str) -> Frame | None:
        self.faults[kind] += 1
        return None

    def _cut(self, transfer: Transfer) -> list[CanFrame]:
        return segment(transfer, MTU_FD if self.fd else MTU_CLASSIC)

    def _next_id(self, kind: Kind, port: int, node: int | None) -> int:
        used = self._transfer_ids[kind, port, node]
        self._transfer_ids[kind, port, node] += 1
        return used & 31


def _is_pmi(transfer: Transfer) -> bool:
    if transfer.kind is Kind.MESSAGE:
        return transfer.port >= CAN_SUBJECT_BASE and transfer.port not in REGULATED
    return transfer.port in _PMI_SERVICES
