"""The way of events from the outbox to the broker over a full uplink: live hazards first, what was refused aside."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from controller.acknowledging_client import RefusedError
from interfaces.cancellation import heed_cancellation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from paho.mqtt.reasoncodes import ReasonCode

    from controller.outbox import Outbox, Stored

BATCH: Final = 20  # events in flight; a live hazard waits for at most one batch
PAUSE_S: Final = 0.02  # after a batch without a live hazard: at most 1,000 old events a second
ASK_AGAIN_S: Final = 60.0  # how long an event the broker refused stays behind before it is offered again
LOOK_AGAIN_S: Final = 5.0  # for what may be forgotten or offered again
BLAMES: Final = frozenset({0x81, 0x82, 0x90, 0x95, 0x99, 0x9A, 0x9B})  # the broker hangs up at a packet (MQTT 5 §4.13)


class EventWay:
    """Serves one connection after the other. `tell` gets what the broker refused."""

    def __init__(self, outbox: Outbox, *, tell: Callable[[str], None]) -> None:
        self._outbox, self._tell = outbox, tell
        self._in_flight: dict[int, str] = {}  # topics of events without an answer, the oldest first
        self._answered: list[int] = []  # of the batch on its way
        self._blamed = 0  # the event at which the connection before ended
        self._asked_at = -ASK_AGAIN_S

    async def connected(self) -> None:
        """A new connection: what the broker may have forgotten waits again, nothing is on its way."""
        await self._note_answers()
        await self._outbox.send_again()
        self._in_flight.clear()

    async def ended(self, reason: ReasonCode | None) -> None:
        """The connection is lost. A broker that hung up at the same event twice is offered the others first.

        It answers in order (MQTT 5 §4.6), so it hung up at the oldest event without an answer.
        """
        seq, topic = next(iter(self._in_flight.items()), (0, ""))
        if reason is None or reason.value not in BLAMES or not seq:
            return
        if seq == self._blamed:
            await self._outbox.refuse(seq)
            self._tell(f"hangs up at {topic}: {reason} (0x{reason.value:02X}); the event stays in the outbox")
        self._blamed = seq

    @contextlib.contextmanager
    def in_flight(self, seq: int, topic: str) -> Iterator[None]:
        """From saying an event until the broker answers."""
        self._in_flight[seq] = topic
        try:
            yield
        except RefusedError:
            self._in_flight.pop(seq, None)
            raise
        self._in_flight.pop(seq, None)

    async def ask_again(self) -> None:
        """What was refused has another chance, once in a while; not at each connection, it may be what ends them."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= ASK_AGAIN_S:
            self._asked_at = now
            await self._outbox.ask_again()

    async def run(self, send: Callable[[Stored], Awaitable[None]]) -> None:
        """Serve one connection until cancelled or lost; `send` returns when the broker has answered."""
        now, looks_at = asyncio.get_running_loop().time, 0.0
        while True:
            heed_cancellation()
            await self.ask_again()
            if looks := now() >= looks_at:
                looks_at = now() + LOOK_AGAIN_S
            batch = await (self._outbox.pending(BATCH) if looks else self._outbox.coming(BATCH, looks_at - now()))
            if len(batch) == BATCH or not (batch or looks):
                looks_at = now()  # there may be more; nothing came in time
            if not batch:
                continue
            await self._say(batch, send)
            if not batch[0].publication.urgent:
                await asyncio.sleep(PAUSE_S)

    async def _say(self, batch: list[Stored], send: Callable[[Stored], Awaitable[None]]) -> None:
        outcomes = await asyncio.gather(*(self._one(one, send) for one in batch), return_exceptions=True)
        refused = [one.seq for one, bad in zip(batch, outcomes, strict=True) if isinstance(bad, RefusedError)]
        if refused:
            await self._outbox.refuse(*refused)
        await self._note_answers()
        for bad in outcomes:
            if isinstance(bad, RefusedError):
                self._tell(f"{bad}; the event stays in the outbox")
            elif bad is not None:
                raise bad

    async def _one(self, one: Stored, send: Callable[[Stored], Awaitable[None]]) -> None:
        with self.in_flight(one.seq, one.publication.topic):
            await send(one)
        self._answered.append(one.seq)

    async def _note_answers(self) -> None:
        answered, self._answered = self._answered, []
        if answered:
            await self._outbox.done(*answered)
