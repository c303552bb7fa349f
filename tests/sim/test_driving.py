"""Road users follow, give way, take turns and wait: each rule of the road on a road of its own."""

from __future__ import annotations

import numpy as np
import pytest

from interfaces.spec import ObjectClass
from sim.driving import WALKER, WALKERS, Manner, Route, Script
from sim.path import Path
from sim.road import World

CARS = ((ObjectClass.CAR, 1.0),)
EAST = Path.through([(-150.0, 0.0), (150.0, 0.0)])


def watched(world, seconds):
    """Truth every 0.1 s."""
    for _ in range(round(seconds * 10)):
        world.step(0.1)
        yield world.now_s, world.truth()


def test_drivers_stop_behind_what_lies_on_their_lane_and_queue():
    spot = Path.through([(20.0, 0.0), (24.0, 0.0)])
    box = Script("box", ObjectClass.OBSTACLE, spot, ((0, 0), (80, 0)), 2.0)
    *_, (_, rows) = watched(World([Route(EAST, 13.0, 12.0, CARS, quiet=((-30.0, 5.0),))], [box], seed=2), 60)
    cars = np.sort(rows["x"][rows["object_class"] == int(ObjectClass.CAR)])[::-1]
    assert len(cars) >= 4
    assert 10 < cars[0] < 20
    assert (np.diff(cars)[:2] < -5).all()  # one behind the other
    assert np.hypot(rows["vx"], rows["vy"])[np.argsort(-rows["x"])][1:4].max() < 0.5


def test_drivers_give_way_to_people_on_a_crossing():
    over = Path.through([(0.0, -12.0), (0.0, 12.0)])
    people = Route(over, 1.3, 8.0, WALKERS, 9, give_way_m=1.2, manner=WALKER)
    world = World([Route(EAST, 11.0, 10.0, CARS), people], seed=4)
    waited, least, crossed = False, np.inf, set()
    for _, rows in watched(world, 120):
        on_foot = rows["object_class"] == int(ObjectClass.PEDESTRIAN)
        walkers, cars = rows[on_foot], rows[~on_foot]
        crossed |= set(walkers["id"][walkers["y"] > 3].tolist())
        waited |= bool(((np.abs(cars["x"] + 8) < 5) & (cars["vx"] < 0.3)).any())
        for walker in walkers[np.abs(walkers["y"]) < 0.9]:
            least = min(least, np.abs(cars["x"] - walker["x"]).min(initial=np.inf))
    assert waited
    assert len(crossed) > 8
    assert least > 3.0  # a car's half length and a step


def test_a_right_turn_waits_for_oncoming_traffic():
    west = Path.through([(150.0, -3.25), (-150.0, -3.25)])
    right = Path.through([(-150.0, 0.0), (0.0, 0.0), (0.0, -120.0)], 10.0)
    world = World([Route(west, 13.0, 14.0, CARS, 5), Route(right, 11.0, 4.0, CARS, 3)], seed=5)
    least, turned = np.inf, set()
    for _, rows in watched(world, 150):
        turned |= set(rows["id"][rows["y"] < -15].tolist())
        crossing = rows[(np.abs(rows["y"] + 3.25) < 1.5) & (np.abs(rows["x"]) < 3) & (rows["vx"] > -5)]
        oncoming = rows[(np.abs(rows["y"] + 3.25) < 0.1) & (rows["vx"] < -5)]
        for one in crossing:
            ahead = oncoming["x"][oncoming["x"] > one["x"]] - one["x"]
            least = min(least, ahead.min(initial=np.inf))
    assert len(turned) >= 5
    assert least > 12.0


@pytest.mark.parametrize("zips", [True, False])
def test_who_takes_turns_joins_without_a_halt(zips):
    slow = Path.through([(-250.0, 3.5), (250.0, 3.5)])
    ramp = Path.through([(-250.0, 30.0), (-120.0, 7.0), (-20.0, 7.0), (50.0, 3.5), (250.0, 3.5)], 30.0)
    manner = Manner(brake=1.6, headway_s=1.5)
    world = World(
        [
            Route(slow, 22.0, 14.0, CARS, 2, manner=manner),
            Route(ramp, 20.0, 8.0, CARS, 1, manner=manner, zips=zips, give_way_m=12.0),
        ],
        seed=6,
    )
    slowest, joined = np.inf, set()
    for _, rows in watched(world, 90):
        speed = np.hypot(rows["vx"], rows["vy"])
        on_ramp = (rows["y"] > 4.0) & (rows["x"] > -150)
        slowest = min(slowest, speed[on_ramp].min(initial=np.inf))
        joined |= set(rows["id"][on_ramp].tolist())
        ahead = np.sort(rows["x"][(np.abs(rows["y"] - 3.5) < 0.5)])
        assert (np.diff(ahead) > 5.0).all()  # nobody drives into another
    assert len(joined) >= 6
    assert (slowest > 12.0) == zips


def test_nobody_arrives_in_a_quiet_span_of_any_period():
    world = World([Route(EAST, 15.0, 30.0, CARS, quiet=((-5.0, 10.0),))], seed=7, period_s=40.0)
    known, arrivals = set(world.truth()["id"].tolist()), []
    for now, rows in watched(world, 120):
        new = set(rows["id"].tolist()) - known
        known |= new
        arrivals += [now % 40.0] * len(new)
    assert len(arrivals) > 15
    assert all(9.9 <= at <= 35.1 for at in arrivals)


def test_an_actor_that_heeds_others_does_as_told_as_far_as_they_let_it():
    slow = Script("slow", ObjectClass.CAR, EAST, ((0, 3.0), (60, 3.0)), 60.0)
    told = ((0.0, 15.0), (40.0, 15.0), (42.0, 5.0), (60.0, 5.0))
    heeding = Route(EAST, 15.0, 0.0)
    blind, seeing = (Script("one", ObjectClass.CAR, EAST, told, heeding=route) for route in (None, heeding))

    def places(script, *others):
        world = World([], [script, *others], warm_up_s=1.0)
        one = world.script_id(script.key)
        return {round(now, 1): rows[rows["id"] == one] for now, rows in watched(world, 50)}

    free, alone, behind = places(blind), places(seeing), places(seeing, slow)
    assert alone[15.0]["x"][0] == pytest.approx(free[15.0]["x"][0], abs=3.0)
    assert behind[15.0]["x"][0] < -150 + 60 + 3 * 15 - 4.4
    assert behind[15.0]["vx"][0] == pytest.approx(3.0, abs=0.5)
    assert not len(alone[40.0]), "its path has ended"
