"""Roads by chance: every one of them can be driven on, has a map that is right, and differs from the others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from controller.geometry import LocalFrame
from controller.site_file import read
from sim.box import overlapping
from sim.scenario import scenario
from sim.scenarios.roads import SETS

SEEDS = range(1, 41)


@pytest.fixture(scope="module")
def scenes():
    return [scenario("roads", seed) for seed in SEEDS]


def test_every_map_is_without_a_mistake(scenes):
    for scene in scenes:
        site, findings = read(scene.site, LocalFrame.of(scene.origin), f"roads {scene.seed}")
        findings.finish()  # raises with all of them
        assert len(site.lanes) >= 2


def test_no_two_are_alike_and_the_seed_is_all_the_chance_there_is(scenes):
    places = [json.loads(scene.site)["name"] for scene in scenes]
    assert len(set(places)) > 0.8 * len(places)
    assert scenario("roads", 7).modules == scenes[6].modules
    one, two = (scenario("roads", 7).world() for _ in "ab")
    for world in (one, two):
        world.step(5.0)
    np.testing.assert_array_equal(one.truth(), two.truth())


def test_traffic_keeps_left_on_some_and_right_on_others(scenes):
    """On straight roads one way lies on this side of the other one's course, or on that."""
    sides = set()
    for scene in scenes:
        lanes = {one["properties"]["id"]: one for one in json.loads(scene.site)["features"]}
        if "there-0" in lanes:
            there, back = (np.array(lanes[name]["geometry"]["coordinates"]) for name in ("there-0", "back-0"))
            course, beside = there[1] - there[0], back[-1] - there[0]
            sides.add(bool(course[0] * beside[1] - course[1] * beside[0] > 0))
    assert sides == {True, False}


def test_modules_differ_in_number_and_in_how_they_are(scenes):
    assert {len(scene.modules) for scene in scenes} == {len(one) for one in SETS}
    models = [spec.model for scene in scenes for spec in scene.modules]
    assert {model.rate_hz for model in models} == {5.0, 10.0, 20.0}
    assert min(model.latency_s for model in models) < 0.06
    assert max(model.latency_s for model in models) > 0.36


def test_everything_that_can_go_wrong_does(scenes):
    keys = {script.key.split("-")[0] for scene in scenes for script in scene.scripts}
    assert keys == {"brakes", "stands", "against", "walks", "runs", "races", "crawls", "fallen"}


@pytest.mark.parametrize("seed", [2, 6, 9])
def test_nobody_drives_through_anybody(seed):
    scene = scenario("roads", seed)
    world, counts = scene.world(), []
    while world.now_s < scene.duration_s:
        rows = world.truth()
        boxes = np.stack([rows[name] for name in ("x", "y", "yaw", "length", "width")], axis=1)
        first, second = np.triu_indices(len(rows), 1)
        near = np.hypot(boxes[first, 0] - boxes[second, 0], boxes[first, 1] - boxes[second, 1]) < 12
        assert not overlapping(boxes[first[near]], boxes[second[near]]).any(), world.now_s
        counts.append(len(rows))
        world.step(0.2)
    assert np.mean(counts) > 4
