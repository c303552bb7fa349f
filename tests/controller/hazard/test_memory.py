"""What is remembered of tracks: slopes, turns, standing, and that it stays bounded."""

from __future__ import annotations

import pytest
from scenes import User, arc, braking, straight, ticks

from controller.fusion.track import Tracks, empty_tracks
from controller.hazard.memory import Memory, slope, turn_rate


def last(users, seconds, rate_hz=10.0, **more):
    memory = Memory()
    for tracks in ticks(users, seconds, rate_hz, **more):
        rows = memory.update(tracks)
    return rows, tracks


@pytest.mark.parametrize("rate_hz", [5, 10, 20])
def test_slope_is_the_acceleration(rate_hz):
    rows, _ = last([User(braking(0, 30, 0.5, 4.0))], 4.0, rate_hz)
    assert slope(rows)[0] == pytest.approx([-4.0, 0.0], abs=0.35)


def test_turn_rate_is_that_of_a_circle_and_zero_on_a_straight():
    rows, _ = last([User(arc(30, 9, 0)), User(straight(0, 0, 9, 0)), User(arc(3, 0.6, 0))], 6.0)
    assert turn_rate(rows) == pytest.approx([0.3, 0.0, 0.0], abs=0.06)


def test_standing_survives_noise_and_a_new_id():
    user = User(straight(5, 5), ids=lambda t: 1 if t < 4 else 9)
    rows, tracks = last([user], 8.0, seed=1)
    assert rows["id"][0] == 9
    assert (tracks.valid_at_ns - rows["anchor_ns"][0]) / 1e9 > 7.9


def test_moving_does_not_stand():
    rows, tracks = last([User(straight(0, 0, 1.0, 0))], 8.0)
    assert (tracks.valid_at_ns - rows["anchor_ns"][0]) / 1e9 < 2.5


def test_the_order_of_tracks_does_not_matter():
    users = [User(straight(0, 0, 5, 0)), User(straight(9, 9, 0, 3))]
    one, two = Memory(), Memory()
    for tracks in ticks(users, 1.0):
        a = one.update(tracks)
        b = two.update(Tracks(tracks.valid_at_ns, tracks.objects[::-1].copy()))
    assert a.tobytes() == b[::-1].tobytes()


def test_the_gone_are_forgotten():
    memory = Memory()
    for tracks in ticks([User(straight(0, 0), ids=lambda t: int(t * 10) + 1)], 30.0):
        memory.update(tracks)
    assert len(memory._rows) <= 52
    memory.update(Tracks(tracks.valid_at_ns + 10_000_000_000, empty_tracks(0)))
    assert len(memory._rows) == 0
