"""物標情報: whatever a track holds becomes a legal target that tells no unknown value as a real one."""

from __future__ import annotations

import json
import re
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from living import CONFIG, SENDER, T0, config, tracks

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.target_info import BATCH, MAX_BATCHES, target_info
from controller.publication.cavc.validation import problems

WILD = st.floats(allow_nan=True, allow_infinity=True)
NAMES = ("x", "y", "z", "vx", "vy", "ax", "ay", "yaw", "length", "width", "age_s")


def documents(picture, resting=None, **more):
    rest = [0] * len(picture.objects) if resting is None else resting
    return target_info(picture, rest, SENDER, CONFIG, T0 + 50_000_000, **{"counter": 0, **more})


def targets(picture, resting=None, **more):
    return [
        one
        for document in documents(picture, resting, **more)
        for device in document["attribute"]["deviceIndividualInfo"]
        for one in device["targetIndividualInfo"]
    ]


@settings(max_examples=100)
@given(
    values=st.fixed_dictionaries(dict.fromkeys(NAMES, WILD)),
    cov=st.lists(WILD, min_size=16, max_size=16),
    code=st.integers(0, 255),
    track_id=st.integers(0, 2**32 - 1),
    counter=st.integers(0, 2**63),
)
def test_every_track_becomes_a_legal_target(values, cov, code, track_id, counter):
    picture = tracks(1, cov=np.reshape(cov, (4, 4)), object_class=code, id=track_id, **values)
    (document,) = documents(picture, counter=counter)
    assert problems(DOCUMENTS["targetInfo"], json.loads(json.dumps(document, allow_nan=False))) == []
    (one,) = targets(picture, counter=counter)
    assert (one["targetID"], one["targetIndividualIncrementCounter"]) == (track_id, counter % 256)
    assert one["elevation"] != 61_440
    with np.errstate(over="ignore"):
        turned, speed = np.degrees(values["yaw"]), np.hypot(values["vx"], values["vy"])
    assert (one["heading"] == 65_535) is not bool(np.isfinite(turned))
    assert (one["existingTime"] == 36_001) is not bool(np.isfinite(values["age_s"]))
    assert (one["speed"] == 65_535) is not bool(np.isfinite(speed))
    assert one["heading"] in {*range(28_800), 65_535}


@given(x=st.floats(-5000, 5000), y=st.floats(-5000, 5000), z=st.floats(-50, 500))
def test_places_are_those_of_the_track_with_the_height_above_the_sea(x, y, z):
    (one,) = targets(tracks(1, x=x, y=y, z=z))
    latitude, longitude, height = (float(v) for v in SENDER.frame.to_wgs84(x, y, z))
    assert one["latitude"] == pytest.approx(latitude * 1e7, abs=0.51)
    assert one["longitude"] == pytest.approx(longitude * 1e7, abs=0.51)
    assert one["elevation"] == pytest.approx((height - 40.0) * 10, abs=0.51)


def test_what_has_no_height_stands_on_the_ground():
    assert [one["elevation"] for one in targets(tracks(3, z=[np.nan, np.inf, 2.0]))] == [300, 300, 320]


@pytest.mark.parametrize(
    ("yaw_deg", "heading"), [(90, 0), (0, 7200), (-90, 14_400), (180, 21_600), (90.004, 0), (90.0126, 28_799)]
)
def test_headings_turn_clockwise_from_north_and_a_full_turn_is_none(yaw_deg, heading):
    assert targets(tracks(1, yaw=np.radians(yaw_deg)))[0]["heading"] == heading


def test_acceleration_is_that_along_the_body():
    picture = tracks(3, yaw=[np.pi / 2, np.pi, 0.0], ax=[1.0, 2.0, 900.0], ay=[-3.0, 5.0, 0.0])
    assert [one["acceleration"] for one in targets(picture)] == [-300, -200, 2000]


def test_sizes_of_people_are_never_told_and_our_own_classes_are_other():
    found = targets(tracks(4, object_class=[6, 8, 9, 15], width=[0.6, 0.5, 1.0, 0.0]))
    assert [one["sizeClassification"] for one in found] == [6, 15, 15, 15]
    assert [one["vehicleWidth"] for one in found] == [1023, 50, 100, 1023]
    assert [one["vehicleLength"] for one in found] == [16_383, 450, 450, 450]


def test_a_target_tells_its_time_in_japan_and_the_document_its_own_in_utc():
    (document,) = documents(tracks(1))
    (one,) = targets(tracks(1))
    assert one["time"] == "2025-10-09T17:53:20.123+09:00"
    assert document["attribute"]["updateTimeInfo"] == "2025-10-09T08:53:20.173Z"
    assert re.fullmatch(r".*\.\d{3}\+09:00", one["time"])


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_both_writings_of_time_are_the_same_instant(at_ns):
    (one,) = targets(tracks(1, at_ns))
    assert datetime.fromisoformat(one["time"]).timestamp() == pytest.approx(at_ns // 1_000_000 / 1e3, abs=1e-4)


def test_a_second_document_never_replaces_the_first():
    found = documents(tracks(2 * BATCH + 1))
    devices = [device for one in found for device in one["attribute"]["deviceIndividualInfo"]]
    assert [one["targetNum"] for one in devices] == [BATCH, BATCH, 1]
    assert [one["deviceID"] for one in devices] == [0xD00001, 0xD00002, 0xD00003]
    assert len({one["targetID"] for one in targets(tracks(2 * BATCH + 1))}) == 2 * BATCH + 1


def test_a_batch_that_ran_empty_is_said_to_be_empty():
    assert [len(one["attribute"]["deviceIndividualInfo"]) for one in documents(tracks(3), batches=3)] == [1, 1, 1]
    assert len(targets(tracks(3), batches=3)) == 3
    assert documents(tracks(0))[0]["attribute"]["deviceIndividualInfo"][0]["targetNum"] == 0


def test_no_more_devices_than_a_roadside_unit_may_have():
    assert len(documents(tracks(BATCH * MAX_BATCHES + 5))) == MAX_BATCHES


def test_the_operator_names_the_device():
    mine = config(target_device_id=0xE00710)
    (document,) = target_info(tracks(1), [0], SENDER, mine, T0, counter=0)
    assert document["attribute"]["deviceIndividualInfo"][0]["deviceID"] == 0xE00710
