"""A pole and what it sees, in round numbers, for vectors and figures."""

from __future__ import annotations

import math

import numpy as np

from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.hazard import Hazard, Phase
from controller.publication.radio.cpm import CpmSensor
from controller.publication.radio.station import Station
from interfaces.spec import ObjectClass

T0 = 1_705_940_625_678_000_000  # 2024-01-22T16:23:45.678Z
STATION = Station(136323842, LocalFrame(36.6, 140.6, 70.0), geoid_height_m=40.0)
SENSORS = (CpmSensor(0, "radar", ((0.0, 0.0), (80.0, 30.0), (80.0, -30.0))), CpmSensor(2, "lidar"))
HAZARD = Hazard(
    action_id=0x1_0005,
    kind="wrong_way",
    phase=Phase.NEW,
    cause=14,
    subcause=2,
    detection_time_ns=T0,
    reference_time_ns=T0 + 100_000_000,
    validity_s=4.5,
    x=10.0,
    y=20.0,
    z=math.nan,
    heading=math.pi / 2,
    speed=8.0,
    probability=0.9,
    information_quality=5,
    track_ids=(3,),
    sources=0b101,
)


def tracks(count, *, valid_at_ns=T0):
    """Objects on a spiral about the pole, every class in turn."""
    rows, number = empty_tracks(count), np.arange(count)
    kinds = np.array(sorted(ObjectClass), np.uint8)
    rows["id"], rows["object_class"] = number + 100, kinds[number % len(kinds)]
    rows["class_confidence"], rows["existence"], rows["age_s"] = 0.8, 0.9, 3.25
    rows["x"], rows["y"], rows["z"] = 5.0 + number, 2.0 * number - 10.0, 0.25
    rows["vx"], rows["vy"], rows["ax"], rows["ay"] = 8.0 - number, 1.5, -0.5, 0.3
    rows["yaw"], rows["yaw_rate"] = np.radians(10.0 * number), np.radians(-3.0)
    rows["length"], rows["width"], rows["height"] = 4.5, 1.8, 1.5
    rows["sources"], rows["measured_at_ns"] = 0b101, valid_at_ns - 40_000_000
    rows["cov"] = np.diag([0.04, 0.09, 0.25, 0.25])
    return Tracks(valid_at_ns, rows)
