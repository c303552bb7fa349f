"""The short form of each message for a narrow uplink: what a receiver can compute, or only a study needs, is left out.

`header.narrow` says so; a field that is absent then is unknown, not zero.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from interfaces.spec import VULNERABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from controller.publication.publication import Publication
    from interfaces.topics import Topic

REASONS_MAX, REASON_MAX = 4, 80  # of a status: how many, and characters of each
LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    topics.HAZARD.name: ("detail",),
    topics.NEAR_MISS.name: (),
    topics.STATUS.name: ("counters", "publications_per_s", "lag_p50_s", "lag_p99_s", "certificates"),
    topics.SLOT.name: (
        *("counters", "swap_record", "identity", "registration", "role", "port"),
        *("wire", "address", "granted", "allowed", "load"),
    ),
    topics.WEATHER.name: (),
    topics.PROFILE.name: (),
}
LEFT_OUT_OF_POSITIONS: Final = ("x_m", "y_m", "z_m", "spatial_id")
KEPT_OF_OBJECTS: Final = (
    *("id", "object_class", "position", "vx_mps", "vy_mps", "yaw_rad"),
    *("length_m", "width_m", "existence", "cooperative"),
)
_FIGURES: Final = re.compile(r"[\d.,]+")
_ROWS: Final[Mapping[str, Topic]] = {row.kind: row for row in topics.TOPICS}
_VULNERABLE: Final = frozenset(int(one) for one in VULNERABLE)


def row_of(one: Publication) -> Topic | None:
    """The row of the topic table a publication belongs to; None for twins and for what is not in the table."""
    if one.content_type != topics.PROTOBUF:
        return None
    return _ROWS.get(dict(one.user_properties).get("proto", ""))


def narrow(one: Publication, row: Topic) -> Publication:
    """The short form; an empty payload stays empty, bytes that are no such message stay as they are."""
    bare = replace(one, content_type="", user_properties=())
    try:
        message: Any = row.message.FromString(one.payload)
    except DecodeError:
        return bare
    if not one.payload:
        return bare
    message.header.narrow = True
    for field in LEFT_OUT.get(row.name, ()):
        message.ClearField(field)
    if isinstance(message, pb.PoleStatus):
        message.reasons[:] = [reason[:REASON_MAX] for reason in message.reasons[:REASONS_MAX]]
    if isinstance(message, pb.PoleProfile):
        for sensor in message.sensors:
            sensor.ClearField("ranges")
    _shorten_positions(message)
    return replace(bare, payload=message.SerializeToString())


def narrow_objects(one: Publication, payload_max_b: int) -> tuple[Publication, int] | None:
    """As many objects as fit, vulnerable road users first, then the nearest, and how many were left out.

    None when there are objects and room for none of them.
    """
    seen = pb.PerceivedObjects.FromString(one.payload)
    said = pb.PerceivedObjects(header=seen.header, total=len(seen.objects))
    said.header.narrow = True
    room_b = payload_max_b - said.ByteSize()
    for found in sorted(seen.objects, key=_urgency):
        _shorten_positions(found)
        for field, _ in found.ListFields():
            if field.name not in KEPT_OF_OBJECTS:
                found.ClearField(field.name)  # type: ignore[arg-type]  # any name, the stub wants literals
        found.position.ClearField("altitude_m")
        room_b -= found.ByteSize() + 2  # tag and length
        if room_b < 0:
            break
        said.objects.append(found)
    if seen.objects and not said.objects:
        return None
    bare = replace(one, content_type="", user_properties=(), payload=said.SerializeToString())
    return bare, len(seen.objects) - len(said.objects)


def gist(one: Publication, row: Topic) -> tuple[object, ...]:
    """What of a status or a slot's status is told at once when it changes; figures within a text do not count."""
    if row not in {topics.STATUS, topics.SLOT}:
        return ()
    try:
        message = row.message.FromString(one.payload)
    except DecodeError:
        return ()
    if isinstance(message, pb.PoleStatus):
        reasons = tuple(_FIGURES.sub("", reason) for reason in message.reasons)
        return message.alive, message.service_availability, message.utilisation, reasons
    if isinstance(message, pb.SlotStatus):
        return message.state, _FIGURES.sub("", message.reason)
    return ()


def _urgency(one: pb.PerceivedObject) -> tuple[bool, float]:
    return one.object_class not in _VULNERABLE, one.position.x_m**2 + one.position.y_m**2


def _shorten_positions(message: Message) -> None:
    if isinstance(message, pb.Position):
        for name in LEFT_OUT_OF_POSITIONS:
            message.ClearField(name)
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                _shorten_positions(inner)
