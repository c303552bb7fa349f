"""A radar knows the scale of its own distances: they change as fast as its Doppler says, or they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from crowd import RADAR, START_NS, S, a_sensor
from hypothesis import given
from hypothesis.strategies import floats, integers

from controller.fusion.range_rate import SURE_M, RangeRates
from modules.detection import empty_objects


def rows(place, velocity, sensor, *, scale=1.0, unit=1.0):
    made, sight = empty_objects(len(place)), place - [sensor.x, sensor.y]
    away = np.hypot(*sight.T)
    made["x"], made["y"] = (sight * scale + [sensor.x, sensor.y]).T
    made["range_rate"] = (velocity * sight).sum(1) / away * unit
    made["sigma_pos"] = 0.3
    return made


class Road:
    """Vehicles that pass before a radar at 10 Hz."""

    def __init__(self, place, velocity, **wrong):
        self.rates, self.sensor, self.wrong, self.t = RangeRates(), a_sensor(RADAR, x=3.0, y=-2.0), wrong, 0.0
        self.place, self.velocity = np.array(place, float), np.array(velocity, float)
        self.rng = np.random.default_rng(1)

    def run(self, seconds, noise_m=0.0, period_s=0.1):
        for _ in range(round(seconds / period_s)):
            made = rows(self.place + self.velocity * self.t, self.velocity, self.sensor, **self.wrong)
            made["x"] += self.rng.normal(0, noise_m, len(made))
            made["y"] += self.rng.normal(0, noise_m, len(made))
            self.rates.keep(self.sensor, made, START_NS + round(self.t * S))
            self.t += period_s
        return self

    @property
    def too_far_m(self):
        information, pull = self.rates.told[:, RADAR].tolist()
        return pull / information if information else math.nan

    @property
    def sigma_m(self):
        information = float(self.rates.told[0, RADAR])
        return information**-0.5 if information else math.inf


COMING = ([[120.0, 4.0], [90.0, -3.0]], [[-15.0, 0.0], [-12.0, 1.0]])


@given(scale=floats(0.85, 1.2), seed=integers(0, 100))
def test_the_scale_of_its_distances_is_told_by_their_change(scale, seed):
    road = Road(*COMING, scale=scale)
    road.rng = np.random.default_rng(seed)
    road.run(5, noise_m=0.2)
    assert road.too_far_m == pytest.approx(30 * (scale - 1), abs=4 * road.sigma_m)
    assert road.sigma_m < 0.5


def test_who_passes_at_a_distance_tells_the_same():
    road = Road([[-20.0, 30.0]], [[14.0, 0.0]], scale=1.1).run(6)
    assert road.too_far_m == pytest.approx(3.0, abs=0.1)


def test_what_contradicts_what_was_told_takes_from_it():
    road = Road([[200.0, 4.0]], [[-15.0, 0.0]]).run(3)
    sure = road.sigma_m
    road.velocity, road.place = road.velocity * 2, road.place - road.velocity * road.t
    road.wrong = {"unit": 0.6}
    road.run(3)
    assert road.sigma_m > 1.9 * sure


@pytest.mark.parametrize(
    ("place", "velocity", "wrong"),
    [
        pytest.param([[60.0, 0.0]], [[0.0, 0.0]], {}, id="stands"),
        pytest.param([[18.0, 0.0]], [[-4.5, 0.0]], {}, id="near"),
        pytest.param([[90.0, -3.0]], [[-12.0, 1.0]], {"unit": 3.6}, id="km/h"),
        pytest.param(*COMING, {"unit": -1.0}, id="backwards"),
        pytest.param(*COMING, {"unit": math.nan}, id="no Doppler"),
    ],
)
def test_who_tells_nothing_of_it_is_not_asked(place, velocity, wrong):
    assert math.isnan(Road(place, velocity, **wrong).run(4).too_far_m)


def test_who_is_missed_for_a_moment_is_the_same_and_later_another():
    for pause, known in ((0.4, True), (0.8, False)):
        road = Road([[100.0, 4.0]], [[-12.0, 0.0]]).run(1.2)
        road.t += pause
        assert math.isfinite(road.run(0.4).too_far_m) == known


def test_who_is_somewhere_else_is_another():
    road = Road([[100.0, 4.0]], [[-12.0, 0.0]]).run(1.2)
    road.place += [0.0, 3.0]
    assert math.isnan(road.run(0.4).too_far_m)


def test_it_never_says_more_than_it_may_and_what_is_long_ago_fades():
    lane = [[500.0 + 20.0 * n, 4.0] for n in range(8)]
    road = Road(lane, [[-15.0, 0.0]] * len(lane)).run(10)
    assert road.too_far_m == pytest.approx(0.0, abs=0.01)
    assert road.sigma_m == pytest.approx(SURE_M)
    road.wrong = {"scale": 1.05}
    road.run(15)
    assert road.too_far_m == pytest.approx(1.5, abs=0.2)


def test_of_another_module_nothing_is_known():
    road = Road(*COMING).run(3)
    assert road.sigma_m < 1
    road.rates.forget(RADAR)
    assert math.isnan(road.too_far_m)
    road.run(0.6)
    assert math.isnan(road.too_far_m), "what was under way is forgotten, too"
