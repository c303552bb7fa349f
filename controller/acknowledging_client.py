"""An MQTT client whose `acknowledged` tells a refusal from a delivery: aiomqtt drops the reason code of a PUBACK."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.client import MQTT_ERR_NO_CONN, MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from controller.broker_client import BrokerClient
from controller.publication.packet_size import length_b
from controller.publication.publish_packet import PUBLISH, publish_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paho.mqtt.properties import Properties

WITHIN_S: Final = 10.0  # a broker silent for longer is taken for gone


PACKET_MAX_B: Final = 268_435_460  # MQTT 5 §2.1.4, unless the broker takes less (§3.2.2.3.6)


class RefusedError(Exception):
    """The broker takes no such publication: its PUBACK says so (MQTT 5 §3.4.2.1), or its CONNACK said so before."""

    def __init__(self, topic: str, reason: ReasonCode, why: str = "") -> None:
        hint = "; its ACL does not let this client write there" if reason.value == 0x87 else why
        super().__init__(f"refuses {topic}: {reason} (0x{reason.value:02X}){hint}")


class AcknowledgingClient(BrokerClient):
    """BrokerClient plus `acknowledged`; use no `publish` beside it.

    `lived` gets the time of the event loop when something was said, as soon as the broker has answered to it.
    """

    def __init__(self, *args: Any, lived: Callable[[float], None] = lambda _: None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verdicts: dict[int, asyncio.Future[ReasonCode]] = {}
        self._lived, self._lived_at = lived, 0.0
        self._packet_max_b = PACKET_MAX_B
        self.topic_aliases_max = 0  # what the broker allows
        self.ended_by: ReasonCode | None = None  # why there is no connection any more
        self._room = asyncio.Event()  # the socket has taken all that was said
        self._room.set()

    def fileno(self) -> int:
        """Of the connection's socket, -1 without one."""
        connection = self._client.socket()
        return connection.fileno() if connection is not None else -1

    def set_socket_options(self, options: Iterable[tuple[int, int, int]]) -> None:
        """Change the socket of the open connection."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            for option in options:
                connection.setsockopt(*option)

    @property
    def has_room(self) -> bool:
        """Whether the socket has taken all that was said."""
        return self._room.is_set()

    def say(self, topic: str, payload: bytes, retain: bool, properties: bytes, *, by_alias: bool = False) -> None:
        """Hand it to the socket (QoS 0), as far as that takes it at once: RefusedError or MqttError otherwise.

        `properties` are packed, with their length. Nobody answers to it: paho's own way, made for answers and threads,
        costs several times as much.
        """
        connection = self._client.socket()
        if connection is None:
            raise aiomqtt.MqttCodeError(MQTT_ERR_NO_CONN, "Could not publish message")
        packet = publish_packet("" if by_alias else topic, payload, properties, retain=retain)
        self._check_size(topic, len(packet))
        taken = 0
        if self.has_room:
            with contextlib.suppress(OSError, ValueError):  # no room, or no connection any more: paho finds out which
                taken = connection.send(packet)
        if taken < len(packet):
            answered = 1  # paho calls back for what has QoS 0
            self._client._packet_queue(PUBLISH, packet[taken:], 0, answered)  # noqa: SLF001 - it has no public way

    async def acknowledged(
        self, topic: str, payload: bytes, qos: int, retain: bool, properties: Properties, *, by_alias: bool = False
    ) -> None:
        """Return when the socket has taken it (QoS 0) or the broker accepted it (QoS 1); RefusedError or MqttError
        otherwise.

        `by_alias`: the topic's alias in `properties` was said before, so the topic itself need not be sent.
        """
        if not qos:
            self.say(topic, payload, retain, _packed(properties), by_alias=by_alias)
            await self._room.wait()
            return
        said_as = "" if by_alias else topic
        said_at = asyncio.get_running_loop().time()
        self._check_size(topic, _packet_b(said_as, payload, qos, properties))
        info = self._client.publish(said_as, payload, qos, retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        verdict = self._verdicts[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(WITHIN_S):
                reason = await verdict
        except TimeoutError:
            if self._lived_at > said_at:  # answers come in order (MQTT 5 §4.6): there will be none
                reason = ReasonCode(PacketTypes.PUBACK, "Unspecified error")
                raise RefusedError(topic, reason, ": it answers to what was said later, not to this") from None
            raise aiomqtt.MqttError(f"no answer to a publication within {WITHIN_S:g} s") from None
        finally:
            self._verdicts.pop(info.mid, None)
        self._lived_at = max(self._lived_at, said_at)
        self._lived(said_at)
        if reason.is_failure:
            raise RefusedError(topic, reason)

    def _check_size(self, topic: str, packet_b: int) -> None:
        if packet_b > self._packet_max_b:
            reason = ReasonCode(PacketTypes.DISCONNECT, "Packet too large")
            raise RefusedError(topic, reason, f": {packet_b} B, it takes {self._packet_max_b}")

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        """Write at once; the event loop gets only what the socket does not take."""
        if self._connected.done():  # before, a thread speaks
            client.loop_write()
            if not client.want_write() or client.socket() is not sock:
                return
            self._room.clear()
        super()._on_socket_register_write(client, userdata, sock)

    def _on_socket_unregister_write(self, client: Any, userdata: Any, sock: Any) -> None:
        super()._on_socket_unregister_write(client, userdata, sock)
        self._room.set()

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        self.topic_aliases_max = getattr(properties, "TopicAliasMaximum", 0)
        self._packet_max_b = getattr(properties, "MaximumPacketSize", PACKET_MAX_B)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        verdict = self._verdicts.get(mid)
        if verdict is not None and not verdict.done():
            verdict.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(self, *arguments: Any, **named: Any) -> None:
        self.ended_by = self.ended_by or next((one for one in arguments if isinstance(one, ReasonCode)), None)
        super()._on_disconnect(*arguments, **named)


def _packet_b(topic: str, payload: bytes, qos: int, properties: Properties) -> int:
    """Bytes of the PUBLISH packet (MQTT 5 §3.3)."""
    rest = 2 + len(topic.encode()) + 2 * (qos > 0) + len(_packed(properties)) + len(payload)
    return 1 + length_b(rest) + rest


def _packed(properties: Properties) -> bytes:
    return bytes(properties.pack())  # type: ignore[no-untyped-call]  # paho leaves it untyped
