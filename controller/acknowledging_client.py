"""An MQTT client whose `acknowledged` tells a refusal from a delivery: aiomqtt drops the reason code of a PUBACK."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS

from controller.broker_client import BrokerClient

if TYPE_CHECKING:
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

    async def acknowledged(self, topic: str, payload: bytes, qos: int, retain: bool, properties: Properties) -> None:
        """Return when handed on (QoS 0) or accepted (QoS 1); RefusedError or MqttError otherwise."""
        info = self._client.publish(topic, payload, qos, retain, properties)
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

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        verdict = self._verdicts.get(mid)
        if verdict is not None and not verdict.done():
            verdict.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)
