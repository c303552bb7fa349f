"""Tracks and site map as Foxglove's GeoJSON schema, so that a map panel shows a recording; replays pass them by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from controller.geometry import grounded
from interfaces.spec import VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from controller.fusion.track import Tracks
    from controller.geometry import LocalFrame

VIEWS: Final = "/view/"
ROAD: Final = "/view/road"
SITE: Final = "/view/site"
_NAMES: Final = {int(one): one.name.lower() for one in ObjectClass}
_WEAK: Final = frozenset(int(one) for one in VULNERABLE)


@cache
def schema() -> type[Message]:
    """`foxglove.GeoJSON`: one string field. In a pool of its own: another package may define it too."""
    file = descriptor_pb2.FileDescriptorProto(name="foxglove/GeoJSON.proto", package="foxglove", syntax="proto3")
    field = file.message_type.add(name="GeoJSON").field.add(name="geojson", number=1)
    field.type, field.label = field.TYPE_STRING, field.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("foxglove.GeoJSON"))


def site(text: str) -> bytes:
    """The site map as it is."""
    return schema()(geojson=text).SerializeToString()


def road(tracks: Tracks, frame: LocalFrame) -> bytes:
    """A line a track, from where it is to where it will be in a second."""
    rows = tracks.objects
    z = grounded(rows["z"])
    here = frame.to_wgs84(rows["x"], rows["y"], z)
    soon = frame.to_wgs84(rows["x"] + rows["vx"], rows["y"] + rows["vy"], z)
    columns = (here[1], here[0], soon[1], soon[0], rows["object_class"], rows["id"], np.hypot(rows["vx"], rows["vy"]))
    # Written out: many small containers would set off a full garbage collection, a pause for everybody.
    features = [_feature(*row) for row in zip(*(one.tolist() for one in columns), strict=True)]
    return schema()(geojson=f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}').SerializeToString()


def _feature(
    east: float, north: float, east_soon: float, north_soon: float, kind: int, number: int, speed_mps: float
) -> str:
    line = f"[[{east:.7f},{north:.7f}],[{east_soon:.7f},{north_soon:.7f}]]"
    color = "#e4572e" if kind in _WEAK else "#2e86ab"
    name = f"{_NAMES.get(kind, kind)} {number}, {speed_mps * 3.6:.0f} km/h"
    return (
        f'{{"type":"Feature","geometry":{{"type":"LineString","coordinates":{line}}},'
        f'"properties":{{"name":"{name}","style":{{"color":"{color}"}}}}}}'
    )
