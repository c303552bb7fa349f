"""An area from GeoJSON (RFC 7946): a Polygon, or a LineString as a route whose property `width_m` says how wide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from interfaces.area import Polygon, Route

if TYPE_CHECKING:
    from interfaces.area import Area


def area_of(text: str) -> Area:
    """The one area of a geometry, a Feature or a FeatureCollection with one; ValueError says what is wrong."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    features = found.get("features") if isinstance(found, dict) else None
    if isinstance(features, list):
        if len(features) != 1:
            raise ValueError(f"one area is wanted; the collection has {len(features)} features")
        found = features[0]
    if not isinstance(found, dict):
        raise ValueError("not a GeoJSON object")
    return _area(found.get("geometry", found), found.get("properties") or {})


def _area(geometry: Any, properties: Any) -> Area:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    try:
        if kind == "LineString":
            width = {"width_m": float(properties["width_m"])} if "width_m" in properties else {}
            return Route(_points(geometry["coordinates"]), **width)
        if kind == "Polygon":
            (ring,) = geometry["coordinates"]
            return Polygon(_points(ring))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{kind}: coordinates or width_m are not as GeoJSON has them ({error})") from None
    raise ValueError(f"a geometry {kind!r} is no area; write a Polygon without holes, or a LineString for a route")


def _points(coordinates: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(one[1]), float(one[0])) for one in coordinates)
