"""ITS FORUM RC-013 1.1, 実験用車車間通信メッセージ: a vehicle's own message on 700 MHz radio, 36 to 100 bytes.

Byte layout, not ASN.1; the tables stand in `vehicle`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller.publication.radio import common_area
from controller.publication.radio.vehicle import COMMON_SIZE, MANAGEMENT

if TYPE_CHECKING:
    from controller.publication.radio.common_area import CommonArea

LEAST, MOST = MANAGEMENT.size + COMMON_SIZE, 100
BASIC: Final = {"service_id": 1, "message_id": 1, "version": 1}


def encode(message: CommonArea) -> bytes:
    """The message's bytes. Raises ValueError for a value that does not fit, and beyond 100 bytes."""
    data = common_area.encode(message, counted=0)
    if len(data) > MOST:
        raise ValueError(f"RC-013: {len(data)} B, at most {MOST} go out")
    return data


def decode(data: bytes) -> CommonArea | str:
    """The message in bytes from outside, or why it is none. Never raises."""
    if not LEAST <= len(data) <= MOST:
        return f"RC-013: {len(data)} B, a message has {LEAST} to {MOST}"
    found = common_area.decode(data, 0, counted=0)
    if isinstance(found, str):
        return f"RC-013: {found}"
    message, end = found
    if any(message.management[name] != value for name, value in BASIC.items()):
        return "RC-013: not a basic message of version 1"
    return message if end == len(data) else f"RC-013: {len(data) - end} B too many"
