"""Classes of confidence at and around every bound, and from covariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.publication.cavc.confidence import codes, doubts
from controller.publication.confidence import HEADING, POSITION, SPEED


def test_the_published_classes():
    assert codes([0.1, 1, 2.5, 5, 7.5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 101], POSITION) == list(range(15, 0, -1))
    assert codes([0.05, 0.1, 0.5, 1, 5, 10, 11], SPEED) == [7, 6, 5, 4, 3, 2, 1]
    assert codes([0.5, 1, 5, 10, 20, 30, 31], HEADING) == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("bounds", [POSITION, SPEED, HEADING])
@given(doubt=st.floats(allow_nan=True, allow_infinity=True))
def test_only_what_is_no_doubt_is_unknown(bounds, doubt):
    (code,) = codes([doubt], bounds)
    assert (code == 0) is not (doubt >= 0)
    if code >= 2:
        assert doubt <= bounds[len(bounds) + 1 - code]


def test_a_position_is_as_sure_as_its_longer_axis():
    turn = math.radians(30)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    cov = np.zeros((1, 4, 4))
    cov[0, :2, :2] = spin @ np.diag([9.0, 1.0]) @ spin.T
    assert doubts(cov, np.array([1.0]), np.array([0.0])).position_m == pytest.approx([3 * 1.96])


def test_speed_is_judged_along_the_course_and_heading_across_it():
    cov = np.zeros((1, 4, 4))
    cov[0, 2, 2], cov[0, 3, 3] = 0.04, 1.0
    found = doubts(cov, np.array([0.0]), np.array([10.0]))
    assert found.speed_mps == pytest.approx([1.96])
    assert found.heading_deg == pytest.approx([math.degrees(math.atan2(0.2 * 1.96, 10))])


def test_the_heading_of_what_stands_still_is_unsure_and_a_broken_covariance_unknown():
    cov = np.stack([np.eye(4), -np.eye(4), np.full((4, 4), np.nan)])
    found = doubts(cov, np.zeros(3), np.zeros(3))
    assert codes(found.heading_deg, HEADING) == [1, 0, 0]
    assert codes(found.position_m, POSITION) == [13, 0, 0]
    assert codes(found.speed_mps, SPEED) == [3, 0, 0]
