"""The part of a controller's session that proves who both sides are, between data sheet and ACTIVATE (PMI §5, L3).

After AUTH_DONE every frame of the session carries a tag, both ways; what has none, a wrong one or an old number is
counted and dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interfaces.conversation import Conversation, Timer
from interfaces.errors import LocalProtocolError
from interfaces.events import Authenticated, AuthenticationFailed, Event
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import ControllerHandshake, Parties
from interfaces.spec import KEY_SIZE, REPLY_TIMEOUT, REQUEST_RETRIES, MessageType
from interfaces.states import State

if TYPE_CHECKING:
    from interfaces.frame import Frame
    from interfaces.message import Message
    from interfaces.security import ControllerCredentials


@dataclass(slots=True)
class _Attempt:
    """One handshake under way: `finish` once a good AUTH_REPLY came, `fault` the last thing that was wrong."""

    handshake: ControllerHandshake
    device_key: bytes
    finish: pb.AuthFinish | None = None
    fault: str = ""


class Authentication(Conversation):
    """Asked for by the owner; `authenticated` says whether the session's frames are believed by their tags."""

    def __init__(self, session_id: int, address: int) -> None:
        super().__init__(session_id, address)
        self.sheet: pb.DataSheet | None = None
        self.authenticated = False
        self._sheet_bytes = b""
        self._attempt: _Attempt | None = None

    def authenticate(self, credentials: ControllerCredentials, *, now: float) -> list[Event]:
        """Let an identified module prove the key of its data sheet; `Authenticated` or `AuthenticationFailed` follows,
        to be answered with `activate` or `reject`. Raises LocalProtocolError in any other state or without a key."""
        if self.state is not State.IDENTIFYING or self.sheet is None or self.authenticated:
            raise LocalProtocolError(f"authenticate: the module is {self.state}, not newly identified")
        if len(self.sheet.public_key) != KEY_SIZE:
            raise LocalProtocolError("authenticate: the data sheet names no public key")
        hello = self._known_hello()
        parties = Parties(
            hello.uid, hello.boot_id, self.session_id, hello.fw_hash, self._sheet_bytes, self.sheet.public_key
        )
        self._now = now
        handshake = ControllerHandshake(parties, credentials.key, credentials.entropy)
        self._attempt, self._attempts = _Attempt(handshake, self.sheet.public_key), 0
        self._ask_to_authenticate(self._attempt)
        return self._take_events()

    def _ask_to_authenticate(self, attempt: _Attempt) -> None:
        if attempt.finish is None:
            self._send(MessageType.AUTH_START, attempt.handshake.start)
        else:
            self._send(MessageType.AUTH_FINISH, attempt.finish)
        self._timers[Timer.REPLY] = self._now + REPLY_TIMEOUT

    def _on_no_authentication(self, attempt: _Attempt) -> None:
        self._attempts += 1
        if self._attempts <= REQUEST_RETRIES:
            self._ask_to_authenticate(attempt)
            return
        asked = "AUTH_START" if attempt.finish is None else "AUTH_FINISH"
        self._fail(attempt.fault or f"no good answer to {REQUEST_RETRIES + 1} {asked}")

    def _on_auth_reply(self, message: Message, _frame: Frame) -> None:
        attempt = self._attempt
        if attempt is None or attempt.finish is not None or not isinstance(message.body, pb.AuthReply):
            self.counters["unasked"] += 1
            return
        answer = attempt.handshake.reply(message.body)
        if isinstance(answer, str):
            attempt.fault = answer
            self._fault("bad_authentication", "PMI §5", answer)
            return
        self._channel, attempt.finish = answer
        self._attempts = 0
        self._ask_to_authenticate(attempt)

    def _on_auth_done(self, message: Message, frame: Frame) -> None:
        attempt, body = self._attempt, message.body
        if attempt is None or not isinstance(body, pb.AuthDone):
            self.counters["unasked"] += 1
        elif body.result != pb.ACCEPTED:
            self._fail(f"the module refuses this controller: {body.detail[:120]}")
        elif attempt.finish is None or not frame.tag:  # a tag that is here was checked before
            self._fault("bad_authentication", "PMI §5", "AUTH_DONE without a tag proves nothing")
        else:
            self._attempt, self.authenticated = None, True
            self._timers.pop(Timer.REPLY, None)
            self.counters["authenticated"] += 1
            self._events.append(Authenticated(attempt.device_key))

    def _on_unsupported_authentication(self) -> None:
        if self._attempt is not None:
            self._fail("the module does not support authentication (UNSUPPORTED)")

    def _fail(self, text: str) -> None:
        self._attempt = self._channel = None
        self._timers.pop(Timer.REPLY, None)
        self._events.append(AuthenticationFailed(text))

    def _forget_authentication(self) -> None:
        """A new session starts: nothing of the last one counts."""
        self._attempt = self._channel = None
        self.authenticated = False

    def _believes(self, frame: Frame) -> bool:
        """Whether a frame may be looked at: tagged as its session demands, and not seen before."""
        channel = self._channel
        if channel is None or frame.session != channel.session:
            fault = "bad_tag" if frame.tag else ""  # no key could have made it
        elif self.authenticated or frame.tag:
            fault = channel.fault(frame)
        else:
            fault = ""  # sent before the module had AUTH_FINISH
        if fault:
            self._fault(fault, "PMI §5", f"frame of type {frame.type:#04x} dropped: {fault}")
        return not fault

    def _rest(self) -> None:
        super()._rest()
        self._attempt = None
