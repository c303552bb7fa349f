"""What is done in a clever way to save time gives what the plain way gives."""

from __future__ import annotations

import numpy as np
import pytest
import scene
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion import sensor as sensor_module
from controller.fusion import step as step_module
from controller.fusion.pairs import within
from controller.fusion.sensor import Sensor
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


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_who_stands_in_the_way_is_found_as_by_comparing_all_with_all(count, seed) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(0, 20, (2, count))
    half = random.uniform(0.2, 5, count)
    placed = Sensor(0, scene.sensors()["lidar"].capability, 3.0, -2.0, 6.0, 0.0)
    away, bearing = np.hypot(x - 3, y + 2) + 1e-6, np.arctan2(y + 2, x - 3)
    turn = np.abs(np.remainder(bearing[:, None] - bearing[None, :] + np.pi, 2 * np.pi) - np.pi)
    nearer = away[None, :] + half[None, :] + half[:, None] < away[:, None]
    plain = np.any(nearer & (turn < 0.8 * np.arctan2(half, away)[None, :]), axis=1)
    assert placed._shadowed(x, y, half).tolist() == plain.tolist()


def plain_near(mean, covariance, frame):
    """All pairs within 40 m on both axes: the gate decides."""
    dx, dy = (np.abs(frame.rows[name][None, :] - mean[:, k, None]) for k, name in enumerate("xy"))
    return np.nonzero((dx < step_module.NEAR_M) & (dy < step_module.NEAR_M))


@settings(max_examples=6, deadline=None)
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
        for module in (step_module, sensor_module):
            patch.setattr(module, "within", plain_within)
        plain = tracks()
    assert tracks() == plain
