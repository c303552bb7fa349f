"""The command channel of a running pole: hears requests, lets them be done, answers, writes down who asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from controller.acknowledging_client import RefusedError
from controller.commands import CORRELATION_MAX_B, Decision, Request, answer
from interfaces.allowance import Allowance
from interfaces.command import REQUEST_MAX_B, SIGNATURE, WHO, request_topic, signature
from interfaces.errors import PoleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from controller.acknowledging_client import AcknowledgingClient
    from controller.audit import Audit
    from controller.commands import Desk
    from controller.narrow_way import NarrowWay
    from interfaces.topics import Sender

WITHIN_S: Final = 20.0
WHO_MAX: Final = 64
DETAIL_MAX: Final = 300
EXPIRY_S: Final = 60
REFUSALS: Final = (20.0, 1 / 60)  # written down: so many at once, one a minute; the next line says how many were not
FRAME_B: Final = 120  # of an answer's packet beside payload, topic and correlation data


class CommandRoom:
    """`actions` do by name what a decision says; they raise PoleError with what went wrong. `report` is the log."""

    def __init__(
        self,
        sender: Sender,
        desk: Desk,
        key: str,
        actions: Mapping[str, Callable[[Any], Awaitable[Mapping[str, Any]]]],
        audit: Audit,
        *,
        utc_ns: Callable[[], int],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        self._sender, self._desk, self._key, self._actions, self._audit = sender, desk, key, actions, audit
        self._utc_ns, self._report = utc_ns, report
        self._refusals, self._passed_over = Allowance(*REFUSALS), 0

    def allow(self, names: frozenset[str]) -> None:
        """Let these commands be heard from now on."""
        self._desk.allow = names

    @property
    def counters(self) -> dict[str, int]:
        """Requests by outcome since the start."""
        return {f"commands_{outcome}": count for outcome, count in self._audit.counters.items()}

    async def serve(self, client: AcknowledgingClient, way: NarrowWay) -> None:
        """Hear requests until the connection is lost."""
        options = SubscribeOptions(qos=1, noLocal=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        for code in await client.subscribe(request_topic(self._sender, "+"), options=options):
            if getattr(code, "is_failure", False):
                self._report({"outcome": "deaf", "detail": f"the broker lets us hear no requests: {code}"})
        async with asyncio.TaskGroup() as group:
            async for message in client.messages:
                group.create_task(self._heed(client, way, _request(message)))

    async def _heed(self, client: AcknowledgingClient, way: NarrowWay, request: Request) -> None:
        decision = self._desk.decide(request, asyncio.get_running_loop().time(), self._utc_ns() / 1e9)
        if decision.asked is None:
            self._refused(request, decision)
            payload = answer(decision, error=decision.reason)
        else:
            self._note("accepted", request, decision, "")
            payload = await self._done(request, decision)
        if decision.answer_topic:
            with suppress(aiomqtt.MqttError, RefusedError):
                await self._say(client, way, decision, payload)

    async def _done(self, request: Request, decision: Decision) -> bytes:
        try:
            async with asyncio.timeout(WITHIN_S):
                data = await self._actions[decision.command](decision.asked)
        except (PoleError, TimeoutError) as error:
            words = str(error) or f"not done within {WITHIN_S:g} s"
        except Exception as error:  # noqa: BLE001 -- a request must not end the pole
            words = f"internal error: {type(error).__name__}: {error}"
        else:
            self._note("done", request, decision, "")
            return answer(decision, data)
        self._note("failed", request, decision, words)
        return answer(decision, error=words)

    async def _say(self, client: AcknowledgingClient, way: NarrowWay, decision: Decision, payload: bytes) -> None:
        size_b = len(payload) + len(decision.answer_topic.encode()) + FRAME_B
        if not way.fits(size_b):
            payload = answer(decision, error=f"the answer has {len(payload)} B, too much for the narrow uplink")
            size_b = len(payload) + len(decision.answer_topic.encode()) + FRAME_B
        await way.turn(size_b)
        made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        made.ContentType = "application/json"
        made.MessageExpiryInterval = EXPIRY_S
        if decision.correlation:
            made.CorrelationData = decision.correlation
        if self._key:
            made.UserProperty = [(SIGNATURE, signature(self._key, decision.answer_topic, payload))]
        await client.acknowledged(decision.answer_topic, payload, qos=1, retain=False, properties=made)

    def _refused(self, request: Request, decision: Decision) -> None:
        """Whoever may publish must not be able to push what was done out of the audit."""
        if self._refusals.take(asyncio.get_running_loop().time()):
            self._note("refused", request, decision, decision.reason, passed_over=self._passed_over)
            self._passed_over = 0
        else:
            self._passed_over += 1
            self._audit.counters["refused"] += 1

    def _note(self, outcome: str, request: Request, decision: Decision, detail: str, passed_over: int = 0) -> None:
        line = {
            "at": datetime.fromtimestamp(self._utc_ns() / 1e9, UTC).isoformat(timespec="milliseconds"),
            "command": decision.command,
            "who": request.who[:WHO_MAX],
            "signed": bool(self._key) and decision.asked is not None,
            "transaction": decision.transaction,
            "asked": decision.asked.model_dump(exclude={"nonce", "transaction", "time"}) if decision.asked else {},
            "detail": detail[:DETAIL_MAX],
            **({"passed_over": passed_over} if passed_over else {}),
        }
        trouble = self._audit.write(outcome, line)
        self._report({**line, "outcome": outcome, **({"audit": trouble} if trouble else {})})


def _request(message: aiomqtt.Message) -> Request:
    properties = message.properties
    told = dict(getattr(properties, "UserProperty", None) or ())
    return Request(
        str(message.topic),
        message.payload[: REQUEST_MAX_B + 1],
        told.get(SIGNATURE, ""),
        told.get(WHO, ""),
        bool(message.retain),
        getattr(properties, "ResponseTopic", ""),
        getattr(properties, "CorrelationData", b"")[: CORRELATION_MAX_B + 1],
    )
