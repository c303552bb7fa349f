"""The way over a narrow uplink: one packet after the other, as fast as the link takes them and no faster."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from typing import TYPE_CHECKING, Final

from controller.acknowledging_client import RefusedError
from controller.publication.narrow_form import narrow, row_of
from controller.publication.uplink import Sending, Uplink
from interfaces.cancellation import heed_cancellation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from controller.acknowledging_client import AcknowledgingClient
    from controller.outbox import Outbox
    from controller.publication.publication import Publication

PENDING: Final = 200  # events looked at; hazards that hold are always among them
LOOK_AGAIN_S: Final = 5.0
ASK_AGAIN_S: Final = 60.0  # how long an event the broker refused stays behind before it is offered again
PATIENT: Final = (  # a lost segment on a slow link must not cost the connection; probes cost bytes
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000),
)


class NarrowWay:
    """What the publisher uses instead of its own queues while `on`. `tell` gets what the broker refused."""

    def __init__(self, outbox: Outbox, *, utc_ns: Callable[[], int], tell: Callable[[str], None], tls: bool) -> None:
        self.uplink = Uplink(1.0, tls=tls)
        self.on = False  # whether the uplink is narrow
        self.turned = asyncio.Event()  # on or off
        self._outbox, self._utc_ns, self._tell = outbox, utc_ns, tell
        self._news = asyncio.Event()
        self._looked_at = self._asked_at = 0.0

    @property
    def words(self) -> str:
        """For the pole's status; empty while off."""
        return f"narrow uplink: {self.uplink.bytes_per_s:,.0f} B/s, objects thinned" if self.on else ""

    @property
    def counters(self) -> dict[str, int]:
        """What was sent, thinned, left out and dropped since the start, by kind; empty while nothing was."""
        return {f"uplink_{name}": count for name, count in self.uplink.counters.items() if count}

    def set_budget(self, bytes_per_s: float) -> None:
        """Bytes a second from now on; 0: the uplink is not narrow."""
        was, self.on = self.on, bytes_per_s > 0
        if self.on:  # what still runs when it is turned off goes on with the budget it had
            self.uplink.bytes_per_s = bytes_per_s
        if was != self.on:
            self.turned.set()

    def short(self, one: Publication) -> Publication:
        """A publication as it is sent now."""
        row = row_of(one)
        return narrow(one, row) if self.on and row is not None else one

    def fits(self, packet_b: int) -> bool:
        """Whether a packet of somebody else does not take the link for too long."""
        return not self.on or self.uplink.fits(packet_b)

    async def turn(self, packet_b: int) -> None:
        """Wait until a packet of somebody else may leave, and count it."""
        while self.on and (busy_s := self.uplink.busy_s(_now())) > 0:  # noqa: ASYNC110 -- how long is known
            await asyncio.sleep(busy_s)
        if self.on:
            self.uplink.charge(packet_b, _now(), qos=1)

    def offer(self, one: Publication) -> None:
        """The newest of its topic is sent when its turn comes."""
        self.uplink.offer(one, _now())
        self._news.set()

    def wants(self, one: Publication) -> bool:
        """Whether an event is to be stored."""
        return self.uplink.wants(one, _now())

    def kept(self) -> None:
        """Something was stored."""
        self._looked_at = 0.0
        self._news.set()

    async def run(
        self,
        client: AcknowledgingClient,
        greeting: Iterable[Publication],
        send: Callable[[AcknowledgingClient, Sending], Awaitable[None]],
    ) -> None:
        """Serve one connection until cancelled or lost; `send` returns when the broker has answered."""
        self.uplink.connected(_now(), client.topic_aliases_max)
        client.set_socket_options(PATIENT)
        self._looked_at, self._asked_at = 0.0, _now()
        for one in greeting:
            self.uplink.offer(one, _now())
        async with asyncio.TaskGroup() as group:
            while True:
                heed_cancellation()
                self._news.clear()
                await self._look()
                found = self.uplink.next(_now(), self._utc_ns(), _unsent_b(client.fileno()))
                if isinstance(found, Sending):
                    group.create_task(self._deliver(client, found, send))
                    await asyncio.sleep(0)  # it goes to the socket before the next is chosen
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(found):
                        await self._news.wait()

    async def _look(self) -> None:
        now = _now()
        if self._looked_at and now - self._looked_at < LOOK_AGAIN_S:
            return
        self._looked_at = now
        if now - self._asked_at > ASK_AGAIN_S:
            self._asked_at = now
            await self._outbox.ask_again()
        stored = [(one.seq, one.publication) for one in await self._outbox.pending(PENDING)]
        useless = self.uplink.pending(stored, self._utc_ns())
        if useless:
            await self._outbox.forget(*useless)
            self._looked_at = 0.0 if len(stored) == PENDING else now

    async def _deliver(
        self,
        client: AcknowledgingClient,
        one: Sending,
        send: Callable[[AcknowledgingClient, Sending], Awaitable[None]],
    ) -> None:
        try:
            await send(client, one)
            if one.seq is not None:
                await self._outbox.done(one.seq)
        except RefusedError as refusal:
            self._tell(str(refusal))
            if one.seq is not None:
                await self._outbox.refuse(one.seq)
        finally:
            if one.seq is not None:
                self.uplink.landed(one.seq)
                self.kept()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _unsent_b(fileno: int) -> int:
    """Bytes in the socket that the other end has not confirmed (SIOCOUTQ); 0 where that is not known."""
    if fileno < 0:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(fileno, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 0
