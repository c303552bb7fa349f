"""Tracks as RC-013 areas, CSMA objects and SDSM: units, classes, confidence and short numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.publication import confidence
from controller.publication.radio import rc016, rc016_csma
from controller.publication.radio.rc016 import Roadside
from controller.publication.radio.rc016_csma import Csma
from controller.publication.radio.sdsm import sdsm
from controller.publication.radio.short_id import ShortIds
from controller.publication.radio.targets import common_areas, csma_objects
from controller.publication.radio.urgency import by_urgency
from interfaces.spec import VULNERABLE
from tests.controller.publication.radio.scene import STATION, tracks


def test_a_roadside_message_of_tracks():
    seen = tracks(20)
    areas = common_areas(seen, np.arange(20), STATION, 300)
    data = rc016.encode(Roadside({"service_id": 1, "version": 1}, (areas,)))
    assert len(data) == 19 + 20 * 36
    one = rc016.decode(data).groups[0][2]
    assert (one.management["vehicle_id"], one.management["counter"]) == (102, 44)
    assert one.time == {"leap_second_corrected": 1, "hour": 1, "minute": 23, "millisecond": 45_678}
    assert one.position["latitude"] == pytest.approx(366_000_000 - 6 * 90, abs=10)
    assert one.position["elevation"] == 303, "標高: ellipsoidal height less the geoid's"
    assert one.position["position_confidence"] == 14
    assert one.state["speed"] == round(100 * math.hypot(6.0, 1.5))
    assert one.state["heading"] == round(70 / 0.0125)
    assert one.state["acceleration"] == round(
        100 * (-0.5 * math.cos(math.radians(20)) + 0.3 * math.sin(math.radians(20)))
    )
    assert one.attributes == {"size_class": 2, "role_class": 15, "width": 180, "length": 450}


def test_a_csma_message_takes_the_five_most_urgent():
    seen = tracks(30)
    order = by_urgency(seen)[:5]
    message = rc016_csma.decode(rc016_csma.encode(Csma({}, csma_objects(seen, order, STATION))))
    assert {one["object_type"] for one in message.objects} <= set(map(int, VULNERABLE))
    assert {one["size"] for one in message.objects} == {15}


def test_an_unknown_size_is_told_as_unknown():
    seen = tracks(1)
    for name in ("length", "width", "height"):
        seen.objects[name] = 0.0
    (one,) = common_areas(seen, [0], STATION, 0)
    assert (one.attributes["width"], one.attributes["length"]) == (1023, 16383)
    assert sdsm(seen, STATION, 0)["objects"][0]["detObjOptData"]["detVeh"] == {
        "size": {"width": 0, "length": 0},
        "height": 0,
    }


@pytest.mark.parametrize(("kind", "told"), [(2, 2), (6, 6), (8, 15), (9, 15), (15, 15)])
def test_classes_of_ours_are_told_as_others(kind, told):
    seen = tracks(1)
    seen.objects["object_class"] = kind
    assert common_areas(seen, [0], STATION, 0)[0].attributes["size_class"] == told
    assert csma_objects(seen, [0], STATION)[0]["object_type"] == told


def test_a_heading_just_below_north_is_north():
    seen = tracks(1)
    seen.objects["yaw"] = math.pi / 2 + 1e-9
    assert common_areas(seen, [0], STATION, 0)[0].state["heading"] == 0


TABLES = [(confidence.POSITION, 15), (confidence.SPEED, 7), (confidence.HEADING, 7)]


@pytest.mark.parametrize(("rows", "best"), TABLES)
def test_confidence_codes_are_those_of_the_tables(rows, best):
    assert confidence.code(rows, 0.0) == best
    assert confidence.code(rows, math.nan) == 0
    assert confidence.code(rows, 1e6) == 1
    for place, bound in enumerate(rows):
        assert confidence.code(rows, bound / 1.96) == best - place
        assert confidence.sigma(rows, best - place) == bound / 1.96
    assert math.isnan(confidence.sigma(rows, 0))
    assert math.isnan(confidence.sigma(rows, 1))


def test_sdsm_is_json_in_the_standards_units():
    message = json.loads(json.dumps(sdsm(tracks(11), STATION, 300)))
    assert (message["msgCnt"], message["sourceID"], message["equipmentType"]) == (44, "08202302", 1)
    assert list(message["sDSMTimeStamp"].values()) == [2024, 1, 22, 16, 23, 45_678, 0]
    assert message["refPos"] == {"lat": 366_000_000, "long": 1_406_000_000, "elevation": 700}
    objects = {one["detObjCommon"]["objectID"]: one for one in message["objects"]}
    car = objects[102]["detObjCommon"]
    assert (car["objType"], car["objTypeCfd"], car["pos"]) == (1, 80, {"offsetX": 70, "offsetY": -60, "offsetZ": 2})
    assert car["speed"] == round(math.hypot(6.0, 1.5) / 0.02)
    assert car["accel4way"]["vert"] == -127
    assert objects[102]["detObjOptData"] == {"detVeh": {"size": {"width": 180, "length": 450}, "height": 30}}
    assert objects[106]["detObjOptData"] == {"detVRU": {"basicType": 1}}
    assert [objects[number]["detObjCommon"]["objType"] for number in (104, 108, 109, 110)] == [2, 3, 0, 0]
    assert "detObjOptData" not in objects[109]
    assert message["objects"][0]["detObjCommon"]["objType"] == 2, "vulnerable road users first"


@given(st.lists(st.sets(st.integers(0, 2**32 - 1), max_size=40), max_size=5))
def test_short_numbers_differ_and_stay(rounds):
    short, before = ShortIds(6), {}
    for ids in rounds:
        now = dict(zip(sorted(ids), short.of(sorted(ids)), strict=True))
        assert len(set(now.values())) == len(now)
        assert all(0 <= one < 64 for one in now.values())
        assert all(now[one] == before[one] for one in now if one in before)
        before = now


def test_more_ids_than_numbers_repeat():
    assert ShortIds(1).of([4, 5, 6]) == [0, 1, 0]
