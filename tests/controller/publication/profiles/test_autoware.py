"""A picture in the shape of Autoware's messages: their fields, their axes, no certainty where there is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.fusion.track import Tracks, empty_tracks
from controller.publication.profiles.autoware import LABELS, tracked_objects
from interfaces.spec import ObjectClass
from tests.controller.publication.radio.scene import T0, tracks

XYZ = {"x": float, "y": float, "z": float}
COVARIANCE = [float] * 36
TRACKED_OBJECTS = {  # autoware_perception_msgs, geometry_msgs, std_msgs; types of each field
    "header": {"stamp": {"sec": int, "nanosec": int}, "frame_id": str},
    "objects": [
        {
            "object_id": {"uuid": [int] * 16},
            "existence_probability": float,
            "classification": [{"label": int, "probability": float}],
            "kinematics": {
                "pose_with_covariance": {
                    "pose": {"position": XYZ, "orientation": XYZ | {"w": float}},
                    "covariance": COVARIANCE,
                },
                "twist_with_covariance": {"twist": {"linear": XYZ, "angular": XYZ}, "covariance": COVARIANCE},
                "acceleration_with_covariance": {"accel": {"linear": XYZ, "angular": XYZ}, "covariance": COVARIANCE},
                "orientation_availability": int,
                "is_stationary": bool,
            },
            "shape": {"type": int, "footprint": {"points": []}, "dimensions": XYZ},
        }
    ],
}
NUMBERS = st.floats(-1e4, 1e4) | st.just(math.nan)


def shape(told):
    """The types of what is told."""
    if isinstance(told, dict):
        return {name: shape(value) for name, value in told.items()}
    return [shape(value) for value in told] if isinstance(told, list) else type(told)


def one(**columns):
    rows = empty_tracks(1)
    for name, value in columns.items():
        rows[name] = value
    return tracked_objects(Tracks(T0, rows))["objects"][0]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_field_of_the_message_is_there_and_no_other(count):
    assert shape(tracked_objects(tracks(count))) == TRACKED_OBJECTS | {"objects": TRACKED_OBJECTS["objects"] * count}


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 255))
def test_whatever_is_tracked_is_json(first, second, third, kind):
    told = one(
        z=first, vx=second, vy=first, ax=third, yaw=third, yaw_rate=first, length=second, object_class=kind, cov=first,
        class_confidence=third, existence=0.5,
    )  # fmt: skip
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_velocity_is_forward_and_left_of_the_object():
    """Northward and a little west at 10 m/s, heading north."""
    twist = one(vx=-1.0, vy=10.0, yaw=math.pi / 2, cov=np.diag([1, 2, 3, 4]))["kinematics"]["twist_with_covariance"]
    assert twist["twist"]["linear"] == pytest.approx({"x": 10.0, "y": 1.0, "z": 0.0})
    assert [twist["covariance"][0], twist["covariance"][7]] == pytest.approx([4, 3])


def test_who_has_no_yaw_is_turned_the_way_it_moves():
    kinematics = one(vx=0.0, vy=-5.0, yaw=math.nan)["kinematics"]
    assert kinematics["orientation_availability"] == 0
    assert kinematics["twist_with_covariance"]["twist"]["linear"]["x"] == pytest.approx(5.0)
    turned = kinematics["pose_with_covariance"]["pose"]["orientation"]
    assert 2 * math.atan2(turned["z"], turned["w"]) == pytest.approx(-math.pi / 2)


def test_place_is_the_middle_and_identity_is_the_tracks():
    told = one(id=0xABCDEF01, x=3.0, y=4.0, z=math.nan, height=2.0, vx=0.2)
    assert told["kinematics"]["pose_with_covariance"]["pose"]["position"] == {"x": 3.0, "y": 4.0, "z": 1.0}
    assert told["object_id"]["uuid"][-4:] == [0xAB, 0xCD, 0xEF, 0x01]
    assert told["kinematics"]["is_stationary"]


def test_what_is_not_known_is_not_certain():
    told = one(cov=math.nan)["kinematics"]
    for name in ("pose_with_covariance", "twist_with_covariance", "acceleration_with_covariance"):
        assert min(np.diag(np.reshape(told[name]["covariance"], (6, 6)))) > 1000


def test_every_class_of_ours_has_a_label_of_theirs_or_is_unknown():
    unknown = {ObjectClass.LIGHT_VEHICLE, ObjectClass.TRAM, ObjectClass.UNKNOWN}
    assert set(ObjectClass) - set(LABELS) == unknown
    assert one(object_class=ObjectClass.TRAM)["classification"][0]["label"] == 0
