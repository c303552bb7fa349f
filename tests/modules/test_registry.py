"""Every class of module through the same three functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.config import SlotClass
from interfaces.errors import ConfigError
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules import camera
from modules.columns import to_records
from modules.comms import CommsReading
from modules.detecting import _fill_sigmas, cone
from modules.detection import Axes, empty_objects
from modules.registry import REGISTRY, default_capability, extended, kind_of
from tests.exchange import good_sheet

DETECTING = ("sensor", "camera", "lidar", "radar")
REPORTING = {
    "comms": MessageType.COMMS_STATUS,
    "power": MessageType.POWER_STATUS,
    "environment": MessageType.ENVIRONMENT,
    "signal": MessageType.SIGNAL_STATE,
}


def test_every_slot_class_has_a_row():
    assert set(REGISTRY) == {str(c) for c in SlotClass}
    assert len({kind.code for kind in REGISTRY.values()}) == len(REGISTRY)
    for name, kind in REGISTRY.items():
        assert pb.ModuleClass.Name(kind.code).lower() == name
        assert kind.default.module_class == kind.code


@pytest.mark.parametrize("name", DETECTING)
def test_defaults_are_honest(name):
    capability = default_capability(name)
    ranges = [row[0] for row in capability.accuracy]
    sigmas = [row[1] for row in capability.accuracy]
    assert ranges == sorted(ranges)
    assert sigmas == sorted(sigmas)
    assert 0.5 < capability.detection_probability < 1
    assert all(3 <= len(area) <= 16 for area in capability.field_of_view)


def test_usual_reach_of_the_classes():
    def reach(name):
        return max(math.hypot(x, y) for area in default_capability(name).field_of_view for x, y in area)

    assert [reach(name) for name in ("camera", "lidar", "radar")] == pytest.approx([80, 100, 150])
    assert default_capability("radar").has_doppler
    assert not default_capability("camera").has_doppler


@pytest.mark.parametrize("name", DETECTING)
def test_declared_performance_replaces_the_default(name):
    capability = REGISTRY[name].capability(good_sheet())
    assert capability.rate_hz == 20.0
    assert capability.max_objects == 64
    assert capability.latency_s == 0.05
    assert capability.field_of_view == (((0.0, 0.0), (100.0, 50.0), (100.0, -50.0)),)
    assert [row[0] for row in capability.accuracy] == [10.0, 100.0]
    assert capability.detection_probability == pytest.approx(0.9)
    assert capability.object_classes == default_capability(name).object_classes, "the sheet is silent here"


@pytest.mark.parametrize("name", DETECTING)
def test_a_sheet_without_detections_lacks_them(name):
    assert REGISTRY[name].capability(pb.DataSheet()) == default_capability(name)
    assert "detections" in REGISTRY[name].faults(pb.DataSheet())[0]
    sheet = good_sheet()
    assert REGISTRY[name].faults(sheet) == ()
    sheet.channels[0].ClearField("ranges")
    sheet.channels[0].ClearField("accuracy")
    assert [text.split(":")[0] for text in REGISTRY[name].faults(sheet)] == [
        "channels[0].ranges",
        "channels[0].accuracy",
    ]


@pytest.mark.parametrize(("name", "message_type"), REPORTING.items())
def test_reporting_classes(name, message_type):
    kind = REGISTRY[name]
    assert message_type.name in kind.faults(pb.DataSheet())[0]
    sheet = pb.DataSheet(channels=[pb.Channel(message_type=message_type, max_rate_mhz=2000, latency_p95_us=10_000)])
    assert kind.faults(sheet) == ()
    assert (kind.capability(sheet).rate_hz, kind.capability(sheet).latency_s) == (2.0, 0.01)
    assert kind.capability(pb.DataSheet()) == kind.default


def test_readings():
    def read(name, body):
        return REGISTRY[name].read(body, default_capability(name))

    weather = read(
        "environment", pb.EnvironmentReading(t_us=3, visibility_m=200, wind_speed_mps=math.nan, road_surface=4)
    )
    assert (weather.t_us, weather.visibility_m, weather.road_surface) == (3, 200.0, 4)
    assert weather.wind_speed_mps is None
    assert weather.humidity_percent is None
    assert read("comms", pb.CommsStatus(t_us=1, up=True, rssi_dbm=-70)) == CommsReading(1, True, 0, -70, "")
    power = read("power", pb.PowerStatus(door_open=False))
    assert power.door_open is False
    assert power.on_mains is None
    signal = read("signal", pb.SignalState(groups=[pb.SignalGroup(group=1, colour=3), pb.SignalGroup(remaining_ds=5)]))
    assert [group.remaining_ds for group in signal.groups] == [None, 5]


def test_vendors_add_classes_but_replace_none():
    table = extended([kind_of("thermal", camera)])
    assert default_capability("thermal", table) == camera.DEFAULT
    with pytest.raises(ConfigError, match="already known"):
        extended([kind_of("camera", camera)])
    with pytest.raises(ConfigError, match="known are: camera"):
        default_capability("lader")


def test_cone_opens_ahead_and_a_circle_closes():
    area = cone(80, 100)
    assert area[0] == (0.0, 0.0)
    assert all(x >= 0 for x, _ in area)
    circle = cone(10, 360)
    assert len(set(circle)) == len(circle)
    assert all(math.hypot(x, y) == pytest.approx(10) for x, y in circle)


def test_unknown_sigmas_come_from_the_declared_accuracy_by_range():
    rows = empty_objects(4)
    rows["x"], rows["y"] = [10, 55, 500, 55], 0
    rows["vx"][:2] = 1.0
    rows["sigma_pos"][3] = 0.7
    _fill_sigmas(rows, Axes.MODULE, REGISTRY["radar"].capability(good_sheet()))
    assert rows["sigma_pos"] == pytest.approx([0.2, 0.65, 1.1, 0.7])
    assert rows["sigma_vel"][:2] == pytest.approx([0.3, 0.3])
    assert np.isnan(rows["sigma_vel"][2:]).all(), "no velocity, no doubt of it"
    world = empty_objects(1)
    world["x"], world["y"] = 139.7, 35.6
    _fill_sigmas(world, Axes.WGS84, REGISTRY["radar"].capability(good_sheet()))
    assert world["sigma_pos"] == pytest.approx([1.1]), "without a range the worst declared value holds"


def test_detections_are_read_in_the_axes_of_their_format_and_bad_records_give_none():
    rows = empty_objects(2)
    rows["x"], rows["y"] = 10.0, -3.0
    lidar = REGISTRY["lidar"]
    body = pb.DetectionFrame(rec_fmt=2, rec_size=24, total=2, records=to_records(2, rows))
    axes, got = lidar.read(body, lidar.default)
    assert axes == "module"
    assert got["x"].tolist() == [10.0, 10.0]
    assert (got["sigma_pos"] > 0).all()
    body.rec_size = 25
    assert len(lidar.read(body, lidar.default)[1]) == 0
    assert lidar.read(pb.DetectionFrame(rec_fmt=4, rec_size=28), lidar.default)[0] == "wgs84"
