"""Modules that look at different parts of a road are judged where they look, and by where vehicles can drive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crowd import CAMERA, EVERYWHERE, LIDAR, NAMES, RADAR, Crowd, late, scaled, turned

from controller.fusion.oddity import Ground
from controller.fusion.sensor import Sensor
from controller.fusion.standing import Standing
from interfaces.spec import ObjectClass
from modules.registry import default_capability


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


def nowhere_near(places):
    return np.full(len(places), np.nan)


class Parts(Crowd):
    """A road along x, north of the modules: the LiDAR sees all of it, the camera its east end, the radar the rest.

    `told` are views that data sheets declare otherwise, `driven` what the map says.
    """

    def __init__(self, wrong=None, *, driven=None, told=None):
        super().__init__(wrong)
        self.ground = driven and Ground(driven, nowhere_near)
        self.place[:, 1] = np.linspace(5, 50, len(self.place))
        self.velocity[:, 1] = 0.0
        self.real = {slot: self.at_the_pole(slot, corners) for slot, corners in VIEWS.items()}
        self.sensors = {slot: self.at_the_pole(slot, corners) for slot, corners in (VIEWS | (told or {})).items()}

    def at_the_pole(self, slot, corners):
        return Sensor(slot, replace(EVERYWHERE[NAMES[slot]], field_of_view=(corners,)), 0.0, 0.0, 5.0, 0.0)

    def hear(self, sensor, fused):
        rows, tracks = self.seen(sensor.slot_index), self.tracks(fused)
        self.registration.hear(sensor, rows, self.now_ns, tracks, fused, self.ground)

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


SECOND_CAMERA = 3


class Ends(Parts):
    """Two cameras see the east end and the radar the rest: whom it meets there is the LiDAR alone, which sees all."""

    def __init__(self, wrong, seed=1):
        super().__init__(wrong)
        self.rng = np.random.default_rng(seed)
        east = ((25.0, -70.0), (70.0, -70.0), (70.0, 70.0), (25.0, 70.0))
        west = ((-70.0, -70.0), (20.0, -70.0), (20.0, 70.0), (-70.0, 70.0))
        self.real |= {CAMERA: self.at_the_pole(CAMERA, east), RADAR: self.at_the_pole(RADAR, west)}
        self.real[SECOND_CAMERA] = replace(self.real[CAMERA], slot_index=SECOND_CAMERA)
        self.sensors = dict(self.real)


@pytest.mark.parametrize("wrong", [turned(6), scaled(1.1, 1.1), late(0.5)])
def test_who_meets_only_one_that_is_wrong_is_not_left_out_beside_it(wrong):
    crowd = Ends({LIDAR: wrong})
    crowd.run(20)
    assert crowd.standing(LIDAR) is Standing.QUARANTINED
    assert crowd.standing(RADAR) is Standing.OK, "nobody who is right contradicts it"


def test_what_was_learned_beside_a_grossly_wrong_one_convicts_nobody_later():
    crowd = Ends({LIDAR: scaled(3.28084, 3.28084)}, seed=5)
    crowd.run(8)
    assert "feet" in crowd.finding(LIDAR).words
    far = crowd.at_the_pole(RADAR, VIEWS[LIDAR])
    crowd.real[RADAR] = crowd.sensors[RADAR] = far  # from now on it meets the cameras
    for _ in range(4):
        crowd.run(1)
        assert crowd.standing(RADAR) is Standing.OK


class Bus(Crowd):
    """One bus stands there: camera and LiDAR see its middle and how long it is, the radar its near end."""

    def __init__(self):
        super().__init__(count=1)
        self.place[:], self.velocity[:] = (30.0, 10.0), 0.0

    def seen(self, slot):
        rows = super().seen(slot)
        rows["length"] = np.nan if slot == RADAR else 12.0
        rows["x"] -= 3.4 * (slot == RADAR)
        return rows


def test_who_sees_the_near_end_of_a_bus_sees_the_same_bus():
    crowd = Bus()
    crowd.run(20)
    assert {crowd.standing(slot) for slot in crowd.sensors} == {Standing.OK}
    assert crowd.finding(RADAR).agreement > 0.8
