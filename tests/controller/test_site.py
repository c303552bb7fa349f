"""The site map: what is read, what is refused and how it is said, and where points lie."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from controller.geometry import LocalFrame
from controller.site import Lane, Site
from controller.site_file import load
from interfaces.errors import ConfigError

FRAME = LocalFrame(36.6, 140.6, 40.0)
SAMPLE = Path(__file__).parents[2] / "deploy" / "site.geojson"


def feature(kind: str, geometry: str, points: list[tuple[float, float]], **properties: object) -> dict[str, object]:
    positions = [[float(lon), float(lat)] for lat, lon, _ in (FRAME.to_wgs84(x, y, 0.0) for x, y in points)]
    if geometry == "Polygon":
        coordinates: object = [[*positions, positions[0]]]
    else:
        coordinates = positions
    return {
        "type": "Feature",
        "properties": {"kind": kind, **properties},
        "geometry": {"type": geometry, "coordinates": coordinates},
    }


def text(*features: dict[str, object]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def complaint(*features: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text(*features), FRAME, "town.geojson")
    return str(caught.value)


EAST = feature("lane", "LineString", [(0, 0), (100, 0)], id="a", width_m=3.5, speed_limit_kmh=60)


def test_a_lane_is_read_in_local_metres():
    lane = load(text(EAST), FRAME).lanes[0]
    assert np.allclose(lane.points, [[0, 0], [100, 0]], atol=1e-3)
    assert (lane.id, lane.width_m, lane.type, lane.successors) == ("a", 3.5, "driving", ())
    assert lane.speed_limit_mps == pytest.approx(60 / 3.6)


def test_lane_of_gives_lane_direction_and_signed_offset():
    match = load(text(EAST), FRAME).lane_of(np.array([[50.0, 1.0], [50.0, -1.0], [50.0, 2.0], [-1.0, 0.0]]))
    assert match.lane.tolist() == [0, 0, -1, -1]
    assert match.offset_m[:2] == pytest.approx([1.0, -1.0], abs=1e-3)
    assert match.along_m[0] == pytest.approx(50, abs=1e-2)
    assert match.direction[0] == pytest.approx(0, abs=1e-4)
    assert np.isnan(match.direction[2])


def test_where_lanes_overlap_the_heading_decides():
    site = Site((Lane("e", np.array([[-20.0, 0], [20, 0]]), 3.0), Lane("n", np.array([[0.0, -20], [0, 20]]), 3.0)))
    points = np.zeros((2, 2))
    assert site.lane_of(points, np.array([0.1, math.pi / 2])).lane.tolist() == [0, 1]


def test_without_a_polygon_the_carriageway_is_the_lanes_width_but_not_the_shoulder():
    shoulder = feature("lane", "LineString", [(0, 4), (100, 4)], id="s", type="shoulder", width_m=2)
    site = load(text(EAST, shoulder), FRAME)
    assert site.in_carriageway(np.array([[50.0, 1.0], [50.0, 4.0], [50.0, 9.0]])).tolist() == [True, False, False]


def test_a_carriageway_polygon_counts_alone_and_may_have_holes():
    road = feature("carriageway", "Polygon", [(0, 0), (40, 0), (40, 40), (0, 40)])
    hole = feature("carriageway", "Polygon", [(10, 10), (30, 10), (30, 30), (10, 30)])
    road["geometry"]["coordinates"].append(hole["geometry"]["coordinates"][0])  # type: ignore[index]  # plain dicts
    site = load(text(road), FRAME)
    assert site.in_carriageway(np.array([[5.0, 5.0], [20.0, 20.0], [50.0, 5.0]])).tolist() == [True, False, False]


def test_blind_and_interest_areas_decide_what_is_watched():
    blind = feature("blind_area", "Polygon", [(0, 0), (10, 0), (10, 10), (0, 10)])
    interest = feature("interest_area", "Polygon", [(0, 0), (50, 0), (50, 50), (0, 50)])
    points = np.array([[5.0, 5.0], [20.0, 20.0], [80.0, 80.0]])
    assert load(text(blind), FRAME).watched(points).tolist() == [False, True, True]
    assert load(text(blind, interest), FRAME).watched(points).tolist() == [False, True, False]


def test_no_map_answers_no_to_everything_but_watches_all():
    site, points = Site(), np.zeros((3, 2))
    assert not site.in_carriageway(points).any()
    assert not site.in_crossing(points).any()
    assert site.lane_of(points).lane.tolist() == [-1] * 3
    assert site.watched(points).all()
    assert not site.knows_carriageway


def test_every_mistake_is_told_at_once_with_place_and_cure():
    told = complaint(
        feature("lame", "LineString", [(0, 0), (1, 1)]),
        feature("lane", "LineString", [(0, 0), (9, 0)], id="b1", width_m=-2, type="drivin", successors=["b2x"]),
        feature("lane", "LineString", [(0, 0), (9, 0)], id="b2", speed_limit_khm=50),
        feature("crossing", "LineString", [(0, 0), (9, 0)]),
    ).splitlines()
    assert len(told) == 6
    assert all(line.startswith("town.geojson:1: feature ") for line in told)
    assert "did you mean 'lane'" in told[0]
    assert "width_m: is -2; allowed: a number from 1 to 20" in "\n".join(told)
    assert "did you mean 'driving'" in "\n".join(told)
    assert "did you mean 'b2'" in "\n".join(told)
    assert "did you mean 'speed_limit_kmh'" in "\n".join(told)
    assert "geometry: is 'LineString'; allowed: 'Polygon'" in "\n".join(told)


def test_swapped_longitude_and_latitude_are_recognised():
    swapped = {**EAST, "geometry": {"type": "LineString", "coordinates": [[36.6, 80.6], [36.61, 80.6]]}}
    assert "swapped" in complaint(swapped)


def test_a_lane_id_is_unique():
    assert "id: 'a' is taken by feature 0" in complaint(EAST, EAST)


@pytest.mark.parametrize("bad", ["", "[", "[]", '{"type": "Feature"}', '{"type": "FeatureCollection"}', "[" * 100_000])
def test_text_that_is_no_map_is_a_config_error(bad: str):
    with pytest.raises(ConfigError, match="site map:"):
        load(bad, FRAME)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "LineString", "coordinates": [[140.6, 36.6]]},
        {"type": "LineString", "coordinates": [[140.6, 36.6], ["x", 1]]},
        {"type": "LineString", "coordinates": [[140.6, 36.6], [math.nan, 36.6]]},
        {"type": "MultiLineString", "coordinates": [[[140.6, 36.6], [140.601, 36.6]]] * 2},
        {"type": "LineString", "coordinates": [[140.6, 36.6], [140.6, 36.6]]},
    ],
)
def test_a_bad_geometry_is_named(geometry: object):
    assert "geometry: " in complaint({**EAST, "geometry": geometry})


def test_qgis_habits_are_taken():
    multi = feature("lane", "LineString", [(-50, 0), (0, 0)], id="m", fid=3, type=None, successors="a, b")
    multi["geometry"] = {"type": "MultiLineString", "coordinates": [multi["geometry"]["coordinates"]]}  # type: ignore[index]  # plain dicts
    right = feature("lane", "LineString", [(0, 0), (9, -9)], id="b")
    assert load(text(multi, EAST, right), FRAME).lanes[0].successors == ("a", "b")


def test_another_reference_system_is_refused():
    document = {"type": "FeatureCollection", "features": [EAST], "crs": {"properties": {"name": "EPSG:6677"}}}
    with pytest.raises(ConfigError, match="EPSG:4326"):
        load(json.dumps(document), FRAME)


def test_the_sample_is_a_left_hand_four_leg_intersection():
    site = load(SAMPLE.read_text(), LocalFrame(36.6, 140.6))
    match = site.lane_of(np.array([[50.0, -1.6], [50.0, 1.6]]))
    assert [site.lanes[i].id for i in match.lane] == ["east-in", "east-out"]
    assert abs(match.direction[0]) == pytest.approx(math.pi, abs=1e-3)
    assert site.in_crossing(np.array([[8.0, 0.0], [0.0, 0.0]])).tolist() == [True, False]
    ends = {lane.id: lane.points for lane in site.lanes}
    for lane in site.lanes:
        for successor in lane.successors:
            assert np.allclose(ends[successor][0], lane.points[-1], atol=0.05)


def test_lanes_that_cross_straight_ahead_are_not_apart():
    across = Lane("across", np.array([[40.0, 20.0], [40.0, -20.0]]), 3.0)
    before = Lane("before", np.array([[-50.0, 0.0], [10.0, 0.0]]), 3.0, successors=("through", "right"))
    through = Lane("through", np.array([[10.0, 0.0], [60.0, 0.0]]), 3.0)
    right = Lane("right", np.array([[10.0, 0.0], [15.0, 0.0], [15.0, -40.0]]), 3.0)
    beside = Lane("beside", np.array([[15.0, -30.0], [15.0, -60.0]]), 3.0)
    site = Site((before, through, right, across, beside))
    assert not site.lanes_apart(0, 3), "straight on it crosses"
    assert site.lanes_apart(0, 4), "only who turns comes there"
    assert not site.lanes_apart(2, 4)
