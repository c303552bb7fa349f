"""Modules that report near faces, or are turned a little, beside one that does neither: one track, at the centre."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scene

from controller.fusion.reference_point import shares
from controller.fusion.tracker import Tracker
from interfaces.spec import ObjectClass
from modules.detection import Axes, Detections, empty_objects

LENGTH_M, LANE_Y = 12.0, 3.0
SENSORS = {"camera": scene.sensor(0, sigma=0.3, pd=0.95), "radar": scene.sensor(1, sigma=0.4, pd=0.9, has_doppler=True)}


def drive(share: float, *, turn: float = 0.0, laps: int = 3, camera_reach: float = 200.0):
    """A lorry that passes again and again, at 15 m/s; the radar reports it nearer by `share` of its half length beyond
    a car's, and turned by `turn` rad. Yields the tracker, the lorry's place and the tracks, from the second lap on."""
    tracker = Tracker(SENSORS, history_s=1.0, coast_s=1.5, seed=1)
    random = np.random.default_rng(4)
    radar = SENSORS["radar"]
    for k in range(laps * 160):
        t, lap = k / 10, k // 160
        x = -120.0 + 15.0 * (k % 160) / 10
        for slot in SENSORS:
            rows = empty_objects(1)
            rows["x"], rows["y"], rows["confidence"] = x, LANE_Y, 0.8
            rows["object_class"], rows["sigma_pos"] = ObjectClass.LARGE_VEHICLE, 0.3
            if slot == "camera":
                rows["length"], rows["width"], rows["height"], rows["yaw"] = LENGTH_M, 2.5, 3.5, 0.0
            else:
                dx, dy = x - radar.x, LANE_Y - radar.y
                away, bearing = math.hypot(dx, dy), math.atan2(dy, dx)
                half = (LENGTH_M * abs(math.cos(bearing)) + 2.5 * abs(math.sin(bearing))) / 2
                away -= share * max(half - 2.2, 0.0)
                rows["x"] = radar.x + away * math.cos(bearing + turn)
                rows["y"] = radar.y + away * math.sin(bearing + turn)
            rows["x"] += random.normal(0, 0.2)
            rows["y"] += random.normal(0, 0.2)
            stamp = scene.START_NS + lap * 20_000_000_000 + round((k % 160) / 10 * 1e9)
            if slot == "radar" or abs(x) < camera_reach:
                tracker.add(Detections(slot, stamp, stamp, Axes.ENU, rows, 1))
        if lap and k % 160 > 10:
            yield tracker, x, tracker.at(stamp).objects
    assert t > 0


@pytest.mark.parametrize("share", [0.8, 0.0])
def test_a_lorry_is_one_track_at_its_centre(share) -> None:
    off = []
    for _, x, objects in drive(share):
        assert len(objects) == 1
        off.append(math.hypot(objects["x"][0] - x, objects["y"][0] - LANE_Y))
    assert np.percentile(off, 95) < 0.8
    assert np.median(off) < 0.6


@pytest.mark.parametrize("share", [0.8, 0.0])
def test_the_share_is_learned_for_each_module(share) -> None:
    tracker = [one for one, _, _ in drive(share, laps=4)][-1]
    row = tracker._banks[-1].learned
    camera, radar = (shares(sensor, row[sensor.slot_index]) for sensor in SENSORS.values())
    assert radar.share[1] - camera.share[1] == pytest.approx(share, abs=0.15)
    assert abs(camera.share[1]) < 0.25


def test_a_module_turned_a_little_is_put_right_also_where_nobody_else_looks() -> None:
    turn = 0.006
    off = [
        objects["y"][0] - LANE_Y
        for _, x, objects in drive(0.0, turn=turn, laps=5, camera_reach=70.0)
        if x > 85 and len(objects)
    ]
    assert len(off) > 50
    assert abs(np.mean(off[-60:])) < 0.5 * turn * 100
