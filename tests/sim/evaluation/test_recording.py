"""Recordings: what modules declare, who is left out, who counts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from controller.fusion.sensor import Sensor
from controller.site import Site
from interfaces.errors import ConfigError
from modules.registry import REGISTRY
from sim.evaluation.recording import capability, of_log, of_scene
from sim.evaluation.scenes import filmed, usual
from sim.evaluation.sight import Sight, counted
from sim.evaluation.truth import Truth
from sim.module import SimModule
from sim.road import TRUTH
from sim.scenario import scenario
from sim.sensing import MODELS

SCENE = scenario("crossing", 1)


@pytest.mark.parametrize("spec", [one for one in SCENE.modules if one.module_class in MODELS], ids=lambda one: one.slot)
def test_a_module_can_do_what_its_data_sheet_says(spec):
    declared = REGISTRY[spec.module_class].capability(SimModule(spec, lambda: None)._sheet())
    ours = capability(MODELS[spec.module_class], spec.module_class)
    for name in ours.__slots__:
        mine, theirs = getattr(ours, name), getattr(declared, name)
        if name in ("field_of_view", "accuracy"):
            np.testing.assert_allclose(np.squeeze(mine), np.squeeze(theirs), rtol=1e-6, atol=1e-5)
        else:
            assert mine == pytest.approx(theirs, rel=1e-6) if isinstance(mine, float) else mine == theirs, name


def test_messages_come_in_order_of_arrival_from_every_sensor(recording):
    arrivals = [one.arrived_at_ns for one in recording.messages]
    assert arrivals == sorted(arrivals)
    assert {one.slot for one in recording.messages} == set(recording.served) == {"camera", "lidar", "radar"}


def test_a_module_is_left_out():
    without = of_scene(SCENE, 2.0, without=["lidar"])
    assert {one.slot for one in without.messages} == {"camera", "radar"}
    assert max(map(len, without.counted)) <= max(map(len, of_scene(SCENE, 2.0).counted))
    with pytest.raises(ConfigError, match="no such sensor; it has camera, lidar, radar"):
        of_scene(SCENE, 2.0, without=["comms"])


def test_another_seed_is_another_road():
    one, two = filmed("crossing", 1, 1.0), filmed("crossing", 2, 1.0)
    assert (
        len(one.truth.frames[-1]) != len(two.truth.frames[-1]) or (one.truth.frames[-1] != two.truth.frames[-1]).any()
    )


def test_roads_are_measured_when_they_are_named_with_modules_that_declare_what_they_are():
    assert "encounters" in usual()
    assert "roads" not in usual()
    made, scene = filmed("roads", 8, 1.0), scenario("roads", 8)
    assert {slot: able.rate_hz for slot, able in made.served.items()} == {
        spec.slot: spec.model.rate_hz for spec in scene.modules
    }
    assert len({able.rate_hz for able in made.served.values()}) > 1


def test_an_unknown_scene_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean crossing"):
        filmed("crosing", 1)


def test_a_log_and_a_truth_of_different_days_are_refused(recording):
    late = tuple(one + 10**15 for one in recording.truth.times_ns)
    told = Truth(late, recording.truth.frames), ()
    with pytest.raises(ConfigError, match="no instant in common"):
        of_log("log", recording.config, recording.site, recording.messages, told)
    with pytest.raises(ConfigError, match="holds no message of another module"):
        of_log("log", recording.config, recording.site, recording.messages, told, without=["camera", "lidar", "radar"])


def cars(*places):
    rows = np.zeros(len(places), TRUTH)
    for n, (x, y) in enumerate(places):
        rows[n]["id"], rows[n]["x"], rows[n]["y"] = n + 1, x, y
        rows[n]["length"], rows[n]["width"], rows[n]["height"], rows[n]["object_class"] = 4.4, 1.8, 1.5, 2
    return rows


def eye(reach_m=math.inf, walls=()):
    able = capability(MODELS["camera"], "camera")
    return Sight((Sensor(0, able, 0.0, 0.0, 5.0, 0.0),), (reach_m,), Site(), walls)


def test_who_is_behind_a_wall_beside_the_field_or_out_of_reach_is_not_seen():
    places = cars((30, 0), (-30, 0), (60, 0), (30, 20))
    assert eye().look(places)[0].tolist() == [True, False, True, True]
    assert eye(reach_m=50).look(places)[0].tolist() == [True, False, False, True]
    inside, seen = eye(walls=(((20.0, 5.0), (20.0, 30.0)),)).look(places)
    assert inside.tolist() == [True, False, True, True]
    assert not seen[3]


def test_who_was_hidden_for_less_than_a_second_still_counts():
    visible, hidden = (cars((30, y)) for y in (0.0, 20.0))
    wall = eye(walls=(((20.0, 5.0), (20.0, 30.0)),))
    frames = [hidden, visible, *[hidden] * 15]
    found = counted(Truth(tuple(n * 100_000_000 for n in range(len(frames))), tuple(frames)), wall)
    assert [bool(one) for one in found] == [False] + [True] * 11 + [False] * 5


def test_who_counts_is_some_of_who_is_there(recording):
    for rows, ids in zip(recording.truth.frames, recording.counted, strict=True):
        assert ids <= set(rows["id"].tolist())
    assert any(recording.counted)
    assert recording.counted_at(recording.truth.times_ns[0] - 1) == frozenset()
    assert replace(recording, counted=()).counted == ()
