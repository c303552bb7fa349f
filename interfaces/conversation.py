"""What every phase of a session needs: the state table, timers, numbered frames out, events (PMI §4)."""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from interfaces.asking import Asking, acknowledgement
from interfaces.errors import LocalProtocolError
from interfaces.events import Event, Fault, StateChanged
from interfaces.frame import Flag
from interfaces.message import Message, encode
from interfaces.spec import ADDRESS_ALL, ADDRESS_CONTROLLER, TIME_SYNC_PERIOD, MessageType
from interfaces.states import TRANSITIONS, Cause, State
from interfaces.time_exchange import TimeExchange

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

    from interfaces.frame import Frame
    from interfaces.proto import pmi_pb2 as pb
    from interfaces.security import SecureChannel

MAX_QUEUED: Final = 64
RESTART_AFTER: Final = 5


class Timer(Enum):
    """What a session waits for."""

    REPLY = auto()
    HEARTBEAT = auto()
    DATA = auto()
    PING = auto()
    TIME = auto()
    ACK = auto()


class Conversation:
    """One module on one link, without the phases."""

    def __init__(self, session_id: int, address: int) -> None:
        if not 0 < session_id <= 0xFFFF:
            raise LocalProtocolError(f"session id {session_id} is outside 1..65535")
        self.state = State.ABSENT
        self.reason = ""
        self.session_id = (session_id - 2) % 0xFFFF + 1  # identification takes the next one
        self.address = address
        self.hello: pb.Hello | None = None
        self.counters: Counter[str] = Counter()
        self._now = 0.0
        self._wall_ns = 0
        self._events: list[Event] = []
        self._out: deque[Frame] = deque(maxlen=MAX_QUEUED)
        self._seq = 0
        self._last_seq: int | None = None
        self._stale_run = 0
        self._timers: dict[Timer, float] = {}
        self._attempts = 0
        self._time = TimeExchange()
        self._asking = Asking()
        self._channel: SecureChannel | None = None

    def next_deadline(self) -> float | None:
        """When `tick` has something to do next (s), None for never."""
        return min(self._timers.values(), default=None)

    def take_frames(self) -> list[Frame]:
        """Frames to send now, in order."""
        frames = list(self._out)
        self._out.clear()
        return frames

    @property
    def awaits_ack(self) -> bool:
        """Whether something was said that the other side has to acknowledge, and it may still do so."""
        return Timer.ACK in self._timers

    def _move(self, cause: Cause, reason: str) -> None:
        old, new = self.state, TRANSITIONS[self.state, cause]
        if old is new:
            return
        self.state, self.reason = new, reason
        self._events.append(StateChanged(old, new, reason))

    def _check(self, cause: Cause) -> None:
        if (self.state, cause) not in TRANSITIONS:
            raise LocalProtocolError(f"{cause}: not possible while the module is {self.state}")

    def _fault(self, kind: str, clause: str, text: str) -> None:
        self.counters[kind] += 1
        self._events.append(Fault(clause, text))

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _rest(self) -> None:
        self._timers.clear()
        self._time.stop()

    def _follow_seq(self, seq: int) -> bool:
        """Whether a frame is newer than all before; counts gaps, and believes a number that restarted for good."""
        last = self._last_seq
        if last is not None and not is_after(seq, last):
            self._stale_run += 1
            if self._stale_run < RESTART_AFTER:
                return False
            self.counters["seq_restarts"] += 1
        elif last is not None:
            self.counters["gaps"] += (seq - last - 1) & 0xFFFFFFFF
        self._stale_run = 0
        self._last_seq = seq
        return True

    def _lose(self, reason: str) -> None:
        self._move(Cause.SILENCE, reason)
        self._rest()

    def _known_hello(self) -> pb.Hello:
        if self.hello is None:
            raise LocalProtocolError("no module has said HELLO")
        return self.hello

    def _send(self, message_type: MessageType, body: Body, *, to_all: bool = False, ack: bool = False) -> None:
        dst, session = (ADDRESS_ALL, 0) if to_all else (self.address, self.session_id)
        flags = Flag.ACK_REQ if ack else Flag.NONE
        frame = encode(Message(message_type, body, ADDRESS_CONTROLLER, dst, session, flags=flags))
        if ack:
            self._asking.start(frame, self._now)
            self._timers[Timer.ACK] = self._asking.due
        self._emit(frame)

    def _emit(self, frame: Frame) -> None:
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        frame = frame._replace(seq=self._seq)
        self._asking.sent(frame)
        self._out.append(self._sealed(frame))

    def _on_ack(self, frame: Frame) -> None:
        if self._asking.heard(frame):
            self._timers.pop(Timer.ACK, None)
        else:
            self.counters["unasked"] += 1

    def _on_no_ack(self) -> None:
        frame = self._asking.again(self._now)
        if frame is None:
            self.counters["unacknowledged"] += 1
            return
        self._timers[Timer.ACK] = self._asking.due
        self._emit(frame)

    def _acknowledge(self, frame: Frame) -> None:
        self._out.append(self._sealed(acknowledgement(frame, ADDRESS_CONTROLLER)))

    def _sealed(self, frame: Frame) -> Frame:
        return frame if self._channel is None else self._channel.seal(frame)

    def _send_time_request(self) -> None:
        self._send(MessageType.TIME_REQUEST, self._time.request(self._wall_ns // 1000))
        self._timers[Timer.TIME] = self._now + TIME_SYNC_PERIOD


def is_after(seq: int, last: int) -> bool:
    """Whether a 32-bit sequence number comes after another, wrapping round."""
    return 0 < (seq - last) & 0xFFFFFFFF < 1 << 31
