"""Everything the validator says, with the line it says it of; and that it never ends otherwise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import site_file
from controller.site_findings import ERROR, WARNING, feature_lines
from tests.controller.site_documents import DOCUMENT, DRAWN, JSON
from tests.controller.site_mistakes import (
    EAST,
    FRAME,
    MEANINGS,
    RAMP,
    SHAPES,
    WARNINGS,
    collection,
    feature,
    lane,
    text,
)


def findings(document: object, severity: str) -> list[str]:
    found = site_file.read(json.dumps(document), FRAME, "town.geojson")[1].found
    return [str(one) for one in found if one.severity == severity]


@pytest.mark.parametrize("mistake", [*SHAPES, *MEANINGS], ids=lambda one: one.says[:60])
def test_an_error_says(mistake):
    told = findings(mistake.document, ERROR)
    assert any(mistake.says in one for one in told), told
    assert all(one.startswith("town.geojson") for one in told)


def test_an_empty_layer_is_no_mistake_but_is_told():
    empty = {"type": "FeatureCollection", "features": []}
    assert findings(empty, ERROR) == []
    (told,) = findings(empty, WARNING)
    assert told.startswith("town.geojson: warning: holds no feature")


@pytest.mark.parametrize("mistake", WARNINGS, ids=lambda one: one.says[:60])
def test_a_warning_says(mistake):
    assert findings(mistake.document, ERROR) == []
    told = findings(mistake.document, WARNING)
    assert len(told) == 1, told
    assert mistake.says in told[0]
    assert ": warning: feature " in told[0]


@pytest.mark.parametrize("indent", [None, 1])
def test_the_line_is_that_on_which_the_feature_begins(indent):
    crossing = feature("crossing", [(50, -5), (54, -5), (54, 5), (50, 5)], note='a "quoted" {brace} [\n')
    document = {
        "name": "features",
        "x": [[{}], {"features": [{}]}],
        **collection(EAST, crossing, lane("b", [(0, 0), (9, 9)])),
    }
    written = json.dumps(document, indent=indent)
    lines = written.splitlines()
    found = feature_lines(written)
    assert len(found) == 3
    if indent:
        assert [lines[number - 1].strip() for number in found] == ["{"] * 3
        assert [lines[number].strip() for number in found] == ['"type": "Feature",'] * 3
    else:
        assert found == [1, 1, 1]


def test_the_line_of_a_member_that_is_no_object_counts_too():
    assert feature_lines('{"type": "x",\n"features": [\n1,\n"two",\nnull,\n[3],\n{}]}') == [3, 4, 5, 6, 7]


def test_shapes_are_judged_only_when_all_could_be_read():
    told = findings(collection(EAST, feature("carriageway", [(0, 0)] * 3), lane("b", [(9, 9), (0, 9)], "a")), ERROR)
    assert len(told) == 1
    assert "its positions coincide" in told[0]


def test_a_ramp_may_join_its_successor_on_the_way_but_no_other_lane_may():
    assert findings(collection(EAST, RAMP), ERROR) == []
    plain = {**RAMP, "properties": {**RAMP["properties"], "type": "driving"}}
    assert "begins 60.0 m from where this lane ends" in findings(collection(EAST, plain), ERROR)[0]


def test_a_merge_is_where_the_ramp_ends_on_the_mainline():
    site = site_file.read(
        text(EAST, RAMP, feature("merge_area", [(40, -5), (70, -5), (70, 9), (40, 9)], id="m")), FRAME
    )[0]
    (merge,) = site.merges
    assert (merge.id, site.lanes[merge.ramp].id, site.lanes[merge.mainline].id) == ("m", "r", "a")
    assert merge.mainline_m == pytest.approx(60, abs=0.01)
    assert merge.ramp_m == pytest.approx(67.25, abs=0.1)


def test_a_merge_that_is_named_needs_no_successor():
    beside = lane("r", [(0, 5), (60, 4)], type="ramp")
    area = feature("merge_area", [(40, -5), (70, -5), (70, 9), (40, 9)], id="m", ramp="r", mainline="a")
    site, found = site_file.read(text(EAST, beside, area), FRAME)
    assert not found.found
    assert site.merges[0].mainline_m == pytest.approx(60, abs=0.1)


def test_a_stop_line_belongs_to_the_lanes_it_crosses_or_names():
    across = feature("stop_line", [(50, -5), (50, 5)], signal_group=3)
    at_the_end = feature("stop_line", [(100.5, -5), (100.5, 5)])
    at_the_beginning = feature("stop_line", [(0.2, -5), (0.2, 5)], lanes="a")
    site, found = site_file.read(text(EAST, across, at_the_end, at_the_beginning), FRAME)
    assert not found.found
    assert [(line.lanes, line.signal_group) for line in site.stop_lines] == [((0,), 3), ((0,), None), ((0,), None)]


def test_a_crossing_names_its_signal_group():
    site = site_file.read(
        text(EAST, feature("crossing", [(50, -5), (54, -5), (54, 5), (50, 5)], signal_group=7)), FRAME
    )[0]
    assert site.areas[0].signal_group == 7


def test_a_map_without_a_pole_is_judged_where_it_lies():
    frame = site_file.frame_of(text(EAST))
    assert (frame.latitude_deg, frame.longitude_deg) == pytest.approx((36.6, 140.6), abs=1e-6)
    assert site_file.frame_of("[").latitude_deg == 0


def test_half_a_character_can_be_printed():
    told = findings(collection(lane("\ud800", [(0, 0), (9, 0)], "\udfff")), ERROR)
    assert told
    assert all(one.encode() for one in told)


@settings(max_examples=300, deadline=None)
@given(JSON | DOCUMENT)
def test_any_json_is_read_or_told_of(document):
    site, found = site_file.read(json.dumps(document), FRAME, "town.geojson")
    assert bool(found.errors) or site is not None
    assert all(str(one).startswith("town.geojson") for one in found.found)


@settings(max_examples=300, deadline=None)
@given(st.lists(DRAWN, max_size=5, unique_by=lambda one: one["properties"]["id"]))
def test_any_drawing_is_read_whole_or_not_at_all(features):
    site, found = site_file.read(text(*features), FRAME)
    kept = len(site.lanes) + len(site.areas) + len(site.stop_lines)
    assert kept == (0 if found.errors else len(features))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_told_of(written):
    assert site_file.read(written, FRAME)[1].errors
