"""Conflict measures against brute force and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import User, straight, ticks

from controller.hazard.conflict import HORIZON_S, ConflictType, conflicts, contact_interval, separation
from interfaces.spec import ObjectClass


def scene(*users: User):
    return next(ticks(list(users), 0)).objects


def corners(x, y, yaw, length, width):
    turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    box = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (length / 2, width / 2)
    return box @ turn.T + (x, y)


def gap(one, two, t):
    """The widest separation over the edges of both boxes at each of the times `t`, by their corners."""
    t = np.asarray(t, float)
    boxes = [corners(who["x"], who["y"], who["yaw"], who["length"], who["width"]) for who in (one, two)]
    widest = np.full(t.shape, -math.inf)
    for polygon in boxes:
        for i in range(4):
            edge = polygon[i - 1] - polygon[i]
            normal = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
            pa, pb = (box @ normal for box in boxes)
            away = (one["vx"] - two["vx"]) * normal[0] * t + (one["vy"] - two["vy"]) * normal[1] * t
            widest = np.maximum(widest, np.maximum(pa.min() - pb.max() + away, pb.min() - pa.max() - away))
    return widest


def brute_force_ttc(one, two) -> float:
    steps = np.linspace(0, HORIZON_S, 3001)
    hits = np.flatnonzero(gap(one, two, steps) <= 0)
    if not len(hits):
        return math.nan
    if hits[0] == 0:
        return 0.0
    low, high = steps[hits[0] - 1], steps[hits[0]]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if gap(one, two, middle) <= 0 else (middle, high)
    return high


def test_ttc_of_all_pairs_equals_brute_force():
    rng = np.random.default_rng(3)
    users = [
        User(straight(*rng.uniform(-25, 25, 2), *rng.uniform(-9, 9, 2)), kind=kind, yaw=rng.uniform(-4, 4))
        for kind in (ObjectClass.CAR, ObjectClass.LARGE_VEHICLE, ObjectClass.MOTORCYCLE) * 6
    ]
    objects = scene(*users)
    found = {(int(c["first"]), int(c["second"])): float(c["ttc_s"]) for c in conflicts(objects)}
    met = 0
    for i in range(len(objects)):
        for j in range(i + 1, len(objects)):
            truth, said = brute_force_ttc(objects[i], objects[j]), found.get((i, j), math.nan)
            if math.isnan(truth):
                # A graze shorter than a step of the brute force may be real.
                assert math.isnan(said) or gap(objects[i], objects[j], said + 1e-6) <= 1e-5
            else:
                assert said == pytest.approx(truth, abs=1e-9)
                met += 1
    assert met >= 10


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-20, 20), st.floats(-20, 20), st.floats(-4, 4))
@settings(max_examples=60, deadline=None)
def test_contact_begins_and_ends_where_the_gap_is_zero(dx, dy, dvx, dvy, turn):
    half = np.array([[2.2], [0.9], [0.3], [0.3]])
    where = [np.array([v]) for v in (dx, dy, dvx, dvy)]
    yaw = np.array([0.3])
    begin, end = contact_interval(*where, yaw, np.array([turn]), half)
    if begin[0] <= end[0] and np.isfinite(begin[0]) and abs(begin[0]) < 1e3:
        at = begin[0]
        assert (
            abs(separation(where[0] + where[2] * at, where[1] + where[3] * at, yaw, np.array([turn]), half)[0]) < 1e-6
        )


def test_following_by_hand():
    pair = conflicts(scene(User(straight(0, 0, 15, 0)), User(straight(24.5, 0, 5, 0))))[0]
    assert pair["ttc_s"] == pytest.approx(2.0)  # 20 m between bumpers, closing at 10 m/s
    assert pair["drac_mps2"] == pytest.approx(2.5)  # v² / (2 · 20 m)
    assert pair["closing_mps"] == pytest.approx(10)
    assert pair["gap_m"] == pytest.approx(20)
    assert pair["mttc_s"] == pytest.approx(2.0, abs=1e-6)
    assert pair["type"] == ConflictType.REAR_END


def test_mttc_knows_the_acceleration():
    objects = scene(User(straight(0, 0, 15, 0)), User(straight(24.5, 0, 5, 0)))
    objects["ax"][0] = 2.0  # the follower gains: 20 = 10 t + t²
    assert conflicts(objects)["mttc_s"][0] == pytest.approx(-5 + math.sqrt(45))
    objects["ax"][0] = -6.0  # it brakes harder than the 2.5 m/s² it takes
    assert math.isnan(conflicts(objects)["mttc_s"][0])


@pytest.mark.parametrize(
    ("degrees", "kind", "expected"),
    [
        (10, ObjectClass.CAR, ConflictType.REAR_END),
        (60, ObjectClass.CAR, ConflictType.LATERAL),
        (90, ObjectClass.CAR, ConflictType.CROSSING),
        (180, ObjectClass.CAR, ConflictType.CROSSING),
        (10, ObjectClass.BICYCLE, ConflictType.VRU),
    ],
)
def test_the_type_follows_the_angle_and_who_takes_part(degrees, kind, expected):
    a = math.radians(degrees)
    meeting = User(straight(20 - 5 * math.cos(a) * 2, -5 * math.sin(a) * 2, 5 * math.cos(a), 5 * math.sin(a)), kind)
    found = conflicts(scene(User(straight(0, 0, 10, 0)), meeting))
    assert found["type"][0] == expected


def test_probability_is_certain_in_the_middle_and_half_on_the_edge_and_never_random():
    certain = scene(User(straight(0, 0, 10, 0)), User(straight(14, 0), yaw=0.0))
    assert conflicts(certain)["probability"][0].tolist() == [1.0, 1.0, 1.0]
    edge = scene(User(straight(0, 0, 10, 0)), User(straight(4.5 + 15.0, 0), yaw=0.0))
    edge["cov"] = np.diag([0.3, 0.3, 0.3, 0.3]) ** 2
    once, again = conflicts(edge)["probability"], conflicts(edge)["probability"]
    assert once[0][0] > 0.9
    assert 0.3 <= once[0][1] <= 0.7
    assert np.array_equal(once, again)


def test_passing_close_is_not_likely():
    passing = scene(User(straight(0, 0, 10, 0)), User(straight(20, 1.7), yaw=0.0))  # 0.1 m of overlap
    assert conflicts(passing)["probability"][0][0] < 0.2


def test_a_covariance_that_is_none_is_survived():
    objects = scene(User(straight(0, 0, 10, 0)), User(straight(14, 0), yaw=0.0))
    objects["cov"] = -np.eye(4)
    assert conflicts(objects)["probability"][0].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("count", [0, 1])
def test_few_objects_have_no_conflicts(count):
    assert len(conflicts(scene(*[User(straight(0, 0))] * count))) == 0


def test_what_drives_apart_has_no_ttc():
    found = conflicts(scene(User(straight(0, 0, -5, 0)), User(straight(5, 0, 5, 0))))
    assert len(found) == 0 or np.isnan(found["ttc_s"]).all()
