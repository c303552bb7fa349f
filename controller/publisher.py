"""The way to the broker: connect for ever, say the state first, then events from the outbox, newest objects only."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller import broker
from controller.acknowledging_client import AcknowledgingClient, RefusedError
from controller.broker_client import SOCKET_OPTIONS
from controller.certificate_watch import CertificateWatch
from controller.event_way import EventWay
from controller.narrow_way import NarrowWay
from controller.publication.publication import NS_PER_S, Publication
from controller.publication.publish_properties import PublishProperties, packed
from interfaces.cancellation import heed_cancellation
from interfaces.errors import ConfigError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.command_room import CommandRoom
    from controller.config import Mqtt
    from controller.outbox import Outbox, Stored
    from controller.publication.uplink import Sending

BACK_OFF_S = (0.25, 10.0)


class Publisher:
    """Owns the one connection. `greeting` gives status, profile and slots anew at each connection, `will` the will,
    `farewell` what takes the will's place when we stop on purpose, and its twin.

    `report` gets one readable line at each change of the connection's fate; nothing the broker does raises.
    """

    def __init__(
        self,
        mqtt: Mqtt,
        client_id: str,
        outbox: Outbox,
        *,
        utc_ns: Callable[[], int],
        greeting: Callable[[], Iterable[Publication]],
        will: Callable[[], Publication],
        farewell: Callable[[], tuple[Publication, ...]] | None = None,
        report: Callable[[str], None],
    ) -> None:
        self.connected = asyncio.Event()
        self.lags_s: deque[float] = deque(maxlen=1000)  # newest module message → handed to the socket
        self.sent = 0
        self.refused = 0  # answers of the broker that were no: its ACL, a quota, a limit
        self.unkept = 0  # events the disk did not take, said at once or never
        self.overtaken = 0  # publications replaced by a newer one of their topic before they were sent
        self._broker = broker.of(mqtt)
        self.certificates = CertificateWatch(self._broker, mqtt.certificate_warning_days, utc_ns=utc_ns, report=report)
        self.events = EventWay(outbox, tell=self._refused)
        self.narrow = NarrowWay(outbox, utc_ns=utc_ns, tell=self._refused, tls=self._broker.address.tls)
        self._mqtt, self._client_id, self._outbox = mqtt, mqtt.client_id or client_id, outbox
        self._utc_ns, self._greeting, self._will, self._report = utc_ns, greeting, will, report
        self._farewell = farewell or (lambda: (will(),))
        self.commands: CommandRoom | None = None
        self._newest: tuple[dict[str, tuple[Publication, int]], ...] = ({}, {})  # by QoS, then stream
        self._fresh = (asyncio.Event(), asyncio.Event())
        self._wide: AcknowledgingClient | None = None  # takes what is offered
        self._fate = ""

    @property
    def heard(self) -> bool:
        """Whether what is offered now reaches the broker whole: connected, and not over a narrow uplink."""
        return self.connected.is_set() and not self.narrow.on

    @property
    def counters(self) -> dict[str, int]:
        """What did not go its usual way since the start, by kind; empty while all did."""
        told = {
            "publisher_refused": self.refused,
            "publisher_overtaken": self.overtaken,
            "outbox_dropped": self._outbox.dropped,
            "outbox_cut_short": self._outbox.cut_short,
            "outbox_unkept": self.unkept,
        }
        return {name: count for name, count in told.items() if count} | self.narrow.counters

    def offer(self, publication: Publication, measured_at_ns: int = 0, stream: str = "") -> None:
        """Send at once, or when the socket has room again; a newer one of the same stream, its topic unless named,
        replaces it until then. Dropped while there is no connection."""
        if not self.connected.is_set():
            return
        if self.narrow.on:
            self.narrow.offer(publication)
            return
        waiting = self._newest[publication.qos]
        if not publication.qos and not waiting and self._wide is not None and self._wide.has_room:
            self._say_now(self._wide, publication, measured_at_ns)
            return
        self.overtaken += (stream or publication.topic) in waiting
        waiting[stream or publication.topic] = publication, measured_at_ns
        self._fresh[publication.qos].set()

    async def keep(self, publication: Publication) -> bool:
        """Store an event; when true it outlives power loss and is sent until the broker acknowledges it.

        What the disk does not take is said at once, when there is a connection; a narrow uplink does not want all.
        """
        if self.narrow.on and not self.narrow.wants(publication):
            return False
        try:
            await self._outbox.put(publication)
        except DeliveryError as error:
            self.unkept += 1
            self._tell(str(error))
            self.offer(publication, stream=publication.key)
            return False
        self.narrow.kept()
        return True

    async def run(self) -> None:
        """Connect, publish, reconnect; ends only when cancelled."""
        delay = BACK_OFF_S[0]
        while True:
            try:
                await self._connection()
            except* (aiomqtt.MqttError, ConfigError, OSError, ValueError, DeliveryError, sqlite3.Error) as errors:
                delay = BACK_OFF_S[0] if self.connected.is_set() else min(delay * 2, BACK_OFF_S[1])
                self._tell(f"broker {self._mqtt.url}: {_first(errors)}; trying again")
            finally:
                self.connected.clear()
            heed_cancellation()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _connection(self) -> None:
        will = self.narrow.short(self._will())
        async with AcknowledgingClient(
            self._broker,
            lived=self._outbox.lived,
            identifier=self._client_id,
            keepalive=self._mqtt.keepalive_s,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain, _will_properties(will)),
        ) as client:
            self._tell(f"broker {self._mqtt.url}: connected")
            self.certificates.seen(client.server_certificate())
            await self.events.connected()
            try:
                await self._serve(client)
            except BaseExceptionGroup:
                await self.events.ended(client.ended_by)
                raise
            except asyncio.CancelledError:
                # a broker drops the will of a client that leaves in good order
                said = self._farewell()
                for last in said[:1] if self.narrow.on else said:
                    with contextlib.suppress(aiomqtt.MqttError, asyncio.CancelledError):
                        await self._say(client, self.narrow.short(last))
                raise

    async def _serve(self, client: AcknowledgingClient) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.commands.serve(client, self.narrow) if self.commands else _until_lost(client))
            while True:
                self.narrow.turned.clear()
                way = group.create_task(self._over_narrow(client) if self.narrow.on else self._over_wide(client))
                await self.narrow.turned.wait()
                way.cancel()
                await asyncio.wait([way])

    async def _over_narrow(self, client: AcknowledgingClient) -> None:
        await self.events.ask_again()
        self.connected.set()
        await self.narrow.run(client, self._greeting(), self._send_short)

    async def _over_wide(self, client: AcknowledgingClient) -> None:
        client.set_socket_options(SOCKET_OPTIONS)
        for waiting in self._newest:
            waiting.clear()
        for one in self._greeting():
            await self._say(client, one)
        self.connected.set()
        self._wide = client
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stream(client, 0))
                group.create_task(self._stream(client, 1))
                group.create_task(self.events.run(partial(self._event, client)))
        finally:
            self._wide = None

    async def _stream(self, client: AcknowledgingClient, qos: int) -> None:
        while True:
            await self._fresh[qos].wait()
            self._fresh[qos].clear()
            while self._newest[qos]:
                stream = next(iter(self._newest[qos]))
                publication, measured_at_ns = self._newest[qos].pop(stream)
                self._lag(measured_at_ns)
                await self._say(client, publication)

    async def _event(self, client: AcknowledgingClient, stored: Stored) -> None:
        one = stored.publication
        left_s = one.left_s(self._utc_ns())  # 0: no expiry tells consumers that it comes late and is over
        await self._send(client, one, left_s or None, retain=one.retain and left_s != 0)

    async def _say(self, client: AcknowledgingClient, one: Publication) -> None:
        """Send what is not stored; a refusal is told and the rest goes on."""
        try:
            await self._send(client, one, one.expiry_s, retain=one.retain)
        except RefusedError as refusal:
            self._refused(str(refusal))

    def _say_now(self, client: AcknowledgingClient, one: Publication, measured_at_ns: int) -> None:
        self._lag(measured_at_ns)
        try:
            client.say(one.topic, one.payload, one.retain, packed(one, one.expiry_s))
        except RefusedError as refusal:
            self._refused(str(refusal))
        except aiomqtt.MqttError:  # who waits for the end of the connection says so
            return
        else:
            self.sent += 1

    def _lag(self, measured_at_ns: int) -> None:
        if measured_at_ns:
            self.lags_s.append((self._utc_ns() - measured_at_ns) / NS_PER_S)

    async def _send_short(self, client: AcknowledgingClient, one: Sending) -> None:
        short = one.publication
        with self.events.in_flight(one.seq, short.topic) if one.seq is not None else contextlib.nullcontext():
            await self._send(client, short, one.expiry_s, retain=short.retain, alias=one.alias, by_alias=not one.topic)

    async def _send(
        self,
        client: AcknowledgingClient,
        one: Publication,
        expiry_s: float | None,
        *,
        retain: bool,
        alias: int = 0,
        by_alias: bool = False,
    ) -> None:
        properties = PublishProperties(one, expiry_s, alias)
        await client.acknowledged(one.topic, one.payload, one.qos, retain, properties, by_alias=by_alias)
        self.sent += 1
        heed_cancellation()

    def _refused(self, refusal: str) -> None:
        self.refused += 1
        self._tell(f"broker {self._mqtt.url}: {refusal}")

    def _tell(self, fate: str) -> None:
        if fate != self._fate:
            self._fate = fate
            self._report(fate)


async def _until_lost(client: aiomqtt.Client) -> None:
    async for _ in client.messages:
        pass


def _will_properties(one: Publication) -> Properties:
    made = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    if one.content_type:
        made.ContentType = one.content_type
    made.UserProperty = list(one.user_properties)
    return made


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
