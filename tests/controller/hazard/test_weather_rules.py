"""Weather: at, above and below every threshold; noise; what stops coming; modules that contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from detection_times import WEATHER
from scenes import new, road, run, steady, weather

from controller.config import Hazards
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.rules import rules
from controller.hazard.surroundings import WEATHER_HOLDS_S
from controller.site import Site
from modules.environment import POSSIBLE

KINDS = tuple(WEATHER)
CLEAR = weather(
    visibility_m=20_000.0,
    precipitation_mmph=0.0,
    air_temperature_c=18.0,
    road_temperature_c=20.0,
    wind_speed_mps=2.0,
    water_level_m=0.0,
    road_surface=0,
)
# (kind, subcause, just beyond the threshold, just before it)
BORDERS = [
    ("low_visibility", 1, {"visibility_m": 199.0}, {"visibility_m": 201.0}),
    ("low_visibility", 4, {"visibility_m": 199.0, "precipitation_mmph": 5.0}, {"visibility_m": 201.0}),
    (
        "low_visibility",
        3,
        {"visibility_m": 199.0, "precipitation_mmph": 2.0, "air_temperature_c": -2.0},
        {"visibility_m": 200.0},
    ),
    ("heavy_precipitation", 1, {"precipitation_mmph": 20.0}, {"precipitation_mmph": 19.9}),
    (
        "heavy_precipitation",
        2,
        {"precipitation_mmph": 3.1, "air_temperature_c": 0.0},
        {"precipitation_mmph": 2.9, "air_temperature_c": 0.0},
    ),
    ("slippery_road", 4, {"road_surface": 3}, {"road_surface": 2}),
    ("slippery_road", 5, {"road_surface": 4}, {"road_surface": 4, "road_temperature_c": 11.0}),
    ("slippery_road", 6, {"road_surface": 5}, {"road_surface": 0, "road_temperature_c": -3.0}),
    (
        "slippery_road",
        6,
        {"road_surface": 1, "road_temperature_c": 0.0},
        {"road_surface": 1, "road_temperature_c": 0.1},
    ),
    ("aquaplaning", 0, {"precipitation_mmph": 30.0}, {"precipitation_mmph": 29.9}),
    (
        "aquaplaning",
        0,
        {"precipitation_mmph": 30.0, "road_surface": 2},
        {"precipitation_mmph": 60.0, "road_surface": 3},
    ),
    ("flooded_road", 0, {"water_level_m": 0.1}, {"water_level_m": 0.09}),
    ("strong_wind", 1, {"wind_speed_mps": 15.0}, {"wind_speed_mps": 14.9}),
]


def words(kind: str, told: list, seconds: float, rate_hz: float = 2.0) -> list[Hazard]:
    only = Hazards(off=tuple(rule.kind for rule in rules(Hazards()) if rule.kind != kind))
    return run([], seconds, road(), rate_hz=rate_hz, told=told, config=only)[0]


@pytest.mark.parametrize(("kind", "subcause", "beyond", "before"), BORDERS)
def test_at_the_border(kind, subcause, beyond, before):
    begun = new(words(kind, steady(weather(**beyond), 6), 6), kind)
    assert [one.subcause for one in begun] == [subcause]
    assert not words(kind, steady(weather(**before), 6), 6)


@pytest.mark.parametrize("kind", KINDS)
def test_fine_weather_and_a_module_that_knows_nothing_are_silent(kind):
    assert not words(kind, steady(CLEAR, 8), 8)
    assert not words(kind, steady(weather(), 8), 8)
    assert not words(kind, [], 8)


@pytest.mark.parametrize(
    ("kind", "figure", "limit"),
    [
        ("low_visibility", "visibility_m", 200.0),
        ("heavy_precipitation", "precipitation_mmph", 20.0),
        ("aquaplaning", "precipitation_mmph", 30.0),
        ("flooded_road", "water_level_m", 0.1),
        ("strong_wind", "wind_speed_mps", 15.0),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_noise_around_the_threshold_is_one_hazard_at_most(kind, figure, limit, seed):
    rng = np.random.default_rng(seed)
    told = [(t, 0, weather(**{figure: limit * (1 + 0.1 * rng.normal())})) for t in range(240)]
    said = words(kind, told, 240, 1)
    assert len(new(said, kind)) <= 1
    assert len({one.action_id for one in said}) <= 1


def test_a_surface_that_changes_every_second_is_one_hazard():
    told = [(t, 0, weather(road_surface=3 + t % 3)) for t in range(60)]
    said = words("slippery_road", told, 59)
    assert len(new(said, "slippery_road")) == 1
    assert {one.subcause for one in said} == {4, 5, 6}


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_a_minute_after_the_weather_has_and_not_before(kind):
    told = steady(WEATHER[kind], 20) + [(t, 0, CLEAR) for t in range(21, 121)]
    said = words(kind, told, 110, 1)
    assert [one.phase for one in said].count(Phase.NEW) == 1
    assert said[-1].phase is Phase.CANCEL
    ended_s = (said[-1].reference_time_ns - said[0].reference_time_ns) / 1e9
    assert 75 <= ended_s <= 85


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_that_falls_silent_is_believed_for_a_minute(kind):
    said = words(kind, steady(WEATHER[kind], 10), 160, 1)
    last_ns = max(one.reference_time_ns for one in said)
    assert said[-1].phase is Phase.CANCEL
    since_last_report_s = (last_ns - said[0].reference_time_ns) / 1e9 - 7
    assert WEATHER_HOLDS_S <= since_last_report_s <= WEATHER_HOLDS_S + 65


@pytest.mark.parametrize("kind", KINDS)
def test_modules_that_contradict_lend_less(kind):
    bad, count = WEATHER[kind], 6
    alone = new(words(kind, steady(bad, count), count), kind)[0]
    agreed = new(words(kind, sorted(steady(bad, count) + steady(bad, count, 1), key=by_time), count), kind)[0]
    against = new(words(kind, sorted(steady(bad, count) + steady(CLEAR, count, 1), key=by_time), count), kind)[0]
    assert agreed.information_quality > alone.information_quality
    assert against.probability < alone.probability
    assert (alone.sources, agreed.sources, against.sources) == (1, 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_three_is_outvoted_whichever_way(kind):
    bad = WEATHER[kind]
    lone = sorted(steady(bad, 6) + steady(CLEAR, 6, 1) + steady(CLEAR, 6, 2), key=by_time)
    most = sorted(steady(bad, 6) + steady(CLEAR, 6, 1) + steady(bad, 6, 2), key=by_time)
    assert not words(kind, lone, 6)
    assert [one.sources for one in new(words(kind, most, 6), kind)] == [0b101]


def test_what_is_not_known_beside_it_does_not_matter():
    for figure in POSSIBLE:
        told = steady(weather(**{figure: POSSIBLE[figure][1]}), 4)
        run([], 4, road(), rate_hz=2, told=told)


def by_time(one: tuple) -> float:
    return one[0]


@pytest.mark.parametrize(("site", "place"), [(road(), (0.0, 1.6)), (Site(), (0.0, 0.0))], ids=["lanes", "no map"])
def test_it_lies_on_the_lane_nearest_to_the_pole(site, place):
    hazards, _ = run([], 8, site, told=steady(weather(visibility_m=100.0), 8))
    (begun,) = new(hazards, "low_visibility")
    assert (abs(begun.x), abs(begun.y)) == pytest.approx(place, abs=1e-6)
