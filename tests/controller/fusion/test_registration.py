"""Modules that are turned, shifted, late, mirrored or in another unit are found, named, and do no harm."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from controller.fusion.misfit import NOTHING, misfit
from controller.fusion.registration import Registration
from controller.fusion.sensor import Sensor
from controller.fusion.standing import Finding, Standing
from controller.fusion.track import Tracks, empty_tracks
from interfaces.spec import ObjectClass
from modules.detection import empty_objects
from modules.registry import default_capability

S = 1_000_000_000
START_NS = 1_800_000_000 * S
CAMERA, LIDAR, RADAR = range(3)
NAMES = ("camera", "lidar", "radar")
WIDE = (((-200.0, -200.0), (200.0, -200.0), (200.0, 200.0), (-200.0, 200.0)),)
EVERYWHERE = {name: replace(default_capability(name), field_of_view=WIDE) for name in NAMES}


def a_sensor(slot, x=0.0, y=0.0, yaw=0.0):
    return Sensor(slot, EVERYWHERE[NAMES[slot]], x, y, 5.0, yaw)


class Crowd:
    """Road users that drive about before modules which see all of them, each with its own error."""

    def __init__(self, wrong=None, *, slots=(CAMERA, LIDAR, RADAR), correct=False, seed=1, count=14, pace=(3, 12)):
        self.rng = np.random.default_rng(seed)
        self.registration = Registration(correct=correct)
        self.sensors = {slot: a_sensor(slot, x=-5.0 + 5 * slot) for slot in slots}
        self.wrong = wrong or {}
        self.t = 0.0
        self.speed_scale = {}
        self.place = self.rng.uniform(-45, 45, (count, 2))
        angle = self.rng.uniform(-math.pi, math.pi, count)
        self.velocity = self.rng.uniform(*pace, count)[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.t = round(self.t + 0.1, 3)
            for sensor in self.sensors.values():
                fused = {n: one for n, one in self.sensors.items() if self.standing(n) is not Standing.QUARANTINED}
                self.hear(sensor, fused)

    def hear(self, sensor, fused):
        self.registration.hear(sensor, self.seen(sensor.slot_index), self.now_ns, self.tracks(fused), fused)

    @property
    def now_ns(self):
        return START_NS + round(self.t * S)

    def standing(self, slot):
        return self.finding(slot).standing

    def finding(self, slot):
        return self.registration.findings.get(slot, Finding())

    def truth(self, t):
        return (self.place + self.velocity * t + 60) % 120 - 60

    def tracks(self, fused):
        """What a tracker would make of it: near the truth, with something wrong of its own."""
        rows = empty_tracks(len(self.place))
        place = self.truth(self.t) + 0.2
        rows["id"], rows["x"], rows["y"] = np.arange(1, len(rows) + 1), place[:, 0], place[:, 1]
        rows["vx"], rows["vy"] = self.velocity[:, 0], self.velocity[:, 1]
        rows["sources"] = sum(1 << slot for slot in fused)
        return Tracks(self.now_ns, rows)

    def seen(self, slot):
        place = self.truth(self.t) + self.rng.normal(0, 0.3, self.place.shape)
        rows = empty_objects(len(place))
        if slot in self.wrong:
            place = self.wrong[slot](self, self.sensors[slot], place)
        rows["x"], rows["y"] = place[:, 0], place[:, 1]
        rows["sigma_pos"], rows["confidence"] = 0.4, 0.9
        rows["vx"], rows["vy"] = self.velocity.T * self.speed_scale.get(slot, math.nan)
        return rows


def turned(degrees):
    def change(_crowd, sensor, place):
        angle = math.radians(degrees)
        matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        return (place - [sensor.x, sensor.y]) @ matrix + [sensor.x, sensor.y]

    return change


def shifted(east, north):
    return lambda _crowd, _sensor, place: place + np.array([east, north])


def late(seconds):
    return lambda crowd, _sensor, place: place - crowd.velocity * seconds


def scaled(along, across):
    return lambda _crowd, sensor, place: (place - [sensor.x, sensor.y]) * [along, across] + [sensor.x, sensor.y]


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


def test_speeds_of_another_unit_are_put_right_where_that_is_wanted():
    crowd = Crowd(correct=True)
    crowd.speed_scale = {CAMERA: 3.6}
    crowd.run(8)
    assert crowd.standing(CAMERA) is Standing.CORRECTED
    rows = crowd.seen(CAMERA)
    better, _ = crowd.registration.corrected(crowd.sensors[CAMERA], rows, crowd.now_ns)
    assert better["vx"] == pytest.approx(crowd.velocity[:, 0], rel=0.1, abs=0.1)


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


def test_one_road_user_alone_convicts_nobody():
    """Two modules may see two ends of the same lorry for as long as it stands there; several road users are needed."""
    crowd = Crowd({CAMERA: shifted(0.9, 0.0)}, count=1)
    crowd.run(20)
    assert crowd.standing(CAMERA) is Standing.OK
    crowd = Crowd({CAMERA: shifted(0.9, 0.0)}, count=8)
    crowd.run(20)
    assert crowd.standing(CAMERA) is not Standing.OK


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


class Short(Crowd):
    """The LiDAR sees 25 m far and an environment module nothing at all; the camera sees everybody."""

    def __init__(self):
        super().__init__(slots=(CAMERA, LIDAR))
        near = (((-25.0, -25.0), (25.0, -25.0), (25.0, 25.0), (-25.0, 25.0)),)
        self.sensors[LIDAR] = replace(self.sensors[LIDAR], capability=replace(EVERYWHERE["lidar"], field_of_view=near))
        self.silent = replace(self.sensors[LIDAR], slot_index=5, capability=default_capability("environment"))

    def seen(self, slot):
        rows = super().seen(slot)
        return rows[self.sensors[slot].covers(rows["x"], rows["y"])] if slot == LIDAR else rows

    def tracks(self, fused):
        fused[5] = self.silent
        tracks = super().tracks(fused)
        near = self.sensors[LIDAR].covers(tracks.objects["x"], tracks.objects["y"])
        tracks.objects["sources"] = 1 + 2 * near
        return tracks


def test_who_looks_nowhere_in_particular_does_not_count_as_looking():
    crowd = Short()
    crowd.run(12)
    assert crowd.finding(CAMERA).agreement > 0.9, "beyond 25 m nobody else looks"
    assert crowd.standing(CAMERA) is Standing.OK


VIEWS = {
    CAMERA: ((45.0, -70.0), (70.0, -70.0), (70.0, 70.0), (45.0, 70.0)),
    LIDAR: ((-70.0, -70.0), (70.0, -70.0), (70.0, 70.0), (-70.0, 70.0)),
    RADAR: ((-70.0, -70.0), (45.0, -70.0), (45.0, 70.0), (-70.0, 70.0)),
}


class Parts(Crowd):
    """A road along x, north of the modules: the LiDAR sees all of it, the camera its east end, the radar the rest.

    `told` are views that data sheets declare otherwise, `driven` what the map says.
    """

    def __init__(self, wrong=None, *, driven=None, told=None):
        super().__init__(wrong)
        self.driven = driven
        self.place[:, 1] = np.linspace(5, 50, len(self.place))
        self.velocity[:, 1] = 0.0
        self.real = {slot: self.at_the_pole(slot, corners) for slot, corners in VIEWS.items()}
        self.sensors = {slot: self.at_the_pole(slot, corners) for slot, corners in (VIEWS | (told or {})).items()}

    def at_the_pole(self, slot, corners):
        return Sensor(slot, replace(EVERYWHERE[NAMES[slot]], field_of_view=(corners,)), 0.0, 0.0, 5.0, 0.0)

    def hear(self, sensor, fused):
        rows, tracks = self.seen(sensor.slot_index), self.tracks(fused)
        self.registration.hear(sensor, rows, self.now_ns, tracks, fused, self.driven)

    def tracks(self, fused):
        tracks = super().tracks(fused)
        right = [slot for slot in fused if slot not in self.wrong]
        seen = {slot: self.real[slot].covers(tracks.objects["x"], tracks.objects["y"]) for slot in right}
        tracks.objects["sources"] = sum((1 << slot) * inside for slot, inside in seen.items())
        return tracks

    def seen(self, slot):
        rows = super().seen(slot)
        rows["object_class"] = ObjectClass.CAR
        return rows[self.real[slot].covers(*self.truth(self.t).T)]


def found_out(crowd, words):
    crowd.run(8)
    assert crowd.standing(LIDAR) is Standing.QUARANTINED
    assert words in crowd.finding(LIDAR).words
    crowd.run(12)
    return [crowd.standing(slot) for slot in (CAMERA, LIDAR, RADAR)]


ONLY_THE_LIDAR = [Standing.OK, Standing.QUARANTINED, Standing.OK]


class Ahead(Parts):
    """All look ahead, at the same stretch of road; `sight` m far the radar really sees."""

    def __init__(self, wrong=None, sight=200.0):
        ahead = ((25.0, -20.0), (100.0, -20.0), (100.0, 20.0), (25.0, 20.0))
        super().__init__(wrong, told=dict.fromkeys(VIEWS, ahead))
        self.place[:, 1] = np.linspace(-15, 15, len(self.place))
        self.real = dict(self.sensors)
        self.sight = sight

    def seen(self, slot):
        rows = super().seen(slot)
        return rows[np.hypot(rows["x"], rows["y"]) < self.sight] if slot == RADAR else rows


def exchanged(_crowd, _sensor, place):
    return place[:, ::-1]


def test_who_sees_only_where_nobody_looks_is_missed_where_it_should_see_what_the_others_do():
    assert found_out(Ahead({LIDAR: exchanged}), "x and y were exchanged") == ONLY_THE_LIDAR


def test_who_sees_less_far_than_it_says_may_be_blind_there_but_is_not_wrong():
    crowd = Ahead(sight=32.0)
    crowd.run(20)
    assert {crowd.standing(slot) for slot in crowd.sensors} == {Standing.OK}


def test_who_tells_of_what_lies_beyond_its_own_view_is_the_one_that_is_wrong():
    assert found_out(Parts({LIDAR: scaled(3.28084, 3.28084)}), "feet") == ONLY_THE_LIDAR


def test_who_sees_vehicles_where_none_can_drive_is_the_one_that_is_wrong():
    north = lambda points: points[:, 1] > 0  # noqa: E731
    assert found_out(Parts({LIDAR: scaled(1, -1)}, driven=north), "mirrored") == ONLY_THE_LIDAR


def test_a_map_that_is_wrong_and_a_view_that_is_told_too_small_convict_nobody_who_agrees():
    nowhere = lambda points: np.zeros(len(points), bool)  # noqa: E731
    crowd = Parts(driven=nowhere, told={LIDAR: ((-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0))})
    crowd.run(20)
    assert {crowd.standing(slot) for slot in crowd.sensors} == {Standing.OK}
