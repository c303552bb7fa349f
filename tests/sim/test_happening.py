"""What happens is read from the truth by its definitions, each just beyond and just short of its threshold."""

from __future__ import annotations

import pytest

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ObjectClass
from sim.driving import Script
from sim.happening import happenings
from sim.path import Path
from sim.report import report
from sim.scene import ORIGIN, Scenario
from sim.site_map import SiteMap
from sim.weather import NIGHT_FOG

CAR, PERSON = ObjectClass.CAR, ObjectClass.PEDESTRIAN
EAST = Path.through([(-200.0, 0.0), (200.0, 0.0)])
WEST = Path.through([(200.0, 0.0), (-200.0, 0.0)])


def kinds(*scripts, limit_kmh=60.0):
    drawn = SiteMap(ORIGIN, "one lane east")
    drawn.lane("east", [(-200.0, 0.0), (200.0, 0.0)], limit_kmh)
    drawn.stop_line("line", [(100.0, -1.6), (100.0, 1.6)])
    drawn.box("crossing", "walk", (40.0, -1.6), (44.0, 1.6))
    scene = Scenario("test", "a test", 1, 20.0, drawn.text(), (), (), scripts)
    return [one.kind for one in happenings(scene)]


def car(*speeds, start_m=50.0, path=EAST, key="car"):
    return Script(key, CAR, path, speeds, start_m)


def test_ordinary_driving_is_nothing():
    assert kinds(car((0, 12), (15, 12))) == []


@pytest.mark.parametrize(("rate", "told"), [(4.5, ["sudden_braking"]), (3.5, [])])
def test_braking_is_sudden_beyond_4_mps2(rate, told):
    assert kinds(car((0, 14), (5, 14), (7, 14 - 2 * rate), (12, 14 - 2 * rate))) == told


@pytest.mark.parametrize(("speed", "told"), [(23.0, ["speeding"]), (21.5, [])])
def test_speeding_is_20_kmh_above_the_limit(speed, told):
    assert kinds(car((0, speed), (6, speed))) == told


@pytest.mark.parametrize(("x", "told"), [(0.0, ["stationary_vehicle"]), (94.0, [])])
def test_standing_counts_where_nobody_waits(x, told):
    assert kinds(car((0, 8), (8, 0), (18, 0), start_m=200 + x - 32)) == told


@pytest.mark.parametrize(("x", "told"), [(0.0, ["person_on_road"]), (42.0, [])])
def test_a_person_on_the_road_is_one_off_the_crossing(x, told):
    over = Path.through([(x, -8.0), (x, 8.0)])
    assert kinds(Script("walker", PERSON, over, ((0, 1.3), (12, 1.3)))) == told


def test_the_wrong_way_is_against_the_lane():
    assert kinds(car((0, 12), (10, 12), path=WEST)) == ["wrong_way"]


@pytest.mark.parametrize(("late_s", "told"), [(1.3, ["near_miss"]), (3.5, [])])
def test_taking_a_place_soon_after_another_left_it_is_a_near_miss(late_s, told):
    across = Path.through([(0.0, -100.0), (0.0, 100.0)])
    first = car((0, 10), (18, 10), start_m=150.0)
    second = Script("other", CAR, across, ((0, 10), (18, 10)), 50.0 - 10 * late_s + 4.0 - 8.0)
    assert kinds(first, second) == told


def test_an_environment_module_reports_the_weather_of_the_scene():
    body = report("environment", NIGHT_FOG)
    assert isinstance(body, pb.EnvironmentReading)
    assert (body.visibility_m, body.road_surface, body.humidity_percent) == (150.0, 1, 100.0)
