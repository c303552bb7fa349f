"""What a module would have seen without its errors is what it would have seen without them."""

from __future__ import annotations

import math

import numpy as np
from crowd import CAMERA, a_sensor
from hypothesis import given
from hypothesis import strategies as st

from controller.fusion.righted import delay_s, range_scale, righted_places, turned
from controller.fusion.standing import Finding

MOUNT = np.array([3.0, -2.0])


@given(*[st.floats(-3, 3)] * 2, st.floats(-20, 20), st.floats(-1, 1), st.floats(0.8, 1.25), st.integers(0, 99))
def test_the_errors_that_are_told_are_those_that_are_taken_out(east, north, degrees, late_s, scale, seed):
    errors = Finding(east_m=east, north_m=north, yaw_deg=degrees, late_s=late_s, range_scale=scale).errors
    place = np.random.default_rng(seed).uniform(-60, 60, (5, 2))
    seen = turned((place - MOUNT) * scale, -math.radians(degrees)) + MOUNT + [east, north]
    np.testing.assert_allclose(righted_places(errors, a_sensor(CAMERA, *MOUNT), seen), place, atol=1e-9)
    np.testing.assert_allclose((delay_s(errors), range_scale(errors)), (late_s, scale))


def test_who_seems_to_see_all_at_its_mount_is_put_right_no_further_than_can_be():
    errors = Finding(range_scale=0.0).errors
    assert np.isfinite(righted_places(errors, a_sensor(CAMERA), np.array([[3.0, 4.0]]))).all()
    assert range_scale(errors) > 0
