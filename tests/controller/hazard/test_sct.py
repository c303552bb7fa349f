"""SCT and SCB against the vectors of the NEDO framework."""

from __future__ import annotations

import math

import pytest

from controller.hazard.sct import ACCIDENT, LARGE, MIDDLE, NONE, SMALL, Body, cushion, nedo_level


@pytest.mark.parametrize(
    ("distance", "speed", "ttc", "sct", "sd", "scb1"),
    [(50, 10, 5.0, 2.55, 24.5, 34.5), (15, 15, 1.0, -2.30, 49.5, None), (3, 2, 1.5, 0.41, 2.18, 4.18)],
)
def test_published_vectors(distance, speed, ttc, sct, sd, scb1):
    got = cushion(distance, speed)
    assert got.ttc_s == pytest.approx(ttc)
    assert got.sct_s == pytest.approx(sct, abs=0.005)
    assert got.sd_m == pytest.approx(sd, abs=0.03)
    if scb1:
        assert got.scb1_m == pytest.approx(scb1, abs=0.03)
    assert got.scb3_m - got.scb2_m == pytest.approx(speed)


def test_who_does_not_close_in_has_no_time_and_no_reach():
    got = cushion(10, -3)
    assert math.isnan(got.ttc_s)
    assert math.isnan(got.sct_s)
    assert got[2:] == (0, 0, 0, 0)


def car(x: float, v: float, y: float = 0.0) -> Body:
    return Body(x, y, v, 0.0, 0.0, 4.5, 1.8)


@pytest.mark.parametrize(
    ("gap", "level"),
    # Closing at 10 m/s: SD 24.5, SCB1 34.5, SCB2 44.5, SCB3 54.5 m for each of the two.
    [(-0.1, ACCIDENT), (60, LARGE), (80, MIDDLE), (100, SMALL), (120, NONE)],
)
def test_the_level_is_the_worst_overlap(gap, level):
    assert nedo_level(car(0, 10), car(4.5 + gap, 0)) == level
    assert nedo_level(car(4.5 + gap, 0), car(0, 10)) == level


def test_side_by_side_at_one_speed_is_no_conflict():
    assert nedo_level(car(0, 15), car(0, 15, y=3.25)) == NONE


def test_behind_and_opening_is_no_conflict():
    assert nedo_level(car(0, 5), car(10, 15)) == NONE


@pytest.mark.parametrize("turn", [0.0, 1.0, math.pi, -2.5])
def test_the_level_does_not_depend_on_where_north_is(turn):
    def turned(body: Body) -> Body:
        c, s = math.cos(turn), math.sin(turn)
        return body._replace(
            x=body.x * c - body.y * s,
            y=body.x * s + body.y * c,
            vx=body.vx * c - body.vy * s,
            vy=body.vx * s + body.vy * c,
            yaw=body.yaw + turn,
        )

    assert nedo_level(turned(car(0, 10)), turned(car(84.5, 0))) == MIDDLE
