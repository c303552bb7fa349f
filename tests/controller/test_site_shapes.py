"""Plane geometry against slow and exact answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import site_shapes
from controller.site_shapes import area_m2, at, chord, crossings, dense, edges_of, foot, least_distance, length, turn

COORDINATE = st.integers(-9, 9)
POINT = st.tuples(COORDINATE, COORDINATE)
LINE = st.lists(POINT, min_size=2, max_size=7, unique=True)


def side(a, b, p):
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def cross(one, two):
    """Whether two edges of whole numbers cross properly, exactly."""
    a, b, c, d = one[:2], one[2:], two[:2], two[2:]
    return side(c, d, a) * side(c, d, b) < 0 and side(a, b, c) * side(a, b, d) < 0


@settings(max_examples=200, deadline=None)
@given(LINE, LINE)
def test_crossings_are_those_of_exact_arithmetic(one, two):
    first, second = (edges_of(np.array(line, float)) for line in (one, two))
    points, rows = crossings(first, second)
    exact = {(i, j) for i, a in enumerate(first.astype(int).tolist()) for j, b in enumerate(second.astype(int).tolist())
             if cross(a, b)}  # fmt: skip
    assert {(int(i), int(j)) for i, j in rows} == exact
    for point, (i, j) in zip(points, rows, strict=True):
        for edge in (first[i], second[j]):
            assert foot(edge.reshape(2, 2), point).distance_m < 1e-9


def test_crossings_of_long_lines_keep_their_rows(monkeypatch):
    monkeypatch.setattr(site_shapes, "_BLOCK", 3)
    teeth = edges_of(np.array([[i, (-1) ** i] for i in range(12)], float))
    points, rows = crossings(teeth, np.array([[-1.0, 0.0, 20.0, 0.0]]))
    assert rows.tolist() == [[i, 0] for i in range(11)]
    assert points[:, 0] == pytest.approx(np.arange(11) + 0.5)


@settings(max_examples=200, deadline=None)
@given(LINE, POINT)
def test_the_foot_is_the_nearest_of_many_points(line, point):
    points = np.array(line, float)
    found = foot(points, np.array(point, float))
    near = float(np.hypot(*(dense(points, 0.01) - point).T).min())
    assert found.distance_m <= near + 1e-9
    assert found.distance_m == pytest.approx(near, abs=0.01)
    assert np.hypot(*(at(points, np.array([found.along_m]))[0] - point)) == pytest.approx(found.distance_m, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(LINE)
def test_dense_keeps_the_corners_and_leaves_no_gap(line):
    points = np.array(line, float)
    found = dense(points, 0.7)
    assert np.hypot(*np.diff(found, axis=0).T).max() <= 0.7 + 1e-9
    assert all(np.hypot(*(found - corner).T).min() < 1e-9 for corner in points)
    assert length(found) == pytest.approx(length(points))


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_turn_is_the_angle_between(one, two):
    expected = math.acos(max(-1.0, min(1.0, math.cos(one - two))))
    assert turn(one, two) == pytest.approx(expected, abs=1e-6)


def test_area_counts_holes_that_run_the_other_way():
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], float)
    assert area_m2(edges_of(square)) == 100
    assert area_m2(np.concatenate([edges_of(square), edges_of(square[::-1] * 0.5)])) == 75


def test_chord_and_least_distance():
    bend = np.array([[0, 0], [10, 0], [10, 10]], float)
    assert chord(bend, 0, 5) == 0
    assert chord(bend, 15, 20) == pytest.approx(math.pi / 2)
    assert least_distance(bend, np.array([[13.0, 14.0], [40.0, 0.0]])) == 5
