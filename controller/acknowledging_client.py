"""An MQTT client whose `acknowledged` tells a refusal from a delivery: aiomqtt drops the reason code of a PUBACK."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS

from controller.broker_client import BrokerClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

WITHIN_S: Final = 10.0  # a broker silent for longer is taken for gone


class RefusedError(Exception):
    """The broker answered a publication with a reason code of failure (MQTT 5 §3.4.2.1)."""

    def __init__(self, topic: str, reason: ReasonCode) -> None:
        hint = "; its ACL does not let this client write there" if reason.value == 0x87 else ""
        super().__init__(f"refuses {topic}: {reason} (0x{reason.value:02X}){hint}")


class AcknowledgingClient(BrokerClient):
    """BrokerClient plus `acknowledged`; use no `publish` beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verdicts: dict[int, asyncio.Future[ReasonCode]] = {}
        self.topic_aliases_max = 0  # what the broker allows

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

    async def acknowledged(
        self, topic: str, payload: bytes, qos: int, retain: bool, properties: Properties, *, by_alias: bool = False
    ) -> None:
        """Return when handed on (QoS 0) or accepted (QoS 1); RefusedError or MqttError otherwise.

        `by_alias`: the topic's alias in `properties` was said before, so the topic itself need not be sent.
        """
        info = self._client.publish("" if by_alias else topic, payload, qos, retain, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        if not qos:
            return
        verdict = self._verdicts[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(WITHIN_S):
                reason = await verdict
        except TimeoutError:
            raise aiomqtt.MqttError(f"no answer to a publication within {WITHIN_S:g} s") from None
        finally:
            self._verdicts.pop(info.mid, None)
        if reason.is_failure:
            raise RefusedError(topic, reason)

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        self.topic_aliases_max = getattr(properties, "TopicAliasMaximum", 0)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        verdict = self._verdicts.get(mid)
        if verdict is not None and not verdict.done():
            verdict.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)
