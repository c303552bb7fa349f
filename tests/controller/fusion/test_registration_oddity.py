"""Two modules contradict each other: wrong is the one whose vehicles leave their lanes, or whose stamps cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crowd import CAMERA, EVERYWHERE, LIDAR, NAMES, RADAR, Crowd, late, shifted
from hypothesis import given
from hypothesis import strategies as st

from controller.fusion.bank import SLOTS
from controller.fusion.blame import LEFT_OUT, less
from controller.fusion.oddity import LATELY, MOST, STRAY_WORTH, STRAYS_RIGHT, STRAYS_WRONG, Ground, Oddities
from controller.fusion.sensor import Sensor
from controller.fusion.standing import Standing
from interfaces.spec import ObjectClass
from modules.detection import empty_objects

LANE_M = 3.5
TWO = (CAMERA, RADAR)


def aside(places):
    """Of lanes along x."""
    return (places[:, 1] + LANE_M / 2) % LANE_M - LANE_M / 2


def everywhere(places):
    return np.ones(len(places), bool)


class Lanes(Crowd):
    """Two modules, vehicles in the lanes of a straight road; `late_s`: how late the messages of each really are."""

    def __init__(self, wrong=None, *, ground=None, late_s=None, slots=TWO):
        super().__init__(wrong, slots=slots, pace=(6, 14))
        self.ground, self.late_s = ground, late_s or {}
        self.place[:, 1] = LANE_M * self.rng.integers(-2, 3, len(self.place))
        speed = np.hypot(*self.velocity.T)
        self.velocity = np.stack((np.where(self.place[:, 1] < 0, speed, -speed), 0 * speed), 1)

    def hear(self, sensor, fused):
        slot, rows = sensor.slot_index, self.seen(sensor.slot_index)
        rows["object_class"], rows["sigma_pos"] = ObjectClass.CAR, self.sigma_m(slot)
        late_s = self.late_s.get(slot, 0.0)
        self.registration.hear(sensor, rows, self.now_ns, self.tracks(fused), fused, self.ground, late_s)

    def sigma_m(self, _slot):
        return 0.3

    def standings(self):
        return [self.standing(slot) for slot in self.sensors]


BESIDE, TOO_NEW = shifted(0.3, 1.2), late(0.3)


def a_map(off_m=0.0):
    """Of the lanes, drawn so far north of them."""
    return Ground(everywhere, lambda places: aside(places - [0.0, off_m]))


@pytest.mark.parametrize("wrong", TWO)
def test_of_two_the_one_that_sees_vehicles_beside_their_lanes_is_left_out(wrong):
    crowd = Lanes({wrong: BESIDE}, ground=a_map())
    crowd.run(8)
    assert crowd.standing(wrong) is Standing.QUARANTINED
    assert crowd.standing(*(slot for slot in TWO if slot != wrong)) is Standing.OK


def test_without_a_map_nobody_knows_which_of_two_it_is():
    crowd = Lanes({CAMERA: BESIDE})
    crowd.run(8)
    assert crowd.standings() == [Standing.DEGRADED] * 2


@pytest.mark.parametrize("wrong", TWO)
def test_of_two_the_one_whose_messages_come_before_they_can_is_left_out(wrong):
    late_s = {slot: 0.8 * EVERYWHERE[NAMES[slot]].latency_s for slot in TWO}
    crowd = Lanes({wrong: TOO_NEW}, late_s=late_s | {wrong: late_s[wrong] - 0.3})
    crowd.run(8)
    assert crowd.standing(wrong) is Standing.QUARANTINED
    assert crowd.standing(*(slot for slot in TWO if slot != wrong)) is Standing.OK
    unknown = Lanes({wrong: TOO_NEW})
    unknown.run(8)
    assert Standing.OK not in unknown.standings()


def test_who_agrees_with_the_others_may_be_as_odd_as_it_likes():
    """A map that lies 1.2 m beside the road, and a wire that holds messages back for a second."""
    for one in (Lanes(ground=a_map(1.2)), Lanes(late_s={CAMERA: 1.0, RADAR: 0.04})):
        one.run(12)
        assert one.standings() == [Standing.OK] * 2


@pytest.mark.parametrize(
    ("late_s", "standing"), [(1.0, Standing.QUARANTINED), (0.3, Standing.QUARANTINED), (0.1, Standing.OK)]
)
def test_one_road_user_is_enough_to_convict_who_is_odd_as_well(late_s, standing):
    """Its stamps are not what its data sheet says, and what it sees lies 1.5 m beside what two others see."""
    crowd = Lanes({CAMERA: shifted(1.5, 0.0)}, late_s={CAMERA: late_s}, slots=(CAMERA, LIDAR, RADAR))
    crowd.place, crowd.velocity = crowd.place[:1], np.zeros((1, 2))
    crowd.run(12)
    assert crowd.standings() == [standing, Standing.OK, Standing.OK]
    right = Lanes(late_s={CAMERA: late_s}, slots=(CAMERA, LIDAR, RADAR))
    right.place, right.velocity = right.place[:1], np.zeros((1, 2))
    right.run(12)
    assert right.standings() == [Standing.OK] * 3


def test_three_need_no_map_and_are_not_misled_by_one():
    crowd = Lanes({LIDAR: BESIDE}, ground=a_map(1.2), slots=(CAMERA, LIDAR, RADAR))
    crowd.run(12)
    assert crowd.standings() == [Standing.OK, Standing.QUARANTINED, Standing.OK]


def sensor(slot):
    return Sensor(slot, replace(EVERYWHERE["camera"], latency_s=0.1), 0.0, 0.0, 5.0, 0.0)


def cars(east, north, sigma):
    rows = empty_objects(len(north))
    rows["object_class"] = ObjectClass.CAR
    rows["x"], rows["y"], rows["sigma_pos"] = east, north, sigma
    return rows


MOST_STRAYS = STRAY_WORTH * LATELY * np.log(STRAYS_WRONG / STRAYS_RIGHT)


paces = st.one_of(st.just(np.nan), st.floats(0, 60))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e9, 1e9), st.floats(-300, 300), paces), max_size=60))
def test_oddities_are_bounded_and_forgotten(told):
    odd = Oddities()
    for slot, late_s, away, pace in told:
        odd.stamped(sensor(slot), late_s)
        odd.placed(sensor(slot), cars(0.0, np.array([away, 0.0]), 0.3), np.full(2, pace), a_map())
    nats = odd.nats()
    assert nats.shape == (SLOTS,)
    assert (nats >= 0).all()
    assert (nats <= MOST + MOST_STRAYS).all()
    assert not nats[4:].any()
    for slot in range(4):
        odd.forget(slot)
    assert not odd.nats().any()


OFF_ROAD = Ground(lambda places: np.abs(places[:, 1]) < 20, lambda places: np.full(len(places), np.nan))


class Silent(Lanes):
    """One car, and a radar that sees it until then; the camera sees it drive far off the road."""

    def __init__(self, until_s):
        super().__init__({CAMERA: shifted(0.0, 30.0)}, ground=OFF_ROAD)
        self.place, self.velocity, self.until_s = self.place[:1] / 2, self.velocity[:1], until_s

    def hear(self, sensor, fused):
        if sensor.slot_index == CAMERA or self.t <= self.until_s:
            super().hear(sensor, fused)


@pytest.mark.parametrize(("until_s", "standing"), [(0.3, Standing.OK), (0.6, Standing.QUARANTINED)])
def test_who_is_odd_enough_is_convicted_by_few_contradictions_but_not_by_one(until_s, standing):
    crowd = Silent(until_s)
    crowd.run(5)
    assert crowd.standings() == [standing, Standing.OK]


def test_every_road_user_beyond_a_view_or_off_the_road_counts_and_fades():
    """One in ten may lie there for a module that is right: the view in a data sheet is meant on the safe side."""
    for north in (400.0, 50.0):
        odd, unknown = Oddities(), np.full(10, np.nan)
        odd.placed(sensor(0), cars(0.0, np.full(10, north), 0.3), unknown, OFF_ROAD)
        assert odd.nats()[0] > MOST
        for _ in range(20):
            odd.placed(sensor(0), cars(0.0, np.array([0.0] * 9 + [north]), 0.3), unknown, OFF_ROAD)
        assert odd.nats()[0] == 0


def test_who_stands_may_do_so_off_the_road_and_beside_a_lane_but_not_beyond_a_view():
    for ground, north, off in ((OFF_ROAD, 50.0, True), (a_map(), 1.7, True), (OFF_ROAD, 400.0, False)):
        for pace, odd_then in ((0.5, not off), (8.0, True)):
            odd = Oddities()
            odd.placed(sensor(0), cars(0.0, np.full(10, north), 0.3), np.full(10, pace), ground)
            assert bool(odd.nats()[0]) is odd_then


@pytest.mark.parametrize("pace_mps", [0.0, 9.0])
def test_a_bus_in_its_bay_is_not_odd_for_who_tells_no_speeds(pace_mps):
    """Whether it stands is told by its track."""
    crowd = Lanes(ground=Ground(lambda places: np.zeros(len(places), bool), aside))
    crowd.velocity[:] = pace_mps, 0.0
    crowd.run(3)
    assert bool(crowd.registration._odd.nats()[CAMERA]) is (pace_mps > 0)


def test_what_a_module_that_is_right_does_is_not_odd():
    odd, rng = Oddities(), np.random.default_rng(1)
    for _ in range(100):
        odd.stamped(sensor(0), 0.08 + rng.normal(0, 0.01))
        for sigma in (0.1, 0.8):
            some = cars(0.0, rng.normal(0, np.hypot(0.3, sigma), 4), sigma)
            odd.placed(sensor(0), some, np.full(4, np.nan), a_map())
    assert odd.nats()[0] < 0.5


def test_reasons_to_doubt_reduce_a_price_until_one_has_to_be_shown_to_be_right():
    prices, nats = np.array([2.0, 2.0, 2.0, 4.0, LEFT_OUT]), np.array([0.5, 2.5, 9.0, 0.0, 3.0])
    assert less(prices, nats).tolist() == [1.5, -0.5, LEFT_OUT, 4.0, LEFT_OUT]
    assert less(prices, nats, 0.0).tolist() == [1.5, 0.0, 0.0, 4.0, LEFT_OUT]


class Few(Lanes):
    """Four cars, of which the radar is less sure."""

    def __init__(self):
        super().__init__({CAMERA: shifted(0.3, 1.0)}, ground=a_map())
        self.place, self.velocity = self.place[:4], self.velocity[:4]

    def seen(self, slot):
        rows = super().seen(slot)
        rows["x"] += self.rng.normal(0.0, 0.3, len(rows))
        rows["y"] += self.rng.normal(0.0, 0.3, len(rows))
        return rows

    def sigma_m(self, slot):
        return 0.6 if slot == RADAR else 0.3


def test_few_contradictions_convict_who_is_odd():
    crowd = Few()
    crowd.run(4)
    assert crowd.standings() == [Standing.QUARANTINED, Standing.OK]


def test_a_clock_that_was_wrong_by_years_is_forgiven_within_seconds():
    odd = Oddities()
    for late_s in [3e8] * 50 + [0.08] * 30:
        odd.stamped(sensor(0), late_s)
    assert odd.nats()[0] < 0.1
