"""What an error of a module would do to what it sees, and what it may see otherwise without one."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, a_sensor

from controller.fusion.displacement import Displacements
from controller.fusion.sighting import samples
from controller.fusion.track import empty_tracks
from modules.detection import empty_objects

EAST, NORTH, TURN, DELAY, NEAR = range(5)


def a_car(x, y, vx):
    track, row = empty_tracks(1), empty_objects(1)
    track["id"], track["x"], track["y"], track["vx"], track["vy"] = 1, x, y, vx, 0.0
    track["yaw"], track["length"], track["width"] = 0.0, 4.5, 1.8
    row["x"], row["y"], row["sigma_pos"] = x, y, 0.3
    return row, track


@pytest.mark.parametrize(("slot", "near_m"), [(CAMERA, 0.5), (LIDAR, 0.5), (RADAR, 1.0)])
def test_each_error_moves_what_is_seen_as_far_as_it_says(slot, near_m):
    """A car 30 m north of the module that drives east at 10 m/s."""
    row, track = a_car(0.0, 30.0, 10.0)
    basis = samples(a_sensor(slot), row, track, np.array([[0.0, 30.0]]))["basis"][0]
    assert basis[:, EAST].tolist() == [1, 0]
    assert basis[:, NORTH].tolist() == [0, 1]
    assert basis[:, TURN].tolist() == [-1, 0]
    assert basis[:, DELAY].tolist() == [-1, 0]
    assert basis[:, NEAR].tolist() == [0, -near_m], "1 sigma of what is believed of such a module"


def guilt(other):
    """Of two modules side by side, of which one sees two cars 2.5 m nearer than the other does."""
    known, sensors = Displacements(), (a_sensor(CAMERA), a_sensor(other))
    for track_id in (1, 2):
        for sensor, near_m in zip(sensors, (0.0, 2.5), strict=True):
            row, track = a_car(40.0 - near_m, 0.0, -10.0)
            track["id"] = track_id
            known.keep(sensor, row, track, np.array([[40.0, 0.0]]))
    known.learn()
    return known.solve(np.array([CAMERA, other]), np.full(32, 2.0), frozenset())[2]


def test_who_sees_things_too_near_is_wrong_rather_than_at_the_near_end_of_them_unless_it_is_a_radar():
    assert guilt(RADAR) < 0.5 < guilt(LIDAR)
