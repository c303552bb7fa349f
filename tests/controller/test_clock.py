"""The pole's time: follows the system's clock, never backwards, and says when that clock was set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import PoleClock, utc_ns

S = 1_000_000_000


class Machine:
    """Two clocks one can set."""

    def __init__(self):
        self.wall = 1_700_000_000 * S
        self.steady = 5 * S
        self.clock = PoleClock(lambda: self.wall, lambda: self.steady)

    def passes(self, ns, drift_ppm=0.0):
        self.steady += ns
        self.wall += ns + round(ns * drift_ppm * 1e-6)


def test_it_follows_a_drifting_system_clock():
    machine = Machine()
    for _ in range(1000):
        machine.passes(S, drift_ppm=40)
        assert abs(machine.clock.now_ns() - machine.wall) < 100_000
    assert machine.clock.steps == 0
    assert machine.clock.trouble == ""


def test_forward_at_once():
    machine = Machine()
    machine.wall += 86_400 * S
    assert machine.clock.now_ns() == machine.wall
    assert (machine.clock.steps, machine.clock.last_step_s) == (1, 86_400)
    assert machine.clock.trouble == ""


def test_backwards_never_and_told():
    machine = Machine()
    before = machine.clock.now_ns()
    machine.wall -= 2 * S
    assert machine.clock.now_ns() >= before
    assert (machine.clock.steps, machine.clock.last_step_s) == (1, -2.0)
    assert machine.clock.error_s == pytest.approx(2.0)
    assert "2.0 s ahead" in machine.clock.trouble
    for _ in range(4100):
        machine.passes(S)
        machine.clock.now_ns()
    assert abs(machine.clock.now_ns() - machine.wall) < 1000, "2 s at 500 ppm take 4000 s"
    assert machine.clock.trouble == ""


@given(st.lists(st.tuples(st.integers(0, 5 * S), st.integers(-(10**12), 10**12)), max_size=60))
def test_published_time_never_runs_backwards(doings):
    machine, last = Machine(), 0
    for passed, jump in doings:
        machine.passes(passed)
        machine.wall += jump
        now = machine.clock.now_ns()
        assert now >= last
        last = now


def test_the_real_one():
    first = utc_ns()
    assert 0 <= utc_ns() - first < 60 * S
