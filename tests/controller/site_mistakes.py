"""One small map for everything that the site map's validator says, and what it must say of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from controller.geometry import LocalFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAME = LocalFrame(36.6, 140.6, 40.0)
BOX = [(0, 0), (40, 0), (40, 40), (0, 40)]


class Mistake(NamedTuple):
    """A map that is wrong in one way; `shape`: wrong in a way that the JSON Schema can say."""

    says: str
    document: Any
    shape: bool = True
    warning: bool = False


def degrees(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[float(lon), float(lat)] for lat, lon, _ in (FRAME.to_wgs84(x, y, 0.0) for x, y in points)]


def feature(kind: str, points: Sequence[tuple[float, float]], **properties: object) -> dict[str, Any]:
    """A feature of `kind` from local metres; rings are closed here."""
    line = kind in ("lane", "stop_line")
    positions = degrees(points) if line else degrees([*points, points[0]])
    geometry = {"type": "LineString" if line else "Polygon", "coordinates": positions if line else [positions]}
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}


def lane(key: str, points: Sequence[tuple[float, float]], *successors: str, **properties: object) -> dict[str, Any]:
    return feature("lane", points, id=key, successors=list(successors), **properties)


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def text(*features: object) -> str:
    return json.dumps(collection(*features))


def shaped(geometry: object) -> dict[str, Any]:
    return collection({**EAST, "geometry": geometry})


def line(*positions: object) -> dict[str, Any]:
    return shaped({"type": "LineString", "coordinates": list(positions)})


EAST = lane("a", [(0, 0), (100, 0)], width_m=3.5, speed_limit_kmh=60)
RAMP = lane("r", [(0, 30), (50, 3), (60, 0)], "a", type="ramp")
HERE = [140.6, 36.6]
FAR = [degrees([(0, 0)])[0], degrees([(6000, 0)])[0]]
EIGHT = [(0, 0), (40, 40), (40, 0), (0, 40)]
AWAY = [(300, 300), (340, 300), (340, 340), (300, 340)]

SHAPES = (
    Mistake("type: is 'Feature'; allowed: 'FeatureCollection'", EAST),
    Mistake("type: is 'list'; allowed: 'FeatureCollection'", []),
    Mistake("crs: is not WGS84; save the layer again in EPSG:4326",
            {**collection(EAST), "crs": {"type": "name", "properties": {"name": "EPSG:6677"}}}),
    Mistake("features: must be a list of at most 5000 features", {"type": "FeatureCollection"}),
    Mistake("features: must be a list of at most 5000 features", collection(*[EAST] * 5001)),
    Mistake("feature 0: is not a Feature with properties", collection({"type": "Feature"})),
    Mistake("feature 1: is not a Feature with properties", collection(EAST, 3)),
    Mistake("kind: 'lame' is unknown; allowed: lane, carriageway, crossing, conflict_area, stop_line, merge_area, "
            "blind_area, interest_area; did you mean 'lane'?", collection(feature("lame", BOX))),
    Mistake("kind: None is unknown", collection({**EAST, "properties": {"id": "a"}})),
    Mistake("id: is missing; every lane needs one", collection(feature("lane", [(0, 0), (9, 0)]))),
    Mistake("id: is missing; every conflict_area needs one", collection(feature("conflict_area", BOX))),
    Mistake("id: is missing; every merge_area needs one", collection(feature("merge_area", BOX))),
    Mistake("id: is ['a']; allowed: text or a number", collection(feature("crossing", BOX, id=["a"]))),
    Mistake("width_m: is -2; allowed: a number from 1 to 20", collection(lane("a", [(0, 0), (9, 0)], width_m=-2))),
    Mistake("speed_limit_kmh: is '50'; allowed: a number from 5 to 140",
            collection(lane("a", [(0, 0), (9, 0)], speed_limit_kmh="50"))),
    Mistake("type: is 'drivin'; allowed: driving, ramp, shoulder, bus, bicycle; did you mean 'driving'?",
            collection(lane("a", [(0, 0), (9, 0)], type="drivin"))),
    Mistake("successors: is 7; allowed: a list of lane ids", collection(feature("lane", BOX, id="a", successors=7))),
    Mistake("lanes: is {}; allowed: a list of lane ids", collection(feature("stop_line", BOX, lanes={}))),
    Mistake("ramp: is ['a', 'b']; allowed: one lane id",
            collection(feature("merge_area", BOX, id="m", ramp=["a", "b"]))),
    Mistake("signal_group: is 1.5; allowed: a whole number from 0 to 255",
            collection(EAST, feature("crossing", BOX, signal_group=1.5))),
    Mistake("signal_group: is 256; allowed: a whole number from 0 to 255",
            collection(EAST, feature("stop_line", [(50, -5), (50, 5)], signal_group=256))),
    Mistake("geometry: is None; allowed: 'LineString'", shaped(None)),
    Mistake("geometry: is 'Point'; allowed: 'LineString'", shaped({"type": "Point", "coordinates": HERE})),
    Mistake("geometry: has 2 parts; allowed: 1",
            shaped({"type": "MultiLineString", "coordinates": [[HERE, HERE]] * 2})),
    Mistake("geometry: has no coordinates",
            collection({**feature("crossing", BOX), "geometry": {"type": "Polygon", "coordinates": []}})),
    Mistake("geometry: a LineString needs 2 to 5000 positions", line(HERE)),
    Mistake("geometry: ['x', 1] is no [longitude, latitude] within ±180, ±86 degrees", line(HERE, ["x", 1])),
    Mistake("geometry: [36.6, 140.6] is no [longitude, latitude] within ±180, ±86 degrees; are they swapped?",
            line([36.6, 140.6], [36.61, 140.6])),
)  # fmt: skip

MEANINGS = (
    Mistake("width_mm: unknown property; did you mean 'width_m'?",
            collection(lane("a", BOX[:2], width_mm=3)), shape=False),
    Mistake("id: 'a' is taken by feature 0; ids are unique in the file",
            collection(EAST, feature("crossing", BOX, id="a")), shape=False),
    Mistake("successors: no lane 'bb'; allowed: a, b; did you mean 'b'?",
            collection(lane("a", BOX[:2], "bb"), lane("b", BOX[1:3])), shape=False),
    Mistake("lanes: no lane 'x'; allowed: a", collection(EAST, feature("stop_line", BOX[:2], lanes="x")), shape=False),
    Mistake("mainline: no lane 'x'; allowed: a", collection(EAST, feature("merge_area", BOX, id="m", mainline="x")),
            shape=False),
    Mistake("geometry: its positions coincide; draw it again", line(HERE, HERE), shape=False),
    Mistake("geometry: the ring is open; its last position must equal its first",
            collection({**feature("crossing", BOX), "geometry": {"type": "Polygon", "coordinates": [degrees(BOX)]}}),
            shape=False),
    Mistake("geometry: lies 6 km from the origin, allowed: 5 km", line(*FAR), shape=False),
    Mistake("successors: 'b' begins 20.0 m from where this lane ends; allowed: 1 m",
            collection(lane("a", [(0, 0), (50, 0)], "b"), lane("b", [(70, 0), (90, 0)])), shape=False),
    Mistake("'b' ends there: is it drawn against its driving direction?",
            collection(lane("a", [(0, 0), (50, 0)], "b"), lane("b", [(90, 0), (50, 0)])), shape=False),
    Mistake("this lane begins there: is it drawn against its driving direction?",
            collection(lane("a", [(50, 0), (0, 0)], "b"), lane("b", [(50, 0), (90, 0)])), shape=False),
    Mistake("successors: runs backwards into 'b', which turns by 180° there",
            collection(lane("a", [(0, 0), (50, 0)], "b"), lane("b", [(50, 0), (0, 0)])), shape=False),
    Mistake("successors: runs backwards into 'a', which turns by",
            collection(EAST, lane("r", [(90, 20), (60, 0)], "a", type="ramp")), shape=False),
    Mistake("geometry: its outline crosses itself: side 1 with side 3, counted from 1",
            collection(EAST, feature("carriageway", EIGHT)), shape=False),
    Mistake("geometry: covers 0.2 m²; allowed: 1 m² and more",
            collection(EAST, feature("blind_area", [(0, 0), (0.5, 0), (0.5, 0.4), (0, 0.4)])), shape=False),
    Mistake("geometry: lies outside every carriageway; draw the carriageway around it",
            collection(EAST, feature("carriageway", AWAY)), shape=False),
    Mistake("is empty: no lane and no crossing lies in it",
            collection(EAST, feature("interest_area", AWAY)), shape=False),
    Mistake("is empty: all lanes and crossings in it lie in a blind_area",
            collection(EAST, feature("interest_area", [(0, -5), (40, -5), (40, 5), (0, 5)]),
                       feature("blind_area", [(-9, -9), (60, -9), (60, 9), (-9, 9)])), shape=False),
    Mistake("lanes: 'a' passes 20.0 m from it; allowed: at most 2 m",
            collection(EAST, feature("stop_line", [(50, 20), (50, 24)], lanes=["a"])), shape=False),
    Mistake("geometry: is 0.20 m long; allowed: 0.5 m and more",
            collection(lane("a", [(0, 0), (0.2, 0)])), shape=False),
    Mistake("mainline: is 'a', and so is ramp; a merge is of two lanes",
            collection(EAST, feature("merge_area", BOX, id="m", ramp="a", mainline="a")), shape=False),
    Mistake("ramp: 'r' ends 12.0 m from the centre of 'a'; allowed: at most 5.4 m",
            collection(EAST, lane("r", [(0, 30), (50, 12)]),
                       feature("merge_area", [(0, -5), (60, -5), (60, 40), (0, 40)], id="m", ramp="r", mainline="a")),
            shape=False),
    Mistake("ramp: lane 'r' does not pass through it",
            collection(EAST, RAMP, feature("merge_area", AWAY, id="m", ramp="r")), shape=False),
)  # fmt: skip

WARNINGS = (
    Mistake("width_m: has no meaning on a crossing; it is a property of: lane",
            collection(EAST, feature("crossing", [(50, -5), (54, -5), (54, 5), (50, 5)], width_m=3))),
    Mistake("geometry: 75% of it lies outside every carriageway",
            collection(lane("a", [(0, 0), (99.4, 0)]),
                       feature("carriageway", [(-1, -5), (24.5, -5), (24.5, 5), (-1, 5)]))),
    Mistake("lies outside every interest_area: nothing on it counts",
            collection(EAST, lane("b", [(0, -50), (90, -50)]),
                       feature("interest_area", [(0, -5), (40, -5), (40, 5), (0, 5)]))),
    Mistake("crosses no lane; is a lane missing", collection(EAST, feature("crossing", AWAY))),
    Mistake("crosses no lane; draw it over the lanes that stop there",
            collection(EAST, feature("stop_line", [(50, 20), (50, 24)]))),
    Mistake("has oncoming lane 'b' on its left; traffic keeps left",
            collection(EAST, lane("b", [(100, 3.5), (0, 3.5)]))),
    Mistake("has no single ramp that joins a lane inside it (found: none)",
            collection(EAST, feature("merge_area", [(10, -5), (70, -5), (70, 5), (10, 5)], id="m"))),
    Mistake("(found: r into a, q into a); name both: ramp, mainline",
            collection(EAST, RAMP, lane("q", [(0, -30), (50, -3), (60, 0)], "a", type="ramp"),
                       feature("merge_area", [(10, -9), (70, -9), (70, 9), (10, 9)], id="m"))),
)  # fmt: skip
