"""The controller's side of one module, sans-IO: frames and time in, events and frames out (PMI §3-§5).

The owner feeds `receive` and `tick`, sends what `take_frames` returns, and answers `Identified` with `activate` or
`reject`. `now` is any steady clock in s, `wall_ns` UTC in ns. Nothing a module sends raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.allowance import Allowance
from interfaces.conversation import Timer
from interfaces.events import DataMessage, Event, HeartbeatSeen, Said, SelfTestDone
from interfaces.frame import Flag
from interfaces.identification import Identification
from interfaces.message import KINDS, BadMessage, Direction, Message, decode, is_data
from interfaces.plan_watch import PlanWatch
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import (
    ADDRESS_FIRST_MODULE,
    HEARTBEAT_TIMEOUT,
    PING_COUNT,
    PING_TIMEOUT,
    TIME_SYNC_PERIOD,
    MessageType,
)
from interfaces.states import SERVING, TRANSITIONS, Cause
from interfaces.states import State as State  # noqa: PLC0414 -- the state belongs to the session's public face

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.frame import Frame

TIME_BURST: Final = 4
RECHECK_S: Final = 1.0
NO_DATA: Final = "no data"


class ControllerSession(Identification):
    """One module on one link, its whole life. `sheet_lookup(hash)` returns a cached sheet's bytes or None.

    Read `state`, `reason`, `session_id`, `hello`, `sheet`, `plans` and `counters` at any time.
    """

    def __init__(
        self,
        *,
        session_id: int,
        address: int = ADDRESS_FIRST_MODULE,
        sheet_lookup: Callable[[bytes], bytes | None] = lambda _hash: None,
    ) -> None:
        super().__init__(session_id=session_id, address=address, sheet_lookup=sheet_lookup)
        self._token = 0
        self._watches: dict[int, PlanWatch] = {}
        self._doubts: set[str] = set()
        self._revive_allowance = Allowance(2, 1.0)
        self._unsupported_allowance = Allowance(4, 1.0)
        self._on_cause: dict[Cause, Callable[[Message, Frame], None]] = {
            Cause.SHEET_CHUNK: self._on_chunk,
            Cause.AUTH_REPLY: self._on_auth_reply,
            Cause.AUTH_DONE: self._on_auth_done,
            Cause.ACTIVATED: self._on_activated,
            Cause.HEARTBEAT: self._on_heartbeat,
            Cause.PONG: self._on_noted,
            Cause.TIME_REPLY: self._on_time_reply,
            Cause.SELF_TEST_RESULT: self._on_self_test,
            Cause.UNSUPPORTED: self._on_unsupported,
            Cause.GOODBYE: self._on_goodbye,
            Cause.DATA: self._on_data,
        }
        self._on_timer: dict[Timer, Callable[[], None]] = {
            Timer.REPLY: self._on_no_reply,
            Timer.HEARTBEAT: self._on_heartbeat_missing,
            Timer.DATA: self._on_data_missing,
            Timer.PING: self._ping,
            Timer.TIME: self._send_time_request,
            Timer.ACK: self._on_no_ack,
        }

    def receive(self, frame: Frame, now: float, wall_ns: int) -> list[Event]:
        """Take one good frame from the link."""
        self._now, self._wall_ns = now, wall_ns
        if not self._believes(frame):
            return self._take_events()
        message = decode(frame)
        if frame.flags & Flag.ACK:
            self._on_ack(frame)
        elif frame.type == MessageType.HELLO:
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
                self._on_timer[timer]()
        return self._take_events()

    def promote(self, *, now: float) -> list[Event]:
        """End a passed probation."""
        self._now = now
        self._check(Cause.PROMOTE)
        self._move(Cause.PROMOTE, "probation passed")
        self.probation = False
        self._send_activate()
        for doubt in sorted(self._doubts):
            self._move(Cause.DEGRADE, doubt)
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

    def send_radio(self, body: pb.RadioSend, *, now: float) -> bool:
        """Let the module send a payload on its radio; False when none serves that has one."""
        self._now = now
        if not self.has_radio:
            return False
        self._send(MessageType.RADIO_SEND, body)
        return True

    @property
    def has_radio(self) -> bool:
        """Whether a module serves, not on probation, whose data sheet offers what its radio receives."""
        serves = self.state in {State.ACTIVE, State.DEGRADED}
        channels = self.sheet.channels if serves and self.sheet is not None else ()
        return any(one.message_type == MessageType.RADIO_RECEIVED for one in channels)

    def identify(self, seconds: int, *, now: float) -> None:
        """Let the module show a person which one it is."""
        self._now = now
        self._send(MessageType.IDENTIFY, pb.Identify(seconds=seconds), ack=True)

    def close(self, reason: str, *, now: float) -> list[Event]:
        """End the session from our side; a module in session is told."""
        self._now = now
        in_session = self.state in SERVING or self.state is State.IDENTIFYING
        self._move(Cause.CLOSE, reason)
        self._rest()
        if in_session:
            self._send(MessageType.GOODBYE, pb.Goodbye(reason=pb.RESTART, detail=reason), ack=True)
        return self._take_events()

    def link_lost(self, *, now: float, reason: str = "unplugged") -> list[Event]:
        """The wire is gone."""
        self._now = now
        self._move(Cause.UNPLUG, reason)
        self._rest()
        self._out.clear()
        return self._take_events()

    def _on_bad(self, bad: BadMessage) -> None:
        self._fault("unknown_type" if bad.unknown else "bad_payload", bad.clause, bad.reason)
        if bad.unknown and self._unsupported_allowance.take(self._now):
            self._send(MessageType.UNSUPPORTED, pb.Unsupported(type=bad.type))

    def _on_message(self, message: Message, frame: Frame) -> None:
        cause = Cause.DATA if is_data(message.type) else _CAUSES.get(message.type)
        if cause is None or not KINDS[message.type].direction & Direction.TO_CONTROLLER:
            self._fault("unexpected", "PMI §1", f"{message.type.name} is not for the controller")
            return
        if frame.flags & Flag.ACK_REQ:
            self._acknowledge(frame)
            if self.state is State.GONE:
                return  # a goodbye whose ACK was lost
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
        self._on_cause[cause](message, frame)

    def _sign_of_life(self, cause: Cause) -> None:
        if self.state not in SERVING:
            return
        self._timers[Timer.HEARTBEAT] = self._now + HEARTBEAT_TIMEOUT
        if cause is not Cause.DATA and self._timers.pop(Timer.PING, None) is not None:
            self._say_silent_channels()

    def _revive(self) -> None:
        if self._revive_allowance.take(self._now):
            self._move(Cause.REVIVE, "frames arrive again")
            self._start_identifying()

    def _start_serving(self) -> None:
        self._doubts.clear()
        del self._timers[Timer.REPLY]
        types = {c.channel: c.message_type for c in self.sheet.channels} if self.sheet else {}
        self._watches = {
            plan.channel: PlanWatch(plan, types.get(plan.channel, 0), self._now) for plan in self.plans if plan.rate_mhz
        }
        self._move(Cause.GRANT_ON_PROBATION if self.probation else Cause.GRANT, "plan accepted")
        self._timers[Timer.HEARTBEAT] = self._now + HEARTBEAT_TIMEOUT
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
            self._timers[Timer.HEARTBEAT] = self._now + 2 * HEARTBEAT_TIMEOUT
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
            self._timers[Timer.TIME] = self._now + TIME_SYNC_PERIOD

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

    def _on_unsupported(self, message: Message, frame: Frame) -> None:
        self._on_noted(message, frame)
        if isinstance(message.body, pb.Unsupported) and message.body.type in _AUTHENTICATION:
            self._on_unsupported_authentication()

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
        self._timers.pop(Timer.PING, None)
        if self._watches:
            self._timers[Timer.DATA] = min(watch.due for watch in self._watches.values())

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
        self._timers[Timer.PING] = self._now + PING_TIMEOUT

    def _say_silent_channels(self) -> None:
        for watch in self._watches.values():
            if watch.due <= self._now:
                watch.silent = True
                watch.postpone(self._now + RECHECK_S)
        self._watch_data()
        if any(watch.silent for watch in self._watches.values()):
            self._doubt(NO_DATA)
            self._send_activate()  # a module that lost its plan takes it up again

    def _on_heartbeat_missing(self) -> None:
        self._lose(f"silent for {HEARTBEAT_TIMEOUT:g} s")


_AUTHENTICATION: Final = frozenset({MessageType.AUTH_START, MessageType.AUTH_FINISH})
_CAUSES: Final = {
    MessageType.AUTH_REPLY: Cause.AUTH_REPLY,
    MessageType.AUTH_DONE: Cause.AUTH_DONE,
    MessageType.SHEET_CHUNK: Cause.SHEET_CHUNK,
    MessageType.ACTIVATED: Cause.ACTIVATED,
    MessageType.HEARTBEAT: Cause.HEARTBEAT,
    MessageType.PONG: Cause.PONG,
    MessageType.TIME_REPLY: Cause.TIME_REPLY,
    MessageType.SELF_TEST_RESULT: Cause.SELF_TEST_RESULT,
    MessageType.UNSUPPORTED: Cause.UNSUPPORTED,
    MessageType.GOODBYE: Cause.GOODBYE,
}
