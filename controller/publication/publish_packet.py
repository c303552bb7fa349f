"""A PUBLISH of MQTT 5 (§3.3) of QoS 0 as it goes on the wire."""

from __future__ import annotations

from typing import Final

from controller.publication.varint import varint

PUBLISH: Final = 0x30
RETAIN: Final = 0x01


def publish_packet(topic: str, payload: bytes, properties: bytes, *, retain: bool) -> bytes:
    """Nobody answers to it, so it has no number. `properties` are packed, with their length."""
    name = topic.encode()
    length = varint(2 + len(name) + len(properties) + len(payload))
    return b"".join((bytes([PUBLISH | RETAIN * retain]), length, len(name).to_bytes(2), name, properties, payload))
