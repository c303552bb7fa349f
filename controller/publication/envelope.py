"""What every encoder shares: header, positions, and a message with its JSON twin as publications."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
from google.protobuf.json_format import MessageToDict

from controller.geometry import grounded
from controller.publication.publication import NS_PER_S, Publication, Sender, Stamp
from interfaces.proto import publication_pb2 as pb
from interfaces.spatial_id import spatial_id
from interfaces.topics import JSON, SPEC

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from interfaces.topics import Topic

ZOOM = 25


def header(sender: Sender, stamp: Stamp, detected_at_ns: int, sources: int = 0, quality: int = 0) -> pb.Header:
    """The header; `sources` is the bit mask of slots, `quality` 0..7."""
    told = pb.Header()
    told.service_location_id = sender.service_location_id
    told.roadside_unit_id = sender.roadside_unit_id
    told.sequence = stamp.sequence
    told.detection_time_ns = detected_at_ns
    told.publication_time_ns = stamp.published_at_ns
    told.clock_quality = clock_quality(stamp.clock_error_s)
    told.clock_error_s = stamp.clock_error_s
    told.reference_only = True
    told.modules.extend([slot for bit, slot in enumerate(sender.slots) if sources >> bit & 1])
    told.information_quality = quality
    return told


def clock_quality(error_s: float) -> pb.ClockQuality.ValueType:
    """The class of a 1-sigma clock error; NaN and negative numbers are unknown."""
    if not error_s >= 0:
        return pb.CLOCK_QUALITY_UNKNOWN
    if error_s <= 0.001:
        return pb.CLOCK_GOOD
    return pb.CLOCK_FAIR if error_s <= 0.05 else pb.CLOCK_POOR


def position(sender: Sender, x: float, y: float, z: float) -> pb.Position:
    """A local ENU point in metres, of unknown height on the ground, with its WGS84 and 空間ID."""
    z = float(grounded(z))
    latitude, longitude, altitude = (float(value) for value in sender.frame.to_wgs84(x, y, z))
    voxel = spatial_id(latitude, longitude, altitude - sender.geoid_height_m, ZOOM)
    return pb.Position(
        latitude_deg=latitude, longitude_deg=longitude, altitude_m=altitude, x_m=x, y_m=y, z_m=z, spatial_id=voxel
    )


def publications(
    row: Topic, topic: str, message: Message, sender: Sender, detected_at_ns: int, place: str = ""
) -> tuple[Publication, ...]:
    """The protobuf publication and, when the sender wants twins, the JSON one under `topic/json`."""
    sequence = message.header.sequence  # type: ignore[attr-defined]  # every public message has a header
    binary = publication(row, topic, message.SerializeToString(), sender, detected_at_ns, sequence, place)
    return (binary, twin(row, binary, json_twin(message))) if sender.json_twins else (binary,)


def publication(
    row: Topic, topic: str, payload: bytes, sender: Sender, detected_at_ns: int, sequence: int, place: str = ""
) -> Publication:
    """The protobuf one, of a serialized message of that sequence number."""
    key = f"{sender.service_location_id}-{sender.roadside_unit_id}-{row.name}-{detected_at_ns}-{sequence}"
    properties: tuple[tuple[str, str], ...] = (
        ("proto", row.kind),
        ("spec", SPEC),
        ("detected_at", str(detected_at_ns)),
        ("id", key),
    )
    if place:
        properties += (("spatial_id", place),)
    return Publication(topic, payload, row.content_type, row.qos, row.retain, row.expiry_s, properties, key)


def twin(row: Topic, binary: Publication, text: bytes) -> Publication:
    """The JSON one beside it."""
    return replace(
        binary,
        topic=binary.topic + "/json",
        payload=text,
        content_type=JSON,
        expiry_s=row.twin_expiry_s or row.expiry_s,
        key=binary.key + "-json",
    )


def json_twin(message: Message, **written: bytes) -> bytes:
    """A message in protobuf's JSON mapping, with the names of the fields; `written` fields are at hand as JSON."""
    told = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    text = orjson.dumps({name: value for name, value in told.items() if name not in written})
    if not written:
        return text
    pieces = (piece for name, words in written.items() for piece in (b',"', name.encode(), b'":', words))
    return b"".join((text[:-1], *pieces, b"}"))  # copied once: there may be very much of it


def events(made: tuple[Publication, ...], validity_s: float, now_ns: int, *, urgent: bool) -> tuple[Publication, ...]:
    """The same publications made durable, of use to receivers until `now_ns` plus the validity."""
    until = now_ns + int(validity_s * NS_PER_S)
    return tuple(replace(one, durable=True, urgent=urgent, expiry_s=validity_s, expires_at_ns=until) for one in made)
