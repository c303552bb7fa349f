"""NEES: 2 for errors as large as the covariance says, more for tracks too sure of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.fusion.track import empty_tracks
from sim.evaluation.consistency import nees
from sim.evaluation.frame import Frame
from sim.evaluation.run import Instant
from sim.road import TRUTH

COVARIANCE = np.array([[0.09, 0.04, 0, 0], [0.04, 0.05, 0, 0], [0, 0, 0.5, -0.2], [0, 0, -0.2, 0.4]])
NOBODY = Frame([], np.empty((0, 2)), [], np.empty((0, 2)))


def instant(errors, covariance):
    """Road users in a row, 10 m apart, tracked with these errors (n, 4)."""
    truth, tracks = np.zeros(len(errors), TRUTH), empty_tracks(len(errors))
    truth["id"], tracks["id"] = np.arange(len(errors)), np.arange(len(errors)) + 100
    truth["x"] = 10 * np.arange(len(errors))
    for column, name in enumerate(("x", "y", "vx", "vy")):
        tracks[name] = truth[name] + errors[:, column]
    tracks["cov"] = covariance
    names = {int(one) + 100: int(one) for one in truth["id"]}
    return Instant(3.0, NOBODY, truth, tracks, names, np.zeros(len(errors)), 0.0)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_errors_drawn_from_the_covariance_give_two_and_smaller_covariances_more(scale):
    errors = np.random.default_rng(1).multivariate_normal(np.zeros(4), COVARIANCE, 4000)
    place, velocity = nees([instant(part, COVARIANCE * scale**2) for part in np.split(errors, 8)])
    assert (place, velocity) == pytest.approx((2 / scale**2, 2 / scale**2), rel=0.06)


def test_who_is_far_off_or_stands_for_nobody_does_not_count():
    errors = np.array([[0.3, 0, 0, 0], [2.5, 0, 0, 0], [0.1, 0, 0, 0]])
    one = instant(errors, np.eye(4) * 0.09)
    del one.names[102]
    assert nees([one]) == pytest.approx((1.0, 0.0))
    assert all(math.isnan(value) for value in nees([]))
    assert all(math.isnan(value) for value in nees([instant(np.zeros((0, 4)), np.zeros((0, 4, 4)))]))


def test_one_wrong_pair_does_not_outweigh_all():
    place, _ = nees([instant(np.array([[1.9, 0, 0, 0]] + [[0.0] * 4] * 9), np.eye(4) * 1e-4)])
    assert place == pytest.approx(5.0)
