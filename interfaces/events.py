"""What a controller-side session tells its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

    from interfaces.frame import Frame
    from interfaces.proto import pmi_pb2 as pb
    from interfaces.spec import MessageType
    from interfaces.states import State


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The module's state is another one; `reason` is for a person."""

    old: State
    new: State
    reason: str


@dataclass(frozen=True, slots=True)
class Identified:
    """Who is there and what it declares; answer with `activate` or `reject`. The bytes match `hello.sheet_hash`."""

    hello: pb.Hello
    sheet: pb.DataSheet
    sheet_bytes: bytes


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The module proved the key of its data sheet; answer with `activate` or `reject`."""

    device_key: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationFailed:
    """It did not, and the text says how; answer with `reject`, or with `activate` to go on without."""

    text: str


@dataclass(frozen=True, slots=True)
class DataMessage:
    """One data message inside the granted plan."""

    type: MessageType
    body: Body
    frame: Frame


@dataclass(frozen=True, slots=True)
class TimeSample:
    """A two-way exchange: t0 and t3 are the controller's UTC µs at sending and arrival, t1 and t2 the module's µs."""

    t0_us: int
    t1_us: int
    t2_us: int
    t3_us: int
    clock_err_us: int
    clock_state: int


@dataclass(frozen=True, slots=True)
class SelfTestDone:
    """The module's own verdict."""

    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class HeartbeatSeen:
    """The module's health."""

    body: pb.Heartbeat


@dataclass(frozen=True, slots=True)
class Fault:
    """The module broke PMI; already counted and dropped."""

    clause: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """The module said goodbye."""

    reason: int
    detail: str


Event = (
    StateChanged
    | Identified
    | Authenticated
    | AuthenticationFailed
    | DataMessage
    | TimeSample
    | SelfTestDone
    | HeartbeatSeen
    | Fault
    | Said
)
