"""The controller's side of one module, sans-IO: frames and time in, events and frames out (PMI §3-§5).

The owner feeds `receive` and `tick`, sends what `take_frames` returns, and answers `Identified` with `activate` or
`reject`. `now` is any steady clock in s, `wall_ns` UTC in ns. Nothing a module sends raises.
"""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Final

from interfaces.allowance import Allowance
from interfaces.datasheet import parse, sheet_hash
from interfaces.errors import LocalProtocolError
from interfaces.events import (
    DataMessage,
    Event,
    Fault,
    HeartbeatSeen,
    Identified,
    Said,
    SelfTestDone,
    StateChanged,
)
from interfaces.hello import hello_fault
from interfaces.message import KINDS, BadMessage, Direction, Message, decode, encode, is_data
from interfaces.plan_watch import PlanWatch
from interfaces.proto import pmi_pb2 as pb
from interfaces.sheet_reader import SheetReader
from interfaces.spec import (
    ADDRESS_ALL,
    ADDRESS_CONTROLLER,
    ADDRESS_FIRST_MODULE,
    HEARTBEAT_TIMEOUT,
    PING_COUNT,
    PING_TIMEOUT,
    REPLY_TIMEOUT,
    REQUEST_RETRIES,
    SPEC_VERSION,
    TIME_SYNC_PERIOD,
    MessageType,
)
from interfaces.states import TRANSITIONS, Cause, State
from interfaces.time_exchange import TimeExchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.protobuf.message import Message as Body

    from interfaces.frame import Frame

TIME_BURST: Final = 4
TIME_BEFORE_SHEET: Final = 2
RECHECK_S: Final = 1.0
MIN_RETRY_AFTER_S: Final = 1
NO_DATA: Final = "no data"
MAX_QUEUED: Final = 64
_SERVING: Final = frozenset({State.PROBATION, State.ACTIVE, State.DEGRADED})
_BUSY_IDENTIFYING: Final = frozenset({State.PRESENT, State.IDENTIFYING})


class _Timer(Enum):
    REPLY = auto()
    HEARTBEAT = auto()
    DATA = auto()
    PING = auto()
    TIME = auto()


class ControllerSession:
    """One module on one link. `sheet_lookup(hash)` returns a cached sheet's bytes or None."""

    def __init__(
        self,
        *,
        session_id: int,
        address: int = ADDRESS_FIRST_MODULE,
        sheet_lookup: Callable[[bytes], bytes | None] = lambda _hash: None,
    ) -> None:
        if not 0 < session_id <= 0xFFFF:
            raise LocalProtocolError(f"session id {session_id} is outside 1..65535")
        self.state = State.ABSENT
        self.reason = ""
        self.session_id = (session_id - 2) % 0xFFFF + 1  # identification takes the next one
        self.address = address
        self.hello: pb.Hello | None = None
        self.sheet: pb.DataSheet | None = None
        self.plans: tuple[pb.Plan, ...] = ()
        self.probation = False
        self.counters: Counter[str] = Counter()
        self._lookup = sheet_lookup
        self._now = 0.0
        self._wall_ns = 0
        self._events: list[Event] = []
        self._out: deque[Frame] = deque(maxlen=MAX_QUEUED)
        self._seq = 0
        self._last_seq: int | None = None
        self._timers: dict[_Timer, float] = {}
        self._attempts = 0
        self._token = 0
        self._retry_at = 0.0
        self._reader: SheetReader | None = None
        self._time = TimeExchange()
        self._watches: dict[int, PlanWatch] = {}
        self._doubts: set[str] = set()
        self._hello_allowance = Allowance(4, 1.0)
        self._revive_allowance = Allowance(2, 1.0)
        self._unsupported_allowance = Allowance(4, 1.0)

    # ------------------------------------------------------------------------------------------- frames and time

    def receive(self, frame: Frame, now: float, wall_ns: int) -> list[Event]:
        """Take one good frame from the link."""
        self._now, self._wall_ns = now, wall_ns
        message = decode(frame)
        if frame.type == MessageType.HELLO:
            self._on_hello(message)
        elif frame.session != self.session_id or self.hello is None:
            self.counters["wrong_session"] += 1
        elif isinstance(message, BadMessage):
            self._on_bad(message)
        else:
            self._on_message(message, frame)
        return self._take_events()

    def tick(self, now: float, wall_ns: int) -> list[Event]:
        """Let timers that are due at `now` act."""
        self._now, self._wall_ns = now, wall_ns
        for timer in [timer for timer, due in self._timers.items() if due <= now]:
            if self._timers.get(timer, now + 1) <= now:
                del self._timers[timer]
                self._ON_TIMER[timer](self)
        return self._take_events()

    def next_deadline(self) -> float | None:
        """When `tick` has something to do next (s), None for never."""
        return min(self._timers.values(), default=None)

    def take_frames(self) -> list[Frame]:
        """Frames to send now, in order."""
        frames = list(self._out)
        self._out.clear()
        return frames

    # ------------------------------------------------------------------------------------------------- decisions

    def activate(self, plans: Iterable[pb.Plan], *, probation: bool, now: float) -> list[Event]:
        """Grant plans to an identified module; raises LocalProtocolError in any other state."""
        if self.state is not State.IDENTIFYING or self.sheet is None:
            raise LocalProtocolError(f"activate: the module is {self.state}, not identified")
        self._now = now
        self.plans = tuple(plans)
        self.probation = probation
        self._attempts = 0
        self._send_activate()
        self._timers[_Timer.REPLY] = now + REPLY_TIMEOUT
        return self._take_events()

    def promote(self, *, now: float) -> list[Event]:
        """End a passed probation."""
        self._now = now
        self._decide(Cause.PROMOTE, "probation passed")
        self.probation = False
        self._send_activate()
        for doubt in sorted(self._doubts):
            self._move(Cause.DEGRADE, doubt)
        return self._take_events()

    def reject(self, reason: int, text: str, retry_after_s: int, *, now: float) -> list[Event]:
        """Refuse the module; it may ask again after `retry_after_s`."""
        self._now = now
        self._check(Cause.REJECT)
        self._reject(reason, text, retry_after_s)
        return self._take_events()

    def degrade(self, reason: str, *, now: float) -> list[Event]:
        """Mark the module as below its performance for `reason`."""
        self._now = now
        self._check(Cause.DEGRADE)
        self._doubt(reason)
        return self._take_events()

    def restore(self, reason: str, *, now: float) -> list[Event]:
        """Take one reason for DEGRADED back; the last one makes it ACTIVE."""
        self._now = now
        self._check(Cause.RESTORE)
        self._trust(reason)
        return self._take_events()

    def self_test(self, *, now: float) -> None:
        """Ask for a self-test; `SelfTestDone` follows."""
        self._now = now
        self._token += 1
        self._send(MessageType.SELF_TEST, pb.SelfTest(token=self._token))

    def identify(self, seconds: int, *, now: float) -> None:
        """Let the module show a person which one it is."""
        self._now = now
        self._send(MessageType.IDENTIFY, pb.Identify(seconds=seconds))

    def close(self, reason: str, *, now: float) -> list[Event]:
        """End the session from our side; a module in session is told."""
        self._now = now
        if self.state in _SERVING or self.state is State.IDENTIFYING:
            self._send(MessageType.GOODBYE, pb.Goodbye(reason=pb.RESTART, detail=reason))
        self._move(Cause.CLOSE, reason)
        self._rest()
        return self._take_events()

    def link_lost(self, *, now: float, reason: str = "unplugged") -> list[Event]:
        """The wire is gone."""
        self._now = now
        self._move(Cause.UNPLUG, reason)
        self._rest()
        self._out.clear()
        return self._take_events()

    # ------------------------------------------------------------------------------------------------ the table

    def _move(self, cause: Cause, reason: str) -> None:
        old, new = self.state, TRANSITIONS[self.state, cause]
        if old is new:
            return
        self.state, self.reason = new, reason
        self._events.append(StateChanged(old, new, reason))

    def _check(self, cause: Cause) -> None:
        if (self.state, cause) not in TRANSITIONS:
            raise LocalProtocolError(f"{cause}: not possible while the module is {self.state}")

    def _decide(self, cause: Cause, reason: str) -> None:
        self._check(cause)
        self._move(cause, reason)

    def _fault(self, kind: str, clause: str, text: str) -> None:
        self.counters[kind] += 1
        self._events.append(Fault(clause, text))

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _rest(self) -> None:
        self._timers.clear()
        self._reader = None
        self._time.stop()

    # ----------------------------------------------------------------------------------------- who is there (§3)

    def _on_hello(self, message: Message | BadMessage) -> None:
        if isinstance(message, BadMessage) or not isinstance(message.body, pb.Hello):
            self._fault("bad_hello", "PMI §3", "HELLO cannot be read")
            return
        hello = message.body
        if self._is_old_news(hello, message.seq) or not self._hello_allowance.take(self._now):
            self.counters["hello_ignored"] += 1
            return
        reason = self._hello_reason(hello)
        self._rest()
        self._move(Cause.HELLO, reason)
        self._last_seq = message.seq
        self.hello = hello
        refusal, text = hello_fault(hello)
        if refusal:
            self._fault("bad_hello", "PMI §3", text)
            self._reject(refusal, text, 10)
            return
        self._move(Cause.ASSIGN, reason)
        self._start_identifying()

    def _is_old_news(self, hello: pb.Hello, seq: int) -> bool:
        known = self.hello
        if known is None or (known.uid, known.boot_id) != (hello.uid, hello.boot_id):
            return False
        if self.state in _BUSY_IDENTIFYING:
            return True
        if self.state is State.REJECTED:
            return self._now < self._retry_at
        return self.state in _SERVING and self._last_seq is not None and not _is_after(seq, self._last_seq)

    def _hello_reason(self, hello: pb.Hello) -> str:
        who = f"{hello.vendor} {hello.product}".strip()
        if self.hello is None or self.state in {State.ABSENT, State.GONE}:
            return f"{who} plugged in"
        if self.hello.uid != hello.uid:
            return f"{who} is another module than before"
        if self.hello.boot_id != hello.boot_id:
            return f"{who} rebooted"
        return f"{who} says HELLO again"

    def _start_identifying(self) -> None:
        hello = self._known_hello()
        self._rest()
        self._out.clear()
        self._doubts.clear()
        self._watches.clear()
        self.plans, self.sheet = (), None
        self._attempts = 0
        self.session_id = self.session_id % 0xFFFF + 1
        self._send_assign()
        self._send_time_request()
        cached = self._lookup(hello.sheet_hash)
        if cached is not None and sheet_hash(cached) == hello.sheet_hash:
            self._identified(cached)
            return
        self._reader = SheetReader(hello.sheet_size, hello.sheet_hash)
        self._send(MessageType.GET_SHEET, self._reader.request())
        self._timers[_Timer.REPLY] = self._now + REPLY_TIMEOUT

    def _on_chunk(self, message: Message, _frame: Frame) -> None:
        reader = self._reader
        if reader is None or not isinstance(message.body, pb.SheetChunk):
            self.counters["unasked"] += 1
            return
        before = len(reader.data)
        fault = reader.accept(message.body)
        if fault:
            self._fault("bad_sheet", "PMI §3", fault)
        if fault or len(reader.data) == before:
            return
        self._attempts = 0
        if not reader.complete:
            # in front of the request: the reply then finds the wire idle, so the sample is a good one
            if self._time.replies < TIME_BEFORE_SHEET:
                self._send_time_request()
            self._send(MessageType.GET_SHEET, reader.request())
            self._timers[_Timer.REPLY] = self._now + REPLY_TIMEOUT
            return
        self._reader = None
        self._timers.pop(_Timer.REPLY, None)
        if reader.intact:
            self._identified(reader.data)
        else:
            self._fault("bad_sheet", "PMI §3", "the data sheet does not have the hash that HELLO announced")
            self._reject(pb.BAD_SHEET, "data sheet and sheet_hash do not match: flash the module again", 10)

    def _identified(self, data: bytes) -> None:
        sheet, faults = parse(data)
        if faults:
            text = "data sheet: " + "; ".join(faults[:3]) + (f"; {len(faults) - 3} more" if len(faults) > 3 else "")
            self._fault("bad_sheet", "PMI §3", text)
            self._reject(pb.BAD_SHEET, text, 60)
            return
        self.sheet = sheet
        self._events.append(Identified(self._known_hello(), sheet, data))

    def _reject(self, reason: int, text: str, retry_after_s: int) -> None:
        retry = max(MIN_RETRY_AFTER_S, retry_after_s)
        body = pb.Reject(reason=pb.RejectReason.ValueType(reason), detail=text[:200], retry_after_s=retry)
        unassigned = self.state is State.PRESENT
        self._rest()
        self._send(MessageType.REJECT, body, to_all=unassigned)
        self._move(Cause.REJECT, text)
        self._retry_at = self._now + retry

    def _known_hello(self) -> pb.Hello:
        if self.hello is None:
            raise LocalProtocolError("no module has said HELLO")
        return self.hello

    # ------------------------------------------------------------------------------------------- messages in session

    def _on_bad(self, bad: BadMessage) -> None:
        self._fault("unknown_type" if bad.unknown else "bad_payload", bad.clause, bad.reason)
        if bad.unknown and self._unsupported_allowance.take(self._now):
            self._send(MessageType.UNSUPPORTED, pb.Unsupported(type=bad.type))

    def _on_message(self, message: Message, frame: Frame) -> None:
        cause = Cause.DATA if is_data(message.type) else _CAUSES.get(message.type)
        if cause is None or not KINDS[message.type].direction & Direction.TO_CONTROLLER:
            self._fault("unexpected", "PMI §1", f"{message.type.name} is not for the controller")
            return
        fresh = self._follow_seq(message.seq)
        if self.state is State.LOST and cause is not Cause.GOODBYE:
            self._revive()
            return
        if (self.state, cause) not in TRANSITIONS:
            self._fault("unexpected", "PMI §4", f"{message.type.name} while the module is {self.state}")
            return
        if cause is Cause.DATA and not fresh:
            self.counters["stale"] += 1
            return
        self._sign_of_life(cause)
        self._ON_MESSAGE[cause](self, message, frame)

    def _follow_seq(self, seq: int) -> bool:
        last = self._last_seq
        if last is not None and not _is_after(seq, last):
            return False
        if last is not None:
            self.counters["gaps"] += (seq - last - 1) & 0xFFFFFFFF
        self._last_seq = seq
        return True

    def _sign_of_life(self, cause: Cause) -> None:
        if self.state not in _SERVING:
            return
        self._timers[_Timer.HEARTBEAT] = self._now + HEARTBEAT_TIMEOUT
        if cause is not Cause.DATA and self._timers.pop(_Timer.PING, None) is not None:
            self._say_silent_channels()

    def _revive(self) -> None:
        if self._revive_allowance.take(self._now):
            self._move(Cause.REVIVE, "frames arrive again")
            self._start_identifying()

    def _on_activated(self, message: Message, _frame: Frame) -> None:
        body = message.body
        if not isinstance(body, pb.Activated) or self.state is not State.IDENTIFYING:
            return
        if self._reader is not None or _Timer.REPLY not in self._timers:
            self.counters["unasked"] += 1
        elif body.result == pb.BUSY:
            self.counters["busy"] += 1
        elif body.result != pb.ACCEPTED:
            self._reject(pb.PROTOCOL, f"the module refused its plan: {body.detail[:120]}", 10)
        elif sorted(map(_plan_key, body.plans)) != sorted(map(_plan_key, self.plans)):
            self._fault("plan_echo", "PMI §5", "ACTIVATED does not repeat the granted plans")
            self._reject(pb.PROTOCOL, "the module accepted another plan than the granted one", 10)
        else:
            self._start_serving()

    def _start_serving(self) -> None:
        del self._timers[_Timer.REPLY]
        types = {c.channel: c.message_type for c in self.sheet.channels} if self.sheet else {}
        self._watches = {
            plan.channel: PlanWatch(plan, types.get(plan.channel, 0), self._now) for plan in self.plans if plan.rate_mhz
        }
        self._move(Cause.GRANT_ON_PROBATION if self.probation else Cause.GRANT, "plan accepted")
        self._timers[_Timer.HEARTBEAT] = self._now + HEARTBEAT_TIMEOUT
        self._watch_data()
        if self._time.idle:
            self._send_time_request()

    def _on_data(self, message: Message, frame: Frame) -> None:
        channel = getattr(message.body, "channel", 0)
        watch = self._watches.get(channel)
        if watch is None:
            self._fault("plan_violation", "PMI §5", f"channel {channel} was not granted")
            return
        fault = watch.fault(message.type, message.body, self._now)
        if fault:
            self._fault("plan_violation", "PMI §5", fault)
            return
        watch.silent = False
        self._watch_data()
        if not any(w.silent for w in self._watches.values()):
            self._trust(NO_DATA)
        self._events.append(DataMessage(message.type, message.body, frame))

    def _on_heartbeat(self, message: Message, _frame: Frame) -> None:
        body = message.body
        if not isinstance(body, pb.Heartbeat):
            return
        if body.boot_id != self._known_hello().boot_id:
            self._fault("rebooted", "PMI §4", "boot_id changed without a HELLO")
            self._rest()
            self.hello = None
            self._move(Cause.REBOOT, "rebooted without saying HELLO")
            self._timers[_Timer.HEARTBEAT] = self._now + 2 * HEARTBEAT_TIMEOUT
            return
        self._events.append(HeartbeatSeen(body))

    def _on_time_reply(self, message: Message, _frame: Frame) -> None:
        sample = self._time.sample(message.body, self._wall_ns // 1000)
        if isinstance(sample, str):
            self.counters["unasked"] += 1
            return
        self._events.append(sample)
        if self._reader is not None:
            return
        if self._time.replies < TIME_BURST:
            self._send_time_request()
        else:
            self._timers[_Timer.TIME] = self._now + TIME_SYNC_PERIOD

    def _on_self_test(self, message: Message, _frame: Frame) -> None:
        if isinstance(message.body, pb.SelfTestResult) and message.body.token == self._token:
            self._events.append(SelfTestDone(message.body.passed, message.body.detail))
        else:
            self.counters["unasked"] += 1

    def _on_goodbye(self, message: Message, _frame: Frame) -> None:
        if isinstance(message.body, pb.Goodbye):
            self._events.append(Said(message.body.reason, message.body.detail))
            known = message.body.reason in pb.GoodbyeReason.values()
            why = pb.GoodbyeReason.Name(message.body.reason).lower() if known else "unknown reason"
            self._move(Cause.GOODBYE, f"said goodbye: {why}")
            self._rest()

    def _on_noted(self, message: Message, _frame: Frame) -> None:
        self.counters[message.type.name.lower()] += 1

    # -------------------------------------------------------------------------------------------------- liveness (§4)

    def _doubt(self, reason: str) -> None:
        self._doubts.add(reason)
        self._move(Cause.DEGRADE, reason)

    def _trust(self, reason: str) -> None:
        if reason not in self._doubts:
            return
        self._doubts.discard(reason)
        if not self._doubts:
            self._move(Cause.RESTORE, f"over: {reason}")

    def _watch_data(self) -> None:
        self._timers.pop(_Timer.PING, None)
        if self._watches:
            self._timers[_Timer.DATA] = min(watch.due for watch in self._watches.values())

    def _on_data_missing(self) -> None:
        self._attempts = 0
        self._ping()

    def _ping(self) -> None:
        if self._attempts >= PING_COUNT:
            self._lose(f"no data, and {PING_COUNT} pings without an answer")
            return
        self._attempts += 1
        self._token += 1
        self._send(MessageType.PING, pb.Ping(token=self._token))
        self._timers[_Timer.PING] = self._now + PING_TIMEOUT

    def _say_silent_channels(self) -> None:
        for watch in self._watches.values():
            if watch.due <= self._now:
                watch.silent = True
                watch.postpone(self._now + RECHECK_S)
        self._watch_data()
        if any(watch.silent for watch in self._watches.values()):
            self._doubt(NO_DATA)

    def _on_no_reply(self) -> None:
        self._attempts += 1
        if self._attempts > REQUEST_RETRIES:
            self._lose(f"no answer to {REQUEST_RETRIES + 1} requests")
            return
        self._send_assign()
        if self._reader is not None:
            self._send(MessageType.GET_SHEET, self._reader.request())
        else:
            self._send_activate()
        self._timers[_Timer.REPLY] = self._now + REPLY_TIMEOUT

    def _on_heartbeat_missing(self) -> None:
        self._lose(f"silent for {HEARTBEAT_TIMEOUT:g} s")

    def _lose(self, reason: str) -> None:
        self._move(Cause.SILENCE, reason)
        self._rest()

    # ------------------------------------------------------------------------------------------------------- sending

    def _send(self, message_type: MessageType, body: Body, *, to_all: bool = False) -> None:
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        dst, session = (ADDRESS_ALL, 0) if to_all else (self.address, self.session_id)
        self._out.append(encode(Message(message_type, body, ADDRESS_CONTROLLER, dst, session, self._seq)))

    def _send_assign(self) -> None:
        hello = self._known_hello()
        spec = min(SPEC_VERSION, hello.spec_max)
        body = pb.Assign(uid=hello.uid, boot_id=hello.boot_id, address=self.address, session=self.session_id, spec=spec)
        self._send(MessageType.ASSIGN, body, to_all=True)

    def _send_activate(self) -> None:
        self._send(MessageType.ACTIVATE, pb.Activate(plans=self.plans, probation=self.probation))

    def _send_time_request(self) -> None:
        self._send(MessageType.TIME_REQUEST, self._time.request(self._wall_ns // 1000))
        self._timers[_Timer.TIME] = self._now + TIME_SYNC_PERIOD

    _ON_MESSAGE: ClassVar[dict[Cause, Callable[[ControllerSession, Message, Frame], None]]] = {
        Cause.SHEET_CHUNK: _on_chunk,
        Cause.ACTIVATED: _on_activated,
        Cause.HEARTBEAT: _on_heartbeat,
        Cause.PONG: _on_noted,
        Cause.TIME_REPLY: _on_time_reply,
        Cause.SELF_TEST_RESULT: _on_self_test,
        Cause.UNSUPPORTED: _on_noted,
        Cause.GOODBYE: _on_goodbye,
        Cause.DATA: _on_data,
    }
    _ON_TIMER: ClassVar[dict[_Timer, Callable[[ControllerSession], None]]] = {
        _Timer.REPLY: _on_no_reply,
        _Timer.HEARTBEAT: _on_heartbeat_missing,
        _Timer.DATA: _on_data_missing,
        _Timer.PING: _ping,
        _Timer.TIME: _send_time_request,
    }


def _is_after(seq: int, last: int) -> bool:
    return 0 < (seq - last) & 0xFFFFFFFF < 1 << 31


def _plan_key(plan: pb.Plan) -> tuple[int, int, int, int]:
    return plan.channel, plan.rate_mhz, plan.max_objects, plan.record_format


_CAUSES: Final = {
    MessageType.SHEET_CHUNK: Cause.SHEET_CHUNK,
    MessageType.ACTIVATED: Cause.ACTIVATED,
    MessageType.HEARTBEAT: Cause.HEARTBEAT,
    MessageType.PONG: Cause.PONG,
    MessageType.TIME_REPLY: Cause.TIME_REPLY,
    MessageType.SELF_TEST_RESULT: Cause.SELF_TEST_RESULT,
    MessageType.UNSUPPORTED: Cause.UNSUPPORTED,
    MessageType.GOODBYE: Cause.GOODBYE,
}
