"""Recordings: read by their header, mistakes named, played by time, written as logs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from controller.config import Slot
from controller.detection_log import read as read_log
from interfaces.errors import ConfigError
from sim.replay import DETECTED, KNOWN, RecordedRoad, RecordedSensor, log_lines, read

SEEN = f"""{DETECTED}
2023-09-05T10:00:00.000,1,0,0.9,42.0,-83.0,1.8,4.5,1.5
2023-09-05T10:00:00.000,2,7,0.8,42.0001,-83.0,1.8,4.5,1.5
2023-09-05T10:00:00.200,1,1,0.7,42.0,-83.0001,2.5,9.0,3.0
"""
TRUE = f"""{KNOWN}
0.0,5,car,1.0,2.0,0.0,10.0,4.5,1.8
0.1,5,car,2.0,2.0,0.0,10.0,4.5,1.8
0.1,6,truck,9.0,2.0,1.5707963,3.0,9.0,2.5
"""


def test_detections_of_a_real_sensor():
    recording = read(SEEN, "seen.csv")
    assert recording.detected
    assert recording.times_s == (0.0, pytest.approx(0.2))
    assert [len(frame) for frame in recording.frames] == [2, 1]
    assert recording.frames[0]["object_class"].tolist() == [2, 15]
    assert recording.frames[1]["object_class"].tolist() == [0]
    assert recording.origin.latitude_deg == pytest.approx(42.0)
    assert recording.rate_hz == pytest.approx(5.0)


def test_truth_has_velocities_along_its_heading():
    recording = read(TRUE, "true.csv")
    assert not recording.detected
    np.testing.assert_allclose(recording.frames[1]["vx"], [10.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(recording.frames[1]["vy"], [0.0, 3.0], atol=1e-6)
    assert {spec.module_class for spec in recording.scene().modules} == {"camera", "lidar", "radar"}


def test_a_recorded_sensor_says_each_frame_once_with_its_age():
    recording = read(SEEN, "seen.csv")
    road = RecordedRoad(recording)
    sensor = RecordedSensor(road, recording)
    assert len(sensor.observe(None)) == 2
    road.step(0.05)
    assert sensor.observe(None) is None
    assert sensor.age_s == pytest.approx(0.05)
    road.step(0.17)
    assert len(sensor.observe(None)) == 1
    assert sensor.age_s == pytest.approx(0.02, abs=1e-6)
    road.step(0.5)
    assert road.now_s == 0.0
    assert len(sensor.observe(None)) == 2


@pytest.mark.parametrize("text", [SEEN, TRUE])
def test_a_log_of_it_is_one_that_replay_reads(text):
    recording = read(text, "some.csv")
    lines = list(log_lines(recording, seed=4))
    assert lines == list(log_lines(recording, seed=4))
    slots = {spec.slot: Slot(**{"class": spec.module_class}) for spec in recording.scene().modules}
    messages = list(read_log(lines, slots))
    assert len(messages) == len(recording.frames) * len(slots)
    assert json.loads(lines[0])["frame"] == ("wgs84" if recording.detected else "module")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "x.csv:1: header 'a,b'"),
        (SEEN.replace("0.8", "high"), "x.csv:3: confidence: 'high'"),
        (SEEN.replace("10:00:00.200", "ten"), "x.csv:4: time_local"),
        (TRUE + "0.2,5\n", "x.csv:5: has not the columns"),
        (TRUE.replace("0.1,6", "nan,6"), "x.csv:4: t_s: 'nan'"),
        (KNOWN + "\n", "x.csv: holds no row"),
    ],
)
def test_a_mistake_is_named(text, words):
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        read(text, "x.csv")
