"""Red lights, merges and crossing paths; what known red gates elsewhere; the pole's own state."""

from __future__ import annotations

import numpy as np
import pytest
from detection_times import GREEN_THEN_RED, RAMP, SCENES
from scenes import (
    User,
    along,
    braking,
    crossroads,
    delay_s,
    junction,
    lane,
    lights,
    new,
    polygon,
    run,
    straight,
)

from controller.hazard import right_of_way_rules
from controller.hazard.hazard import Phase
from controller.hazard.layout import STRAIGHT_WEIGHT, Way, forked, layout_of, ways
from controller.hazard.riders import Riders, coming
from controller.site import Area, Lane, Site, StopLine
from interfaces.spec import ObjectClass
from modules.signal import DARK, GREEN, RED, YELLOW, SignalGroupReading, SignalReading

NOISE = (None, 1, 2)
LINE_M = -6.0
LIT = crossroads(signals=True)
ALWAYS_RED = lights((0.0, RED), until=12.0)


def begun(kind, users, seconds, site, **more):
    return new(run(users, seconds, site, **more)[0], kind)


# --- red-light running


@pytest.mark.parametrize("seed", NOISE)
def test_a_vehicle_that_does_not_brake_for_red_is_told_before_the_line(seed):
    found = begun("red_light_running", [User(straight(-80, 0, 14))], 9, LIT, told=ALWAYS_RED, seed=seed)
    assert [(one.cause, one.subcause, one.use_cases) for one in found] == [(98, 2, (0x30,))]
    assert delay_s(found[0], (74 - 2.25) / 14) < 0
    assert found[0].sources == 0b10011  # its own modules and that of the signal


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize("rate", [2.0, 3.0, 3.6])
def test_who_stops_at_red_is_none(rate, seed):
    v = 14.0
    start = LINE_M - 3.5 - v * v / (2 * rate) - v * 2
    site, users = LIT, [User(braking(start, v, 2, rate))]
    assert not begun("red_light_running", users, 12, site, told=ALWAYS_RED, seed=seed)


@pytest.mark.parametrize("told", [[], lights((0.0, GREEN), until=9.0), lights((0.0, DARK), until=9.0)])
def test_green_dark_and_unknown_say_nothing(told):
    assert not begun("red_light_running", [User(straight(-80, 0, 14))], 9, LIT, told=told)


def test_another_group_says_nothing():
    told = lights((0.0, RED), until=9.0, group=2)
    assert not begun("red_light_running", [User(straight(-80, 0, 14))], 9, LIT, told=told)


def test_two_modules_that_contradict_are_unknown_and_two_that_agree_are_both_named():
    users = [User(straight(-80, 0, 14))]
    for colour, count in ((GREEN, 0), (RED, 1)):
        told = sorted(ALWAYS_RED + lights((0.0, colour), until=12.0, slot=5), key=lambda one: one[0])
        found = begun("red_light_running", users, 9, LIT, told=told)
        assert len(found) == count
        assert not found or found[0].sources >> 4 == 0b11


def test_a_signal_module_that_falls_silent_is_believed_for_two_seconds():
    told = [one for one in ALWAYS_RED if one[0] < 2.0]
    assert not begun("red_light_running", [User(straight(-120, 0, 14))], 10, LIT, told=told)


@pytest.mark.parametrize(("yellow_s", "count"), [(1.0, 1), (3.0, 0)])
def test_yellow_counts_when_red_comes_first_and_there_was_room_to_stop(yellow_s, count):
    # At 14 m/s the line is 2.4 s away when yellow begins at 3 s; over 4.5 m/s² are needed from 1.6 s before it.
    told = lights((0.0, GREEN), (3.0, YELLOW), (3.0 + yellow_s, RED), until=12.0)
    users = [User(straight(LINE_M - 2.25 - 14 * 5.4, 0, 14))]
    assert len(begun("red_light_running", users, 9, LIT, told=told)) == count


def test_who_crossed_before_it_turned_red_is_none():
    users = [User(straight(LINE_M - 2.25 - 14 * 1.9, 0, 14))]
    assert not begun("red_light_running", users, 8, LIT, told=GREEN_THEN_RED)


@pytest.mark.parametrize("seed", range(4))
def test_braking_at_the_border_does_not_flap(seed):
    v, rate = 14.0, 4.5
    users = [User(braking(LINE_M - 2.25 - v * v / (2 * rate) - v * 2, v, 2, rate))]
    assert len(begun("red_light_running", users, 12, LIT, told=ALWAYS_RED, seed=seed)) <= 1


# --- merging


@pytest.mark.parametrize("seed", NOISE)
def test_ramp_and_mainline_that_arrive_together(seed):
    users, seconds, site, _, _ = SCENES["merging_vehicle"]
    found = begun("merging_vehicle", users, seconds, site, seed=seed)
    assert len(found) == 1
    one, figures = found[0], dict(found[0].detail)
    assert (one.cause, one.subcause, one.use_cases, one.lane) == (97, 3, (0x28, 0x29), "merge")
    assert (one.x, one.y, one.track_ids) == (0.0, 0.0, (1, 2))
    assert figures["gap_s"] == pytest.approx(abs(figures["ramp_arrival_s"] - figures["mainline_arrival_s"]))


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize(("behind_s", "count"), [(1.0, 1), (3.5, 0), (-3.5, 0)])
def test_the_gap_decides(behind_s, count, seed):
    ramp, speed = User(along(RAMP, 103.96, 15)), 20.0  # at the merge after 6.5 s
    users = [ramp, User(straight(-speed * (100 / 15 + behind_s), 0, speed))]
    assert len(begun("merging_vehicle", users, 6, junction(), seed=seed)) == count


def test_nobody_on_the_ramp_or_on_the_mainline_or_standing_is_silent():
    ramp, mainline = User(along(RAMP, 60, 15)), User(straight(-200, 0, 20))
    for users in ([ramp], [mainline], [User(straight(-50, -10)), mainline]):
        assert not begun("merging_vehicle", users, 8, junction())


@pytest.mark.parametrize("seed", range(4))
def test_a_gap_at_the_border_does_not_flap(seed):
    users = [User(along(RAMP, 60, 15)), User(straight(-20 * (143.96 / 15 + 2.0), 0, 20))]
    assert len(begun("merging_vehicle", users, 9, junction(), seed=seed)) <= 1


# --- crossing paths


@pytest.mark.parametrize("seed", NOISE)
def test_two_that_would_meet_in_the_conflict_area(seed):
    users, seconds, site, _, _ = SCENES["crossing_path"]
    found = begun("crossing_path", users, seconds, site, seed=seed)
    assert [(one.cause, one.subcause, one.use_cases) for one in found] == [(97, 2, (0x35,))]
    assert (found[0].x, found[0].y) == pytest.approx((0, 0), abs=1e-6)
    assert found[0].track_ids == (1, 2)


@pytest.mark.parametrize("seed", NOISE)
@pytest.mark.parametrize(("later_s", "count"), [(0.3, 1), (1.8, 0), (-1.8, 0)])
def test_the_overlap_of_their_stays_decides(later_s, count, seed):
    users = [User(straight(-60, 0, 12)), User(straight(0, -60 - 12 * later_s, 0, 12))]
    assert len(begun("crossing_path", users, 7, crossroads(), seed=seed)) == count


@pytest.mark.parametrize("seed", range(4))
def test_an_overlap_at_the_border_does_not_flap(seed):
    stay_s = 2 * (2.25 + 1.625) / 12
    users = [User(straight(-60, 0, 12)), User(straight(0, -60 - 12 * stay_s, 0, 12))]
    assert len(begun("crossing_path", users, 7, crossroads(), seed=seed)) <= 1


def test_who_brakes_for_the_crossing_is_not_expected_there(monkeypatch):
    users = [User(straight(-40, 0, 12)), User(lambda t: braking(-31, 12, 0, 3.0)(t)[::-1])]
    assert not begun("crossing_path", users, 7, crossroads())
    monkeypatch.setattr(right_of_way_rules, "BRAKES_MPS2", 99.0)
    assert begun("crossing_path", users, 7, crossroads())


@pytest.mark.parametrize(("brakes", "count"), [(0.0, 1), (1.2, 0)])
def test_who_slows_down_to_a_turn_may_be_about_to_turn(brakes, count):
    """Both would be there at once; the one may turn left before, and would have 5 m/s there."""
    lanes = [lane("in", -150, 0, -15, 0, 50), lane("on", -15, 0, 150, 0, 50), lane("n", 0, -150, 0, 150, 50)]
    left = Lane("left", np.array([[-15.0, 0.0], [-10.0, 0.0], [-5.0, 4.0], [-4.0, 60.0]]), 3.25, 50 / 3.6)
    lanes[0] = Lane("in", lanes[0].points, 3.25, 50 / 3.6, successors=("on", "left"))
    site = Site((*lanes, left), crossroads().areas, ())
    turning = User(lambda t: (-60 + 12 * t - brakes / 2 * max(t - 0.5, 0.0) ** 2, 0.0), end=4.0)
    assert len(begun("crossing_path", [turning, User(straight(0, -57, 0, 11), end=4.0)], 4, site)) == count


def test_a_map_without_the_area_is_silent():
    users = [User(straight(-60, 0, 12)), User(straight(0, -60, 0, 12))]
    assert not begun("crossing_path", users, 7, crossroads(conflict=False))


def test_a_cyclist_counts_and_one_who_walks_does_not():
    car = User(straight(-70, 0, 12))
    for kind, count in ((ObjectClass.BICYCLE, 1), (ObjectClass.PEDESTRIAN, 0)):
        assert len(begun("crossing_path", [car, User(straight(0, -29, 0, 5), kind)], 6, crossroads())) == count


# --- what known red gates


def test_red_holds_who_can_still_stop_and_unknown_gates_nothing():
    """Towards a red line at 10 m/s, braking late but well: a path crosses his only when nobody knows of the red."""
    users = [User(braking(-58, 10, 3.2, 4.0)), User(straight(0, -52, 0, 10))]
    kinds = ("crossing_path", "collision_risk")
    free = run(users, 4, LIT)[0]
    held = run(users, 4, LIT, told=ALWAYS_RED)[0]
    assert new(free, "crossing_path")
    assert not [one for kind in kinds for one in new(held, kind)]


def test_red_does_not_hold_who_cannot_stop():
    users = [User(straight(-70, 0, 12)), User(straight(0, -70, 0, 12))]
    kinds = {one.kind for one in run(users, 6, LIT, told=ALWAYS_RED)[0]}
    assert {"red_light_running", "collision_risk", "crossing_path"} <= kinds


def test_who_steps_out_before_the_line_is_a_risk_under_red_too():
    """The line is 30 m beyond the person."""
    users = [User(straight(-80, 0, 10)), User(lambda t: (-36, -6 + 1.4 * t), ObjectClass.PEDESTRIAN)]
    assert begun("collision_risk", users, 5, LIT, told=ALWAYS_RED)


def test_one_stands_at_red_for_as_long_as_it_lasts():
    users = [User(straight(LINE_M - 4, 0), yaw=0.0)]
    told = lights((0.0, RED), until=80.0)
    assert begun("stationary_vehicle", users, 75, LIT, rate_hz=2)
    assert not begun("stationary_vehicle", users, 75, LIT, rate_hz=2, told=told)


def test_a_crossing_excuses_nobody_under_red():
    crossing = polygon("crossing", (20, -4), (24, -4), (24, 4), (20, 4))
    site = Site((lane("e", -150, 0, 150, 0),), (Area("x", "crossing", crossing.edges, 3),))
    person = [User(straight(22, 0), ObjectClass.PEDESTRIAN)]
    for colour, count in ((RED, 1), (GREEN, 0), (YELLOW, 0), (DARK, 0)):
        told = lights((0.0, colour), until=5.0, group=3)
        assert len(begun("person_on_road", person, 4, site, told=told)) == count
    assert not begun("person_on_road", person, 4, site)


# --- the pole itself


def test_a_lacking_module_is_told_within_a_second_with_its_name_and_ends():
    hazards, _ = run([], 8, lacking=lambda t: ("camera", "radar") if 1 <= t < 4 else ())
    assert hazards[0].phase is Phase.NEW
    assert hazards[-1].phase is Phase.CANCEL
    assert delay_s(hazards[0], 1.0) <= 1.0
    assert dict(hazards[0].detail) == {"camera": 1.0, "radar": 1.0}
    assert (hazards[0].cause, hazards[0].utilisation) == (0, 0)


def test_a_module_that_comes_and_goes_is_one_hazard_and_a_blink_none():
    assert len(new(run([], 10, lacking=lambda t: ("camera",) if int(t * 2) % 2 else ())[0], "service_degraded")) == 1
    assert not run([], 5, lacking=lambda t: ("camera",) if 1 <= t < 1.2 else ())[0]


def test_other_hazards_say_that_the_pole_is_degraded():
    for lacking, level in (((), 1), (("camera",), 0)):
        hazards, _ = run([User(straight(-80, 0, 14))], 6, LIT, told=ALWAYS_RED, lacking=lambda _, x=lacking: x)
        assert {one.utilisation for one in hazards if one.kind == "red_light_running"} == {level}


# --- the layout


def test_ways_lead_upstream_and_share_where_lanes_divide():
    lanes = (
        lane("a", -100, 0, -50, 0),
        lane("b", -50, 0, 0, 0),
        lane("left", -50, 0, -50, 50),
        lane("far", -900, 0, -100, 0),
    )
    lanes = tuple(
        type(one)(one.id, one.points, one.width_m, one.speed_limit_mps, one.type, successors)
        for one, successors in zip(lanes, (("b", "left"), (), (), ("a",)), strict=True)
    )
    share = STRAIGHT_WEIGHT / (STRAIGHT_WEIGHT + 1)
    assert ways(lanes, 1, 30.0) == (Way(1, 30.0, 1.0), Way(0, 80.0, share), Way(3, 880.0, share))
    assert ways(lanes, 2, 30.0)[1][:3] == (0, 80.0, pytest.approx(1 - share))


def test_who_is_where_lanes_divide_may_be_on_any_of_them():
    """10.9 m along they are 1 m apart."""
    lanes = (
        Lane("a", np.array([[-100.0, 0.0], [-50.0, 0.0]]), 3.0, successors=("b", "left")),
        Lane("b", np.array([[-50.0, 0.0], [0.0, 0.0]]), 3.0),
        Lane("left", np.array([[-50.0, 0.0], [-40.0, 0.0], [-36.0, 10.0]]), 3.0),
    )
    turns = 1 / (1 + STRAIGHT_WEIGHT)
    beyond, before, beside, upstream = forked(lanes, ways(lanes, 2, 20.0))
    assert beyond == Way(2, 20.0, 1.0, from_m=11.0)
    assert before == Way(2, 20.0, pytest.approx(turns), to_m=11.0)
    assert beside == Way(1, 20.0, pytest.approx(turns), to_m=11.0)
    assert upstream == Way(0, 70.0, pytest.approx(turns))
    known = Riders({2: [0, 1], 1: [2, 3]}, [5.0, 15.0, 5.0, 15.0], [4.0] * 4, [5.0] * 4, [0.3] * 4, [0.3] * 4)
    shares = {one.row: one.share for one in coming(known, forked(lanes, ways(lanes, 2, 20.0)))}
    assert shares == {0: pytest.approx(turns), 1: 1.0, 2: pytest.approx(turns)}
    assert forked(lanes, ways(lanes, 0, 20.0)) == ways(lanes, 0, 20.0)


def test_a_ring_of_lanes_ends():
    ring = tuple(
        type(one)(one.id, one.points, one.width_m, one.speed_limit_mps, one.type, after)
        for one, after in ((lane("a", 0, 0, 10, 0), ("b",)), (lane("b", 10, 0, 0, 0), ("a",)))
    )
    assert len(ways(ring, 0, 5.0)) == 2


def test_lines_without_a_group_and_lanes_that_meet_flat_are_left_out():
    flat = Site(
        (lane("a", -100, 0, 100, 0), lane("b", -100, -20, 100, 20)),
        (polygon("conflict_area", (-9, -9), (9, -9), (9, 9), (-9, 9)),),
        (StopLine("s", np.array([[-6.0, -2.0], [-6.0, 2.0]]), (0,), None),),
    )
    assert layout_of(flat)[:3] == ((), (), ())
    assert [one.group for one in layout_of(LIT).lines] == [1, 2]
    assert len(layout_of(LIT).crossings) == 1


def test_a_reading_of_groups_that_no_map_knows_is_taken():
    reading = SignalReading(0, (SignalGroupReading(200, RED, None),))
    assert run([User(straight(-80, 0, 14))], 3, LIT, told=[(0.5, 4, reading)])[0] == []


def test_red_that_ends_before_one_gets_there_is_no_violation_and_holds_nobody():
    # 74 m to the line at 14 m/s: 5.1 s; it turns green after 4 s.
    towards = [User(straight(-82.25, 0, 14, 0))]
    assert not begun(
        "red_light_running", towards, 8, crossroads(signals=True), told=lights((0, RED), (4, GREEN), until=8)
    )
    assert begun("red_light_running", towards, 8, crossroads(signals=True), told=lights((0, RED), (7, GREEN), until=9))


def test_red_keeps_near_misses_apart_as_well():
    # Both come to their lines; who has red stops just before its own.
    users = [User(straight(-40, 0, 12)), User(lambda t: braking(-40, 12, 1.15, 4.3)(t)[::-1])]
    dark = run(users, 6, crossroads(signals=True))[1]
    told = lights((0, RED), until=8, group=2)
    assert [one.severity >= 2 for one in dark] == [True]
    assert not run(users, 6, crossroads(signals=True), told=told)[1]
