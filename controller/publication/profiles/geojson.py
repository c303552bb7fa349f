"""What a pole publishes as GeoJSON (RFC 7946): longitude first, ellipsoidal metres third, rings counter-clockwise."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.geometry import heading_deg_from_north
from interfaces.proto import publication_pb2 as pb
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from controller.geometry import LocalFrame
    from controller.site_coverage import View

    Feature = dict[str, Any]

CONTENT_TYPE: Final = "application/geo+json"
NS_PER_S: Final = 1_000_000_000
_NAMES: Final = {int(one): one.name.lower() for one in ObjectClass}


def collection(features: Sequence[Feature]) -> dict[str, Any]:
    """A FeatureCollection with the bbox of all; an empty one has none."""
    told: dict[str, Any] = {"type": "FeatureCollection"}
    points = [point for one in features for point in _positions(one["geometry"])]
    return told | ({"bbox": _bbox(points)} if points else {}) | {"features": list(features)}


def feature(message: object) -> Feature:
    """A hazard or a near miss as a point; TypeError for anything else."""
    match message:
        case pb.Hazard():
            return _hazard(message)
        case pb.NearMiss():
            return _near_miss(message)
    raise TypeError(f"{type(message).__name__} has no place")


def objects(message: pb.PerceivedObjects) -> Iterator[Feature]:
    """A point each road user."""
    for one in message.objects:
        properties = {
            "layer": "object",
            "class": _NAMES.get(one.object_class, "unknown"),
            "class_confidence": one.class_confidence,
            "heading_deg": _heading(math.atan2(one.vy_mps, one.vx_mps) if one.vx_mps or one.vy_mps else one.yaw_rad),
            "speed_mps": math.hypot(one.vx_mps, one.vy_mps),
            "length_m": one.length_m or None,
            "width_m": one.width_m or None,
            "existence": one.existence,
            "seen": _time(message.header.detection_time_ns),
            "cooperative": one.cooperative,
        }
        yield _point(one.id, one.position, message.header, properties)


def coverage(watching: Iterable[View], frame: LocalFrame) -> Iterator[Feature]:
    """What each module sees, as a polygon on the ground."""
    for view in watching:
        for number, outline in enumerate(view.outlines):
            latitude, longitude, _ = frame.to_wgs84(outline[:, 0], outline[:, 1], 0.0)
            ring = [_rounded(*one) for one in zip(longitude.tolist(), latitude.tolist(), strict=True)]
            properties = {"layer": "coverage", "slot": view.slot, "class": view.module_class, "source": view.source}
            geometry = {"type": "Polygon", "coordinates": [_wound(ring, left=True)]}
            yield {
                "type": "Feature",
                "id": f"coverage-{view.slot}-{number}",
                "geometry": geometry,
                "properties": properties,
            }


def site(document: dict[str, Any]) -> Iterator[Feature]:
    """The features of a checked site map, their rings turned as RFC 7946 §3.1.6 has them."""
    for one in document["features"]:
        geometry = dict(one["geometry"])
        if geometry["type"] == "Polygon":
            rings = geometry["coordinates"]
            geometry["coordinates"] = [_wound(ring, left=index == 0) for index, ring in enumerate(rings)]
        yield {**one, "geometry": geometry, "properties": {"layer": "site", **one["properties"]}}


def _hazard(message: pb.Hazard) -> Feature:
    properties = {
        "layer": "hazard",
        "kind": message.kind,
        "phase": pb.Hazard.Phase.Name(message.phase).lower(),
        "cause": message.cause,
        "subcause": message.subcause,
        "detected": _time(message.header.detection_time_ns),
        "said": _time(message.reference_time_ns),
        "validity_s": message.validity_s,
        "heading_deg": _heading(message.heading_rad),
        "speed_mps": message.speed_mps,
        "probability": message.probability,
        "lane": message.lane or None,
        "track_ids": list(message.track_ids),
    }
    return _point(message.action_id, message.event_position, message.header, properties)


def _near_miss(message: pb.NearMiss) -> Feature:
    properties = {
        "layer": "near_miss",
        "severity": message.severity,
        "nedo_level": message.nedo_level or None,
        "conflict": message.conflict,
        "begin": _time(message.start_ns),
        "peak": _time(message.peak_ns),
        "end": _time(message.end_ns),
        "ttc_s": message.ttc_s,
        "pet_s": message.pet_s,
        "drac_mps2": message.drac_mps2,
        "probability": message.probability,
        "distance_m": message.distance_m,
        "participants": [_NAMES.get(one.object_class, "unknown") for one in message.participants],
    }
    return _point(message.encounter_id, message.event_position, message.header, properties)


def _point(number: int, place: pb.Position, header: pb.Header, properties: dict[str, Any]) -> Feature:
    told = {
        **{name: _known(value) for name, value in properties.items()},
        "spatial_id": place.spatial_id,
        "service_location_id": header.service_location_id,
        "roadside_unit_id": header.roadside_unit_id,
        "reference_only": True,
    }
    point = [*_rounded(place.longitude_deg, place.latitude_deg), round(place.altitude_m, 2)]
    return {"type": "Feature", "id": number, "geometry": {"type": "Point", "coordinates": point}, "properties": told}


def _known(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 3) if math.isfinite(value) else None


def _heading(yaw: float) -> float:
    return float(heading_deg_from_north(yaw))


def _time(utc_ns: int) -> str:
    """RFC 3339 with milliseconds."""
    whole = datetime.fromtimestamp(utc_ns // NS_PER_S, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{utc_ns // 1_000_000 % 1000:03d}Z"


def _rounded(longitude_deg: float, latitude_deg: float) -> list[float]:
    return [round(longitude_deg, 7), round(latitude_deg, 7)]


def _wound(ring: list[list[float]], *, left: bool) -> list[list[float]]:
    """The ring counter-clockwise, or clockwise for a hole."""
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(_near(ring), _near(ring)[1:], strict=False))
    return ring if (area > 0) == left else ring[::-1]


def _near(ring: list[list[float]]) -> list[tuple[float, float]]:
    """About the first point: products of whole degrees would eat the digits of a small ring."""
    return [(one[0] - ring[0][0], one[1] - ring[0][1]) for one in ring]


def _positions(geometry: dict[str, Any]) -> Iterator[Sequence[float]]:
    parts = geometry["coordinates"]
    if geometry["type"] == "Point":
        yield parts
    else:
        for line in [parts] if geometry["type"] == "LineString" else parts:
            yield from line


def _bbox(points: Sequence[Sequence[float]]) -> list[float]:
    """West, south, east, north (§5): two-dimensional; west is the larger one across the antimeridian (§5.2)."""
    east, north = np.array([one[:2] for one in points]).T
    if np.ptp(east) > 180:
        east = np.mod(east, 360)
    edges = (east.min(), north.min(), east.max(), north.max())
    west, south, right, top = (float(one) for one in edges)
    return [west - 360 if west > 180 else west, south, right - 360 if right > 180 else right, top]
