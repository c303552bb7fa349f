"""From HELLO to a granted plan: assign, read the data sheet, ask the owner, activate or reject (PMI §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.allowance import Allowance
from interfaces.authentication import Authentication
from interfaces.conversation import Timer, is_after
from interfaces.datasheet import parse, sheet_hash
from interfaces.errors import LocalProtocolError
from interfaces.events import Event, Identified
from interfaces.hello import hello_fault
from interfaces.message import BadMessage, Message
from interfaces.proto import pmi_pb2 as pb
from interfaces.sheet_reader import SheetReader
from interfaces.spec import ADDRESS_FIRST_MODULE, REPLY_TIMEOUT, REQUEST_RETRIES, SPEC_VERSION, MessageType
from interfaces.states import SERVING, Cause, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from interfaces.frame import Frame

TIME_BEFORE_SHEET: Final = 2
MIN_RETRY_AFTER_S: Final = 1
_BUSY_IDENTIFYING: Final = frozenset({State.PRESENT, State.IDENTIFYING})


class Identification(Authentication):
    """The phases before a module serves. `sheet_lookup(hash)` returns a cached sheet's bytes or None."""

    def __init__(
        self,
        *,
        session_id: int,
        address: int = ADDRESS_FIRST_MODULE,
        sheet_lookup: Callable[[bytes], bytes | None] = lambda _hash: None,
    ) -> None:
        super().__init__(session_id, address)
        self.plans: tuple[pb.Plan, ...] = ()
        self.probation = False
        self._lookup = sheet_lookup
        self._retry_at = 0.0
        self._reader: SheetReader | None = None
        self._hello_allowance = Allowance(4, 1.0)

    def activate(self, plans: Iterable[pb.Plan], *, probation: bool, now: float) -> list[Event]:
        """Grant plans to an identified module; raises LocalProtocolError in any other state."""
        if self.state is not State.IDENTIFYING or self.sheet is None:
            raise LocalProtocolError(f"activate: the module is {self.state}, not identified")
        if self._attempt is not None:
            raise LocalProtocolError("activate: the module is being authenticated")
        self._now = now
        self.plans = tuple(plans)
        self.probation = probation
        self._attempts = 0
        self._send_activate()
        self._timers[Timer.REPLY] = now + REPLY_TIMEOUT
        return self._take_events()

    def reject(self, reason: int, text: str, retry_after_s: int, *, now: float) -> list[Event]:
        """Refuse the module; it may ask again after `retry_after_s`."""
        self._now = now
        self._check(Cause.REJECT)
        self._reject(reason, text, retry_after_s)
        return self._take_events()

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
        return self.state in SERVING and self._last_seq is not None and not is_after(seq, self._last_seq)

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
        self._forget_authentication()
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
        self._timers[Timer.REPLY] = self._now + REPLY_TIMEOUT

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
            self._timers[Timer.REPLY] = self._now + REPLY_TIMEOUT
            return
        self._reader = None
        self._timers.pop(Timer.REPLY, None)
        if reader.intact:
            self._identified(reader.data)
        else:
            self._fault("bad_sheet", "PMI §3", "the data sheet does not have the hash that HELLO announced")
            self._reject(pb.BAD_SHEET, "data sheet and sheet_hash do not match: flash the module again", 10)

    def _identified(self, data: bytes) -> None:
        newer = self._known_hello().spec_max > SPEC_VERSION
        sheet, faults = parse(data, newer=newer)
        if faults:
            text = "data sheet: " + "; ".join(faults[:3]) + (f"; {len(faults) - 3} more" if len(faults) > 3 else "")
            self._fault("bad_sheet", "PMI §3", text)
            self._reject(pb.BAD_SHEET, text, 60)
            return
        self.sheet, self._sheet_bytes = sheet, data
        self._events.append(Identified(self._known_hello(), sheet, data))

    def _reject(self, reason: int, text: str, retry_after_s: int) -> None:
        retry = max(MIN_RETRY_AFTER_S, retry_after_s)
        body = pb.Reject(reason=pb.RejectReason.ValueType(reason), detail=text[:200], retry_after_s=retry)
        unassigned = self.state is State.PRESENT
        self._rest()
        self._send(MessageType.REJECT, body, to_all=unassigned, ack=True)
        self._move(Cause.REJECT, text)
        self._retry_at = self._now + retry

    def _on_activated(self, message: Message, _frame: Frame) -> None:
        body = message.body
        if not isinstance(body, pb.Activated) or self.state is not State.IDENTIFYING:
            return
        if self._reader is not None or Timer.REPLY not in self._timers:
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

    def _on_no_reply(self) -> None:
        if self._attempt is not None:
            self._on_no_authentication(self._attempt)
            return
        self._attempts += 1
        if self._attempts > REQUEST_RETRIES:
            self._lose(f"no answer to {REQUEST_RETRIES + 1} requests")
            return
        self._send_assign()
        if self._reader is not None:
            self._send(MessageType.GET_SHEET, self._reader.request())
        else:
            self._send_activate()
        self._timers[Timer.REPLY] = self._now + REPLY_TIMEOUT

    def _send_assign(self) -> None:
        hello = self._known_hello()
        spec = min(SPEC_VERSION, hello.spec_max)
        body = pb.Assign(uid=hello.uid, boot_id=hello.boot_id, address=self.address, session=self.session_id, spec=spec)
        self._send(MessageType.ASSIGN, body, to_all=True)

    def _send_activate(self) -> None:
        self._send(MessageType.ACTIVATE, pb.Activate(plans=self.plans, probation=self.probation))

    def _rest(self) -> None:
        super()._rest()
        self._reader = None

    def _start_serving(self) -> None:
        raise NotImplementedError


def _plan_key(plan: pb.Plan) -> tuple[int, int, int, int]:
    return plan.channel, plan.rate_mhz, plan.max_objects, plan.record_format
