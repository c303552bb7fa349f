"""its-client: valid by its published schemas, the same numbers as on the radio, on the topics its clients read."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from controller.fusion.track import Tracks, empty_tracks
from controller.hazard.hazard import Phase
from controller.publication.profiles.its_client import Source
from controller.publication.profiles.its_cpm import its_cpm
from controller.publication.profiles.its_denm import its_denm
from controller.publication.radio import uper
from controller.publication.radio.cpm import cpm
from tests.controller.publication.radio.scene import HAZARD, STATION, T0, tracks

VECTORS = Path(__file__).parents[3] / "vectors" / "its_client"
SOURCE = Source("pole-8202302-136323842")
SENSORS = ((0, "radar"), (2, "lidar"))


def validator(name):
    return Draft202012Validator(json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes())))


CPM, DENM = validator("cpm_schema_2-1-1"), validator("denm_schema_2-2-0")


def golden(name):
    return json.loads((VECTORS / name).read_text())


def test_a_topic_has_a_level_for_each_digit_of_the_tile():
    topic = Source("me", "root", "inQueue").topic("denm", 44.7753167, -0.6518623)
    assert topic == "root/inQueue/v2x/denm/me/0/3/1/3/3/3/1/1/1/2/0/2/1/0/0/1/2/1/2/1/2/1"


def test_a_picture_is_told_as_it_was():
    told = json.loads(its_cpm(tracks(11), STATION, SOURCE, SENSORS))
    CPM.validate(told)
    assert told == golden("cpm.json")


@pytest.mark.parametrize("phase", Phase)
def test_a_hazard_is_told_as_it_was(phase):
    told = json.loads(its_denm(replace(HAZARD, phase=phase), STATION, SOURCE, 5))
    DENM.validate(told)
    assert told == golden("denm.json")[phase]


def test_the_numbers_are_those_of_the_radio():
    codec = uper.load()
    (whole,) = cpm(tracks(11), STATION, codec, limit_b=10_000)
    payload = codec.decode("CollectivePerceptionMessage", whole)["payload"]
    body = next(one for one in payload["cpmContainers"] if one["containerId"] == 5)
    radio = codec.decode("PerceivedObjectContainer", body["containerData"])["perceivedObjects"]
    told = json.loads(its_cpm(tracks(11), STATION, SOURCE))["message"]["perceived_object_container"]
    assert [one["object_id"] for one in told] == [one["objectId"] for one in radio]
    for ours, theirs in zip(told, radio, strict=True):
        for axis in "xyz":
            assert ours["position"][f"{axis}_coordinate"] == theirs["position"][f"{axis}Coordinate"]
        velocity = ours["velocity"]["cartesian_velocity"]
        assert [velocity["x_velocity"], velocity["y_velocity"]] == list(theirs["velocity"][1].values())
        acceleration = ours["acceleration"]["cartesian_acceleration"]
        assert [acceleration["x_acceleration"], acceleration["y_acceleration"]] == list(
            theirs["acceleration"][1].values()
        )
        assert ours["angles"]["z_angle"] == theirs["angles"]["zAngle"]
        assert ours["z_angular_velocity"]["value"] == theirs["zAngularVelocity"]["value"]
        for axis in "xyz":
            assert ours[f"object_dimension_{axis}"] == theirs[f"objectDimension{axis.upper()}"]
        assert ours["object_age"] == theirs["objectAge"]
        assert ours["object_perception_quality"] == theirs["objectPerceptionQuality"]
        assert ours["sensor_id_list"] == theirs["sensorIdList"]
        assert ours["classification"][0]["confidence"] == theirs["classification"][0]["confidence"]


LAST_MS = 1_830_297_600_000  # 2028-01-01T00:00:00Z, the greatest `timestamp` of every schema of theirs


@pytest.mark.parametrize(("late_ms", "broken"), [(0, []), (1, ["timestamp"]), (100 * 366 * 86_400_000, ["timestamp"])])
def test_their_schemas_end_with_2027_and_nothing_else_of_ours_does(late_ms, broken):
    at_ns = (LAST_MS + late_ms) * 1_000_000
    told = its_cpm(tracks(11, valid_at_ns=at_ns), STATION, SOURCE, SENSORS)
    said = its_denm(replace(HAZARD, detection_time_ns=at_ns, reference_time_ns=at_ns), STATION, SOURCE, 5)
    for schema, text in ((CPM, told), (DENM, said)):
        assert json.loads(text)["timestamp"] == LAST_MS + late_ms, "the true time, whatever the schema says"
        assert [one.json_path for one in schema.iter_errors(json.loads(text))] == [f"$.{name}" for name in broken]


def test_an_empty_road_is_told_too():
    told = json.loads(its_cpm(tracks(0), STATION, SOURCE))
    CPM.validate(told)
    assert told["message"]["perceived_object_container"] == []


def test_only_the_most_urgent_are_told_of_too_many():
    told = json.loads(its_cpm(tracks(300), STATION, SOURCE))
    CPM.validate(told)
    assert len(told["message"]["perceived_object_container"]) == 255


NUMBERS = st.floats(width=64) | st.just(float("nan"))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 255), st.integers(0, 2**32 - 1)), max_size=4))
def test_whatever_is_tracked_is_valid(found):
    rows = empty_tracks(len(found))
    for row, (one, other, third, kind, mask) in zip(rows, found, strict=True):
        row["x"], row["vx"], row["yaw"], row["z"], row["length"], row["existence"] = (
            one,
            other,
            third,
            other,
            one,
            third,
        )
        row["class_confidence"], row["yaw_rate"], row["ax"], row["age_s"] = other, one, third, 1.0
        row["object_class"], row["sources"], row["id"] = kind, mask, mask
        row["cov"] = np.full((4, 4), one)
    with np.errstate(all="ignore"):
        CPM.validate(json.loads(its_cpm(Tracks(T0, rows), STATION, SOURCE)))
