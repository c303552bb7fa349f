"""A site map's GeoJSON text (RFC 7946) into checked features: every mistake at once, with its place and cure."""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.site_findings import WARNING
from controller.site_kinds import (
    KINDS,
    LATITUDE_MAX,
    LONGITUDE_MAX,
    MAX_FEATURES,
    MAX_POSITIONS,
    PROPERTY_NAMES,
    Form,
    Property,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.site_findings import Findings
    from controller.site_kinds import Kind

    Value = float | str | tuple[str, ...] | None
    Line = tuple[tuple[float, float], ...]

WGS84_NAMES: Final = ("CRS84", "EPSG:4326", "EPSG::4326")


@dataclass(frozen=True, slots=True)
class Feature:
    """One checked feature: `lines` hold (longitude, latitude) deg, one for a line, a ring each for a polygon.

    `values` has every property of its kind: float, str, tuple of lane ids, or None when absent without default.
    """

    index: int
    kind: str
    id: str
    lines: tuple[Line, ...]
    values: Mapping[str, Value]
    named: bool = True  # the file gives its id


def parse(text: str, findings: Findings) -> tuple[Feature, ...]:
    """The features that are right; everything wrong goes to `findings`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        findings.add(f"is not JSON: {error}; export it from QGIS as GeoJSON (RFC 7946)", line=line)
        return ()
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        found = document.get("type") if isinstance(document, dict) else type(document).__name__
        findings.add(f"type: is {found!r:.60}; allowed: 'FeatureCollection'")
        return ()
    if document.get("crs") is not None and not _is_wgs84(document["crs"]):
        findings.add("crs: is not WGS84; save the layer again in EPSG:4326 (longitude, latitude)")
    features = document.get("features")
    if not isinstance(features, list) or len(features) > MAX_FEATURES:
        findings.add(f"features: must be a list of at most {MAX_FEATURES} features")
        return ()
    read = [_feature(index, feature, findings) for index, feature in enumerate(features)]
    right = tuple(feature for feature in read if feature is not None)
    _check_ids(right, findings)
    _check_references(right, findings)
    return right


def nearest(value: str, allowed: tuple[str, ...]) -> str:
    """A clause that names what is allowed, and the nearest of it when one is near."""
    close = difflib.get_close_matches(value, allowed, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(allowed[:20]) or 'none, there is no lane'}{hint}"


def _is_wgs84(crs: object) -> bool:
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return isinstance(name, str) and any(one in name for one in WGS84_NAMES)


class _Place(NamedTuple):
    """Where a complaint belongs."""

    findings: Findings
    feature: int
    id: str

    def add(self, text: str) -> None:
        self.findings.add(text, self.feature, self.id)


def _feature(index: int, raw: object, findings: Findings) -> Feature | None:
    properties = raw.get("properties") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or raw.get("type") != "Feature" or not isinstance(properties, dict):
        findings.add("is not a Feature with properties", index)
        return None
    given = {name: value for name, value in properties.items() if value is not None}  # QGIS writes null for absent
    name = given.get("id", raw.get("id"))
    place = _Place(findings, index, "" if name is None else f"{name!s:.60}")
    _check_slips(given, place)
    kind = KINDS.get(given["kind"]) if isinstance(given.get("kind"), str) else None
    if kind is None:
        place.add(f"kind: {given.get('kind')!r:.60} is unknown; {nearest(str(given.get('kind')), tuple(KINDS))}")
        return None
    _check_strangers(given, kind, place)
    if isinstance(name, bool) or not isinstance(name, str | int | float | None):
        place.add(f"id: is {name!r:.60}; allowed: text or a number")
    elif kind.needs_id and name in (None, ""):
        place.add(f"id: is missing; every {kind.name} needs one, unique in the file")
    values = {one.name: _value(one, given.get(one.name), place) for one in kind.properties}
    lines = _lines(raw.get("geometry"), kind.geometry, place)
    if lines is None:
        return None
    return Feature(index, kind.name, f"{kind.name}-{index}" if name is None else str(name), lines, values,
                   name is not None)  # fmt: skip


def _check_slips(given: dict[str, Any], place: _Place) -> None:
    for key in given:
        close = difflib.get_close_matches(key, PROPERTY_NAMES, 1, 0.75)
        if key not in PROPERTY_NAMES and close and key != "fid":  # QGIS's own row number is not a slip of "id"
            place.add(f"{key:.60}: unknown property; did you mean {close[0]!r}?")


def _check_strangers(given: dict[str, Any], kind: Kind, place: _Place) -> None:
    own = {"kind", "id", *(one.name for one in kind.properties)}
    for key in given:
        if key in PROPERTY_NAMES and key not in own:
            users = ", ".join(one.name for one in KINDS.values() if key in {own.name for own in one.properties})
            text = f"{key}: has no meaning on a {kind.name}; it is a property of: {users}"
            place.findings.add(text, place.feature, place.id, WARNING)


def _lines(geometry: object, wanted: str, place: _Place) -> tuple[Line, ...] | None:
    found = geometry.get("type") if isinstance(geometry, dict) else None
    parts = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if found == f"Multi{wanted}" and isinstance(parts, list):
        if len(parts) != 1:
            place.add(f"geometry: has {len(parts)} parts; allowed: 1 (QGIS: multipart to singleparts)")
            return None
        found, parts = wanted, parts[0]
    if found != wanted:
        place.add(f"geometry: is {found!r:.60}; allowed: {wanted!r}")
        return None
    rings = [parts] if wanted == "LineString" else parts
    if not isinstance(rings, list) or not rings:
        place.add("geometry: has no coordinates")
        return None
    read = [_positions(ring, wanted, place) for ring in rings]
    return None if any(line is None for line in read) else tuple(line for line in read if line is not None)


def _positions(raw: object, wanted: str, place: _Place) -> Line | None:
    least = 2 if wanted == "LineString" else 4
    if not isinstance(raw, list) or not least <= len(raw) <= MAX_POSITIONS:
        place.add(f"geometry: a {wanted} needs {least} to {MAX_POSITIONS} positions in a line or ring")
        return None
    if not all(_is_position(position) for position in raw):
        bad = next(position for position in raw if not _is_position(position))
        swapped = "; are they swapped?" if isinstance(bad, list) and _is_position(bad[1::-1]) else ""
        bounds = f"±{LONGITUDE_MAX:g}, ±{LATITUDE_MAX:g} degrees"
        place.add(f"geometry: {bad!r:.60} is no [longitude, latitude] within {bounds}{swapped}")
        return None
    line = tuple((float(p[0]), float(p[1])) for p in raw)
    if wanted == "Polygon" and line[0] != line[-1]:
        place.add("geometry: the ring is open; its last position must equal its first")
        return None
    if len(set(line)) < least - (wanted == "Polygon"):
        place.add("geometry: its positions coincide; draw it again")
        return None
    return line


def _is_position(position: object) -> bool:
    if not isinstance(position, list) or len(position) < 2:
        return False
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in position[:2])
    return numeric and abs(position[0]) <= LONGITUDE_MAX and abs(position[1]) <= LATITUDE_MAX


def _value(wanted: Property, raw: Any, place: _Place) -> Value:
    if raw is None:
        return () if wanted.form is Form.LANES else wanted.default
    if wanted.form is Form.CHOICE:
        if raw in wanted.choices:
            return str(raw)
        place.add(f"{wanted.name}: is {raw!r:.60}; {nearest(str(raw), wanted.choices)}")
        return wanted.default
    if wanted.form in (Form.NUMBER, Form.WHOLE):
        return _number(wanted, raw, place)
    return _lane_ids(wanted, raw, place)


def _number(wanted: Property, raw: Any, place: _Place) -> Value:
    numeric = isinstance(raw, int | float) and not isinstance(raw, bool)
    if numeric and wanted.low <= raw <= wanted.high and (wanted.form is Form.NUMBER or raw == math.floor(raw)):
        return float(raw)
    form = "number" if wanted.form is Form.NUMBER else "whole number"
    place.add(f"{wanted.name}: is {raw!r:.60}; allowed: a {form} from {wanted.low:g} to {wanted.high:g}")
    return wanted.default


def _lane_ids(wanted: Property, raw: Any, place: _Place) -> Value:
    if wanted.form is Form.LANE:
        raw = [raw]
    elif isinstance(raw, str):  # QGIS has no list column in every format: "a, b" is taken too
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    right = isinstance(raw, list) and all(isinstance(v, str | int) and not isinstance(v, bool) for v in raw)
    if not right:
        told, allowed = (raw, "a list of lane ids") if wanted.form is Form.LANES else (raw[0], "one lane id")
        place.add(f"{wanted.name}: is {told!r:.60}; allowed: {allowed}")
        return () if wanted.form is Form.LANES else None
    return tuple(map(str, raw)) if wanted.form is Form.LANES else str(raw[0])


def _check_ids(features: tuple[Feature, ...], findings: Findings) -> None:
    first: dict[str, int] = {}
    for feature in features:
        if feature.named and feature.id in first:
            text = f"id: {feature.id!r} is taken by feature {first[feature.id]}; ids are unique in the file"
            findings.add(text, feature.index, feature.id)
        if feature.named:
            first.setdefault(feature.id, feature.index)


def _check_references(features: tuple[Feature, ...], findings: Findings) -> None:
    ids = tuple(feature.id for feature in features if feature.kind == "lane")
    known = set(ids)
    for feature in features:
        for wanted in KINDS[feature.kind].properties:
            value = feature.values[wanted.name]
            if wanted.form not in (Form.LANE, Form.LANES) or value is None:
                continue
            for lane in value if isinstance(value, tuple) else (str(value),):
                if lane not in known:
                    text = f"{wanted.name}: no lane {lane!r}; {nearest(lane, ids)}"
                    findings.add(text, feature.index, feature.id if feature.named else "")
