"""Scenes: deterministic, plausible, and what is said to happen, and nothing else, happens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from controller.fusion.track import empty_tracks
from controller.hazard.conflict import conflicts
from interfaces.errors import ConfigError
from sim.fault import Deed, storm
from sim.happening import LASTING, happenings
from sim.scenario import SCENARIOS, scenario


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


def names(scene):
    world = scene.world()
    return {world.script_id(script.key): script.key for script in scene.scripts}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_declared_is_all_that_happens(name):
    """The truth of a scene, judged by plain definitions, and its list of events cover each other."""
    scene = scenario(name)
    keys = names(scene)
    told = [event for event in scene.events if event.kind in LASTING]
    seen = happenings(scene)
    for event in told:
        assert any(matches(event, one, keys) for one in seen), event
    for one in seen:
        assert any(matches(event, one, keys) for event in told), one


def matches(event, one, keys):
    if event.kind != one.kind or event.end_s < one.start_s - 1.0 or event.start_s > one.end_s + 1.0:
        return False
    return one.kind == "queue_tail" or {keys.get(key, key) for key in one.ids} == set(event.actors)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scene_is_as_long_as_one_can_watch_and_its_events_lie_in_it(name):
    scene = scenario(name)
    assert 60 <= scene.duration_s <= 120
    assert all(0 <= event.start_s < event.end_s <= scene.duration_s for event in scene.events)
    assert {actor for event in scene.events for actor in event.actors} <= {script.key for script in scene.scripts}
    assert bool(scene.events) == (name != "calm")


def test_the_wrong_way_driver_stands_out():
    scene = scenario("wrong_way_fog")
    world = scene.world()
    while world.now_s < 25:
        world.step(0.1)
    rows = {int(row["id"]): row for row in world.truth()}
    against = rows.pop(world.script_id("wrong-way-car"))
    assert against["vx"] < -15
    assert all(row["vx"] > 0 for row in rows.values())


def test_events_begin_anew_when_the_road_repeats():
    scene = scenario("wrong_way_fog")
    world = scene.world(repeat=True)
    first = world.script_id("wrong-way-car")
    while world.now_s < scene.duration_s + 25:
        world.step(0.1)
    again = world.script_id("wrong-way-car")
    assert again != first
    assert again in world.truth()["id"]


def test_a_storm_is_the_same_for_the_same_seed():
    assert storm(["a", "b"], 50, 3) == storm(["a", "b"], 50, 3) != storm(["a", "b"], 50, 4)
    assert {fault.deed for fault in storm(["a"], 50, 3)} == set(Deed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_drives_through_another(name):
    world = scenario(name).world()
    while world.now_s < scenario(name).duration_s:
        world.step(0.1)
        if round(world.now_s * 10) % 5 == 0:
            truth = world.truth()
            rows = empty_tracks(len(truth))
            for column in truth.dtype.names:
                rows[column] = truth[column]
            met = conflicts(rows)
            through = met[met["gap_m"] < -0.3]
            assert not len(through), (world.now_s, truth["id"][[*through["first"], *through["second"]]])
