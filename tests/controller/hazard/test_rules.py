"""Every rule of the table: fires in time, stays silent, at the border, and does not flap."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import START_NS, User, braking, delay_s, lane, new, polygon, road, run, straight

from controller.config import Hazards
from controller.hazard.hazard import Phase
from controller.hazard.rules import rules
from controller.site import Lane, Site, StopLine
from interfaces.spec import ObjectClass

PERSON, CAR = ObjectClass.PEDESTRIAN, ObjectClass.CAR
NOISE = (None, 1, 2, 3)


def only(users, seconds, kind, site=None, **more):
    """The one hazard of `kind`; checks that it began once and ended once, and that nothing else of it was said."""
    hazards, _ = run(users, seconds, site or road(), **more)
    of_kind = [one for one in hazards if one.kind == kind]
    assert [one.phase for one in of_kind].count(Phase.NEW) == 1, [(h.kind, h.phase) for h in hazards]
    assert [one.phase for one in of_kind].count(Phase.CANCEL) <= 1
    return of_kind[0]


def silent(users, seconds, kind, site=None, **more):
    assert not new(run(users, seconds, road() if site is None else site, **more)[0], kind)


# --- wrong way


@pytest.mark.parametrize("seed", NOISE)
def test_wrong_way_within_one_and_a_half_seconds(seed):
    hazard = only([User(straight(100, 1.6, -12, 0))], 8, "wrong_way", seed=seed)
    assert (hazard.cause, hazard.subcause, hazard.lane) == (14, 2, "east")
    assert delay_s(hazard, 0) <= 1.5
    assert abs(hazard.heading) == pytest.approx(np.pi, abs=0.15)


def test_wrong_way_at_walking_pace_still_counts_below_it_not():
    only([User(straight(50, 1.6, -3, 0))], 10, "wrong_way")
    silent([User(straight(50, 1.6, -2, 0))], 10, "wrong_way")


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize("speed", [1.0, 12.0])
def test_right_way_on_both_sides_is_silent(speed, seed):
    users = [User(straight(-100, 1.6, speed, 0)), User(straight(100, -1.6, -speed, 0))]
    silent(users, 12, "wrong_way", seed=seed)


def test_parking_backwards_and_turning_round_are_silent():
    silent([User(straight(0, 1.6, -1.2, 0), yaw=0.0)], 10, "wrong_way")
    silent([User(lambda t: (50 - 5 * t, 1.6), end=0.8)], 3, "wrong_way")


@pytest.mark.parametrize("seed", NOISE)
def test_driving_on_the_centre_line_does_not_flap(seed):
    silent([User(straight(-100, 0.4, 14, 0))], 12, "wrong_way", seed=seed)


@pytest.mark.parametrize(("sigma", "told"), [(0.2, True), (0.8, False)])
def test_who_may_be_in_the_lane_beside_is_no_wrong_way_driver(sigma, told):
    """Seen from far away by a module that errs sideways, one on the right lane seems to be on the other."""
    doubt = {"cov": np.diag([sigma**2, sigma**2, 0.04, 0.04])}
    hazards, _ = run([User(straight(-100, -0.9, 12, 0), extra=doubt)], 9, road())
    assert bool(new(hazards, "wrong_way")) is told


def test_without_a_map_lane_rules_are_silent():
    users = [User(straight(100, 1.6, -12, 0)), User(straight(0, -1.6), yaw=0.0)]
    hazards, _ = run(users, 12, Site())
    assert not hazards


def test_a_person_walking_against_traffic_is_no_wrong_way_driver():
    silent([User(straight(50, 1.6, -3, 0), kind=PERSON)], 8, "wrong_way")


# --- stationary vehicle


@pytest.mark.parametrize("seed", NOISE)
def test_stationary_vehicle_within_eight_seconds(seed):
    hazard = only([User(straight(0, 1.6), yaw=0.0)], 15, "stationary_vehicle", seed=seed)
    assert hazard.cause == 94
    assert 5 <= delay_s(hazard, 0) <= 8


@pytest.mark.parametrize("seed", NOISE)
def test_creeping_short_stops_and_slow_lanes_are_silent(seed):
    silent([User(straight(0, 1.6, 0.9, 0))], 12, "stationary_vehicle", seed=seed)
    silent([User(straight(0, 1.6), yaw=0.0, end=4.0)], 5, "stationary_vehicle", seed=seed)
    silent([User(straight(0, 1.6), yaw=0.0)], 12, "stationary_vehicle", road(30), seed=seed)


def test_a_queue_at_the_line_is_silent_for_a_red_light():
    queue = [User(straight(85 - 8 * i, 1.6), yaw=0.0) for i in range(4)]
    silent(queue, 40, "stationary_vehicle")


def bend() -> Site:
    """Two lanes round a bend to the left about the origin, the inner one counter-clockwise, the outer one back."""
    angle = np.radians(np.arange(-60.0, 61.0, 5.0))
    inner, outer = (np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) for radius in (40.0, 43.25))
    return Site(tuple(Lane(name, points, 3.25, 60 / 3.6) for name, points in (("in", inner), ("out", outer[::-1]))))


def stands(radius, degrees, turn):
    angle = np.radians(degrees)
    return User(straight(radius * np.cos(angle), radius * np.sin(angle)), yaw=float(angle + turn))


def test_round_a_bend_who_stands_in_the_other_lane_is_nobody_s_queue():
    """Straight ahead of the one on the inner lane there is, 16 m on, the outer lane."""
    across = stands(43.25, 21.0, -np.pi / 2)
    hazards = new(run([stands(40.0, 0.0, np.pi / 2), across], 12, bend())[0], "stationary_vehicle")
    assert {one.track_ids for one in hazards} == {(1,), (2,)}


def test_round_a_bend_who_stands_behind_another_waits_in_a_queue():
    """Along the lane the one ahead is 22 m away; straight ahead nobody is."""
    queue = [stands(40.0, 0.0, np.pi / 2), stands(40.0, 32.0, np.pi / 2)]
    hazards = new(run(queue, 12, bend())[0], "stationary_vehicle")
    assert {one.track_ids for one in hazards} == {(2,)}


def test_who_does_not_move_for_longer_than_any_light_is_stationary():
    only([User(straight(85, 1.6), yaw=0.0)], 70, "stationary_vehicle", rate_hz=2)


def test_parked_beside_the_road_is_silent():
    silent([User(straight(0, 4.5), yaw=0.0)], 12, "stationary_vehicle")


def test_a_changed_track_id_keeps_the_hazard():
    broken = User(straight(0, 1.6), yaw=0.0, ids=lambda t: 1 + int(t / 7))
    hazards, _ = run([broken], 30, road(), seed=5)
    words = [one for one in hazards if one.kind == "stationary_vehicle"]
    assert len({one.action_id for one in words}) == 1
    assert words[-1].phase is Phase.CANCEL
    assert words[-2].track_ids == (5,)


# --- person on the road


@pytest.mark.parametrize("seed", NOISE)
def test_person_within_a_second_of_stepping_in(seed):
    hazard = only([User(lambda t: (0, -7 + 1.4 * t), PERSON)], 10, "person_on_road", seed=seed)
    assert hazard.cause == 12
    assert delay_s(hazard, (7 - 3.3) / 1.4) <= 1.3


@pytest.mark.parametrize("seed", NOISE)
def test_on_the_crossing_and_on_the_pavement_is_silent(seed):
    silent([User(lambda t: (92, -7 + 1.4 * t), PERSON)], 10, "person_on_road", seed=seed)
    silent([User(straight(-10, 4.2, 1.4, 0), PERSON)], 10, "person_on_road", seed=seed)


@pytest.mark.parametrize("seed", NOISE)
def test_at_the_kerb_it_does_not_flap(seed):
    hazards, _ = run([User(straight(0, 3.0), PERSON)], 20, road(), seed=seed)
    assert len(new(hazards, "person_on_road")) <= 1


def test_child_and_cyclist_are_told_apart():
    child = User(straight(0, 0), PERSON, box=(0.4, 0.4, 1.0))
    assert only([child], 3, "person_on_road").subcause == 1
    rider = User(straight(0, 1.6, 4, 0), ObjectClass.BICYCLE)
    silent([rider], 4, "person_on_road")
    assert only([rider], 4, "person_on_road", road(100)).subcause == 2


def test_who_was_not_measured_lately_keeps_a_warning_but_begins_none():
    def measured(until_s):
        return lambda t: {"measured_at_ns": START_NS + round(min(t, until_s) * 1e9)}

    remembered = User(straight(0, 0), PERSON, late=measured(-1.0))
    silent([remembered], 4, "person_on_road")
    hazards, _ = run([User(straight(0, 0), PERSON, late=measured(2.0))], 6, road())
    words = [one for one in hazards if one.kind == "person_on_road"]
    assert len([one for one in words if one.phase is Phase.NEW]) == 1
    assert (words[-1].reference_time_ns - START_NS) / 1e9 > 6


def test_two_people_side_by_side_are_one_warning():
    pair = [User(straight(0, 0), PERSON), User(straight(0.6, 0), PERSON)]
    only(pair, 4, "person_on_road")


# --- animal, fallen object


def test_animal_on_the_road_and_beside_it():
    assert only([User(straight(0, 0, 1, 0), ObjectClass.ANIMAL)], 4, "animal").cause == 11
    silent([User(straight(0, 8, 1, 0), ObjectClass.ANIMAL)], 4, "animal")


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize("kind", [ObjectClass.OBSTACLE, ObjectClass.UNKNOWN])
def test_fallen_object_within_five_seconds(kind, seed):
    hazard = only([User(straight(0, 1.0), kind)], 9, "fallen_object", seed=seed)
    assert (hazard.cause, hazard.subcause) == (10, 1)
    assert delay_s(hazard, 0) <= 5


def test_a_large_one_a_moving_one_and_one_beside_a_car():
    assert only([User(straight(0, 1), ObjectClass.OBSTACLE, box=(3, 1, 1))], 6, "fallen_object").subcause == 4
    silent([User(straight(0, 1, 2, 0), ObjectClass.OBSTACLE)], 8, "fallen_object")
    silent([User(straight(0, 1), ObjectClass.UNKNOWN), User(straight(1.5, 1.6), yaw=0.0)], 8, "fallen_object")
    stopped = User(lambda t: (min(t, 5) * 4, 1.0), ObjectClass.UNKNOWN)
    silent([stopped], 12, "fallen_object")


# --- sudden braking, speeding, slow vehicle, queue tail


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize(("speed", "told"), [(6.0, 1), (3.0, 0)])
def test_who_brakes_hard_from_a_low_speed_is_told_before_it_stands(speed, told, seed):
    hazards, _ = run([User(braking(-40, speed, 2, 6, 1.6))], 6, road(), seed=seed)
    assert len(new(hazards, "sudden_braking")) == told


@pytest.mark.parametrize("seed", NOISE)
def test_sudden_braking_soon_and_once(seed):
    hazard = only([User(braking(-100, 15, 2, 6, 1.6))], 8, "sudden_braking", seed=seed)
    assert (hazard.cause, hazard.subcause) == (99, 1)
    assert delay_s(hazard, 2) <= 0.6


@pytest.mark.parametrize("seed", NOISE)
def test_ordinary_braking_is_silent(seed):
    silent([User(braking(-100, 15, 2, 3, 1.6))], 10, "sudden_braking", seed=seed)


@pytest.mark.parametrize("seed", NOISE)
def test_braking_in_jerks_is_told_once(seed):
    def at(t):
        return braking(-100, 15, 2, 6, 1.6)(t) if t < 3 else (braking(-100, 15, 2, 6, 1.6)(3)[0] + 9 * (t - 3), 1.6)

    assert len(new(run([User(at)], 6, road(), seed=seed)[0], "sudden_braking")) == 1


def test_a_jump_of_the_speed_that_the_track_does_not_brake_is_silent():
    jumping = User(lambda t: (-100 + 15 * min(t, 2) + 9 * max(t - 2, 0), 1.6), extra={"ax": 0.0, "ay": 0.0})
    silent([jumping], 6, "sudden_braking")


@pytest.mark.parametrize(("told_mps2", "count"), [(2.9, 0), (3.4, 1)])
def test_speeds_that_catch_up_with_braking_are_believed_as_far_as_the_track_says(told_mps2, count):
    # Braking by 3 m/s² that the track follows half a second late, and then within a third of a second.
    late = braking(-100, 15, 2.5, 7.5, 1.6)
    then = braking(late(2.83)[0], 12.5, 0, 3, 1.6)
    catching_up = User(lambda t: late(t) if t < 2.83 else then(t - 2.83), extra={"ax": -told_mps2, "ay": 0.0})
    hazards, _ = run([catching_up], 4, road())
    assert len(new(hazards, "sudden_braking")) == count


@pytest.mark.parametrize("seed", NOISE)
def test_speeding_by_more_than_twenty(seed):
    only([User(straight(-150, 1.6, 85 / 3.6, 0))], 8, "speeding", seed=seed)
    silent([User(straight(-150, 1.6, 75 / 3.6, 0))], 8, "speeding", seed=seed)


def test_slow_vehicle_on_an_expressway_only():
    slow = User(straight(-100, 1.6, 8, 0))
    assert only([slow], 10, "slow_vehicle", road(100)).cause == 26
    silent([slow], 10, "slow_vehicle", road(60))
    silent([slow, User(straight(-80, 1.6, 8, 0))], 3.5, "sudden_braking", road(100))


def test_queue_tail_is_the_upstream_end():
    queue = [User(straight(60 + 8 * i, 1.6, 0.5, 0)) for i in range(4)]
    coming = User(straight(-100, 1.6, 20, 0), end=5)
    hazard = only([*queue, coming], 6, "queue_tail")
    assert (hazard.cause, hazard.subcause) == (27, 1)
    assert hazard.x == pytest.approx(60, abs=2)
    silent(queue, 6, "queue_tail")
    silent([*queue[:2], coming], 6, "queue_tail")


# --- collision risk


@pytest.mark.parametrize("seed", NOISE)
def test_collision_risk_leads_by_one_and_a_half_seconds(seed):
    users = [User(straight(-50, 0, 10, 0)), User(straight(0, -50, 0, 10))]
    hazard = only(users, 6, "collision_risk", Site(), seed=seed)
    contact_s = (50 - 2.25 - 0.9) / 10
    assert delay_s(hazard, 0) <= contact_s - 1.5
    assert (hazard.cause, hazard.subcause) == (97, 2)
    assert hazard.track_ids == (1, 2)
    assert dict(hazard.detail)["ttc_s"] <= 2.5


def test_collision_risk_with_a_person_is_of_that_kind():
    users = [User(straight(-60, 0, 10, 0)), User(lambda t: (0, -8.4 + 1.4 * t), PERSON)]
    assert only(users, 6, "collision_risk", Site()).subcause == 4


@pytest.mark.parametrize("seed", NOISE)
def test_passing_in_good_time_is_no_risk(seed):
    users = [User(straight(-50, 0, 10, 0)), User(straight(0, -80, 0, 10))]
    silent(users, 9, "collision_risk", Site(), seed=seed)


def head_on(apart_m=0.0):
    """Towards each other at 40 m/s, along the eastward lane or so far beside it; they would meet after 3.9 s."""
    return [User(straight(-80, 1.6, 20, 0)), User(straight(80, 1.6 + apart_m, -20, 0))]


def noisy(site):
    """When the risk is told, 20 times."""
    told = [new(run(head_on(), 4, site, seed=seed)[0], "collision_risk") for seed in range(20)]
    return [delay_s(one[0], 0) if one else 9.0 for one in told]


def test_two_face_to_face_in_one_lane_are_told_sooner_than_on_open_ground():
    contact_s = (160 - 4.5) / 40
    in_lane, open_ground = noisy(road()), noisy(Site())
    assert np.median(in_lane) <= contact_s - 2.5
    assert np.mean(in_lane) <= np.mean(open_ground) - 0.8


@pytest.mark.parametrize("seed", NOISE)
def test_two_who_pass_each_other_in_their_lanes_are_no_risk(seed):
    silent(head_on(-3.2), 4, "collision_risk", road(), seed=seed)


# --- the map's own areas, the table and its page


def test_a_blind_area_hides_what_is_in_it():
    site = road()
    hidden = Site(site.lanes, (*site.areas, polygon("blind_area", (-9, -9), (9, -9), (9, 9), (-9, 9))), site.stop_lines)
    silent([User(straight(0, 1.6), yaw=0.0)], 12, "stationary_vehicle", hidden)


def test_an_operator_turns_rules_off():
    assert "speeding" not in {rule.kind for rule in rules(Hazards(off=("speeding",)))}


def test_other_geometry_a_diagonal_lane_and_a_junction():
    diagonal = Lane("d", np.array([[0.0, 0.0], [100.0, 100.0], [100.0, 200.0]]), 3.5, 60 / 3.6)
    only([User(straight(90, 90, -7, -7))], 5, "wrong_way", Site((diagonal,)))
    only([User(straight(100, 190, 0, -9))], 5, "wrong_way", Site((diagonal,)))
    crossing = Site((lane("e", -50, 0, 50, 0), lane("n", 0, -50, 0, 50)))
    silent([User(straight(-30, 0, 10, 0)), User(straight(0, -40, 0, 10))], 5, "wrong_way", crossing)


def test_a_stop_line_of_another_lane_does_not_excuse():
    site = Site((lane("e", -100, 0, 100, 0),), (), (StopLine("far", np.array([[10.0, 20.0], [10.0, 24.0]])),))
    only([User(straight(0, 0), yaw=0.0)], 9, "stationary_vehicle", site)
