"""What has to be told of what happens: only what was in sight, and what is so by a margin."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from controller.site import Lane, Site
from interfaces.spec import ObjectClass
from sim.evaluation.expectations import expectations
from sim.evaluation.recording import happenings_of
from sim.evaluation.truth import Truth
from sim.road import TRUTH

CAR = int(ObjectClass.CAR)


def recording(limit_kmh, *cars, seconds=14.0, seen=lambda who, t: True):
    """Cars along a lane: functions of t to (x, m/s, m/s²); `seen` tells who is in sight when."""
    site = Site((Lane("east", np.array([[-400.0, 0.0], [400.0, 0.0]]), 3.5, limit_kmh / 3.6),))
    frames = []
    for n in range(round(seconds * 10)):
        rows = np.zeros(len(cars), TRUTH)
        for i, car in enumerate(cars):
            x, speed, rate = car(n / 10)
            rows[i] = (i + 1, CAR, x, 0, speed, 0, rate, 0, 0, 0, 4.4, 1.8, 1.5)
        frames.append(rows)
    truth = Truth(tuple(n * 100_000_000 for n in range(len(frames))), tuple(frames))
    counted = [frozenset(i + 1 for i in range(len(cars)) if seen(i + 1, n / 10)) for n in range(len(frames))]
    return SimpleNamespace(
        truth=truth,
        site=site,
        happenings=happenings_of(truth, site),
        reports=(),
        told=False,
        counted_at=lambda at_ns: counted[round(at_ns / 1e8)],
    )


def told(made, kind):
    return [it for it in expectations(made) if it.kind == kind]


def steady(x, speed):
    return lambda t: (x + speed * t, speed, 0.0)


@pytest.mark.parametrize(("kmh", "must"), [(43, False), (30, True)])
def test_a_slow_vehicle_has_to_be_told_when_it_is_slow_by_a_margin(kmh, must):
    (it,) = told(recording(100, steady(-100, kmh / 3.6)), "slow_vehicle")
    assert it.must is must


@pytest.mark.parametrize(("over_kmh", "must"), [(22, False), (35, True)])
def test_so_has_one_that_is_too_fast(over_kmh, must):
    (it,) = told(recording(60, steady(-200, (60 + over_kmh) / 3.6), seconds=8.0), "speeding")
    assert it.must is must


def queue(seen):
    standing = [steady(100 - 7 * n, 0.0) for n in range(3)]
    return recording(60, *standing, steady(-150.0, 17.0), seconds=10.0, seen=seen)


@pytest.mark.parametrize("sight", ["all", "not the queue", "not the one that comes"])
def test_a_queue_s_tail_has_to_be_told_when_queue_and_comer_are_in_sight(sight):
    hidden = {"all": (), "not the queue": (1, 2), "not the one that comes": (4,)}[sight]
    (it,) = told(queue(lambda who, _t: who not in hidden), "queue_tail")
    assert it.must is (sight == "all")


@pytest.mark.parametrize(("from_s", "must"), [(0.0, True), (3.5, False)])
def test_who_came_into_sight_braking_has_not_shown_that_it_drove_faster(from_s, must):
    def car(t):
        after = min(max(t - 4.0, 0.0), 1.5)
        return -100 + 14 * min(t, 4.0) + 14 * after - 3 * after**2, 14 - 6 * after, -6.0 if 0 < after < 1.5 else 0.0

    found = told(recording(60, car, seconds=9.0, seen=lambda _w, t: t >= from_s), "sudden_braking")
    assert any(it.must for it in found) is must
    assert all(math.isfinite(it.start_s) for it in found)


@pytest.mark.parametrize(("from_s", "must"), [(0.0, True), (4.6, True), (4.8, False)])
def test_a_near_miss_has_to_be_told_when_both_were_in_sight_for_a_second(from_s, must):
    """One brakes at 4 s, late for what stands there: beyond doubt until 5.6 s."""

    def car(t):
        after = min(max(t - 4.0, 0.0), 2.0)
        return -80 + 14 * min(t, 4.0) + 14 * after - 3.5 * after**2, 14 - 7 * after, -7.0 if 0 < after < 2 else 0.0

    seen = recording(60, car, steady(-4.5, 0.0), seconds=9.0, seen=lambda _w, t: t >= from_s)
    assert [it.must for it in told(seen, "near_miss")] == [must]
    assert [it.must for it in told(seen, "collision_risk")] == [must]
