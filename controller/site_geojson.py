"""A site map's GeoJSON text (RFC 7946) into checked features: every mistake at once, with its place and cure."""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from typing import Any, Final

from interfaces.errors import ConfigError

LANE_TYPES: Final = ("driving", "ramp", "shoulder", "bus", "bicycle")
GEOMETRY_OF_KIND: Final = {
    "lane": "LineString",
    "stop_line": "LineString",
    "carriageway": "Polygon",
    "crossing": "Polygon",
    "conflict_area": "Polygon",
    "merge_area": "Polygon",
    "blind_area": "Polygon",
    "interest_area": "Polygon",
}
MAX_FEATURES: Final = 5000
MAX_POSITIONS: Final = 5000
_RANGES: Final = {"width_m": (1.0, 20.0), "speed_limit_kmh": (5.0, 140.0)}
_PROPERTIES: Final = ("kind", "id", "width_m", "speed_limit_kmh", "type", "successors")
_WGS84: Final = ("CRS84", "EPSG:4326", "EPSG::4326")


@dataclass(frozen=True, slots=True)
class Feature:
    """One checked feature: `lines` hold (longitude, latitude) deg, one for a line, a ring each for a polygon."""

    index: int
    kind: str
    id: str
    lines: tuple[tuple[tuple[float, float], ...], ...]
    width_m: float
    speed_limit_kmh: float  # NaN when not given
    type: str
    successors: tuple[str, ...]


class Complaints:
    """Mistakes gathered while reading one file; `finish` raises them together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: list[str] = []

    def add(self, where: str, text: str) -> None:
        """One more mistake at `where`."""
        self._lines.append(f"{self._name}: {where}: {text}" if where else f"{self._name}: {text}")

    def finish(self) -> None:
        """Raise ConfigError with every mistake, a line each; nothing when there is none."""
        if self._lines:
            raise ConfigError("\n".join(self._lines))


def parse(text: str, complaints: Complaints) -> tuple[Feature, ...]:
    """The features that are right; everything wrong goes to `complaints`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        complaints.add("", f"is not JSON: {error}; export it from QGIS as GeoJSON (RFC 7946)")
        return ()
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        found = document.get("type") if isinstance(document, dict) else type(document).__name__
        complaints.add("type", f"is {found!r}; allowed: 'FeatureCollection'")
        return ()
    _check_crs(document, complaints)
    features = document.get("features")
    if not isinstance(features, list) or len(features) > MAX_FEATURES:
        complaints.add("features", f"must be a list of at most {MAX_FEATURES} features")
        return ()
    read = [_feature(index, feature, complaints) for index, feature in enumerate(features)]
    right = tuple(feature for feature in read if feature is not None)
    _check_lane_ids(right, complaints)
    return right


def nearest(value: str, allowed: tuple[str, ...]) -> str:
    """A clause that names what is allowed, and the nearest of it when one is near."""
    close = difflib.get_close_matches(value, allowed, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(allowed[:20])}{hint}"


def _check_crs(document: dict[str, Any], complaints: Complaints) -> None:
    if "crs" in document and not any(name in json.dumps(document["crs"]) for name in _WGS84):
        complaints.add("crs", "is not WGS84; save the layer again in EPSG:4326 (longitude, latitude)")


def _feature(index: int, raw: object, complaints: Complaints) -> Feature | None:
    properties = raw.get("properties") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or raw.get("type") != "Feature" or not isinstance(properties, dict):
        complaints.add(f"feature {index}", "is not a Feature with properties")
        return None
    given = {name: value for name, value in properties.items() if value is not None}  # QGIS writes null for absent
    name = given.get("id", raw.get("id"))
    label = f"feature {index}" + (f" (id {name!r})" if name is not None else "")
    for key in given:
        close = difflib.get_close_matches(key, _PROPERTIES, 1, 0.75)
        if key not in _PROPERTIES and close and key != "fid":  # QGIS's own row number is not a slip of "id"
            complaints.add(label, f"{key}: unknown property; did you mean {close[0]!r}?")
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in GEOMETRY_OF_KIND:
        complaints.add(label, f"kind: {kind!r} is unknown; {nearest(str(kind), tuple(GEOMETRY_OF_KIND))}")
        return None
    lines = _lines(raw.get("geometry"), GEOMETRY_OF_KIND[kind], label, complaints)
    if lines is None:
        return None
    text = f"{kind}-{index}" if name is None else str(name)
    if kind != "lane":
        return Feature(index, kind, text, lines, math.nan, math.nan, "", ())
    if name is None:
        complaints.add(label, "id: is missing; every lane needs one, unique in the file")
    width = _number(given, "width_m", 3.25, label, complaints)
    limit = _number(given, "speed_limit_kmh", math.nan, label, complaints)
    return Feature(
        index, kind, text, lines, width, limit, _type(given, label, complaints), _successors(given, label, complaints)
    )


def _lines(
    geometry: object, wanted: str, label: str, complaints: Complaints
) -> tuple[tuple[tuple[float, float], ...], ...] | None:
    found = geometry.get("type") if isinstance(geometry, dict) else None
    parts = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if found == f"Multi{wanted}" and isinstance(parts, list):
        if len(parts) != 1:
            complaints.add(label, f"geometry: has {len(parts)} parts; allowed: 1 (QGIS: multipart to singleparts)")
            return None
        found, parts = wanted, parts[0]
    if found != wanted:
        complaints.add(label, f"geometry: is {found!r}; allowed: {wanted!r}")
        return None
    rings = [parts] if wanted == "LineString" else parts
    if not isinstance(rings, list) or not rings:
        complaints.add(label, "geometry: has no coordinates")
        return None
    read = [_positions(ring, wanted, label, complaints) for ring in rings]
    return None if any(line is None for line in read) else tuple(line for line in read if line is not None)


def _positions(raw: object, wanted: str, label: str, complaints: Complaints) -> tuple[tuple[float, float], ...] | None:
    least = 2 if wanted == "LineString" else 4
    if not isinstance(raw, list) or not least <= len(raw) <= MAX_POSITIONS:
        complaints.add(label, f"geometry: a {wanted} needs {least} to {MAX_POSITIONS} positions in a line or ring")
        return None
    if not all(_is_position(position) for position in raw):
        bad = next(position for position in raw if not _is_position(position))
        complaints.add(label, f"geometry: {bad!r:.60} is no [longitude, latitude] within ±180, ±86 degrees")
        return None
    line = tuple((float(p[0]), float(p[1])) for p in raw)
    if wanted == "Polygon" and line[0] != line[-1]:
        complaints.add(label, "geometry: the ring is open; its last position must equal its first")
        return None
    if len(set(line)) < least - (wanted == "Polygon"):
        complaints.add(label, "geometry: its positions coincide; draw it again")
        return None
    return line


def _is_position(position: object) -> bool:
    if not isinstance(position, list) or len(position) < 2:
        return False
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in position[:2])
    return numeric and abs(position[0]) <= 180 and abs(position[1]) <= 86


def _number(given: dict[str, Any], key: str, default: float, label: str, complaints: Complaints) -> float:
    value = given.get(key, default)
    low, high = _RANGES[key]
    if key not in given:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        complaints.add(label, f"{key}: is {value!r:.60}; allowed: a number from {low:g} to {high:g}")
        return default
    return float(value)


def _type(given: dict[str, Any], label: str, complaints: Complaints) -> str:
    value = given.get("type", "driving")
    if value not in LANE_TYPES:
        complaints.add(label, f"type: is {value!r:.60}; {nearest(str(value), LANE_TYPES)}")
        return "driving"
    return str(value)


def _successors(given: dict[str, Any], label: str, complaints: Complaints) -> tuple[str, ...]:
    value = given.get("successors", [])
    if isinstance(value, str):  # QGIS has no list column in every format: "a, b" is taken too
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        complaints.add(label, f"successors: is {value!r:.60}; allowed: a list of lane ids")
        return ()
    return tuple(str(item) for item in value)


def _check_lane_ids(features: tuple[Feature, ...], complaints: Complaints) -> None:
    lanes = [feature for feature in features if feature.kind == "lane"]
    ids = tuple(lane.id for lane in lanes)
    first: dict[str, int] = {}
    for lane in lanes:
        label = f"feature {lane.index} (id {lane.id!r})"
        if lane.id in first:
            complaints.add(label, f"id: {lane.id!r} is taken by feature {first[lane.id]}; lane ids are unique")
        first.setdefault(lane.id, lane.index)
        for successor in lane.successors:
            if successor not in ids:
                complaints.add(label, f"successors: no lane {successor!r}; {nearest(successor, ids)}")
