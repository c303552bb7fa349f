"""Scenes and sensors: deterministic, plausible, and what is said to happen happens."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from controller.config import Mount
from interfaces.errors import ConfigError
from sim.fault import Deed, storm
from sim.road import TRUTH
from sim.scenario import SCENARIOS, scenario
from sim.sensing import MODELS, Sensor


def film(name, seconds, seed=1):
    world = scenario(name, seed).world()
    frames = [world.truth()]
    for _ in range(round(seconds * 10)):
        world.step(0.1)
        frames.append(world.truth())
    return world, frames


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_road(name):
    one, two = film(name, 6)[1], film(name, 6)[1]
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert len(one[-1]) > 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_jumps(name):
    _, frames = film(name, 20)
    for before, after in itertools.pairwise(frames):
        same, i, j = np.intersect1d(before["id"], after["id"], return_indices=True)
        moved = np.hypot(after["x"][j] - before["x"][i], after["y"][j] - before["y"][i])
        speed = np.maximum(np.hypot(before["vx"][i], before["vy"][i]), np.hypot(after["vx"][j], after["vy"][j]))
        assert (moved <= speed * 0.1 + 0.6).all(), same[moved > speed * 0.1 + 0.6]


def test_an_unknown_scene_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="intersection"):
        scenario("intersecton")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if scenario(name).events])
def test_actors_of_every_event_are_there_while_it_lasts(name):
    scene = scenario(name)
    world = scene.world()
    for event in sorted(scene.events, key=lambda one: one.start_s):
        middle = (event.start_s + event.end_s) / 2
        fresh = scene.world()
        while fresh.now_s < middle:
            fresh.step(0.1)
        present = set(fresh.truth()["id"].tolist())
        assert {fresh.script_id(actor) for actor in event.actors} <= present
    assert world.now_s == 0.0


def test_the_wrong_way_driver_stands_out_only_in_its_scene():
    scene = scenario("intersection")
    event = next(one for one in scene.events if one.kind == "wrong_way")
    world = scene.world()
    while world.now_s < (event.start_s + event.end_s) / 2:
        world.step(0.1)
    row = next(one for one in world.truth() if one["id"] == world.script_id(event.actors[0]))
    assert math.hypot(row["vx"], row["vy"]) > 3
    assert not scenario("calm").events


def rows(*places):
    truth = np.zeros(len(places), TRUTH)
    for index, (x, y, height) in enumerate(places):
        truth[index]["id"], truth[index]["object_class"] = index + 1, 2
        truth[index]["x"], truth[index]["y"], truth[index]["height"] = x, y, height
        truth[index]["length"], truth[index]["width"] = 4.5, 1.8
    return truth


def seen(sensor, truth, times):
    found = {}
    for _ in range(times):
        for one in sensor.observe(truth):
            found.setdefault(int(one["id"]), []).append((one["x"], one["y"]))
    return {key: np.array(value) for key, value in found.items() if len(value) > times / 20}


def test_a_sensor_sees_what_is_in_its_field_and_not_what_is_behind_it():
    sensor = Sensor(MODELS["camera"], Mount(yaw_deg=90.0), np.random.default_rng(1))
    found = seen(sensor, rows((0, 30, 1.5), (0, -30, 1.5), (0, 300, 1.5)), 300)
    (only,) = found.values()
    np.testing.assert_allclose(only.mean(0), (30, 0), atol=0.15)


def test_a_body_hides_what_is_behind_it():
    sensor = Sensor(MODELS["lidar"], Mount(), np.random.default_rng(2))
    assert len(seen(sensor, rows((20, 0, 3.5), (30, 0.2, 1.5)), 200)) == 1
    assert len(seen(sensor, rows((20, 0, 3.5), (30, 15, 1.5)), 200)) == 2


@pytest.mark.parametrize("name", MODELS)
def test_noise_is_what_the_sensor_declares(name):
    model = MODELS[name]
    sensor = Sensor(model, Mount(), np.random.default_rng(3))
    reach = model.range_m / 2
    (only,) = seen(sensor, rows((reach, 0, 1.5)), 3000).values()
    along, across = (one[0] + one[1] * reach for one in (model.along, model.across))
    np.testing.assert_allclose(only.std(0), (along, across), rtol=0.08)
    assert len(only) / 3000 == pytest.approx(model.detection, abs=0.12)


def test_a_storm_is_the_same_for_the_same_seed():
    assert storm(["a", "b"], 50, 3) == storm(["a", "b"], 50, 3) != storm(["a", "b"], 50, 4)
    assert {fault.deed for fault in storm(["a"], 50, 3)} == set(Deed)
