"""The naive reckoning of near misses: by hand, and against the swept boxes of the pole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.site import Lane, Site
from interfaces.spec import ObjectClass
from sim.evaluation.encounters import encounters
from sim.evaluation.scenes import filmed
from sim.evaluation.truth import Truth
from sim.road import TRUTH

CAR, PERSON, CYCLIST = int(ObjectClass.CAR), int(ObjectClass.PEDESTRIAN), int(ObjectClass.BICYCLE)


def truth(*paths, seconds=8.0, step=0.1):
    """Paths are (class, position at 0, function of t to velocity), moved on in small steps."""
    frames = []
    places = [np.array(start, float) for _, start, _ in paths]
    for n in range(round(seconds / step)):
        rows = np.zeros(len(paths), TRUTH)
        for i, (kind, _, velocity) in enumerate(paths):
            v = np.array(velocity(n * step), float)
            box = (4.4, 1.75, 1.5) if kind == CAR else (0.5, 0.5, 1.7)
            yaw = math.atan2(v[1], v[0]) if np.hypot(*v) else 0.0
            rows[i] = (i + 1, kind, *places[i], *v, 0, 0, yaw, 0, *box)
            places[i] = places[i] + v * step
        frames.append(rows)
    return Truth(tuple(n * 100_000_000 for n in range(len(frames))), tuple(frames))


def straight(vx, vy):
    return lambda t: (vx, vy)


def braking(speed, at_s, hard):
    return lambda t: (max(speed - max(t - at_s, 0) * hard, 0.0), 0.0)


def test_a_late_stop_before_a_standing_car_is_a_near_miss():
    (met,) = encounters(truth((CAR, (-40, 0), braking(12, 2.2, 8.0)), (CAR, (0, 0), straight(0, 0))))
    assert met.sure
    assert met.risk
    assert met.ids == (1, 2)
    assert met.ttc_s < 1.35


def test_an_early_and_gentle_one_is_none():
    for met in encounters(truth((CAR, (-60, 0), braking(12, 1.0, 1.8)), (CAR, (0, 0), straight(0, 0)))):
        assert not met.sure


def test_who_follows_and_who_comes_the_other_way_are_none():
    following = truth((CAR, (0, 0), straight(12, 0)), (CAR, (15, 0), straight(12, 0)))
    oncoming = truth((CAR, (-50, 1.6), straight(12, 0)), (CAR, (50, -1.6), straight(-12, 0)))
    assert not encounters(following)
    assert not [met for met in encounters(oncoming) if met.sure]


@pytest.mark.parametrize(("late_s", "sure", "known"), [(1.0, True, True), (1.8, False, True), (3.5, False, False)])
def test_crossing_shortly_behind_somebody(late_s, sure, known):
    passing = truth((CAR, (-30, 0), straight(10, 0)), (CAR, (0, -30 - 10 * (late_s + 0.6)), straight(0, 10)))
    found = [met for met in encounters(passing) if math.isfinite(met.pet_s)]
    assert bool(found) is known
    assert any(met.sure for met in found) is sure
    if known:
        assert found[0].pet_s == pytest.approx(late_s, abs=0.21)


def test_two_people_on_foot_are_no_danger_to_each_other():
    assert not encounters(truth((PERSON, (-3, 0), straight(1.5, 0)), (PERSON, (3, 0), straight(-1.5, 0))))


@pytest.mark.parametrize(("pace", "sure"), [(1.6, False), (5.0, True)])
def test_a_cyclist_at_walking_pace_encroaches_upon_nobody(pace, sure):
    """Who comes 1.2 s after a pedestrian has left, quick before or all the way."""
    walker = PERSON, (0, -4.0), straight(0, 1.3)
    arrival_s = (4.0 + 0.5) / 1.3 + 1.2
    cyclist = CYCLIST, (-5.0 - pace * (arrival_s - 1) - 0.5, 0), lambda t: (5.0 if t < 1 else pace, 0)
    assert any(met.sure for met in encounters(truth(walker, cyclist, seconds=7.0))) is sure


@pytest.mark.parametrize(("overlap_m", "sure"), [(0.5, False), (1.3, True)])
def test_grazing_an_end_is_not_beyond_doubt(overlap_m, sure):
    """A car that is about to touch the rear of a crossing one, which then clears off."""
    crossing = CAR, (0, -20 + 0.875 - overlap_m), lambda t: (0, 10.0 if t < 1.7 else 20.0)
    arrival_s = (20 + 2.2) / 10
    coming = CAR, (-12 * arrival_s - 0.875 - 2.2, 0), straight(12, 0)
    found = [met for met in encounters(truth(crossing, coming)) if met.risk]
    assert bool(found) is sure


def test_only_the_last_of_a_queue_is_about_to_be_hit():
    late = (CAR, (-40, 0), braking(14, 2.0, 8.0))
    queue = [(CAR, (7.0 * n, 0), straight(0, 0)) for n in range(3)]
    sure = [met for met in encounters(truth(late, *queue)) if met.sure]
    assert [met.ids for met in sure] == [(1, 2)]


def round_the_bend(radius, way, speed=14.0, straight_m=45.0):
    """At `speed` towards a bend of 60° to the left about (0, 40), round it, and away from it; or the other way."""
    turn_s, straight_s = math.radians(60) * radius / speed, straight_m / speed

    def velocity(t):
        t = t if way > 0 else 2 * straight_s + turn_s - t
        angle = math.radians(60) * min(max((t - straight_s) / turn_s, 0.0), 1.0)
        return way * speed * math.cos(angle), way * speed * math.sin(angle)

    return velocity


def meeting_before_a_bend():
    """Two in lanes 3.5 m apart; before the bend each is on course to where the other will be."""
    far = math.radians(60)
    x, y = 43.5 * math.sin(far) + 45 * math.cos(far), 40 - 43.5 * math.cos(far) + 45 * math.sin(far)
    return truth((CAR, (-45, 0), round_the_bend(40.0, 1)), (CAR, (x, y), round_the_bend(43.5, -1)), seconds=7.0)


def test_who_meets_another_before_a_bend_that_both_drive_round_is_none():
    found = encounters(meeting_before_a_bend())
    assert found, "to tell it is no mistake: nobody knows yet that they will turn"
    assert not any(met.sure for met in found)


@pytest.mark.parametrize(
    ("scene", "seconds", "pairs"),
    [("roads", 40.0, []), ("intersection", 73.0, [(1_000_002, 1_000_003), (1_000_006, 1_000_007)])],
)
def test_braking_hard_evades_whoever_is_on_the_way_and_nobody_beside_it(scene, seconds, pairs):
    """Seed 37 of the roads: one brakes hard in its lane of a bend, opposite to another. At the junction two brake for
    one whose way crosses theirs."""
    film = filmed(scene, 37 if scene == "roads" else 1, seconds)
    assert [met.ids for met in encounters(film.truth, film.site) if met.sure] == pairs


def swerving(t):
    """Out of the lane 0.9 s before it would have hit what stands there."""
    return (12.0, 0.0) if t < 2.0 else (11.0, 5.0) if t < 2.7 else (12.0, 0.0)


@pytest.mark.parametrize("mapped", [True, False])
def test_who_leaves_the_lane_in_time_nearly_had_one_if_there_are_lanes_to_leave(mapped):
    """Without a map nobody knows whether the way that was gone is where the road goes."""
    lanes = (Lane("east", np.array([[-200.0, 0.0], [200.0, 0.0]]), 3.25, 14.0),) if mapped else ()
    past = truth((CAR, (-40, 0), swerving), (CAR, (0, 0), straight(0, 0)), seconds=6.0)
    assert any(met.sure for met in encounters(past, Site(lanes))) is mapped


def test_who_creeps_comes_close_all_the_time():
    crept = truth((CAR, (-12, 0), braking(2.2, 3.0, 4.0)), (CAR, (0, 0), straight(0, 0)))
    assert not any(met.sure for met in encounters(crept))
