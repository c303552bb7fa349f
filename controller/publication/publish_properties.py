"""What stands beside the payload in a PUBLISH of MQTT 5 (§3.3.2.3), packed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paho.mqtt.properties import Properties

from controller.publication.varint import varint

if TYPE_CHECKING:
    from controller.publication.publication import Publication

MESSAGE_EXPIRY, CONTENT_TYPE, TOPIC_ALIAS, USER_PROPERTY = (bytes([number]) for number in (2, 3, 35, 38))
EXPIRY_LEAST_S: Final = 1


class PublishProperties(Properties):
    """In paho's place: its own properties look every name up among all names, several times a publication."""

    def __init__(self, one: Publication, expiry_s: float | None, alias: int = 0) -> None:
        object.__setattr__(self, "_packed", packed(one, expiry_s, alias))

    def pack(self) -> bytes:
        """As they go on the wire, with their length."""
        told: bytes = object.__getattribute__(self, "_packed")
        return told

    def __str__(self) -> str:
        return self.pack().hex()


def packed(one: Publication, expiry_s: float | None, alias: int = 0) -> bytes:
    """Expiry in whole seconds, at least one; None for none, as is alias 0 and an empty content type."""
    pieces: list[bytes] = []
    if expiry_s is not None:
        pieces += MESSAGE_EXPIRY, max(EXPIRY_LEAST_S, round(expiry_s)).to_bytes(4)
    if one.content_type:
        pieces += CONTENT_TYPE, *_text(one.content_type)
    if alias:
        pieces += TOPIC_ALIAS, alias.to_bytes(2)
    for name, value in one.user_properties:
        pieces += USER_PROPERTY, *_text(name), *_text(value)
    told = b"".join(pieces)
    return varint(len(told)) + told


def _text(words: str) -> tuple[bytes, bytes]:
    """Its size and itself."""
    encoded = words.encode()
    return len(encoded).to_bytes(2), encoded
