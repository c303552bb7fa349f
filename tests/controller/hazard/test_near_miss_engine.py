"""Near misses: what is one, how bad it was, that it is told once, and everything that is none."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scenes import START_NS, User, arc, braking, new, road, run, straight

from interfaces.spec import ObjectClass

PERSON = ObjectClass.PEDESTRIAN
SEEDS = (None, 1, 2, 3)

CROSSING_HIT = [User(straight(-50, 0, 10, 0)), User(straight(0, -50, 0, 10))]
LATE_AT_CROSSING = [User(braking(-50, 12, 2.9, 7)), User(straight(0, -40, 0, 9))]
LATE_BEHIND = [User(braking(-80, 15, 3.8, 7)), User(straight(0, 0), yaw=0.0)]
PET_ONE = [User(straight(-50, 0, 10, 0)), User(straight(0, -66, 0, 10))]

NOTHING = {
    "following at a second": [User(straight(0, 0, 12, 0)), User(straight(16, 0, 12, 0))],
    "ordinary braking": [User(braking(-80, 14, 1.9, 2.5)), User(straight(0, 0), yaw=0.0)],
    "opposite adjacent lanes": [User(straight(-100, 1.6, 14, 0)), User(straight(100, -1.6, -14, 0))],
    "overtaking in the next lane": [User(straight(-60, 0, 20, 0)), User(straight(0, 3.25, 14, 0))],
    "parked beside traffic": [User(straight(-80, 0, 10, 0)), User(straight(0, 2.8), yaw=0.0)],
    "walking on the pavement": [User(straight(-80, 0, 12, 0)), User(straight(-10, 2.6, 1.4, 0), PERSON)],
    "waiting at the kerb": [User(straight(-80, 0, 12, 0)), User(straight(0, 2.6), PERSON)],
    "stopping for a person": [User(braking(-60, 10, 1.5, 2.2)), User(lambda t: (0, -8 + 1.3 * t), PERSON)],
    "two people meeting": [User(straight(0, 0, 1.4, 0), PERSON), User(straight(5, 0.2, -1.4, 0), PERSON)],
    "a ghost on the same body": [User(straight(-50, 0, 10, 0)), User(straight(-50.5, 0.3, 10, 0), begin=2.0)],
    "a ghost beside that lags": [User(straight(-50, 0, 10, 0)), User(straight(-51, 1.0, 9, 0), begin=2.0)],
    "crossing in good time": [User(straight(-50, 0, 10, 0)), User(straight(0, -90, 0, 10))],
    "an obstacle": [User(straight(-50, 0, 10, 0), end=4), User(straight(0, 0), ObjectClass.OBSTACLE)],
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("users", NOTHING.values(), ids=NOTHING)
def test_what_is_no_near_miss(users, seed):
    hazards, near_misses = run(users, 9, seed=seed)
    assert not near_misses
    assert not new(hazards, "collision_risk")


def points_anywhere(turn):
    """What a tracker says of one that stands, whom no module ever showed to point anywhere: its yaw is its course."""
    vx, vy = 0.05 * math.cos(turn), 0.05 * math.sin(turn)
    return {"vx": vx, "vy": vy, "yaw": math.atan2(vy, vx)}


@pytest.mark.parametrize("degrees", [0, 45, 90])
@pytest.mark.parametrize("site", [None, road()], ids=["no map", "map"])
def test_one_parked_beside_traffic_of_whom_nobody_knows_where_it_points(site, degrees):
    parked = User(straight(0, 4.1), extra=points_anywhere(math.radians(degrees)))
    hazards, near_misses = run([User(straight(-80, 1.6, 10, 0)), parked], 9, site)
    assert not near_misses
    assert not new(hazards, "collision_risk")


def test_one_that_stands_in_the_way_is_a_risk_wherever_it_points():
    stands = User(straight(0, 0), extra=points_anywhere(1.5))
    hazards, near_misses = run([User(braking(-80, 15, 3.8, 7)), stands], 9)
    assert near_misses
    assert new(hazards, "collision_risk")


def test_a_track_that_begins_with_another_s_course_encroaches_on_nobody():
    """Of the first places of a module without velocities anything may come, until more of them are known."""
    begins = User(straight(-30, 0, 10, 0), extra={"vx": 3.0, "vy": 9.0, "age_s": 0.4}, end=0.55)
    goes_on = User(straight(-30, 0, 10, 0), begin=0.55, ids=lambda _: 1)
    follows = User(straight(-44, 0, 10, 0), ids=lambda _: 9)
    _, near_misses = run([begins, goes_on, follows], 6)
    assert not near_misses


@pytest.mark.parametrize("seed", SEEDS)
def test_opposing_traffic_on_a_bend_with_a_map_of_straight_lanes_or_none(seed):
    exact, _ = run([User(arc(50, 10, 0)), User(arc(46.5, 10, 3.0, -1))], 9), seed
    assert not exact[1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("users", "severity", "conflict"),
    [
        (CROSSING_HIT, 4, "crossing"),
        (LATE_AT_CROSSING, 3, "crossing"),
        (LATE_BEHIND, 3, "rear_end"),
        (PET_ONE, 2, "crossing"),
    ],
    ids=["contact", "braking late at a crossing path", "braking late behind", "PET 1 s"],
)
def test_what_is_one_is_told_once(users, severity, conflict, seed):
    _, near_misses = run(users, 10, seed=seed)
    assert len(near_misses) == 1
    got = near_misses[0]
    assert (got.severity, got.conflict) == (severity, conflict)
    assert got.start_ns <= got.peak_ns <= got.end_ns
    assert {one.track_id for one in got.participants} == {1, 2}
    assert got.sources == 3
    assert 0.5 < got.probability <= 1
    assert 1 <= got.information_quality <= 7


def test_the_figures_are_those_of_the_scene():
    got = run(LATE_AT_CROSSING, 10)[1][0]
    # At 2.9 s the first has 50 − 34.8 − 2.25 − 0.9 m to the strip; it enters it at no braking 1.0 s later.
    assert 0.5 < got.ttc_s < 1.0
    assert got.drac_mps2 > 6
    assert got.sct_s < 0
    assert got.nedo_level == "大"
    assert 9 < got.closing_speed < math.hypot(12, 9)  # the second's own speed, and what braking left of the first's
    assert got.participants[0].max_deceleration == pytest.approx(7, abs=0.5)
    assert (got.peak_ns - START_NS) / 1e9 == pytest.approx(3.4, abs=0.6)  # while it brakes
    assert math.isnan(run(PET_ONE, 10)[1][0].ttc_s)
    assert run(PET_ONE, 10)[1][0].pet_s == pytest.approx(1.0, abs=0.3)


def test_a_person_and_a_fast_party_make_it_worse():
    def behind(speed: float) -> int:
        # The person leaves the car's strip, and the car enters where it was 1.5 to 1.9 s later.
        car = User(straight(-speed * 6.0, 0, speed, 0))
        person = User(lambda t: (2.0, -1.15 - 0.25 + 1.4 * (t - 2.5)), PERSON)
        found = run([car, person], 9)[1]
        return found[0].severity if found else 0

    assert behind(10.0) == behind(6.0) + 1


def test_published_at_five_seconds_when_it_goes_on():
    stuck = [User(straight(0, 0, 9, 0)), User(lambda t: (30 + 9 * t - (24 * (1 - math.exp(-t / 2))), 0))]
    _, near_misses = run(stuck, 15)
    for one in near_misses:
        assert one.end_ns - one.start_ns <= 5.2e9


def test_once_in_ten_seconds_a_pair():
    def weave(t: float) -> tuple[float, float]:
        return 0.0, 25 * math.sin(t * 0.9)

    circling = [User(weave), User(lambda t: (25 * math.cos(t * 0.9) * 1.0, 0.0))]
    _, near_misses = run(circling, 20)
    times = sorted(one.end_ns for one in near_misses)
    assert all(b - a >= 9.9e9 for a, b in pairwise(times))


def test_a_broken_track_does_not_tell_the_same_encounter_twice():
    first = User(CROSSING_HIT[0].at, ids=lambda t: 1 if t < 4.0 else 7)
    _, near_misses = run([first, CROSSING_HIT[1]], 10)
    assert len(near_misses) == 1


@pytest.mark.parametrize("rate_hz", [2, 5, 20])
def test_other_rates_find_it_too(rate_hz):
    _, near_misses = run(LATE_AT_CROSSING, 10, rate_hz=rate_hz)
    assert [one.severity >= 2 for one in near_misses] == [True]


def test_the_pavement_of_a_map_excuses_who_walks_towards_the_road():
    towards = [User(straight(-60, 1.6, 12, 0)), User(lambda t: (0, 9.5 - 1.3 * min(t, 4)), PERSON)]
    assert not run(towards, 8, road())[1]


def test_the_early_warning_precedes_the_record():
    hazards, near_misses = run(LATE_AT_CROSSING, 10)
    warned = new(hazards, "collision_risk")[0]
    assert warned.reference_time_ns < near_misses[0].end_ns
    assert warned.reference_time_ns <= near_misses[0].peak_ns


def test_a_cyclist_and_a_walker_beside_the_road_can_nearly_meet_but_not_one_on_the_road():
    walker = User(lambda t: (0.0, 9.0 + 1.2 * min(t - 4, 0.0)), PERSON)
    rider = User(lambda t: (-4.5 * (4.2 - min(t, 3.6)), 8.6), ObjectClass.BICYCLE)
    assert [one.conflict for one in run([walker, rider], 8, road())[1]] == ["vru"]
    car = User(lambda t: (-4.5 * (4.2 - min(t, 3.6)), 1.6))
    beside = User(lambda t: (0.0, 6.0 - 1.2 * min(t, 1.0)), PERSON)
    assert not run([car, beside], 8, road())[1]


def test_passing_the_other_way_takes_nothing_of_ones_place():
    swaying = User(lambda t: (30 - 8 * t, 0.35 * math.sin(2 * t)))
    oncoming = User(lambda t: (-30 + 8 * max(t - 0.8, 0), 0.9 * 2))
    assert all(math.isnan(one.pet_s) for one in run([swaying, oncoming], 8)[1])


@pytest.mark.parametrize(("sigma_m", "told"), [(0.2, 1), (2.0, 0)])
def test_a_place_in_doubt_tells_nothing_of_who_was_where(sigma_m, told):
    cov = np.diag(np.square([sigma_m, sigma_m, 0.1, 0.1]))
    users = [User(one.at, one.kind, extra={"cov": cov}) for one in PET_ONE]
    assert len(run(users, 10)[1]) == told


def test_two_who_nearly_meet_the_same_third_are_two_encounters():
    """The one behind the other, both stopped short by a third that crosses 6 m apart from each."""
    first, second = User(braking(-50, 12, 2.9, 7)), User(braking(-57, 12, 3.0, 6.5))
    pairs = [{who.track_id for who in one.participants} for one in run([first, CROSSING_HIT[1], second], 12)[1]]
    assert {1, 2} in pairs
    assert {2, 3} in pairs


@pytest.mark.parametrize("changed_s", [3.4, 3.8, 4.2])
def test_one_whose_id_changed_during_an_encounter_can_meet_another(changed_s):
    """The first, under a new id since the worst moment, is then nearly hit by a third."""
    renamed = User(braking(-50, 12, 2.9, 7), ids=lambda t: 1 if t < changed_s else 7)
    third = User(braking(-75, 12, 4.4, 7))
    pairs = [{who.track_id for who in one.participants} for one in run([renamed, CROSSING_HIT[1], third], 14)[1]]
    assert any(2 in pair for pair in pairs)
    assert {3, 7} in pairs


def test_boxes_that_were_never_seen_apart_are_badly_placed():
    """Two trucks side by side of whom one is said to be 1.2 m nearer than it is, and faster."""
    trucks = [
        User(straight(-20, 0, 16, 0), ObjectClass.LARGE_VEHICLE),
        User(straight(-30, 1.4, 21, 0), ObjectClass.LARGE_VEHICLE, begin=0.8),
    ]
    assert not run(trucks, 8)[1]
    seen_apart = [trucks[0], User(lambda t: (-36 + 21 * t, 4.5 - 0.9 * t), ObjectClass.LARGE_VEHICLE)]
    assert [one.severity >= 3 for one in run(seen_apart, 8)[1]] == [True]


def test_who_comes_the_other_way_in_ones_own_lane_is_told_though_both_swerve_in_time():
    """40 m/s towards each other, out of the way 1.6 s before; in the next lane it is nothing."""
    stay = User(straight(-100, 0, 20, 0))

    def coming(beside_m: float) -> User:
        return User(lambda t: (100 - 20 * t, beside_m + (3.5 - beside_m) * min(max((t - 3.4) / 1.2, 0.0), 1.0)))

    (told,) = run([stay, coming(0.0)], 8)[1]
    assert told.severity >= 2
    assert not math.isnan(told.drac_mps2)
    assert not run([stay, coming(3.4)], 8)[1]


@pytest.mark.parametrize(("pace", "told"), [(5.0, 1), (2.5, 0)])
def test_a_quick_cyclist_close_behind_a_walker_is_told_and_a_slow_one_is_not(pace, told):
    walker = User(straight(0, -6, 0, 1.3), PERSON)
    left_s = (6 + 0.5) / 1.3
    cyclist = User(straight(-pace * (left_s + 1.0) - 1.1, 0, pace, 0), ObjectClass.BICYCLE)
    found = [one for one in run([walker, cyclist], 10)[1] if not math.isnan(one.pet_s)]
    assert len(found) == told
