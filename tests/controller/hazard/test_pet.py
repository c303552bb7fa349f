"""Post-encroachment time on the footprint grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenes import User, straight, ticks

from controller.hazard.pet import FootprintGrid
from interfaces.spec import ObjectClass


def shortest(users, seconds, rate_hz=10.0, **more):
    grid = FootprintGrid(2.0)
    found = []
    for tracks in ticks(users, seconds, rate_hz, **more):
        found += grid.update(tracks.objects, tracks.valid_at_ns)
    return min(found, key=lambda one: one.pet_s, default=None)


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 20])
@pytest.mark.parametrize("pet", [0.6, 1.0, 1.6])
def test_crossing_at_right_angles(rate_hz, pet):
    # The first's rear leaves y ≤ 0.9 …; its box spans x ± 2.25, the second's front reaches that strip `pet` later.
    first = User(straight(-50, 0, 10, 0))
    clear_s = (50 + 2.25 + 0.9) / 10
    second = User(straight(0, -0.9 - 2.25 - 8 * (clear_s + pet), 0, 8))
    got = shortest([first, second], 10, rate_hz)
    assert (got.first, got.second) == (1, 2)
    assert got.pet_s == pytest.approx(pet, abs=0.13)
    assert (abs(got.x) < 1.6, abs(got.y) < 1.6) == (True, True)


def test_following_is_not_an_encroachment():
    assert shortest([User(straight(-50, 0, 10, 0)), User(straight(-62, 0, 10, 0))], 10) is None


@pytest.mark.parametrize(("sigma", "taken"), [(0.5, True), (4.0, False)])
def test_of_whom_no_course_is_known_nobody_can_say_that_it_crosses(sigma, taken):
    doubt = {"cov": np.diag([0.04, 0.04, sigma**2, sigma**2])}
    users = [User(straight(-50, 0, 10, 0), extra=doubt), User(straight(0, -63, 0, 10), extra=doubt)]
    assert (shortest(users, 9) is not None) is taken


def test_later_than_the_limit_is_none():
    assert shortest([User(straight(-50, 0, 10, 0)), User(straight(0, -90, 0, 10))], 12) is None


def test_a_new_id_on_the_same_body_encroaches_on_nobody():
    turning = User(lambda t: (min(t, 5) * 8, max(t - 5, 0) * 8), ids=lambda t: 1 if t < 4.9 else 2)
    assert shortest([turning], 8) is None


def test_a_cell_one_turn_of_the_grid_away_is_another_place():
    assert shortest([User(straight(-30, 0, 10, 0)), User(straight(256, -43, 0, 10))], 8) is None


def test_who_stands_takes_nothing():
    standing = User(straight(0, 0), kind=ObjectClass.PEDESTRIAN)
    assert shortest([User(straight(-20, 2, 10, 0)), standing], 6, seed=4) is None


@pytest.mark.parametrize("gap_m", [1.7, 3.0])
def test_who_passes_in_the_next_lane_takes_nothing(gap_m):
    # 1.7 m: what 1.8 m wide bodies leave between them once their places are a little off.
    assert shortest([User(straight(-50, 0, 10, 0)), User(straight(50, gap_m, -10, 0))], 8) is None


def test_one_who_creeps_goes_where_its_body_points():
    creeping = User(straight(0, 0, 1.0, 0), yaw=0.0, extra={"vy": 1.0})  # its velocity says 45°
    assert shortest([creeping, User(straight(-5.5, 0, 1.0, 0), yaw=0.0)], 10) is None


def test_who_turns_away_quickly_has_left_when_it_left():
    # At 0.6 m/s its body would have lain across the strip for seconds; after 1 s it goes off sideways.
    first = User(lambda t: (0.6 * min(t, 1.0), 20 * max(t - 1.0, 0.0)))
    second = User(straight(-1.5, -0.9 - 2.25 - 8 * 2.3, 0, 8))
    got = shortest([first, second], 5)
    assert got is None or got.pet_s > 0.9


def test_who_brakes_does_not_take_ground_by_its_rear():
    """A truck that creeps to a stop where a car had passed 2.4 s before, and is then seen 1 m farther aside."""
    car = User(straight(-50, 0, 10, 0))

    def truck(t: float) -> tuple[float, float]:
        since = t - 7.8
        front = 4 * since - 0.625 * min(max(since, 0.0), 3.2) ** 2 if since < 3.2 else 6.4
        return 0.0 if t < 9.65 else 1.0, front - 0.9 - 6.0

    assert shortest([car, User(truck, ObjectClass.LARGE_VEHICLE, yaw=math.pi / 2)], 12) is None
