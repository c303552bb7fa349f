"""ITS FORUM RC-016 1.0, CSMA型路側機: up to five 物標 in a message short enough for vehicles' share of the channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.publication.radio.bits import Field, Structure
from controller.publication.radio.vehicle import POSITION, STATE, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER: Final = Structure(
    "header",
    "DF_CSMA型路側機ヘッダ",
    Field("service_id", 3),
    Field("operation", 1),
    Field("version", 4),
    Field("counter", 8),
    Field("message_id", 16),
    Field("roadside_id", 32),
    Field("intersection_id", 32),
    *TIME.fields,
    Field("payload_size", 16, unit="B"),
    Field("reserved", 16),
)
OBJECT: Final = Structure(
    "object",
    "DF_物標情報",
    Field("object_id", 8),
    POSITION["latitude"],
    POSITION["longitude"],
    STATE["speed"],
    STATE["heading"],
    STATE["acceleration"],
    Field("object_type", 4, unknown=15),
    Field("size", 4, unknown=15),
)
OBJECTS_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Csma:
    """One message. `header` keeps what a sender chooses: payload_size follows from the objects."""

    header: Mapping[str, int]
    objects: tuple[Mapping[str, int], ...] = ()


def encode(message: Csma) -> bytes:
    """The message's bytes. Raises ValueError for what does not fit."""
    if len(message.objects) > OBJECTS_MAX:
        raise ValueError(f"RC-016 CSMA: {len(message.objects)} objects, at most {OBJECTS_MAX} go out")
    body = b"".join(OBJECT.pack(one) for one in message.objects)
    return HEADER.pack({**message.header, "payload_size": len(body)}) + body


def decode(data: bytes) -> Csma | str:
    """The message in bytes from outside, or why it is none. Never raises."""
    header = HEADER.unpack(data)
    size = len(data) - HEADER.size
    if header is None or header["payload_size"] != size or size % OBJECT.size or size > OBJECTS_MAX * OBJECT.size:
        return f"RC-016 CSMA: {len(data)} B do not agree with the header"
    places = range(HEADER.size, len(data), OBJECT.size)
    return Csma(header, tuple(OBJECT.unpack(data, at) or {} for at in places))
