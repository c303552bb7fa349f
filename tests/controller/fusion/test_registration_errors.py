"""Modules that are turned, shifted, late, mirrored or in another unit are found and told how; others left in peace."""

from __future__ import annotations

import math

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, Crowd, a_sensor, late, scaled, shifted, turned

from controller.fusion.misfit import NOTHING, misfit
from controller.fusion.standing import Standing
from controller.fusion.track import Tracks


def test_modules_that_are_right_are_left_in_peace():
    crowd = Crowd()
    crowd.run(20)
    assert {slot: crowd.standing(slot) for slot in crowd.sensors} == dict.fromkeys(crowd.sensors, Standing.OK)
    assert all(crowd.finding(slot).effect_m < 0.15 and crowd.finding(slot).words == "" for slot in crowd.sensors)
    assert all(crowd.finding(slot).agreement > 0.9 for slot in crowd.sensors)


@pytest.mark.parametrize("wrong", [scaled(1.0, -1.0), scaled(3.28, 3.28)], ids=["mirrored", "feet"])
def test_where_two_road_users_are_at_a_time_a_wrong_module_is_found_all_the_same(wrong):
    """Little is seen from one judgement to the next, but what is seen adds up."""
    crowd = Crowd({CAMERA: wrong}, count=2, seed=5)
    crowd.run(40)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert crowd.standing(LIDAR) is crowd.standing(RADAR) is Standing.OK


@pytest.mark.parametrize(
    ("wrong", "name", "value", "tolerance", "words"),
    [
        (turned(2.0), "yaw_deg", 2.0, 0.6, "turned by +"),
        (turned(-2.0), "yaw_deg", -2.0, 0.6, "turned by -"),
        (shifted(1.5, 0.0), "east_m", 1.5, 0.3, "m east"),
        (shifted(0.0, -1.5), "north_m", -1.5, 0.3, "shifted by"),
        (late(0.3), "late_s", 0.3, 0.06, "ms too new"),
        (late(-0.3), "late_s", -0.3, 0.06, "ms too old"),
        (scaled(1.08, 1.08), "range_scale", 1.08, 0.02, "its distances are 8% too long"),
        (scaled(0.92, 0.92), "range_scale", 0.92, 0.02, "% too short"),
    ],
)
@pytest.mark.parametrize("slot", [CAMERA, RADAR])
def test_the_one_module_that_is_wrong_is_found_and_told_how(slot, wrong, name, value, tolerance, words):
    crowd = Crowd({slot: wrong})
    crowd.run(8)
    found = crowd.finding(slot)
    assert found.standing is Standing.QUARANTINED
    assert getattr(found, name) == pytest.approx(value, abs=tolerance)
    assert words in found.words
    assert all(crowd.standing(other) is Standing.OK for other in crowd.sensors if other != slot)


@pytest.mark.parametrize("slot", [CAMERA, RADAR])
@pytest.mark.parametrize("doppler", [frozenset(), frozenset({RADAR})], ids=["nobody", "Doppler"])
def test_of_two_on_one_pole_that_disagree_about_distances_a_radar_knows_who_is_right(slot, doppler):
    crowd = Crowd({slot: scaled(1.08, 1.08)}, slots=(CAMERA, RADAR))
    crowd.sensors = {one: a_sensor(one) for one in crowd.sensors}
    crowd.doppler = doppler
    crowd.run(8)
    if not doppler:
        assert crowd.standing(CAMERA) is crowd.standing(RADAR) is Standing.DEGRADED
        return
    assert crowd.standing(slot) is Standing.QUARANTINED
    assert crowd.finding(slot).range_scale == pytest.approx(1.08, abs=0.02)
    assert crowd.standing(CAMERA + RADAR - slot) is Standing.OK


def test_what_a_radar_knew_of_its_distances_says_nothing_of_the_next_one():
    crowd = Crowd(slots=(CAMERA, RADAR))
    crowd.doppler = {RADAR}
    crowd.run(8)
    assert crowd.registration._range_rates.told[0, RADAR] > 0
    crowd.registration.forget(CAMERA)
    assert crowd.registration._range_rates.told[0, RADAR] > 0, "the camera was replaced"
    crowd.registration.forget(RADAR)
    assert not crowd.registration._range_rates.told.any()


class Lanes(Crowd):
    """Three lanes full of cars, along which the modules look from one end: what one of them sees in the next lane may
    be another car."""

    def __init__(self, wrong):
        super().__init__(wrong, count=24, seed=2)
        self.sensors = {slot: a_sensor(slot, x=-60.0, y=-4.0) for slot in self.sensors}
        number = np.arange(len(self.place))
        self.place = np.stack((10.0 * (number // 3) - 60 + self.rng.uniform(-2, 2, len(number)), 3.5 * (number % 3)), 1)
        self.velocity = np.stack((self.rng.uniform(7, 9, len(number)), np.zeros(len(number))), 1)


@pytest.mark.parametrize("degrees", [2.0, 3.0, 4.0])
def test_a_turn_that_puts_cars_into_the_next_lane_is_told_in_full(degrees):
    crowd = Lanes({LIDAR: turned(degrees)})
    crowd.run(8)
    assert crowd.standing(LIDAR) is Standing.QUARANTINED
    assert crowd.finding(LIDAR).yaw_deg == pytest.approx(degrees, abs=0.7)
    assert crowd.standing(CAMERA) is crowd.standing(RADAR) is Standing.OK


class Lorries(Crowd):
    """Long vehicles that drive east and west."""

    def __init__(self, wrong):
        super().__init__(wrong, count=6)
        pace = np.hypot(self.velocity[:, 0], self.velocity[:, 1])
        self.velocity = np.stack((pace * [1, -1, 1, -1, 1, -1], np.zeros(6)), 1)

    def tracks(self, fused):
        tracks = super().tracks(fused)
        rows = tracks.objects
        rows["length"], rows["width"], rows["yaw"] = 12.0, 2.5, np.arctan2(rows["vy"], rows["vx"])
        return tracks


@pytest.mark.parametrize(("wrong", "found"), [(shifted(0.0, 0.8), Standing.DEGRADED), (shifted(0.8, 0.0), Standing.OK)])
def test_which_end_of_a_lorry_is_seen_nobody_knows_but_well_on_which_side_it_drives(wrong, found):
    crowd = Lorries({CAMERA: wrong})
    crowd.run(5)
    assert [crowd.standing(slot) for slot in crowd.sensors] == [found, Standing.OK, Standing.OK]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (scaled(1, -1), "left and right are exchanged"),
        (scaled(1 / 0.3048, 1 / 0.3048), "feet"),
        (scaled(100, 100), "centimetres"),
        (turned(60), "turned by about"),
    ],
)
def test_what_is_grossly_wrong_is_named(wrong, words):
    crowd = Crowd({CAMERA: wrong})
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert words in crowd.finding(CAMERA).words
    assert {crowd.standing(LIDAR), crowd.standing(RADAR)} == {Standing.OK}


def test_in_a_crowd_somebody_is_near_everywhere_and_a_mirrored_module_is_named_all_the_same():
    crowd = Crowd({CAMERA: scaled(1, -1)}, count=160)
    crowd.run(6)
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert "left and right are exchanged" in crowd.finding(CAMERA).words
    assert {crowd.standing(LIDAR), crowd.standing(RADAR)} == {Standing.OK}


@pytest.mark.parametrize("seed", range(1, 6))
def test_among_few_and_fast_road_users_one_is_blamed_and_nobody_else(seed):
    """Who is late sees them farther from where they are than anybody goes astray by chance; that is said of one."""
    crowd = Crowd({CAMERA: late(-0.25)}, count=4, pace=(29, 31), seed=seed)
    for _ in range(12):
        crowd.run(1)
        assert {crowd.standing(LIDAR), crowd.standing(RADAR)} == {Standing.OK}
    assert crowd.standing(CAMERA) is Standing.QUARANTINED
    assert crowd.finding(CAMERA).late_s == pytest.approx(-0.25, abs=0.05)


def test_a_large_error_of_one_kind_is_told_in_full_and_as_that_kind_alone():
    crowd = Crowd({LIDAR: shifted(3.0, 0.0)}, count=5)
    crowd.run(8)
    assert crowd.finding(LIDAR).east_m == pytest.approx(3.0, abs=0.3)
    assert crowd.finding(LIDAR).words.startswith("shifted by +")
    assert "turned" not in crowd.finding(LIDAR).words


@pytest.mark.parametrize(
    ("scale", "words"),
    [(3.6, "km/h"), (2.237, "miles"), (3.281, "feet"), (1 / 3.6, "divided"), (-1.0, "backwards"), (1.7, "1.7 times")],
)
def test_speeds_of_another_unit_are_named_and_not_believed(scale, words):
    crowd = Crowd()
    crowd.speed_scale = {CAMERA: scale, LIDAR: 1.0}
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.DEGRADED
    assert words in crowd.finding(CAMERA).words
    assert crowd.standing(LIDAR) is crowd.standing(RADAR) is Standing.OK
    rows = crowd.seen(CAMERA)
    believed, stamp_ns = crowd.registration.corrected(crowd.sensors[CAMERA], rows, crowd.now_ns)
    assert np.isnan(believed["vx"]).all()
    assert (believed["x"] == rows["x"]).all()
    assert stamp_ns == crowd.now_ns
    crowd.speed_scale = {CAMERA: 1.0}
    crowd.run(12)
    assert crowd.standing(CAMERA) is Standing.OK


def test_late_stamps_are_found_among_fast_traffic():
    """7.5 m behind where the others see it: farther than anything else is compared."""
    crowd = Crowd({RADAR: late(0.25)}, count=6, pace=(29, 31))
    crowd.run(12)
    assert crowd.standing(RADAR) is Standing.QUARANTINED
    assert crowd.finding(RADAR).late_s == pytest.approx(0.25, abs=0.05)


class Apart(Crowd):
    """Two modules that see the same road, of which the radar is so late that its road users get tracks of their own."""

    def tracks(self, fused):
        both = super().tracks(fused).objects
        own = both.copy()
        both["sources"], own["sources"], own["id"] = 1 << LIDAR, 1 << RADAR, own["id"] + 1000
        own["x"] -= own["vx"] * 0.25
        own["y"] -= own["vy"] * 0.25
        return Tracks(self.now_ns, np.concatenate((both, own)))


def test_tracks_that_a_late_module_makes_beside_the_others_are_compared_with_theirs():
    crowd = Apart({RADAR: late(0.25)}, slots=(LIDAR, RADAR), count=6, pace=(29, 31))
    crowd.registration._proven[LIDAR] = 60  # it has served for a while
    crowd.run(12)
    assert crowd.standing(RADAR) is Standing.QUARANTINED
    assert crowd.finding(RADAR).late_s == pytest.approx(0.25, abs=0.05)
    assert crowd.standing(LIDAR) is Standing.OK


def test_the_same_is_found_again():
    findings = []
    for _ in range(2):
        crowd = Crowd({CAMERA: turned(3)})
        crowd.run(6)
        findings.append(crowd.registration.findings)
    assert findings[0] == findings[1]


def test_nothing_is_guessed_from_little():
    one = np.array([[10.0, 0.0]])
    assert misfit([(one, one + 50, one)], 4.0) == ""
    assert misfit([(one, one + 50, one)] * 12, 4.0) == NOTHING
    many = np.random.default_rng(1).uniform(-50, 50, (60, 2))
    assert misfit([(many, np.full((3, 2), 900.0), many[:3])], 4.0) == NOTHING


@pytest.mark.parametrize("degrees", [-15, 12, 30])
def test_of_many_turns_that_would_do_the_one_that_fits_best_is_told(degrees):
    rng = np.random.default_rng(1)
    angle, away = rng.uniform(-0.5, 0.5, (2, 30, 3))
    place = (25 + 10 * away)[..., None] * np.stack((np.cos(angle), np.sin(angle)), -1)
    turn = math.radians(degrees)
    seen = place @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    sights = [(one, there, np.zeros_like(there)) for one, there in zip(seen, place, strict=True)]
    assert f"turned by about {degrees:+d}°" in misfit(sights, 4.0)
