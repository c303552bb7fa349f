"""What an error of a module would do to what it sees, and what it may see otherwise without one."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, a_sensor

from controller.fusion.displacement import Displacements
from controller.fusion.sighting import samples
from controller.fusion.track import empty_tracks
from modules.detection import empty_objects

EAST, NORTH, TURN, DELAY, FAR, NEAR = range(6)


def a_body(x, y, vx, length=4.5):
    track, row = empty_tracks(1), empty_objects(1)
    track["id"], track["x"], track["y"], track["vx"], track["vy"] = 1, x, y, vx, 0.0
    track["yaw"], track["length"], track["width"] = 0.0, length, 2.4
    row["x"], row["y"], row["sigma_pos"] = x, y, 0.3
    return row, track


def test_each_error_moves_what_is_seen_as_far_as_it_says():
    """A car 30 m north of the module that drives east at 10 m/s."""
    row, track = a_body(0.0, 30.0, 10.0)
    basis = samples(a_sensor(CAMERA), row, track, np.array([[0.0, 30.0]]))["basis"][0]
    assert basis[:, EAST].tolist() == [1, 0]
    assert basis[:, NORTH].tolist() == [0, 1]
    assert basis[:, TURN].tolist() == [-1, 0]
    assert basis[:, DELAY].tolist() == [-1, 0]
    assert basis[:, FAR].tolist() == [0, 1]
    assert basis[:, NEAR].tolist() == [0, -0.5], "1 sigma of what is believed of any module"


@pytest.mark.parametrize(
    ("slot", "east", "length", "near_m"),
    [
        (RADAR, 40.0, 4.5, 0.5),
        (RADAR, 40.0, 12.0, 3.8),
        (LIDAR, 40.0, 12.0, 1.4),
        (CAMERA, 40.0, 12.0, 0.9),
        (RADAR, 0.0, 12.0, 0.5),  # from its side
    ],
)
def test_a_radar_may_see_the_near_ends_of_lorries_and_nobody_those_of_cars(slot, east, length, near_m):
    north = 0.0 if east else 40.0
    row, track = a_body(east, north, -10.0, length)
    basis = samples(a_sensor(slot), row, track, np.array([[east, north]]))["basis"][0]
    assert np.hypot(*basis[:, NEAR]) == pytest.approx(near_m, abs=0.07)


def guilt(other, length):
    """Of two modules side by side, of which one sees two bodies 2.5 m nearer than the other does."""
    known, sensors = Displacements(), (a_sensor(CAMERA), a_sensor(other))
    for track_id in (1, 2):
        for sensor, near_m in zip(sensors, (0.0, 2.5), strict=True):
            row, track = a_body(40.0 - near_m, 0.0, -10.0, length)
            track["id"] = track_id
            known.keep(sensor, row, track, np.array([[40.0, 0.0]]))
    known.learn()
    return known.solve(np.array([CAMERA, other]), np.full(32, 2.0), frozenset())[2]


def test_who_sees_things_too_near_is_wrong_unless_they_are_lorries_before_a_radar():
    assert guilt(LIDAR, 4.5) > 0.5
    assert guilt(RADAR, 4.5) > 0.5
    assert guilt(RADAR, 12.0) < 0.4
