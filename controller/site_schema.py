"""The site map's JSON Schema (2020-12), written from the table of kinds: `python -m controller.site_schema`.

It says what one feature may hold; what features say of each other and how they lie, `pole site check` judges.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from controller.site_geojson import WGS84_NAMES
from controller.site_kinds import (
    KINDS,
    LATITUDE_MAX,
    LONGITUDE_MAX,
    MAX_FEATURES,
    MAX_POSITIONS,
    Form,
    Property,
)

if TYPE_CHECKING:
    from controller.site_kinds import Kind

    Schema = dict[str, Any]
_ID: Final = {"type": ["string", "number"]}
_LANE_ID: Final = {"type": ["string", "integer"]}


def schema() -> Schema:
    """The schema as JSON values."""
    names = "|".join(WGS84_NAMES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "smartpole site map",
        "description": "GeoJSON (RFC 7946, WGS84) of lanes and areas around a pole; null is the same as absent",
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "maxItems": MAX_FEATURES, "items": {"$ref": "#/$defs/feature"}},
            "crs": _or_null(_inside("properties", _inside("name", {"type": "string", "pattern": names}))),
        },
        "$defs": {
            "feature": {
                "type": "object",
                "required": ["type", "properties", "geometry"],
                "properties": {
                    "type": {"const": "Feature"},
                    "properties": {
                        "type": "object",
                        "required": ["kind"],
                        "properties": {"kind": {"enum": list(KINDS)}, "id": _or_null(_ID)},
                    },
                },
                "allOf": [_kind(kind) for kind in KINDS.values()],
            },
            "position": {
                "type": "array",
                "minItems": 2,
                "prefixItems": [
                    {"type": "number", "minimum": -LONGITUDE_MAX, "maximum": LONGITUDE_MAX},
                    {"type": "number", "minimum": -LATITUDE_MAX, "maximum": LATITUDE_MAX},
                ],
            },
            "line": _positions(2),
            "ring": _positions(4),
            "LineString": _geometry("LineString", {"$ref": "#/$defs/line"}),
            "Polygon": _geometry("Polygon", {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ring"}}),
        },
    }


def text() -> str:
    """The file `deploy/site.schema.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _kind(kind: Kind) -> Schema:
    """What holds for the features of one kind."""
    holds: Schema = {
        "properties": {
            "properties": {"properties": {one.name: _or_null(_property(one)) for one in kind.properties}},
            "geometry": {"$ref": f"#/$defs/{kind.geometry}"},
        }
    }
    if kind.needs_id:
        named = {"required": ["id"], "properties": {"id": _ID}}
        holds["anyOf"] = [{"properties": {"properties": named}, "required": ["properties"]}, named]
    is_kind = {"properties": {"properties": {"required": ["kind"], "properties": {"kind": {"const": kind.name}}}}}
    return {"title": f"{kind.en} ({kind.ja})", "if": is_kind, "then": holds}


def _property(wanted: Property) -> Schema:
    told: Schema = {"description": wanted.en}
    if wanted.default is not None:
        told["default"] = wanted.default
    match wanted.form:
        case Form.CHOICE:
            return told | {"enum": list(wanted.choices)}
        case Form.LANES:
            return told | {"anyOf": [{"type": "string"}, {"type": "array", "items": _LANE_ID}]}
        case Form.LANE:
            return told | _LANE_ID
        case Form.NUMBER | Form.WHOLE:
            form = "number" if wanted.form is Form.NUMBER else "integer"
            return told | {"type": form, "minimum": wanted.low, "maximum": wanted.high}


def _or_null(wanted: Schema) -> Schema:
    return {"anyOf": [wanted, {"type": "null"}]}


def _inside(name: str, wanted: Schema) -> Schema:
    """An object whose member `name` is as wanted."""
    return {"type": "object", "required": [name], "properties": {name: wanted}}


def _positions(least: int) -> Schema:
    return {"type": "array", "minItems": least, "maxItems": MAX_POSITIONS, "items": {"$ref": "#/$defs/position"}}


def _geometry(name: str, coordinates: Schema) -> Schema:
    """A geometry, or the multi-geometry of one part that QGIS makes of it."""
    one = {"type": "array", "minItems": 1, "maxItems": 1, "items": coordinates}
    return {
        "type": "object",
        "required": ["type", "coordinates"],
        "oneOf": [
            {"properties": {"type": {"const": name}, "coordinates": coordinates}},
            {"properties": {"type": {"const": f"Multi{name}"}, "coordinates": one}},
        ],
    }


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 -- the checked-in schema is written from it
