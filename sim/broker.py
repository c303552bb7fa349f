"""A small MQTT 5 broker for laptops and tests: QoS 0 and 1, retain, will, expiry, wildcards, takeover."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import mqtt5

from interfaces.topics import matches
from sim.listening import stop_listening

if TYPE_CHECKING:
    from types import TracebackType

MAX_PACKET = 1 << 20
MAX_QUEUED = 1000  # packets a slow client may lag behind; the oldest are dropped and counted
CONNECT_WITHIN_S = 5.0


def valid_filter(pattern: str) -> bool:
    """Whether wildcards stand alone in their level and "#" only last."""
    levels = pattern.split("/")
    alone = all(level in {"+", "#"} or not set("+#") & set(level) for level in levels)
    return bool(pattern) and alone and "#" not in levels[:-1]


@dataclass(slots=True)
class _Stored:
    packet: mqtt5.PublishPacket
    expires_at: float | None


@dataclass(slots=True, eq=False)
class _Client:
    name: str
    writer: asyncio.StreamWriter
    will: mqtt5.Will | None
    keep_alive: int
    filters: dict[str, int] = field(default_factory=dict)
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(MAX_QUEUED))
    next_id: int = 0


class Broker:
    """`async with Broker("127.0.0.1") as broker:` listens; `broker.url` says where. A bad client is closed alone."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.dropped = 0
        self._clients: dict[str, _Client] = {}
        self._retained: dict[str, _Stored] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"mqtt://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            stop_listening(server)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._server is None:  # the broker closed while this one was being accepted
            writer.close()
            return
        self._tasks.add(task)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ValueError, TimeoutError):
            pass  # one client broke the protocol or its connection: only that client ends
        except asyncio.CancelledError:
            pass  # the broker closes
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            first = await _read(reader)
        if not isinstance(first, mqtt5.ConnectPacket):
            return
        name = first.client_id or f"auto-{id(writer):x}"
        client = _Client(name, writer, first.will, first.keep_alive)
        self._take_over(client)
        assigned = None if first.client_id else name
        _send(client, mqtt5.ConnAckPacket(assigned_client_id=assigned, max_packet_size=MAX_PACKET).write())
        sending = asyncio.create_task(_drain(client))
        try:
            await self._receive(client, reader)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            if self._clients.get(name) is client:
                del self._clients[name]
            self._speak_will(client)

    def _take_over(self, client: _Client) -> None:
        old = self._clients.get(client.name)
        if old:
            old.writer.close()
        self._clients[client.name] = client

    async def _receive(self, client: _Client, reader: asyncio.StreamReader) -> None:
        patience = client.keep_alive * 1.5 if client.keep_alive else None
        while True:
            async with asyncio.timeout(patience):
                packet = await _read(reader)
            if isinstance(packet, mqtt5.DisconnectPacket):
                if int(packet.reason_code) == 0:
                    client.will = None
                return
            self._handle(client, packet)

    def _handle(self, client: _Client, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            self._published(client, packet)
        elif isinstance(packet, mqtt5.SubscribePacket):
            self._subscribe(client, packet)
        elif isinstance(packet, mqtt5.UnsubscribePacket):
            gone = [client.filters.pop(pattern, None) is not None for pattern in packet.patterns]
            ok, none = mqtt5.UnsubAckReasonCode.SUCCESS, mqtt5.UnsubAckReasonCode.NO_SUBSCRIPTION_EXISTED
            _send(client, mqtt5.UnsubAckPacket(packet.packet_id, [ok if one else none for one in gone]).write())
        elif isinstance(packet, mqtt5.PingReqPacket):
            _send(client, mqtt5.PingRespPacket().write())
        elif not isinstance(packet, mqtt5.PubAckPacket):
            raise ValueError("packet not allowed here")

    def _published(self, client: _Client, packet: mqtt5.PublishPacket) -> None:
        if int(packet.qos) > 1 or not packet.topic or set("+#") & set(packet.topic):
            raise ValueError("QoS 2, topic aliases and wildcards in names are not served")
        self._spread(packet)
        if packet.packet_id is not None:
            _send(client, mqtt5.PubAckPacket(packet.packet_id).write())

    def _spread(self, packet: mqtt5.PublishPacket) -> None:
        if packet.retain and not packet.payload:
            self._retained.pop(packet.topic, None)
        elif packet.retain:
            expiry = packet.message_expiry_interval
            self._retained[packet.topic] = _Stored(packet, None if expiry is None else time.monotonic() + expiry)
        for client in list(self._clients.values()):
            granted = [qos for pattern, qos in client.filters.items() if matches(pattern, packet.topic)]
            if granted:
                self._deliver(client, packet, max(granted), retain=False)

    def _subscribe(self, client: _Client, packet: mqtt5.SubscribePacket) -> None:
        codes = []
        for one in packet.topic_filters:
            if not valid_filter(one.pattern):
                codes.append(mqtt5.SubAckReasonCode.TOPIC_FILTER_INVALID)
                continue
            client.filters[one.pattern] = qos = min(int(one.max_qos), 1)
            granted = mqtt5.SubAckReasonCode
            codes.append(granted.GRANTED_QOS_AT_LEAST_ONCE if qos else granted.GRANTED_QOS_AT_MOST_ONCE)
        _send(client, mqtt5.SubAckPacket(packet.packet_id, codes).write())
        for one in packet.topic_filters:
            if one.pattern in client.filters:
                self._send_retained(client, one.pattern)

    def _send_retained(self, client: _Client, pattern: str) -> None:
        now = time.monotonic()
        for topic, stored in list(self._retained.items()):
            if stored.expires_at is not None and stored.expires_at <= now:
                del self._retained[topic]
            elif matches(pattern, topic):
                left = None if stored.expires_at is None else int(stored.expires_at - now) + 1
                self._deliver(client, stored.packet, client.filters[pattern], retain=True, expiry=left)

    def _deliver(
        self, client: _Client, packet: mqtt5.PublishPacket, granted: int, *, retain: bool, expiry: int | None = None
    ) -> None:
        qos = min(int(packet.qos), granted)
        if qos:
            client.next_id = client.next_id % 65535 + 1
        out = mqtt5.PublishPacket(
            packet.topic,
            packet.payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE if qos else mqtt5.QoS.AT_MOST_ONCE,
            packet_id=client.next_id if qos else None,
            retain=retain,
            payload_format_indicator=packet.payload_format_indicator,
            message_expiry_interval=packet.message_expiry_interval if expiry is None else expiry,
            content_type=packet.content_type,
            response_topic=packet.response_topic,
            correlation_data=packet.correlation_data,
            user_properties=packet.user_properties,
        )
        self.dropped += _send(client, out.write())

    def _speak_will(self, client: _Client) -> None:
        will, client.will = client.will, None
        if will:
            self._spread(
                mqtt5.PublishPacket(
                    will.topic,
                    will.payload or b"",
                    retain=will.retain,
                    qos=mqtt5.QoS.AT_MOST_ONCE,
                    content_type=will.content_type,
                    message_expiry_interval=will.message_expiry_interval,
                    user_properties=will.user_properties,
                )
            )


def _send(client: _Client, data: bytes) -> int:
    dropped = 0
    if client.queue.full():
        client.queue.get_nowait()
        dropped = 1
    client.queue.put_nowait(data)
    return dropped


async def _drain(client: _Client) -> None:
    with contextlib.suppress(OSError):
        while True:
            client.writer.write(await client.queue.get())
            await client.writer.drain()


async def _read(reader: asyncio.StreamReader) -> mqtt5.Packet:
    head = bytearray(await reader.readexactly(2))
    while head[-1] & 0x80:
        if len(head) > 4:
            raise ValueError("remaining length has more than four bytes")
        head += await reader.readexactly(1)
    length = sum((byte & 0x7F) << 7 * index for index, byte in enumerate(head[1:]))
    if length > MAX_PACKET:
        raise ValueError("packet too large")
    whole = bytes(head) + await reader.readexactly(length)
    try:
        packet, used = mqtt5.read(memoryview(whole))
    except IndexError as error:
        raise ValueError("packet shorter than its fields") from error
    if used != len(whole):
        raise ValueError("packet longer than its fields")
    return packet
