"""The profile: where each sensor sees and how surely, in the world; what the pole may be used for now."""

from __future__ import annotations

import math

import pytest

from controller.fusion.standing import Finding, Standing
from controller.publication.profile import profile, said
from controller.publication.voice import sender_of
from controller.slot import SlotReport
from interfaces.proto.pmi_pb2 import DetectionRange, Vertex
from interfaces.proto.publication_pb2 import PoleProfile
from interfaces.states import State
from tests.controller.publication.profiles.scenes import STAMP, config

AHEAD = DetectionRange(
    vertices=[Vertex(x_m=0, y_m=0), Vertex(x_m=10, y_m=-5), Vertex(x_m=10, y_m=5)],
    reliability=10,
    detectable_types=0b10001,
    limit_size_m=0.5,
)
MOUNT = {"east_m": 3.0, "north_m": 4.0, "height_m": 5.0, "yaw_deg": 90.0}
SETTINGS = config(
    slot={"radar": {"class": "radar", "mount": MOUNT}, "camera": {"class": "camera"}},
    cavc={"use_case": [{"type": 7, "slots": ["radar"], "approaches": [1, 2]}, {"type": 9}]},
)
SENDER = sender_of(SETTINGS)


def report(state=State.ACTIVE, standing=None):
    found = Finding(standing, "late") if standing is not None else None
    return SlotReport("radar", "radar", "radar", False, "p", state, "", 0, registration=found)


def told(*reports, area=AHEAD, **known):
    return profile(SETTINGS, SENDER, reports, {"radar": [area]}, **known)


def test_a_sensor_tells_where_it_sees_in_the_world():
    radar, camera = told(report()).sensors
    (area,) = radar.ranges
    assert [(round(one.x_m, 6), round(one.y_m, 6)) for one in area.corners] == [(3, 4), (8, 14), (-2, 14)]
    for one in area.corners:
        x, y, _ = SENDER.frame.to_enu(one.latitude_deg, one.longitude_deg, SENDER.frame.height_m)
        assert (float(x), float(y)) == pytest.approx((one.x_m, one.y_m), abs=0.01)
    assert (area.reliability, area.detectable_types, area.limit_size_m) == (pytest.approx(0.9), 0b10001, 0.5)
    assert (radar.performs_in_full, camera.performs_in_full, len(camera.ranges)) == (True, False, 0)


@pytest.mark.parametrize(
    ("one", "full"),
    [
        (report(), True),
        (report(standing=Standing.CORRECTED), True),
        (report(standing=Standing.QUARANTINED), False),
        (report(State.DEGRADED), False),
        (report(State.LOST), False),
    ],
)
def test_reliability_is_unknown_while_a_module_does_not_hold_what_it_declares(one, full):
    radar, _ = told(one).sensors
    assert radar.performs_in_full is full
    assert math.isnan(radar.ranges[0].reliability) is not full


@pytest.mark.parametrize(("declared", "probability"), [(0, math.nan), (1, 1 - 10**-0.1), (20, 0.99), (101, 1 - 1e-10)])
def test_reliability_classes_are_probabilities(declared, probability):
    area = DetectionRange(vertices=AHEAD.vertices, reliability=declared)
    found = told(report(), area=area).sensors[0].ranges[0]
    assert found.reliability == pytest.approx(probability, nan_ok=True, abs=1e-12)
    assert math.isnan(found.limit_size_m)


@pytest.mark.parametrize(
    ("one", "available", "utilisations"),
    [(report(), True, [1, 1]), (report(), False, [0, 0]), (report(State.DEGRADED), True, [0, 1])],
)
def test_a_use_case_is_reduced_with_the_pole_and_with_the_slots_it_rests_on(one, available, utilisations):
    cases = told(one, available=available).use_cases
    assert [case.utilisation for case in cases] == utilisations
    assert (cases[0].type, list(cases[0].slots), list(cases[0].approaches)) == (7, ["radar"], [1, 2])


def test_what_goes_out_is_the_profile_with_a_header():
    now = told(report(), site_hash="ab")
    binary, twin = said(now, SENDER, STAMP)
    message = PoleProfile.FromString(binary.payload)
    assert (message.header.sequence, list(message.header.modules)) == (STAMP.sequence, ["radar", "camera"])
    assert message.site_hash == "ab"
    message.ClearField("header")
    assert message.SerializeToString() == now.SerializeToString()
    assert twin.topic == binary.topic + "/json"
    assert binary.retain
