"""路側機属性情報, センサ情報, サービス地点情報: what the operator and the data sheets say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from living import CONFIG, SENDER, T0, UNIT, area, config, devices_of

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.roadside_unit_info import missing, roadside_unit_info
from controller.publication.cavc.sensor_info import reliability, sensor_info
from controller.publication.cavc.service_location_info import service_location_info
from controller.publication.cavc.validation import problems


def sensors(ranges, of=CONFIG, **states):
    made = sensor_info(of, SENDER, T0, devices_of(of, **states), ranges)
    assert problems(DOCUMENTS["sensorInfo"], made) == []
    return made["attribute"]["sensorAttributeInfo"]


def test_a_roadside_unit_without_its_papers_is_not_told():
    assert roadside_unit_info(config(roadside_unit={}), T0) is None
    assert missing(config(roadside_unit={**UNIT, "manager": ""})) == ("manager",)
    assert missing(CONFIG) == ()


def test_optional_texts_are_left_out_and_the_name_is_the_poles():
    mine = config(roadside_unit={**UNIT, "name": "", "manufacturer": "", "customer": ""})
    made = roadside_unit_info(mine, T0)
    assert problems(DOCUMENTS["roadsideUnitInfo"], made) == []
    assert made["attribute"]["roadsideUnitName"] == "N-2"
    assert {"manufacturer", "customer"}.isdisjoint(made["attribute"])


def test_reliability_is_the_published_table():
    assert [round(1 - 10 ** (-n / 10), 4) for n in (1, 9, 10)] == [0.2057, 0.8741, 0.9]
    assert [reliability(1 - 10 ** (-n / 10)) for n in range(1, 101)] == list(range(1, 101))
    assert (reliability(0.0), reliability(math.nan), reliability(-1), reliability(1.5)) == (0, 0, 0, 0)
    assert (reliability(1e-12), reliability(0.9001), reliability(1.0)) == (1, 11, 101)


@given(st.floats(1e-9, 1 - 1e-9))
def test_a_reliability_holds_its_probability_and_the_class_below_does_not(probability):
    n = reliability(probability)
    assert probability <= 1 - 10 ** (-n / 10)
    assert n == 1 or probability > 1 - 10 ** (-(n - 1) / 10)


def test_a_sensor_that_does_not_serve_in_full_has_no_known_reliability():
    def told(**states):
        return sensors({"camera": [area(reliability=30)]}, **states)[0]["sensorDetectionRangeInfo"][0]

    assert told()["detectionReliability"] == 30
    assert told(camera="DEGRADED")["detectionReliability"] == told(camera="LOST")["detectionReliability"] == 0


def test_ranges_turn_with_the_mount_and_heights_are_above_the_sea():
    camera, radar = sensors({"camera": [area(corners=((0, 0), (100, 0), (100, 50)))]})
    first, ahead, left = camera["sensorDetectionRangeInfo"][0]["verticesPos"]
    assert (first["verticesLat"], first["verticesLon"]) == (366_000_000, 1_406_000_000)
    assert ahead["verticesLat"] - 366_000_000 == pytest.approx(9010, abs=15)
    assert ahead["verticesLon"] == 1_406_000_000
    assert left["verticesLon"] < 1_406_000_000
    assert (camera["elevation"], radar["elevation"]) == (355, 350)


def test_a_sensor_without_a_sheet_says_that_nothing_is_known():
    (only,) = sensors({})[1]["sensorDetectionRangeInfo"]
    assert (only["detectionReliability"], only["detectionLimitObjectSize"], only["detectableObjectType"]) == (
        0,
        65_535,
        0,
    )
    assert only["vertices"] == 1


@given(
    reliability=st.integers(0, 2**32 - 1),
    limit=st.floats(width=32, allow_nan=True, allow_infinity=True),
    types=st.integers(0, 2**32 - 1),
    corners=st.lists(st.tuples(*[st.floats(-3000, 3000, width=32)] * 2), min_size=1, max_size=30),
    count=st.integers(1, 20),
)
def test_any_range_of_a_sheet_becomes_a_legal_one(reliability, limit, types, corners, count):
    told = area(reliability, limit, types, corners)
    found = sensors({"camera": [told] * count})[0]["sensorDetectionRangeInfo"]
    assert len(found) == min(count, 16)
    real = math.isfinite(limit) and limit > 0
    assert all((one["detectionLimitObjectSize"] == 65_535) is not real for one in found)


@given(st.floats(0, 359.999999))
def test_approaches_point_within_a_turn(heading_deg):
    mine = config(approach=[{"id": 1, "heading_deg": heading_deg}])
    made = service_location_info(mine, T0)
    assert problems(DOCUMENTS["serviceLocationInfo"], made) == []
    (one,) = made["attribute"]["approachAttributeInfo"]
    assert abs((one["approachHeading"] * 1.5 - heading_deg + 180) % 360 - 180) <= 0.7501


def test_the_service_location_lists_its_approaches_by_id_and_its_units_with_ours_first():
    made = service_location_info(CONFIG, T0)["attribute"]
    assert made["approachAttributeInfo"] == [
        {"approachID": 1, "approachHeading": 120},
        {"approachID": 2, "approachHeading": 180},
    ]
    assert made["roadsideUnitList"] == [
        {"roadsideUnitID": 136323842, "roadsideUnitClassification": 0},
        {"roadsideUnitID": 77, "roadsideUnitClassification": 1},
    ]
    assert made["elevation"] == 300
    assert "roadsideUnitID" not in made
