"""A site map's file as a Site: GeoJSON read, laid into local metres, linked and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller import site_rules
from controller.geometry import LocalFrame
from controller.site import Area, Lane, Site, StopLine
from controller.site_findings import WARNING, Findings
from controller.site_geojson import Feature, parse
from controller.site_links import merge_of, stopping_lanes
from controller.site_shapes import edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.site import Merge

    Parts = list[NDArray[np.float64]]

MAX_DISTANCE_M: Final = 5000.0


def load(text: str, frame: LocalFrame, name: str = "site map") -> Site:
    """GeoJSON text to a Site; ConfigError lists every error with file `name`, line, feature, property and cure."""
    site, findings = read(text, frame, name)
    findings.finish()
    return site


def read(text: str, frame: LocalFrame, name: str = "site map") -> tuple[Site, Findings]:
    """The map and all that is wrong with it; an empty map when an error is among that.

    Shapes are judged only where every feature could be read: one mistake would otherwise be told many times.
    """
    findings = Findings(name, text)
    features = parse(text, findings)
    made = [(feature, [_enu(line, frame) for line in feature.lines]) for feature in features]
    _check_distances(made, findings)
    if findings.errors:
        findings.sort()
        return Site(), findings
    if not made:
        findings.add(
            "holds no feature: rules that need lanes or the carriageway stay silent; is the layer empty?",
            severity=WARNING,
        )
    site = _site(made, findings)
    places = {feature.id: feature for feature in features}
    for remark in site_rules.check(site):
        _tell(findings, places[remark.id], remark.text, remark.severity)
    findings.sort()
    return (Site() if findings.errors else site), findings


def frame_of(text: str) -> LocalFrame:
    """A frame at the map's first position, for a map that is judged without its pole; (0, 0) where none is right."""
    features = parse(text, Findings("", text))
    longitude, latitude = features[0].lines[0][0] if features else (0.0, 0.0)
    return LocalFrame(latitude, longitude)


def _tell(findings: Findings, feature: Feature, text: str, severity: str) -> None:
    findings.add(text, feature.index, feature.id if feature.named else "", severity)


def _check_distances(made: list[tuple[Feature, Parts]], findings: Findings) -> None:
    for feature, parts in made:
        far = max(float(np.abs(part).max()) for part in parts)
        if far > MAX_DISTANCE_M:
            findings.add(
                f"geometry: lies {far / 1000:.0f} km from the origin, allowed: {MAX_DISTANCE_M / 1000:.0f} km; are "
                "longitude and latitude swapped, or is [origin] another place?",
                feature.index,
                feature.id if feature.named else "",
            )


def _site(made: list[tuple[Feature, Parts]], findings: Findings) -> Site:
    lanes = tuple(_lane(feature, parts[0]) for feature, parts in made if feature.kind == "lane")
    drawn = [(feature, _area(feature, parts)) for feature, parts in made if feature.kind not in ("lane", "stop_line")]
    return Site(
        lanes,
        tuple(area for _, area in drawn),
        tuple(_stop_line(f, parts[0], lanes, findings) for f, parts in made if f.kind == "stop_line"),
        tuple(_merges(drawn, lanes, findings)),
    )


def _enu(line: tuple[tuple[float, float], ...], frame: LocalFrame) -> NDArray[np.float64]:
    degrees = np.array(line)
    # The map is flat: the frame's own height keeps far points from sinking below the tangent plane.
    east, north, _ = frame.to_enu(degrees[:, 1], degrees[:, 0], getattr(frame, "height_m", 0.0))
    return np.stack([east, north], axis=1)


def _lane(feature: Feature, points: NDArray[np.float64]) -> Lane:
    values: Any = feature.values
    limit = np.nan if values["speed_limit_kmh"] is None else values["speed_limit_kmh"] / 3.6
    return Lane(feature.id, points, values["width_m"], limit, values["type"], values["successors"])


def _area(feature: Feature, rings: Parts) -> Area:
    return Area(feature.id, feature.kind, np.concatenate([edges_of(ring) for ring in rings]), _group(feature))


def _group(feature: Feature) -> int | None:
    value: Any = feature.values.get("signal_group")
    return None if value is None else int(value)


def _stop_line(feature: Feature, points: NDArray[np.float64], lanes: tuple[Lane, ...], findings: Findings) -> StopLine:
    names: Any = feature.values["lanes"]
    stopping, remarks = stopping_lanes(points, lanes, names)
    for severity, text in remarks:
        _tell(findings, feature, text, severity)
    return StopLine(feature.id, points, stopping, _group(feature))


def _merges(drawn: list[tuple[Feature, Area]], lanes: tuple[Lane, ...], findings: Findings) -> list[Merge]:
    found = []
    for feature, area in drawn:
        if feature.kind == "merge_area":
            values: Any = feature.values
            merge, remarks = merge_of(area, lanes, values["ramp"], values["mainline"])
            for severity, text in remarks:
                _tell(findings, feature, text, severity)
            found += [merge] if merge is not None else []
    return found
