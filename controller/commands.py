"""Which requests are heard: bytes in, a decision out. Pure; `now` is a steady clock in s, `utc_s` the time of day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interfaces.allowance import Allowance
from interfaces.command import COMMANDS, REQUEST_MAX_B, WINDOW_S, is_signed, request_topic, response_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from controller.config import Commands
    from interfaces.topics import Sender

BURST, RATE_HZ = 10.0, 2.0
NONCES_MAX: Final = 1000
TOPIC_MAX_B: Final = 256
CORRELATION_MAX_B: Final = 128
_CHANGES: Final = {one.name for one in COMMANDS if one.changes}


class _Asked(BaseModel):
    """What every request may carry; `time` is UTC in s since 1970."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    transaction: Annotated[str, Field(max_length=64)] | int = ""
    time: Annotated[float, Field(ge=0, le=1e11)] = 0.0
    nonce: Annotated[str, Field(max_length=64)] = ""


class Status(_Asked):
    """No parameter."""


class Identify(_Asked):
    """Which slot, and how long its module shows itself."""

    slot: Annotated[str, Field(min_length=1, max_length=64)]
    seconds: Annotated[int, Field(ge=1, le=600)] = 10


class SelfTest(_Asked):
    """Which slot; empty: every one that serves."""

    slot: Annotated[str, Field(max_length=64)] = ""


class Reload(_Asked):
    """No parameter."""


class LogLevel(_Asked):
    """From here on."""

    level: Literal["debug", "info", "warning", "error"]


class SetUplink(_Asked):
    """Until the next start or reload; `bytes_per_s` 0: no bound of ours, left out: as it is."""

    mode: Literal["auto", "full", "narrow"]
    bytes_per_s: Annotated[float, Field(ge=0, le=1e9)] | None = None


MODELS: Final[Mapping[str, type[_Asked]]] = MappingProxyType(
    {
        "status": Status,
        "identify": Identify,
        "self_test": SelfTest,
        "reload": Reload,
        "log_level": LogLevel,
        "uplink": SetUplink,
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """As it came from the broker; `signature` and `who` are user properties, "" without."""

    topic: str
    payload: bytes
    signature: str = ""
    who: str = ""
    retained: bool = False
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request. `asked` None: refused for `reason`; `answer_topic` empty: without an answer."""

    command: str
    answer_topic: str
    correlation: bytes
    transaction: str | int
    asked: _Asked | None
    reason: str = ""


class Desk:
    """Hears the requests to one pole. Without a `key` nothing that changes is allowed, whatever `allow` says.

    A nonce counts once within the window; what is older than the daemon's start (`since_s`, UTC) does not count, as
    the nonces before it are forgotten.
    """

    def __init__(self, sender: Sender, allow: frozenset[str], key: str, since_s: float) -> None:
        self.allow, self._key, self._since_s = allow, key, since_s
        self._requests = request_topic(sender, "")
        self._responses = response_topic(sender, "")
        self._allowance = Allowance(BURST, RATE_HZ)
        self._nonces: dict[str, float] = {}

    def decide(self, request: Request, now: float, utc_s: float) -> Decision:
        """Never raises; a flood is not answered."""
        command = request.topic.removeprefix(self._requests)[:32]
        if not self._allowance.take(now):
            return Decision(command, "", b"", "", None, "too many requests: two a second, ten at once")
        topic = request.response_topic or self._responses + command
        if not self._may_answer(topic):
            topic = self._responses + command if command in MODELS else ""
        values, reason = self._read(request, command)
        transaction = values.get("transaction", "") if isinstance(values, dict) else ""
        if not isinstance(transaction, str | int) or len(str(transaction)) > 64:
            transaction = ""
        asked = None
        if not reason:
            asked, reason = self._asked(command, values)
        if asked is not None:
            reason = self._distrust(request, command, asked, utc_s)
        correlation = request.correlation if len(request.correlation) <= CORRELATION_MAX_B else b""
        return Decision(command, topic, correlation, transaction, None if reason else asked, reason)

    def _may_answer(self, topic: str) -> bool:
        """Below our own responses only: nobody makes the pole speak elsewhere."""
        below = topic.startswith(self._responses) and len(topic) > len(self._responses)
        return below and len(topic.encode()) <= TOPIC_MAX_B and not set(topic) & set("+#\0")

    def _read(self, request: Request, command: str) -> tuple[Any, str]:
        if request.retained:
            return None, "retained requests are not heard"
        if command not in MODELS:
            return None, f"no such command; known: {', '.join(MODELS)}"
        if len(request.payload) > REQUEST_MAX_B:
            return None, f"{len(request.payload)} B; a request has at most {REQUEST_MAX_B} B"
        try:
            text = request.payload.decode("utf-8") or "{}"
            values = json.loads(text, parse_constant=_no_number)
        except UnicodeDecodeError:
            return None, "is not UTF-8"
        except (ValueError, RecursionError) as error:
            return None, f"is no JSON: {error}"
        return (values, "") if isinstance(values, dict) else (None, "is no JSON object")

    def _asked(self, command: str, values: dict[str, Any]) -> tuple[_Asked | None, str]:
        if command not in self.allow:
            return None, f"{command} is not allowed here (commands.allow in pole.toml)"
        try:
            return MODELS[command].model_validate(values), ""
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return None, f"{'.'.join(map(str, first['loc']))[:80]}: {first['msg']}"

    def _distrust(self, request: Request, command: str, asked: _Asked, utc_s: float) -> str:
        """Why a request is not believed; empty when it is."""
        if not self._key:
            return "needs a signature, and this pole has no key (commands.key_file)" if command in _CHANGES else ""
        if not is_signed(self._key, request.topic, request.payload, request.signature):
            return "the signature is missing or wrong (user property hmac)"
        if abs(asked.time - utc_s) > WINDOW_S:
            return f"its time is {asked.time - utc_s:+.0f} s from the pole's; at most {WINDOW_S:.0f} s are allowed"
        if asked.time < self._since_s:
            return "it is older than the pole's start; send it again"
        self._nonces = {nonce: at for nonce, at in self._nonces.items() if abs(at - utc_s) <= 2 * WINDOW_S}
        if len(asked.nonce) < 8:
            return "nonce: needs at least 8 characters"
        if asked.nonce in self._nonces or len(self._nonces) >= NONCES_MAX:
            return "this request was heard before (nonce)"
        self._nonces[asked.nonce] = utc_s
        return ""


def faults(section: Commands) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, text) of every contradiction in [commands]."""
    unsigned = [name for name in section.allow if name in _CHANGES]
    if section.on and unsigned and not section.key_file:
        yield ("key_file",), f"is needed: {', '.join(unsigned)} must be signed; without it allow only status"


def answer(decision: Decision, data: Mapping[str, Any] | None = None, error: str = "") -> bytes:
    """The payload of a response."""
    said: dict[str, Any] = {"status": "error", "error": error} if error else {"status": "ok", "data": data or {}}
    if decision.transaction != "":
        said["transaction"] = decision.transaction
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number here")
