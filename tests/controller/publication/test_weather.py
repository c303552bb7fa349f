"""RoadEnvironment: every module's own word, told again when it changes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from controller.geometry import LocalFrame
from controller.publication.publication import Sender, Stamp
from controller.publication.weather import LEAST_CHANGE, changed, weather
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from modules.environment import POSSIBLE, EnvironmentReading

SENDER = Sender(7, 9, ("cam", "lidar"), LocalFrame(35.6, 139.7, 60.0), geoid_height_m=37.0)
STAMP = Stamp(41, 1_760_000_000_000_000_005, 0.002)
READING = EnvironmentReading(0, 800.0, 4.0, 10.0, 8.0, None, 3.0, 90.0, 0.0, 2)


def test_each_module_with_its_slot_and_what_is_unknown():
    binary, twin = weather(((1, READING), (2, replace(READING, visibility_m=None, road_surface=None))), SENDER, STAMP)
    message = pb.RoadEnvironment.FromString(binary.payload)
    assert list(message.header.modules) == [one.slot for one in message.readings] == ["cam", "lidar"]
    assert (message.readings[0].visibility_m, message.readings[0].road_surface) == (800.0, 2)
    assert math.isnan(message.readings[1].visibility_m)
    assert not message.readings[1].HasField("road_surface")
    assert message.header.information_quality == 5
    assert (binary.qos, binary.retain, binary.expiry_s) == (1, True, 600.0)
    assert topics.row_of(binary.topic, "smartpole/v1") == (topics.WEATHER, False)
    assert dict(binary.user_properties)["spatial_id"] == message.position.spatial_id
    assert json.loads(twin.payload)["readings"][0]["slot"] == "cam"


def test_nothing_known_is_nothing_said():
    assert weather((), SENDER, STAMP) == ()


@pytest.mark.parametrize("name", POSSIBLE)
def test_a_change_is_told_at_once_and_noise_is_not(name):
    value = getattr(READING, name)
    less = replace(READING, **{name: None if value is not None else 1.0})
    assert changed(((1, READING),), ((1, less),))
    if value is not None and math.isfinite(LEAST_CHANGE[name]):
        step = max(LEAST_CHANGE[name], 0.25 * value if name != "road_surface" else 0)
        assert changed(((1, READING),), ((1, replace(READING, **{name: value + step})),))
        assert not changed(((1, READING),), ((1, replace(READING, **{name: value + 0.9 * step})),))


def test_a_module_that_comes_or_goes_is_a_change():
    assert changed((), ((1, READING),))
    assert changed(((1, READING),), ())
    assert not changed(((1, READING),), ((1, READING),))
