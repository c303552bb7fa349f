"""The motion filter against its textbook forms."""

from __future__ import annotations

import numpy as np
import pytest

from controller.fusion.motion import STANDING, born, predict, update, update_along


def one(speed: float = 10.0):
    mean = np.array([[0.0, 0.0, speed, 0.0, 0.0, 0.0]])
    return born(mean, np.diag([0.25, 0.25, 4.0, 4.0, 1.0, 1.0])[None])


VEHICLE = np.zeros(1, np.intp)


def test_prediction_moves_and_doubts_more() -> None:
    before, after = one(), predict(one(), 0.5, VEHICLE)
    assert after.mean[0, 0, 0] == pytest.approx(5.0, abs=0.6)
    assert np.trace(after.combined()[1][0, :2, :2]) > np.trace(before.combined()[1][0, :2, :2])
    assert after.weight.sum(0) == pytest.approx(1.0)


def test_no_time_changes_nothing_and_a_jump_is_bounded() -> None:
    motion = one()
    assert predict(motion, 0.0, VEHICLE) is motion
    assert predict(motion, -3.0, VEHICLE) is motion
    assert np.isfinite(predict(motion, 1e9, VEHICLE).covariance).all()


def test_update_is_the_kalman_update_of_every_mode() -> None:
    motion, z, r = one(), np.array([[1.0, -1.0]]), np.array([[[0.3, 0.1], [0.1, 0.2]]])
    after = update(motion, z, r, 0)
    h = np.eye(2, 6)
    for mode in range(3):
        p, mean = motion.covariance[mode, ..., 0], motion.mean[mode, :, 0]
        gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + r[0])
        assert np.allclose(after.mean[mode, :, 0], mean + gain @ (z[0] - h @ mean))
        assert np.allclose(after.covariance[mode, ..., 0], p - gain @ h @ p)


def test_doppler_measures_speed_along_the_line_only() -> None:
    after = update_along(one(), np.array([12.0]), np.array([0.01]), np.array([[1.0, 0.0]]))
    assert after.mean[0, 2, 0] == pytest.approx(12.0, abs=0.05)
    assert after.mean[0, 3, 0] == 0.0


def test_an_object_at_rest_is_recognised() -> None:
    random, motion = np.random.default_rng(1), one(0.0)
    for _ in range(40):
        motion = predict(motion, 0.1, VEHICLE)
        motion = update(motion, random.normal(0, 0.2, (1, 2)), 0.04 * np.eye(2)[None], 0)
    assert motion.weight[STANDING, 0] > 0.8


@pytest.mark.parametrize(("speed", "sure"), [(30.0, True), (0.3, False)])
def test_nobody_stands_a_moment_after_driving_fast(speed: float, *, sure: bool) -> None:
    """Five times a second, places alone: that it might stand neither slows it down nor makes its speed doubtful."""
    motion = one(speed)
    for k in range(1, 20):
        motion = predict(motion, 0.2, VEHICLE)
        motion = update(motion, np.array([[0.2 * k * speed, 0.0]]), 0.04 * np.eye(2)[None], 0)
    later = predict(motion, 0.2, VEHICLE)
    mean, covariance = later.combined()
    assert mean[0, 2] == pytest.approx(speed, abs=0.2)
    assert covariance[0, 2, 2] < 1.0
    assert bool(later.weight[STANDING, 0] < 1e-4) is sure


def test_covariances_stay_positive_over_a_long_run() -> None:
    random, motion = np.random.default_rng(2), one()
    for k in range(600):
        motion = predict(motion, float(random.uniform(0, 0.3)), VEHICLE)
        motion = update(motion, np.array([[k * 0.1, 0.0]]), 0.01 * np.eye(2)[None], 0)
    assert np.linalg.eigvalsh(np.moveaxis(motion.covariance, -1, 1)).min() > 0
