"""Whom registration doubts when modules disagree, for how long, and what it puts right where that is wanted."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, Crowd, S, a_sensor, late, scaled, shifted, turned

from controller.fusion.bank import SLOTS
from controller.fusion.standing import Standing
from modules.detection import empty_objects


@pytest.mark.parametrize(
    "wrong", [shifted(2.0, 0.0), scaled(1, -1), scaled(100, 100)], ids=["shifted", "mirrored", "centimetres"]
)
def test_a_module_is_taken_back_when_it_is_right_again(wrong):
    crowd = Crowd({CAMERA: wrong})
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    crowd.wrong = {}
    crowd.run(25)
    assert crowd.standing(CAMERA) is Standing.OK
    assert crowd.finding(CAMERA).words == ""


@pytest.mark.parametrize(
    ("first", "then", "found"),
    [
        ([0.9], 0.6, Standing.OK),
        ([0.9, 0.9], 0.6, Standing.QUARANTINED),
        ([0.9, 0.9], 0.4, Standing.OK),
    ],
    ids=["for a second", "for two", "no more"],
)
def test_less_is_asked_of_who_was_left_out_for_it_not_of_who_was_suspected_for_a_second(
    monkeypatch, first, then, found
):
    crowd, says = Crowd(), chain(first, repeat(then))
    monkeypatch.setattr(crowd.registration._quarrels, "guilt", lambda *_: np.eye(SLOTS)[RADAR] * next(says))
    crowd.run(12)
    assert crowd.standing(RADAR) is found


@pytest.mark.parametrize(
    ("wrong", "slots", "count"),
    [
        (scaled(1.3, 1.3), (CAMERA, LIDAR, RADAR), 14),
        (shifted(0.0, 8.0), (LIDAR, RADAR), 4),
        (late(-0.5), (LIDAR, RADAR), 4),
    ],
    ids=["scaled", "shifted", "early"],
)
def test_the_error_that_a_module_seemed_to_have_does_not_hide_that_it_is_right_again(wrong, slots, count):
    crowd = Crowd({LIDAR: wrong}, slots=slots, count=count)
    crowd.registration._proven[RADAR] = 60  # it has served for a while
    crowd.run(12)
    assert crowd.standing(LIDAR) is Standing.QUARANTINED
    crowd.wrong = {}
    crowd.run(12)
    assert [crowd.standing(slot) for slot in slots] == [Standing.OK] * len(slots)


def test_who_is_late_is_not_taken_back_because_everybody_stands():
    crowd = Crowd({CAMERA: late(0.5)}, count=4)
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    moving = crowd.velocity.copy()
    crowd.velocity[:] = 0.0
    for _ in range(30):
        crowd.run(1)
        assert crowd.standing(CAMERA) is Standing.QUARANTINED
    crowd.velocity, crowd.wrong = moving, {}
    crowd.run(15)
    assert crowd.standing(CAMERA) is Standing.OK


def test_an_error_that_a_module_had_before_a_gross_one_does_not_hide_that_it_is_right_again():
    crowd = Crowd({LIDAR: shifted(5.0, 0.0)}, count=4)
    crowd.run(8)
    crowd.wrong = {LIDAR: scaled(1, -1)}
    crowd.run(12)
    assert "mirrored" in crowd.finding(LIDAR).words
    crowd.wrong = {}
    crowd.run(12)
    assert crowd.standing(LIDAR) is Standing.OK


@pytest.mark.parametrize("count", [3, 14])
@pytest.mark.parametrize("wrong", [shifted(2.0, 0.0), scaled(1, -1), late(0.4)], ids=["shifted", "mirrored", "late"])
def test_a_module_that_goes_wrong_after_a_long_service_is_found_within_ten_seconds(wrong, count):
    crowd = Crowd(count=count)
    crowd.run(90)
    assert crowd.standing(CAMERA) is Standing.OK
    crowd.wrong[CAMERA] = wrong
    crowd.run(10)
    assert [crowd.standing(slot) for slot in crowd.sensors] == [Standing.QUARANTINED, Standing.OK, Standing.OK]


def test_what_was_right_for_long_does_not_hide_for_seconds_what_is_wrong_now():
    crowd = Crowd(count=3)
    crowd.run(90)
    crowd.wrong[CAMERA] = shifted(2.0, 0.0)
    crowd.run(4)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert crowd.finding(CAMERA).east_m > 1.2


class OneWay(Crowd):
    """Road users that all drive east, before modules that stand in the west."""

    def __init__(self, **kwargs):
        super().__init__(pace=(8, 14), **kwargs)
        self.velocity = np.stack((np.hypot(*self.velocity.T), np.zeros(len(self.place))), 1)
        self.sensors = {slot: a_sensor(slot, x=-70.0 + slot, y=5.0 * slot) for slot in self.sensors}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("wrong", "count", "within_s"),
    [(shifted(0.0, 2.0), 1, 6), (shifted(-1.5, 0.0), 2, 6), (turned(1.5), 2, 9)],
    ids=["aside", "along", "turned"],
)
def test_few_road_users_are_enough_for_who_moves_in_service(wrong, count, within_s, seed):
    """What was known of it before is not mixed with what is seen now, what was known of the others is kept; and how far
    before their centres it sees things has not changed, though that would explain a shift along the road."""
    crowd = OneWay(count=count, seed=seed)
    crowd.run(20)
    crowd.wrong[CAMERA] = wrong
    for _ in range(within_s):
        crowd.run(1)
        assert {crowd.standing(LIDAR), crowd.standing(RADAR)} == {Standing.OK}
    assert crowd.standing(CAMERA) is Standing.QUARANTINED


def test_of_two_that_contradict_each_other_anew_neither_loses_what_it_has_proven():
    crowd = Crowd(slots=(CAMERA, LIDAR))
    crowd.run(70)
    crowd.registration.forget(LIDAR)
    crowd.run(4)
    crowd.wrong[LIDAR] = turned(1.5)
    crowd.run(8)
    assert [crowd.standing(slot) for slot in crowd.sensors] == [Standing.OK, Standing.DEGRADED]


def test_a_large_delay_is_no_outlier_when_all_that_move_say_it():
    crowd = Crowd(count=4, pace=(16, 22))
    crowd.velocity[:2] = 0
    crowd.run(30)
    crowd.wrong[CAMERA] = late(0.5)
    crowd.run(5)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert "ms too new" in crowd.finding(CAMERA).words


def test_speeds_of_another_unit_are_put_right_where_that_is_wanted():
    crowd = Crowd(correct=True)
    crowd.speed_scale = {CAMERA: 3.6}
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.CORRECTED
    rows = crowd.seen(CAMERA)
    better, _ = crowd.registration.corrected(crowd.sensors[CAMERA], rows, crowd.now_ns)
    assert better["vx"] == pytest.approx(crowd.velocity[:, 0], rel=0.1, abs=0.1)


@pytest.mark.parametrize(("count", "standing"), [(1, Standing.OK), (2, Standing.QUARANTINED)])
def test_one_road_user_alone_convicts_nobody_and_two_that_say_the_same_do(count, standing):
    """Two modules may see two ends of the same lorry for as long as it stands there."""
    crowd = Crowd({CAMERA: shifted(1.5, 0.0)}, count=count)
    crowd.velocity[:] = 0
    crowd.run(20)
    assert crowd.standing(CAMERA) is standing
    assert crowd.standing(LIDAR) is crowd.standing(RADAR) is Standing.OK


def test_who_cannot_be_convicted_yet_is_fused_with_doubt():
    crowd = Crowd({CAMERA: shifted(1.5, 0.0)}, count=1)
    crowd.velocity[:] = 0
    crowd.run(20)
    assert crowd.standing(CAMERA) is Standing.OK, "one road user alone says it"
    assert crowd.finding(CAMERA).doubt_m == crowd.finding(CAMERA).effect_m > 0.5
    assert crowd.finding(LIDAR).doubt_m == crowd.finding(RADAR).doubt_m == 0.0


def test_quarantine_lasts_as_long_as_there_is_nothing_to_compare():
    crowd = Crowd({CAMERA: scaled(100.0, 100.0)})
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    crowd.place[:] += 1e5
    crowd.truth = lambda _t: crowd.place  # the road is empty where modules look
    crowd.seen = lambda _slot: empty_objects(0)
    crowd.run(20)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED


def test_a_new_module_in_the_slot_begins_unsuspected():
    crowd = Crowd({CAMERA: shifted(2.0, 0.0)})
    crowd.run(8)
    crowd.registration.forget(CAMERA)
    assert crowd.standing(CAMERA) is Standing.OK
    crowd.wrong = {}
    crowd.run(5)
    assert crowd.standing(CAMERA) is Standing.OK
    assert crowd.finding(CAMERA).effect_m < 0.2


def test_of_two_that_disagree_the_newer_one_is_doubted():
    crowd = Crowd(slots=(CAMERA, LIDAR))
    crowd.run(60)
    crowd.registration.forget(CAMERA)
    crowd.wrong = {CAMERA: shifted(2.0, 0.0)}
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert crowd.standing(LIDAR) is Standing.OK


@pytest.mark.parametrize(
    ("passed", "standings"),
    [(0, [Standing.DEGRADED, Standing.DEGRADED]), (25, [Standing.QUARANTINED, Standing.OK])],
)
def test_of_two_that_surely_contradict_each_other_the_likelier_one_is_left_out(passed, standings):
    """To fuse both is worse than to be wrong about which one it is in one case of three."""
    crowd = Crowd({CAMERA: shifted(2.0, 0.0)}, slots=(CAMERA, LIDAR))
    crowd.registration._proven[LIDAR] = passed
    crowd.run(10)
    assert [crowd.standing(slot) for slot in crowd.sensors] == standings


class Young(Crowd):
    """All tracks are so old, in seconds."""

    def __init__(self, age_s):
        super().__init__({CAMERA: shifted(1.5, 0.0)})
        self.age_s = age_s

    def tracks(self, fused):
        tracks = super().tracks(fused)
        tracks.objects["age_s"] = self.age_s
        return tracks


@pytest.mark.parametrize(("age_s", "standing"), [(0.7, Standing.OK), (0.9, Standing.QUARANTINED)])
def test_a_track_that_has_just_begun_says_nothing_yet(age_s, standing):
    """How fast it moves is not sure, nor how far it would be beside itself if stamps were late."""
    crowd = Young(age_s)
    crowd.run(8)
    assert crowd.standing(CAMERA) is standing


@pytest.mark.parametrize("wrong", [LIDAR, RADAR])
def test_of_two_the_one_that_is_left_out_goes_on_being_compared(wrong):
    """What it has wrong is told in numbers, and when it is put right it is taken back."""
    crowd = Crowd(slots=(LIDAR, RADAR))
    crowd.run(60)
    crowd.wrong = {wrong: shifted(3.0, 0.0)}
    crowd.run(20)
    assert crowd.standing(wrong) is Standing.QUARANTINED
    assert crowd.finding(wrong).east_m == pytest.approx(3.0, abs=0.5)
    crowd.wrong = {}
    crowd.run(25)
    assert [crowd.standing(slot) for slot in crowd.sensors] == [Standing.OK] * 2


def test_a_module_alone_is_not_judged():
    crowd = Crowd({CAMERA: turned(60)}, slots=(CAMERA,))
    crowd.run(8)
    assert crowd.registration.findings == {}


def test_a_small_error_is_taken_out_where_that_is_wanted():
    crowd = Crowd({CAMERA: lambda *known: late(0.2)(*known) + np.array([0.8, -0.6])}, correct=True)
    crowd.run(10)
    assert crowd.standing(CAMERA) is Standing.CORRECTED
    rows = crowd.seen(CAMERA)
    better, stamp_ns = crowd.registration.corrected(crowd.sensors[CAMERA], rows, crowd.now_ns)
    truth = crowd.truth(crowd.t - (crowd.now_ns - stamp_ns) / S)
    before = np.hypot(rows["x"] - truth[:, 0], rows["y"] - truth[:, 1]).mean()
    after = np.hypot(better["x"] - truth[:, 0], better["y"] - truth[:, 1]).mean()
    assert after < 0.6 * before
    assert stamp_ns < crowd.now_ns
    assert crowd.registration.corrected(crowd.sensors[LIDAR], rows, crowd.now_ns) == (rows, crowd.now_ns)


def test_distances_that_are_too_long_are_put_right_where_that_is_wanted():
    crowd = Crowd({CAMERA: scaled(1.06, 1.06)}, correct=True)
    crowd.run(10)
    assert crowd.standing(CAMERA) is Standing.CORRECTED
    assert crowd.finding(CAMERA).words.startswith("its distances are 6% too long: ")
    rows, truth = crowd.seen(CAMERA), crowd.truth(crowd.t)
    better, _ = crowd.registration.corrected(crowd.sensors[CAMERA], rows, crowd.now_ns)
    before = np.hypot(rows["x"] - truth[:, 0], rows["y"] - truth[:, 1]).mean()
    after = np.hypot(better["x"] - truth[:, 0], better["y"] - truth[:, 1]).mean()
    assert after < 0.4 * before


@pytest.mark.parametrize("off_s", [3600, -3600])
def test_a_module_with_an_absurd_clock_does_not_stop_the_judging_of_others(off_s):
    crowd = Crowd({CAMERA: shifted(2.0, 0.0)})
    rows = crowd.seen(RADAR)
    crowd.run(1)
    crowd.registration.hear(crowd.sensors[RADAR], rows, crowd.now_ns + off_s * S, crowd.tracks({}), crowd.sensors)
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED


def test_judging_goes_on_after_the_pole_s_clock_went_back():
    crowd = Crowd()
    crowd.run(3)
    crowd.t -= 1000
    crowd.wrong = {CAMERA: shifted(2.0, 0.0)}
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
