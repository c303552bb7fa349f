"""Signals run by their plan, road users heed them, and a signal module reports them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.proto import pmi_pb2 as pb
from sim.driving import WALKER, WALKERS, Route
from sim.path import Path
from sim.report import report
from sim.road import World
from sim.signals import Colour, Go, Signals

PLAN = Signals(60.0, ((1, Go(0.0, 25.0, 3.0)), (2, Go(30.0, 20.0, 3.0))))
CARS, PEOPLE = 1, 2


@pytest.mark.parametrize(
    ("at_s", "one", "two", "remaining_s"),
    [
        (0.0, Colour.GREEN, Colour.RED, 25.0),
        (26.0, Colour.YELLOW, Colour.RED, 2.0),
        (28.0, Colour.RED, Colour.RED, 32.0),
        (30.0, Colour.RED, Colour.GREEN, 30.0),
        (51.5, Colour.RED, Colour.YELLOW, 8.5),
        (120.0, Colour.GREEN, Colour.RED, 25.0),
    ],
)
def test_the_plan_is_followed(at_s, one, two, remaining_s):
    first, second = PLAN.aspects(at_s)
    assert (first.colour, second.colour) == (one, two)
    assert first.remaining_s == pytest.approx(remaining_s)
    assert PLAN.colour(3, at_s) is Colour.DARK


@given(st.integers(-50_000, 50_000))
def test_a_colour_lasts_as_long_as_it_says(hundredths):
    now_s = hundredths / 100
    for aspect in PLAN.aspects(now_s):
        assert 0 < aspect.remaining_s <= 60
        assert PLAN.colour(aspect.group, now_s + aspect.remaining_s * 0.999) is aspect.colour
        assert PLAN.colour(aspect.group, now_s + aspect.remaining_s + 0.01) is not aspect.colour


def crossed(world, route_path, line_m, seconds):
    """(time, colour of nobody in particular) at which noses pass the line, by path."""
    noses, found = {}, []
    for _ in range(round(seconds * 10)):
        world.step(0.1)
        for user in world._users:
            if user.path is route_path:
                if noses.get(user.id, user.nose_m) <= line_m + 0.5 < user.nose_m:
                    found.append(world.now_s)
                noses[user.id] = user.nose_m
    return found


def street():
    cars = Path.through([(-120.0, 0.0), (120.0, 0.0)])
    walk = Path.through([(0.0, -30.0), (0.0, 30.0)])
    routes = (
        Route(cars, 13.0, 20.0, signals=((112.0, CARS),)),
        Route(walk, 1.3, 12.0, WALKERS, 9, manner=WALKER, give_way_m=1.5, signals=((25.0, PEOPLE),)),
    )
    return World(routes, seed=3, signals=PLAN), cars, walk


@pytest.mark.parametrize("who", ["cars", "people"])
def test_nobody_passes_at_red(who):
    world, cars, walk = street()
    path, line, group = (cars, 112.0, CARS) if who == "cars" else (walk, 25.0, PEOPLE)
    times = crossed(world, path, line, 180)
    assert len(times) > 10
    assert {PLAN.colour(group, at - 0.1) for at in times} <= {Colour.GREEN, Colour.YELLOW}


def test_a_queue_stands_before_the_line_at_red_and_goes_at_green():
    world, *_ = street()
    while PLAN.aspects(world.now_s)[0] != (CARS, Colour.RED, pytest.approx(1.0, abs=0.2)):
        world.step(0.1)
    rows = world.truth()
    standing = rows[(rows["y"] == 0) & (rows["vx"] < 0.3) & (rows["x"] < 0)]
    assert len(standing) >= 3
    assert (standing["x"] + standing["length"] / 2).max() <= -7.5
    for _ in range(80):
        world.step(0.1)
    moving = {int(row["id"]) for row in world.truth() if row["vx"] > 2}
    assert {int(row["id"]) for row in standing[:2]} <= moving


def test_a_signal_module_reports_what_the_road_shows():
    world, *_ = street()
    while world.now_s < 26.0:
        world.step(0.1)
    body = report("signal", road=world)
    assert isinstance(body, pb.SignalState)
    assert [(one.group, one.colour) for one in body.groups] == [(CARS, 2), (PEOPLE, 1)]
    assert body.groups[0].remaining_ds in (19, 20)
    assert not report("signal").groups
