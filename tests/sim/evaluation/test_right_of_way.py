"""Merges, crossing paths and red lights by the ways people went: by hand on exact truths."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from controller.site import Area, Lane, Merge, Site, StopLine
from interfaces.spec import ObjectClass
from modules.signal import GREEN, RED, SignalGroupReading, SignalReading
from sim.evaluation.recording import Reported
from sim.evaluation.right_of_way import right_of_way
from sim.evaluation.truth import Truth
from sim.road import TRUTH

SQUARE = np.array([[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0], [-4.0, -4.0]])
LANES = (
    Lane("e", np.array([[-150.0, 0.0], [150.0, 0.0]]), 3.25, 14.0),
    Lane("n", np.array([[0.0, -150.0], [0.0, 150.0]]), 3.25, 14.0),
)
CROSSROADS = Site(
    LANES,
    (Area("a", "conflict_area", np.hstack([SQUARE[:-1], SQUARE[1:]])),),
    (StopLine("s", np.array([[-6.0, -2.0], [-6.0, 2.0]]), (0,), 1),),
)
RAMP = Site(
    (
        Lane("m", np.array([[-300.0, 0.0], [300.0, 0.0]]), 3.5, 28.0),
        Lane("r", np.array([[-200.0, -80.0], [0.0, 0.0]]), 3.5, 17.0, "ramp", ("m",)),
    ),
    (),
    (),
    (Merge("merge", 1, 0, np.zeros(2), 215.4, 300.0),),
)


def recording(site, paths, seconds=10.0, lights=()):
    """Paths: t to (x, y); cars all of them, everyone always in sight. Lights: (from s, colour) of group 1."""
    frames = []
    for n in range(round(seconds * 10)):
        rows = np.zeros(len(paths), TRUTH)
        for i, path in enumerate(paths):
            (x0, y0), (x, y), (x1, y1) = (np.array(path(n / 10 + h)) for h in (-0.05, 0.0, 0.05))
            vx, vy = (x1 - x0) / 0.1, (y1 - y0) / 0.1
            ax, ay = (x1 - 2 * x + x0) / 0.0025, (y1 - 2 * y + y0) / 0.0025
            rows[i] = (i + 1, ObjectClass.CAR, x, y, vx, vy, ax, ay, math.atan2(vy, vx), 0, 4.4, 1.8, 1.5)
        frames.append(rows)
    times = tuple(n * 100_000_000 for n in range(len(frames)))
    told = []
    for n in range(0, len(frames), 2):
        shown = [colour for begin, colour in lights if begin <= n / 10]
        if shown:
            told.append(Reported(times[n], "signal", SignalReading(0, (SignalGroupReading(1, shown[-1], None),))))
    return SimpleNamespace(truth=Truth(times, tuple(frames)), site=site, reports=tuple(told))


def expected(given):
    seen = {who: [t / 1e9 for t in given.truth.times_ns] for who in range(1, 9)}
    return [one for one in right_of_way(given, seen) if one.ids]


def going(x, y, vx, vy):
    return lambda t: (x + vx * t, y + vy * t)


def slowing(x, speed, begin, rate):
    def at(t):
        gone = min(max(t - begin, 0.0), speed / rate)
        return x + speed * min(t, begin) + speed * gone - rate * gone * gone / 2, 0.0

    return at


def test_two_who_would_be_there_at_once_have_to_be_told_a_second_and_a_half_before():
    (one,) = expected(recording(CROSSROADS, [going(-60, 0, 12, 0), going(0, -60, 0, 12)]))
    assert (one.kind, one.must, one.ids) == ("crossing_path", True, frozenset({1, 2}))
    assert one.counts_from_s == pytest.approx((60 - 2.2 - 0.9) / 12 - 1.5, abs=0.15)


def test_what_is_said_shortly_before_the_end_nobody_knows_about():
    given = recording(CROSSROADS, [going(-60, 0, 12, 0)], 8.0)
    (one,) = (it for it in right_of_way(given, {}) if not it.ids)
    assert (one.kind, one.must) == ("crossing_path", False)
    assert (one.start_s, one.end_s) == pytest.approx((4.0, 8.0), abs=0.11)


def test_who_has_joined_the_mainline_is_mainline_to_who_comes_behind_and_need_not_be_told():
    turn = 215.4 / 15
    ramp = lambda t: (200 / turn * (t - turn), 80 / turn * (t - turn)) if t < turn else (15 * (t - turn), 0.0)  # noqa: E731
    early = lambda t: ramp(t) if t < turn - 3 else (ramp(turn - 3)[0] + 14 * (t - turn + 3), 0.0)  # noqa: E731
    found = expected(recording(RAMP, [early, lambda t: ramp(t - 1.2)], 20.0))
    assert [(one.must, one.ids) for one in found] == [(False, frozenset({1, 2}))]


def test_where_the_film_ends_says_nothing_of_when_they_would_have_passed():
    """One of the mainline that is 100 m off when the film ends, just after one of the ramp has passed."""
    turn = 215.4 / 15
    ramp = lambda t: (200 / turn * (t - turn), 80 / turn * (t - turn)) if t < turn else (15 * (t - turn), 0.0)  # noqa: E731
    found = expected(recording(RAMP, [ramp, going(-100 - 20 * turn, 0, 20, 0)], turn + 0.3))
    assert not any(one.must for one in found)


@pytest.mark.parametrize("late_s", [1.4, 4.0])
def test_who_passes_well_before_may_be_told_or_need_not(late_s):
    found = expected(recording(CROSSROADS, [going(-60, 0, 12, 0), going(0, -60 - 12 * late_s, 0, 12)]))
    assert [one.must for one in found] == ([False] if late_s < 2 else [])


def test_who_brakes_in_time_is_no_danger():
    gives_way = slowing(-80, 12, 1.0, 1.6)
    found = expected(recording(CROSSROADS, [lambda t: gives_way(min(t, 8)), going(0, -60, 0, 10)]))
    assert not [one for one in found if one.must]


@pytest.mark.parametrize(("gap_s", "must"), [(0.5, True), (2.5, False), (8.0, None)])
def test_the_merge_is_told_by_when_both_pass_it(gap_s, must):
    turn = 215.4 / 15
    ramp = lambda t: (200 / turn * (t - turn), 80 / turn * (t - turn)) if t < turn else (15 * (t - turn), 0.0)  # noqa: E731
    found = expected(recording(RAMP, [ramp, going(-20 * (turn + gap_s), 0, 20, 0)], 20.0))
    assert [one.must for one in found] == ([] if must is None else [must])
    if must:
        assert found[0].counts_from_s == pytest.approx(turn, abs=0.11)


@pytest.mark.parametrize(("change", "must"), [((0, RED), True), ((0, GREEN), None), ((7, RED), None)])
def test_who_passes_the_line_on_red_has_to_be_told_before(change, must):
    found = expected(recording(CROSSROADS, [going(-70, 0, 10, 0)], lights=((0, GREEN), change)))
    reds = [one for one in found if one.kind == "red_light_running"]
    assert [one.must for one in reds] == ([] if must is None else [must])
    if must:
        assert reds[0].counts_from_s == pytest.approx((70 - 6 - 2.2) / 10, abs=0.11)


def test_red_that_turns_green_just_in_time_may_be_told():
    (one,) = expected(recording(CROSSROADS, [going(-70, 0, 12, 0)], lights=((0, RED), (5.0, GREEN))))
    assert (one.kind, one.must) == ("red_light_running", False)
