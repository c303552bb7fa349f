"""Tracks → PerceivedObjects: the fused picture, one row an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from controller.geometry import grounded
from controller.publication.envelope import ZOOM, header, json_twin, publication, twin
from controller.publication.json_rows import JsonRows
from controller.publication.publication import NS_PER_S
from controller.publication.row_fields import SIZED, tag
from controller.publication.varint import varint
from controller.publication.wire_header import wire_header
from controller.publication.wire_rows import WireRows
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from interfaces.spatial_id import spatial_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fusion.track import Tracks
    from controller.publication.publication import Publication, Sender, Stamp
    from controller.publication.row_fields import Columns

_UPPER = np.triu_indices(4)
_FIELDS = pb.PerceivedObjects.DESCRIPTOR.fields_by_name
_HEADER, _ROWS = tag(_FIELDS["header"], SIZED), _FIELDS["objects"]
_WIRE, _JSON = WireRows(_ROWS, {"covariance": len(_UPPER[0])}), JsonRows(_ROWS)


def objects(tracks: Tracks, sender: Sender, stamp: Stamp, quality: int = 0) -> Iterator[Publication]:
    """Every confirmed track at `tracks.valid_at_ns`; then, when the sender wants twins, the same as JSON.

    That costs more: it is made when it is asked for.
    """
    rows, columns = tracks.objects, _columns(tracks, sender)
    sources = int(np.bitwise_or.reduce(rows["sources"])) if len(rows) else 0
    about = sender, stamp, tracks.valid_at_ns, sources, quality
    head = wire_header(*about)
    payload = b"".join((_HEADER, varint(len(head)), head, _WIRE(columns)))
    topic = topics.name(topics.OBJECTS, sender)
    binary = publication(topics.OBJECTS, topic, payload, sender, tracks.valid_at_ns, stamp.sequence)
    yield binary
    if sender.json_twins:
        message = pb.PerceivedObjects(header=header(*about))
        yield twin(topics.OBJECTS, binary, json_twin(message, objects=_JSON(columns, len(rows))))


def _columns(tracks: Tracks, sender: Sender) -> Columns:
    """By the paths of PerceivedObject."""
    rows = tracks.objects
    z = grounded(rows["z"])
    latitude, longitude, altitude = sender.frame.to_wgs84(rows["x"], rows["y"], z)
    return {
        "id": rows["id"],
        "object_class": rows["object_class"],
        "class_confidence": rows["class_confidence"],
        "position.latitude_deg": latitude,
        "position.longitude_deg": longitude,
        "position.altitude_m": altitude,
        "position.x_m": rows["x"],
        "position.y_m": rows["y"],
        "position.z_m": z,
        "position.spatial_id": spatial_ids(latitude, longitude, altitude - sender.geoid_height_m, ZOOM),
        "vx_mps": rows["vx"],
        "vy_mps": rows["vy"],
        "ax_mps2": rows["ax"],
        "ay_mps2": rows["ay"],
        "yaw_rad": rows["yaw"],
        "yaw_rate_radps": rows["yaw_rate"],
        "length_m": rows["length"],
        "width_m": rows["width"],
        "height_m": rows["height"],
        "existence": rows["existence"],
        "object_age_s": rows["age_s"],
        "measurement_delta_time_s": (tracks.valid_at_ns - rows["measured_at_ns"]) / NS_PER_S,
        "sources": rows["sources"],
        "covariance": rows["cov"][:, _UPPER[0], _UPPER[1]],
        "cooperative": rows["sources"] & sender.cooperative != 0,
    }
