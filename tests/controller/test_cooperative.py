"""What vehicles say of themselves: read from RC-013 and CAM, checked, brought to one instant, counted when refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cooperative import STATIONS_MAX, Cooperative
from controller.publication.radio import uper
from controller.publication.radio.claim import from_cam, from_rc013
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ObjectClass
from modules.comms import Heard, RadioReading
from modules.detection import Axes
from tests.controller.publication.radio.claims import cam_of, rc013_of
from tests.controller.publication.radio.scene import STATION, T0

MS = 1_000_000


@pytest.fixture(scope="module")
def codec():
    return uper.load()


WHERE = STATION.frame, STATION.geoid_height_m, 300.0


def listener(codec=None):
    one = Cooperative(*WHERE)
    one.codec = codec
    return one


def report(*payloads, kind=pb.RC013):
    return RadioReading(1, tuple(Heard(1, kind, one) for one in payloads), len(payloads))


def found(one, *payloads, at_ns=T0, kind=pb.RC013):
    return one.detections("comms", report(*payloads, kind=kind), at_ns, at_ns + 5 * MS, 0.001)


def test_a_vehicle_that_speaks_is_a_detection_of_the_comms_slot():
    one = listener()
    seen = found(one, rc013_of(40.0, -25.0, at_ns=T0 - 100 * MS))
    assert (seen.slot, seen.axes, seen.total, seen.measured_at_ns, seen.clock_error_s) == (
        "comms",
        Axes.ENU,
        1,
        T0,
        0.001,
    )
    (row,) = seen.objects
    assert row["object_class"] == ObjectClass.CAR
    assert (row["x"], row["y"]) == pytest.approx((41.0, -25.0), abs=0.02), "brought forward by 0.1 s at 10 m/s"
    assert row["z"] == pytest.approx(0.0, abs=0.06), "標高 30 m is the pole's origin"
    assert (row["vx"], row["vy"], row["yaw"]) == pytest.approx((10.0, 0.0, 0.0), abs=1e-3)
    assert (row["length"], row["width"]) == pytest.approx((4.5, 1.8))
    assert row["sigma_pos"] == pytest.approx(math.hypot(2.5 / 1.96, 0.1 * row["sigma_vel"]))
    assert row["confidence"] == 0.5
    assert not one.counters


def test_a_cam_tells_the_front_and_means_the_box(codec):
    seen = found(listener(codec), cam_of(40.0, 10.0, codec, heading=0.0), kind=pb.ETSI_CAM)
    (row,) = seen.objects
    assert (row["x"], row["y"]) == pytest.approx((40.0, 10.0 - 2.25), abs=0.02)
    assert (row["vx"], row["vy"]) == pytest.approx((0.0, 10.0), abs=1e-6)
    assert row["sigma_pos"] == pytest.approx(2.0 / 1.96)
    assert row["object_class"] == ObjectClass.CAR


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (rc013_of(290.0, 100.0), "far"),
        (rc013_of(10.0, 10.0, height=500.0), "far"),
        (rc013_of(10.0, 10.0, speed=90.0), "motion"),
        (rc013_of(10.0, 10.0, state__speed=65535), "motion"),
        (rc013_of(10.0, 10.0, state__heading=65535), "motion"),
        (rc013_of(10.0, 10.0, position__latitude=-(1 << 31)), "nowhere"),
        (rc013_of(10.0, 10.0, at_ns=T0 - 1100 * MS), "stale"),
        (rc013_of(10.0, 10.0, at_ns=T0 + 300 * MS), "stale"),
        (rc013_of(10.0, 10.0, time__hour=127), "unreadable"),
        (b"", "unreadable"),
        (rc013_of(10.0, 10.0)[:-1], "unreadable"),
    ],
)
def test_what_cannot_be_believed_is_counted_and_dropped(payload, reason):
    one = listener()
    seen = found(one, payload, rc013_of(20.0, 0.0, station=9))
    assert seen.objects["x"].tolist() == pytest.approx([20.0], abs=0.02)
    assert one.counters == {reason: 1}


def test_a_station_is_known_again_in_one_run_and_not_in_another():
    def ids(one, station):
        seen = found(one, rc013_of(20.0, 0.0, station=station))
        return int(seen.objects["id"][0])

    here, elsewhere = Cooperative(*WHERE, b"one run"), Cooperative(*WHERE, b"another")
    assert ids(here, 9) == ids(here, 9) != ids(here, 10)
    assert ids(elsewhere, 9) != ids(here, 9) != 9


def test_unknown_height_size_and_doubt_stay_unknown():
    unknown = {"position__elevation": 0xF000, "attributes__width": 1023, "position__position_confidence": 0}
    payload = rc013_of(10.0, 5.0, state__speed_confidence=0, **unknown)
    (row,) = found(listener(), payload).objects
    assert math.isnan(row["z"])
    assert math.isnan(row["width"])
    assert (row["sigma_pos"], row["sigma_vel"]) == (5.0, 2.0)


def test_of_one_vehicle_the_newest_counts():
    seen = found(
        listener(), *(rc013_of(x, 0.0, at_ns=T0 - back * MS) for x, back in ((10.0, 200), (12.0, 0), (11.0, 100)))
    )
    assert list(seen.objects["x"]) == pytest.approx([12.0], abs=0.02)
    assert seen.total == 3


def test_a_vehicle_does_not_jump_nor_go_back_in_time():
    one = listener()
    assert len(found(one, rc013_of(10.0, 0.0)).objects) == 1
    assert len(found(one, rc013_of(90.0, 0.0, at_ns=T0 + 100 * MS), at_ns=T0 + 100 * MS).objects) == 0
    assert len(found(one, rc013_of(10.0, 0.0, at_ns=T0 - 100 * MS), at_ns=T0 + 100 * MS).objects) == 0
    assert len(found(one, rc013_of(13.0, 0.0, at_ns=T0 + 200 * MS), at_ns=T0 + 200 * MS).objects) == 1
    assert one.counters == {"jump": 1, "repeated": 1}
    later = T0 + 4000 * MS
    assert len(found(one, rc013_of(200.0, 0.0, at_ns=later), at_ns=later).objects) == 1, "long forgotten"


def test_more_stations_than_can_be_remembered_are_refused():
    one = listener()
    for start in range(0, STATIONS_MAX + 16, 16):
        found(one, *(rc013_of(10.0, 0.1 * k, station=start + k) for k in range(16)))
    assert one.counters == {"too many": 16}


def test_other_formats_and_cam_without_the_extra_are_counted(codec):
    one = listener()
    assert len(found(one, cam_of(10.0, 0.0, codec), kind=pb.ETSI_CAM).objects) == 0
    assert len(found(one, b"x", kind=pb.ETSI_CPM).objects) == 0
    assert one.counters == {"format": 2}


@pytest.mark.parametrize(("kind", "told"), [(1, 6), (4, 3), (8, 0), (11, 7), (10, 15), (0, 15)])
def test_station_types_are_object_classes(codec, kind, told):
    assert from_cam(cam_of(1.0, 1.0, codec, kind=kind), T0, codec).object_class == told


def test_a_cam_of_a_roadside_unit_or_of_another_kind_is_none(codec):
    assert from_cam(cam_of(1.0, 1.0, codec, kind=15), T0, codec) == "CAM: not of a vehicle"
    unknown = from_cam(cam_of(1.0, 1.0, codec, length=math.nan), T0, codec)
    assert math.isnan(unknown.length_m)
    assert unknown.back_m == 0.0


@given(st.binary(max_size=120), st.integers(0, 2**62))
def test_bytes_from_outside_never_raise(data, now_ns):
    codec = uper.load()
    for claim in (from_rc013(data, now_ns), from_cam(data, now_ns, codec)):
        assert isinstance(claim, str) or math.isfinite(claim.time_ns)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6))
def test_a_damaged_cam_never_raises_nor_gives_what_is_no_place(damage):
    codec = uper.load()
    data = bytearray(cam_of(40.0, 10.0, codec))
    for place, value in damage:
        data[place % len(data)] = value
    seen = found(listener(codec), bytes(data), kind=pb.ETSI_CAM)
    for name in ("x", "y", "vx", "vy", "sigma_pos"):
        assert np.isfinite(seen.objects[name]).all()


def test_nothing_heard_is_an_empty_report():
    seen = found(listener())
    assert (len(seen.objects), seen.total) == (0, 0)
