"""What a publication costs the link in bytes, from the application down to IP."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from controller.publication.publication import Publication

SEGMENT_B: Final = 52  # IPv4 20, TCP 20 and its time stamps 12
PAYLOAD_MAX_B: Final = 1448  # of one segment on a path of 1500 B
TLS_RECORD_B: Final = 22  # header 5, content type 1, tag 16 (TLS 1.3)
ACKNOWLEDGEMENT_B: Final = SEGMENT_B  # our segment that confirms the broker's PUBACK


def packet_b(one: Publication, topic_b: int, *, alias: bool, expires: bool) -> int:
    """Bytes of the MQTT 5 PUBLISH packet (§3.3); `topic_b` of its topic as sent, 0 when an alias stands for it."""
    properties = 3 * alias + 5 * expires + sum(5 + _b(name) + _b(value) for name, value in one.user_properties)
    if one.content_type:
        properties += 3 + _b(one.content_type)
    rest = 2 + topic_b + 2 * (one.qos > 0) + length_b(properties) + properties + len(one.payload)
    return 1 + length_b(rest) + rest


def link_b(packet: int, *, qos: int = 0, tls: bool = False) -> int:
    """Bytes on the link of an MQTT packet that is sent alone, and of what its acknowledgement makes us send."""
    record = TLS_RECORD_B if tls else 0
    return packet + record + SEGMENT_B * ceil((packet + record) / PAYLOAD_MAX_B) + (ACKNOWLEDGEMENT_B if qos else 0)


def _b(text: str) -> int:
    return len(text.encode())


def length_b(length: int) -> int:
    """Bytes of a variable byte integer (MQTT 5 §1.5.5)."""
    return max(1, ceil(length.bit_length() / 7))
