"""What is done in a clever way to save time gives what the plain way gives."""

from __future__ import annotations

import numpy as np
import pytest
import scene
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from controller.fusion import motion as motion_module
from controller.fusion import pairs as pairs_module
from controller.fusion import silhouette as silhouette_module
from controller.fusion import step as step_module
from controller.fusion.motion import MANOEUVRE, STANDING, STEADY, Motion, predict
from controller.fusion.pairs import near, within
from controller.fusion.silhouette import Silhouettes, hidden_share
from controller.fusion.tracker import Tracker

numbers = st.lists(st.floats(-50, 50), max_size=30).map(np.array)


def plain_within(left, reach, right):
    return np.nonzero(np.abs(left[:, None] - right[None, :]) <= reach[:, None])


@given(numbers, numbers, st.floats(-1, 60))
def test_pairs_are_those_that_are_near(left, right, reach) -> None:
    reach = np.full(len(left), reach) + np.arange(len(left))
    found, plain = within(left, reach, right), plain_within(left, reach, right)
    # A difference that rounds to the reach may be counted or not.
    edge = np.abs(np.abs(left[:, None] - right[None, :]) - reach[:, None]) < 1e-9
    found, plain = ({(i, j) for i, j in zip(*pairs, strict=True) if not edge[i, j]} for pairs in (found, plain))
    assert found == plain


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**32 - 1), st.sampled_from(((20, 2), (2, 20))))
def test_near_points_are_near_on_both_axes(n, m, seed, size) -> None:
    random = np.random.default_rng(seed)
    left, right = random.uniform(0, 1, (n, 2)) * size, random.uniform(0, 1, (m, 2)) * size
    reach = random.uniform(0, 3, (n, 2))
    plain = np.nonzero((np.abs(left[:, None] - right[None, :]) <= reach[:, None]).all(2))
    assert sorted(zip(*near(left, reach, right), strict=True)) == list(zip(*plain, strict=True))


def plain_hidden(bodies, solid, eye_m):
    """One body and one in front of it at a time."""
    half, hidden = np.arctan2(bodies.across, np.maximum(bodies.away, 1.0)), np.zeros(len(solid))
    for i in range(len(solid)):
        for j in np.flatnonzero(solid):
            sight_m = eye_m + (bodies.height[i] / 2 - eye_m) * bodies.away[j] / bodies.away[i]
            if bodies.away[j] < bodies.away[i] - bodies.along[i] / 2 and sight_m < bodies.height[j]:
                turn = np.remainder(bodies.bearing[j] - bodies.bearing[i] + np.pi, 2 * np.pi) - np.pi
                common = min(half[i], turn + half[j]) - max(-half[i], turn - half[j])
                hidden[i] += max(common, 0.0) / (2 * half[i]) * (abs(turn) <= 2 * half[j])
    return np.minimum(hidden, 1.0)


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_who_stands_in_the_way_is_found_as_by_comparing_all_with_all(count, seed) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(0, 20, (2, count))
    along, across, height = random.uniform(0.2, 5, (3, count))
    away, bearing = np.hypot(x, y) + 1e-6, np.arctan2(y, x)
    bodies = Silhouettes(away, bearing, np.stack((x, y), 1) / away[:, None], along, across, height)
    solid = random.random(count) < 0.7
    np.testing.assert_allclose(hidden_share(bodies, solid, 6.0), plain_hidden(bodies, solid, 6.0), atol=1e-9)


def plain_near(place, _spread, frame):
    """All pairs within 40 m on both axes: the gate decides."""
    dx, dy = (np.abs(frame.place[None, :, k] - place[:, k, None]) for k in range(2))
    return np.nonzero((dx < step_module.NEAR_M) & (dy < step_module.NEAR_M))


# Shrinking a whole scene says nothing and takes minutes.
@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 100), st.sampled_from((scene.intersection, scene.expressway)))
def test_tracks_are_those_of_comparing_all_with_all(seed, road) -> None:
    sent = scene.messages(road(4.0, seed=seed), seed=seed)

    def tracks() -> bytes:
        tracker, said = Tracker(scene.sensors(), seed=3), []
        for message in sent:
            tracker.add(message)
            said.append(tracker.at(message.arrived_at_ns).objects)
        assert sum(map(len, said)) > 100
        return np.concatenate(said).tobytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_module, "_near", plain_near)
        for module in (pairs_module, silhouette_module):
            patch.setattr(module, "within", plain_within)
        plain = tracks()
    assert tracks() == plain


def plain_move(dt):
    """Transition and noise (3, 6, 6) of a vehicle, entry by entry as Singer 1970 and the textbooks write them."""
    tau, f, q = motion_module.ACCELERATION_TAU_S, np.zeros((3, 6, 6)), np.zeros((3, 6, 6))
    decay = np.exp(-dt / tau)
    density, sigma = motion_module.STEADY_NOISE[0], motion_module.MANOEUVRE_SIGMA[0]
    jerk = 2 * sigma**2 / tau
    for x, v, a in ((0, 2, 4), (1, 3, 5)):
        f[:, x, x] = 1
        f[STEADY, v, v] = f[MANOEUVRE, v, v] = 1
        f[STEADY, x, v] = f[MANOEUVRE, x, v] = dt
        f[MANOEUVRE, a, a], f[MANOEUVRE, v, a] = decay, tau * (1 - decay)
        f[MANOEUVRE, x, a] = tau * dt - tau * tau * (1 - decay)
        q[STEADY, x, x], q[STEADY, v, v] = density * dt**3 / 3, density * dt
        q[STEADY, x, v] = q[STEADY, v, x] = density * dt**2 / 2
        q[MANOEUVRE, x, x], q[MANOEUVRE, v, v], q[MANOEUVRE, a, a] = jerk * dt**5 / 20, jerk * dt**3 / 3, jerk * dt
        q[MANOEUVRE, x, v] = q[MANOEUVRE, v, x] = jerk * dt**4 / 8
        q[MANOEUVRE, x, a] = q[MANOEUVRE, a, x] = jerk * dt**3 / 6
        q[MANOEUVRE, v, a] = q[MANOEUVRE, a, v] = jerk * dt**2 / 2
        q[STANDING, x, x], q[STANDING, v, v] = motion_module.STANDING_DRIFT * dt, motion_module.STANDING_SPEED_VARIANCE
        q[STEADY, a, a] = q[STANDING, a, a] = (0.4 * sigma) ** 2
    return f, q


def plain_switch(mean, dt):
    """Of one track: the faster a mode moves, the less it stands a moment later; what that leaves goes on as it did."""
    stay = np.exp(-motion_module.SWITCH_PER_S.sum(1) * dt)
    switch = motion_module.SWITCH_PER_S / motion_module.SWITCH_PER_S.sum(1)[:, None] * (1 - stay)[:, None]
    switch += np.diag(stay)
    for mode in (STEADY, MANOEUVRE):
        stops = switch[mode, STANDING] * np.exp(-np.sum(mean[mode, 2:4] ** 2) / (2 * motion_module.STOPPING_MPS**2))
        switch[mode, mode] += switch[mode, STANDING] - stops
        switch[mode, STANDING] = stops
    return switch


def plain_predict(motion, dt):
    """One track and one mode at a time (Blom and Bar-Shalom 1988, equations 7 to 9)."""
    f, q = plain_move(dt)
    result = Motion(*(np.zeros_like(part) for part in (motion.mean, motion.covariance, motion.weight)))
    for n in range(motion.mean.shape[2]):
        switch = plain_switch(motion.mean[..., n], dt)
        for to in range(3):
            share = switch[:, to] * motion.weight[:, n]
            result.weight[to, n] = share.sum()
            share = share / share.sum()
            mean = sum(share[k] * motion.mean[k, :, n] for k in range(3))
            off = motion.mean[..., n] - mean
            covariance = sum(share[k] * (motion.covariance[k, ..., n] + np.outer(off[k], off[k])) for k in range(3))
            result.mean[to, :, n] = f[to] @ mean
            result.covariance[to, ..., n] = f[to] @ covariance @ f[to].T + q[to]
    return result


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(1e-4, 4.9))
def test_prediction_is_that_of_the_textbook(count, seed, dt) -> None:
    random = np.random.default_rng(seed)
    root = random.normal(0, 1, (3, count, 6, 6))
    weight = random.dirichlet((1, 1, 1), count).T
    # Modes of one track differ by metres, not by the road's length.
    mean = random.normal(0, 100, (1, 6, count)) + random.normal(0, 3, (3, 6, count))
    mean[:, 2:4] *= random.uniform(0, 0.1, count)  # slow ones, too
    before = Motion(mean, np.moveaxis(root @ np.swapaxes(root, 2, 3), 1, -1).copy(), weight)
    found, plain = predict(before, dt, np.zeros(count, np.intp)), plain_predict(before, dt)
    np.testing.assert_allclose(found.mean, plain.mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.covariance, plain.covariance, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(found.weight, plain.weight, rtol=1e-12)
