"""The module's side of PMI, sans-IO: the model for vendors (PMI §3-§5).

Feed `receive` and `tick`, send what `take_frames` returns, call `send_data` when there is something to say. `now` is
any steady clock in s, `t_us` the module's own clock in µs. Nothing a controller sends raises.
"""

from __future__ import annotations

import math
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from interfaces.allowance import Allowance
from interfaces.asking import Asking, acknowledgement
from interfaces.datasheet import parse, sheet_hash
from interfaces.errors import LocalProtocolError
from interfaces.frame import Flag
from interfaces.message import KINDS, BadMessage, Direction, Message, decode, encode, is_data
from interfaces.module_authentication import ModuleAuthentication
from interfaces.module_events import (
    IdentifyAsked,
    PlanEnded,
    PlanGranted,
    RadioAsked,
    Rejected,
    SelfTestAsked,
)
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import (
    ADDRESS_CONTROLLER,
    HEARTBEAT_PERIOD,
    HEARTBEAT_TIMEOUT,
    HELLO_JITTER,
    HELLO_PERIOD,
    SHEET_CHUNK,
    MessageType,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from google.protobuf.message import Message as Body

    from interfaces.frame import Frame
    from interfaces.module_events import ModuleEvent
    from interfaces.security import DeviceCredentials

MAX_QUEUED: Final = 64
_RATE_MARGIN: Final = 1.1


class ModuleState(StrEnum):
    """Where the module stands in the conversation."""

    SEEKING = "SEEKING"  # says HELLO until addressed
    ASSIGNED = "ASSIGNED"  # silent until asked
    RUNNING = "RUNNING"  # inside a granted plan
    REJECTED = "REJECTED"  # waits for retry_after, then seeks
    LEFT = "LEFT"  # said goodbye


class ModuleSession:
    """One module on one link; `sheet_bytes` decides the hash and size in its HELLO, `rng` spreads its HELLOs.

    `health` is copied into every heartbeat: the owner sets its state, faults, temperature and supply. `credentials`
    make it an L3 module.
    """

    def __init__(
        self, hello: pb.Hello, sheet_bytes: bytes, *, rng: random.Random, credentials: DeviceCredentials | None = None
    ) -> None:
        sheet, problems = parse(sheet_bytes)
        if problems:
            raise LocalProtocolError("own data sheet: " + "; ".join(problems))
        self.hello = pb.Hello()
        self.hello.CopyFrom(hello)
        self.hello.sheet_hash = sheet_hash(sheet_bytes)
        self.hello.sheet_size = len(sheet_bytes)
        self.state = ModuleState.SEEKING
        self.health = pb.Heartbeat(state=pb.RUNNING)
        self.clock_error_us = 0
        self.clock_state: pb.ClockState.ValueType = pb.CLOCK_FREE
        self.session_id = 0
        self.address = 0
        self.plans: dict[int, pb.Plan] = {}
        self.counters: Counter[str] = Counter()
        self._sheet_bytes = sheet_bytes
        self._channels = {channel.channel: channel for channel in sheet.channels}
        self._rng = rng
        self._now = 0.0
        self._t_us = 0
        self._events: list[ModuleEvent] = []
        self._out: list[Frame] = []
        self._newest: dict[int, tuple[MessageType, Body]] = {}
        self._allowances: dict[int, Allowance] = {}
        self._seq = 0
        self._hello_at = -math.inf
        self._heartbeat_at = math.inf
        self._patience_until = math.inf
        self._unsupported_allowance = Allowance(4, 1.0)
        self._asking = Asking()
        self._last_word: tuple[int, int] | None = None
        self.authentication = ModuleAuthentication(credentials, self.hello, sheet_bytes)

    # ------------------------------------------------------------------------------------------- frames and time

    def receive(self, frame: Frame, now: float, t_us: int) -> list[ModuleEvent]:
        """Take one good frame from the link."""
        self._now, self._t_us = now, t_us
        message = decode(frame)
        if fault := self.authentication.fault(frame):
            self.counters[fault] += 1
        elif frame.flags & Flag.ACK:
            self.counters["unasked"] += not self._asking.heard(frame)
        elif isinstance(message, Message) and message.type is MessageType.ASSIGN:
            self._on_assign(message)
        elif isinstance(message, Message) and message.type is MessageType.REJECT and frame.session == 0:
            self._on_reject_of_hello(message, frame)
        elif not self.session_id or frame.session != self.session_id:
            self.counters["wrong_session"] += 1
            self._acknowledge_again(frame)
        else:
            self._patience_until = now + HEARTBEAT_TIMEOUT
            self._acknowledge(frame)
            self._on_session_frame(message)
        return self._take_events()

    def tick(self, now: float, t_us: int) -> list[ModuleEvent]:
        """Let timers that are due at `now` act."""
        self._now, self._t_us = now, t_us
        if self._patience_until <= now:
            self._seek(f"the controller is silent for {HEARTBEAT_TIMEOUT:g} s", after_s=0.0)
        if self._hello_at <= now:
            self.state = ModuleState.SEEKING
            self._send(MessageType.HELLO, self.hello)
            self._hello_at = now + HELLO_PERIOD * self._rng.uniform(1 - HELLO_JITTER, 1 + HELLO_JITTER)
        if self._heartbeat_at <= now:
            self._send_heartbeat()
        if self._asking.due <= now and (frame := self._asking.again(now)) is not None:
            self._out.append(frame)
        return self._take_events()

    def next_deadline(self) -> float | None:
        """When `tick` has something to do next (s; may lie in the past), None for never."""
        due = min(self._hello_at, self._heartbeat_at, self._patience_until, self._asking.due)
        return None if due == math.inf else due

    def take_frames(self) -> list[Frame]:
        """Frames to send now, in order; of data only the newest of each channel (queue depth 1, PMI §5)."""
        frames = self._out + [self._frame(*data) for data in self._newest.values()]
        self._out = []
        self._newest.clear()
        numbered = (frame if frame.flags & Flag.ACK else self._numbered(frame) for frame in frames)
        return [self.authentication.seal(frame) for frame in numbered]

    # -------------------------------------------------------------------------------------------- what the owner says

    def send_data(self, message_type: MessageType, body: Body, now: float) -> bool:
        """Queue data; False when the plan's rate forbids it. Raises LocalProtocolError outside a granted plan."""
        channel: int = getattr(body, "channel", -1)
        if self.state is not ModuleState.RUNNING or channel not in self.plans or not is_data(message_type):
            raise LocalProtocolError(f"{message_type.name} on channel {channel}: no plan was granted for it")
        if not self._allowances[channel].take(now):
            self.health.frames_dropped += 1
            return False
        if channel in self._newest:
            self.health.frames_dropped += 1
        else:
            self.health.frames_sent += 1
        self._newest[channel] = (message_type, body)
        return True

    def self_test_result(self, token: int, *, passed: bool, detail: str = "") -> None:
        """Answer a `SelfTestAsked`."""
        self._send(MessageType.SELF_TEST_RESULT, pb.SelfTestResult(token=token, passed=passed, detail=detail))

    def goodbye(self, reason: pb.GoodbyeReason.ValueType = pb.REMOVAL, detail: str = "") -> None:
        """Leave on purpose; nothing is sent after it but the same again, until it is acknowledged."""
        if self.session_id:
            frame = self._frame(MessageType.GOODBYE, pb.Goodbye(reason=reason, detail=detail))
            frame = frame._replace(flags=Flag.ACK_REQ)
            self._asking.start(frame, self._now)
            self._out.append(frame)
        self._forget(ModuleState.LEFT)
        self._hello_at = math.inf

    # -------------------------------------------------------------------------------------------------- the controller

    def _on_assign(self, message: Message) -> None:
        body = message.body
        if not isinstance(body, pb.Assign) or self.state is ModuleState.LEFT:
            return
        if (body.uid, body.boot_id) != (self.hello.uid, self.hello.boot_id) or not 0 < body.session <= 0xFFFF:
            self.counters["assign_of_others"] += 1
            return
        if body.session == self.session_id:
            return
        self._forget(ModuleState.ASSIGNED, "a new session was assigned")
        self.authentication.renew()
        self.session_id, self.address = body.session, body.address & 0xFF
        self._hello_at = math.inf
        self._patience_until = self._now + HEARTBEAT_TIMEOUT

    def _on_session_frame(self, message: Message | BadMessage) -> None:
        if isinstance(message, BadMessage):
            self.counters["unknown_type" if message.unknown else "bad_payload"] += 1
            if message.unknown and self._unsupported_allowance.take(self._now):
                self._send(MessageType.UNSUPPORTED, pb.Unsupported(type=message.type))
            return
        answer = self._ANSWERS.get(message.type)
        if answer is not None:
            answer(self, message)
        elif not KINDS[message.type].direction & Direction.TO_MODULE:
            self.counters["unexpected"] += 1

    def _on_get_sheet(self, message: Message) -> None:
        if isinstance(message.body, pb.GetSheet):
            offset, length = message.body.offset, min(message.body.length, SHEET_CHUNK)
            data = self._sheet_bytes[offset : offset + length]
            chunk = pb.SheetChunk(offset=offset, total=len(self._sheet_bytes), data=data)
            self._send(MessageType.SHEET_CHUNK, chunk)

    def _on_activate(self, message: Message) -> None:
        body = message.body
        if not isinstance(body, pb.Activate):
            return
        fault = self.authentication.plan_fault()
        fault = fault or next((text for plan in body.plans if (text := self._plan_fault(plan))), "")
        if fault:
            self._send(MessageType.ACTIVATED, pb.Activated(result=pb.REFUSED, detail=fault))
            return
        self._send(MessageType.ACTIVATED, pb.Activated(result=pb.ACCEPTED, plans=body.plans))
        self.plans = {plan.channel: plan for plan in body.plans}
        self._allowances = {
            plan.channel: Allowance(2, _RATE_MARGIN * plan.rate_mhz / 1000) for plan in body.plans if plan.rate_mhz
        }
        self.plans = {channel: plan for channel, plan in self.plans.items() if channel in self._allowances}
        if self.state is not ModuleState.RUNNING:
            self._heartbeat_at = self._now + HEARTBEAT_PERIOD
        self.state = ModuleState.RUNNING
        self._events.append(PlanGranted(tuple(self.plans.values()), body.probation))

    def _plan_fault(self, plan: pb.Plan) -> str:
        channel = self._channels.get(plan.channel)
        if channel is None:
            return f"channel {plan.channel} does not exist"
        if plan.rate_mhz > channel.max_rate_mhz:
            return f"channel {plan.channel}: {plan.rate_mhz} mHz is above {channel.max_rate_mhz} mHz"
        if plan.max_objects > channel.max_objects:
            return f"channel {plan.channel}: {plan.max_objects} objects is above {channel.max_objects}"
        if channel.record_formats and plan.record_format not in channel.record_formats:
            return f"channel {plan.channel}: record format {plan.record_format} is not offered"
        return ""

    def _on_reject_of_hello(self, message: Message, frame: Frame) -> None:
        if self.state is ModuleState.SEEKING:
            self._acknowledge(frame)
            self._on_reject(message)
        else:
            self._acknowledge_again(frame)

    def _on_reject(self, message: Message) -> None:
        if isinstance(message.body, pb.Reject):
            self._events.append(Rejected(message.body.reason, message.body.detail))
            wait_s = max(1.0, float(message.body.retry_after_s))
            self._seek("rejected", after_s=wait_s * self._rng.uniform(1.0, 1 + HELLO_JITTER))
            self.state = ModuleState.REJECTED

    def _on_ping(self, message: Message) -> None:
        if isinstance(message.body, pb.Ping):
            self._send(MessageType.PONG, pb.Pong(token=message.body.token))

    def _on_time_request(self, message: Message) -> None:
        if isinstance(message.body, pb.TimeRequest):
            reply = pb.TimeReply(
                token=message.body.token,
                controller_tx_us=message.body.controller_tx_us,
                module_rx_us=self._t_us,
                module_tx_us=self._t_us,
                clock_err_us=self.clock_error_us,
                clock_state=self.clock_state,
            )
            self._send(MessageType.TIME_REPLY, reply)

    def _on_self_test(self, message: Message) -> None:
        if isinstance(message.body, pb.SelfTest):
            self._events.append(SelfTestAsked(message.body.token))

    def _on_identify(self, message: Message) -> None:
        if isinstance(message.body, pb.Identify):
            self._events.append(IdentifyAsked(message.body.seconds))

    def _on_radio_send(self, message: Message) -> None:
        if isinstance(message.body, pb.RadioSend) and self.state is ModuleState.RUNNING:
            self._events.append(RadioAsked(message.body))
        else:
            self.counters["unexpected"] += 1

    def _on_authentication(self, message: Message) -> None:
        answer = self.authentication.answer(message, self.session_id, waiting=self.state is ModuleState.ASSIGNED)
        if isinstance(answer, str):
            self.counters[answer] += 1
        else:
            self._send(*answer)

    def _on_goodbye(self, _message: Message) -> None:
        self._seek("the controller said goodbye", after_s=self._rng.uniform(0.1, HELLO_PERIOD))

    # ------------------------------------------------------------------------------------------------------- sending

    def _seek(self, reason: str, *, after_s: float) -> None:
        self._forget(ModuleState.SEEKING, reason)
        self._hello_at = self._now + after_s

    def _forget(self, state: ModuleState, reason: str = "goodbye") -> None:
        if self.state is ModuleState.RUNNING:
            self._events.append(PlanEnded(reason))
        self.state = state
        self.session_id = self.address = 0
        self.plans = {}
        self._newest.clear()
        self._heartbeat_at = self._patience_until = math.inf

    def _send_heartbeat(self) -> None:
        body = pb.Heartbeat()
        body.CopyFrom(self.health)
        body.boot_id, body.t_us = self.hello.boot_id, self._t_us
        self._send(MessageType.HEARTBEAT, body)
        self._heartbeat_at = self._now + HEARTBEAT_PERIOD

    def _send(self, message_type: MessageType, body: Body) -> None:
        if len(self._out) < MAX_QUEUED:
            self._out.append(self._frame(message_type, body))

    def _frame(self, message_type: MessageType, body: Body) -> Frame:
        return encode(Message(message_type, body, self.address, ADDRESS_CONTROLLER, self.session_id))

    def _numbered(self, frame: Frame) -> Frame:
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        frame = frame._replace(seq=self._seq)
        self._asking.sent(frame)
        return frame

    def _acknowledge(self, frame: Frame) -> None:
        if frame.flags & Flag.ACK_REQ and len(self._out) < MAX_QUEUED:
            self._last_word = frame.type, frame.session
            self._out.append(acknowledgement(frame, self.address))

    def _acknowledge_again(self, frame: Frame) -> None:
        """What ended the last session is said again when its ACK was lost."""
        if (frame.type, frame.session) == self._last_word:
            self._acknowledge(frame)

    def _take_events(self) -> list[ModuleEvent]:
        events, self._events = self._events, []
        return events

    _ANSWERS: ClassVar[dict[MessageType, Callable[[ModuleSession, Message], None]]] = {
        MessageType.GET_SHEET: _on_get_sheet,
        MessageType.ACTIVATE: _on_activate,
        MessageType.REJECT: _on_reject,
        MessageType.PING: _on_ping,
        MessageType.TIME_REQUEST: _on_time_request,
        MessageType.SELF_TEST: _on_self_test,
        MessageType.IDENTIFY: _on_identify,
        MessageType.GOODBYE: _on_goodbye,
        MessageType.AUTH_START: _on_authentication,
        MessageType.AUTH_FINISH: _on_authentication,
        MessageType.RADIO_SEND: _on_radio_send,
    }
