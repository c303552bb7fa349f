"""What a broker carries, decoded by the topic table: the receiving side of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from controller.broker import Broker
from controller.broker_address import parse
from controller.broker_client import BrokerClient
from interfaces.topics import row_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@dataclass(frozen=True, slots=True)
class Received:
    """One publication; `message` is None when a retained one was cleared or the bytes are none of its topic."""

    topic: str
    kind: str
    message: Any
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON: topic, type and the message in protobuf's JSON mapping with the field names of the schema."""
        if self.error:
            return {"topic": self.topic, "type": self.kind, "error": self.error}
        decoded = MessageToDict(self.message, preserving_proto_field_name=True) if self.message is not None else None
        return {"topic": self.topic, "type": self.kind, "payload": decoded}


async def received(broker: Broker | str, root: str, filters: Sequence[str]) -> AsyncIterator[Received]:
    """Publications below `root` that match, without their JSON twins. `broker` may be an address on this machine.

    Raises MqttError with the broker, ConfigError for its address and files.
    """
    asked = Broker(parse(broker, "broker")) if isinstance(broker, str) else broker
    async with BrokerClient(asked, timeout=5) as client:
        for one in filters:
            await client.subscribe(f"{root}/{one}", qos=1)
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                found = decode(str(message.topic), message.payload, root)
                if found is not None:
                    yield found


def decode(topic: str, payload: bytes, root: str) -> Received | None:
    """One publication; None when it is a twin or none of ours."""
    found = row_of(topic, root)
    if found is None or found[1]:
        return None
    row = found[0]
    if not payload:
        return Received(topic, row.name, None)
    try:
        return Received(topic, row.name, row.message.FromString(payload))
    except DecodeError:
        return Received(topic, row.name, None, "not a message of this topic")
