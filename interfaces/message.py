"""Typed content of frames: one table message type ↔ protobuf class; decoding never raises (PMI §1, §5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag as _Flag
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Body

from interfaces.frame import Flag, Frame
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import FIRST_DATA_TYPE, FIRST_VENDOR_TYPE, MAX_PAYLOAD_USB, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping


BodyClass = type[Body]


class Direction(_Flag):
    """Who may send a message."""

    TO_MODULE = 1
    TO_CONTROLLER = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class MessageKind:
    """One row of the table: `reply` is the type that answers it, None when nothing does; priority 0 is the highest."""

    type: MessageType
    body: BodyClass
    direction: Direction
    priority: int
    reply: MessageType | None = None


def _table(*rows: MessageKind) -> Mapping[int, MessageKind]:
    return MappingProxyType({int(row.type): row for row in rows})


_T, _M, _C = MessageType, Direction.TO_MODULE, Direction.TO_CONTROLLER
KINDS: Final = _table(
    MessageKind(_T.HELLO, pb.Hello, _C, 3, _T.ASSIGN),
    MessageKind(_T.ASSIGN, pb.Assign, _M, 3),
    MessageKind(_T.GET_SHEET, pb.GetSheet, _M, 5, _T.SHEET_CHUNK),
    MessageKind(_T.SHEET_CHUNK, pb.SheetChunk, _C, 5),
    MessageKind(_T.ACTIVATE, pb.Activate, _M, 3, _T.ACTIVATED),
    MessageKind(_T.ACTIVATED, pb.Activated, _C, 3),
    MessageKind(_T.REJECT, pb.Reject, _M, 3),
    MessageKind(_T.HEARTBEAT, pb.Heartbeat, _C, 2),
    MessageKind(_T.PING, pb.Ping, _M, 2, _T.PONG),
    MessageKind(_T.PONG, pb.Pong, _C, 2),
    MessageKind(_T.TIME_REQUEST, pb.TimeRequest, _M, 1, _T.TIME_REPLY),
    MessageKind(_T.TIME_REPLY, pb.TimeReply, _C, 1),
    MessageKind(_T.SELF_TEST, pb.SelfTest, _M, 5, _T.SELF_TEST_RESULT),
    MessageKind(_T.SELF_TEST_RESULT, pb.SelfTestResult, _C, 5),
    MessageKind(_T.IDENTIFY, pb.Identify, _M, 5),
    MessageKind(_T.GOODBYE, pb.Goodbye, Direction.BOTH, 1),
    MessageKind(_T.UNSUPPORTED, pb.Unsupported, Direction.BOTH, 5),
    MessageKind(_T.AUTH_START, pb.AuthStart, _M, 3, _T.AUTH_REPLY),
    MessageKind(_T.AUTH_REPLY, pb.AuthReply, _C, 3),
    MessageKind(_T.AUTH_FINISH, pb.AuthFinish, _M, 3, _T.AUTH_DONE),
    MessageKind(_T.AUTH_DONE, pb.AuthDone, _C, 3),
    MessageKind(_T.POLL, pb.Poll, _M, 2),
    MessageKind(_T.BRANCH, pb.Branch, _M, 5, _T.PRESENT),
    MessageKind(_T.PRESENT, pb.Present, _C, 5),
    MessageKind(_T.MUTE, pb.Mute, _M, 5),
    MessageKind(_T.BAUD, pb.Baud, _M, 5),
    MessageKind(_T.DETECTIONS, pb.DetectionFrame, _C, 4),
    MessageKind(_T.ENVIRONMENT, pb.EnvironmentReading, _C, 5),
    MessageKind(_T.COMMS_STATUS, pb.CommsStatus, _C, 5),
    MessageKind(_T.POWER_STATUS, pb.PowerStatus, _C, 5),
    MessageKind(_T.SIGNAL_STATE, pb.SignalState, _C, 4),
    MessageKind(_T.RADIO_RECEIVED, pb.RadioReceived, _C, 4),
    MessageKind(_T.RADIO_SEND, pb.RadioSend, _M, 4),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded frame; `body` is of the class that `KINDS[type]` names."""

    type: MessageType
    body: Body
    src: int = 0
    dst: int = 0
    session: int = 0
    seq: int = 0
    flags: Flag = Flag.NONE


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A frame without a meaning; `unknown` when its type is not in the table, so that UNSUPPORTED is the answer."""

    type: int
    reason: str
    clause: str
    unknown: bool = False


def decode(frame: Frame) -> Message | BadMessage:
    """The typed content of a frame. Never raises; unknown fields of a payload are ignored (PMI §5)."""
    kind = KINDS.get(frame.type)
    if kind is None:
        return BadMessage(frame.type, f"unknown message type {frame.type:#04x}", "PMI §5", unknown=True)
    try:
        body = kind.body.FromString(frame.payload)
    except DecodeError:
        return BadMessage(frame.type, f"{kind.type.name} payload is not protobuf of its type", "PMI §1")
    return Message(kind.type, body, frame.src, frame.dst, frame.session, frame.seq, frame.flags)


def encode(message: Message) -> Frame:
    """The frame that carries a message; raises ValueError for a body of the wrong class or too long."""
    kind = KINDS[message.type]
    if not isinstance(message.body, kind.body):
        raise ValueError(f"{message.type.name} carries {kind.body.__name__}, not {type(message.body).__name__}")
    payload = message.body.SerializeToString(deterministic=True)
    if len(payload) > MAX_PAYLOAD_USB:
        raise ValueError(f"{message.type.name} payload of {len(payload)} B exceeds {MAX_PAYLOAD_USB} B")
    return Frame(
        int(message.type),
        payload,
        message.src,
        message.dst,
        message.session,
        message.seq,
        kind.priority,
        message.flags,
    )


def is_data(message_type: int) -> bool:
    """Whether a type is data from a module, which needs a granted plan."""
    return FIRST_DATA_TYPE <= message_type < 0x80


def is_vendor(message_type: int) -> bool:
    """Whether a type belongs to the vendors' own range."""
    return FIRST_VENDOR_TYPE <= message_type <= 0xFF
