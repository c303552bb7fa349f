"""A module that is badly installed does no harm to the picture, and the slot says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.fusion.standing import Standing
from controller.pipeline import Pipeline
from sim.evaluation.metrics import hota
from sim.evaluation.recording import of_scene
from sim.evaluation.run import run
from sim.miscalibration import WRONG
from sim.scenario import scenario

SECONDS = 24.0
SETTLED_S = 10.0


def scene_with(kind, slot="camera", road=("intersection", 1)):
    scene = scenario(*road)
    specs = (replace(one, wrong=WRONG[kind]) if one.slot == slot else one for one in scene.modules)
    return replace(scene, modules=tuple(specs))


def played(recording, monkeypatch):
    """The run, and what was found of each slot in the end."""
    pipelines = []
    begin = Pipeline.__init__
    monkeypatch.setattr(Pipeline, "__init__", lambda self, *known: (pipelines.append(self), begin(self, *known))[1])
    seen = run(recording)
    return seen, {slot: pipelines[-1].finding(slot) for slot in recording.served}


def late_hota(seen):
    return hota([one.frame for one in seen.instants if one.at_s >= SETTLED_S]).hota


@pytest.mark.parametrize("kind", ["shift", "far", "mirrored", "centimetres"])
def test_ten_seconds_with_a_bad_module_are_as_good_as_without_it(kind, monkeypatch):
    alone = of_scene(scenario("intersection", 1), SECONDS, without=("camera",))
    without, _ = played(alone, monkeypatch)
    # Who is in sight of the bad module alone counts for neither.
    bad, findings = played(replace(of_scene(scene_with(kind), SECONDS), counted=alone.counted), monkeypatch)
    assert findings["camera"].standing is Standing.QUARANTINED
    assert findings["camera"].words
    assert {findings[slot].standing for slot in ("lidar", "radar")} == {Standing.OK}
    assert late_hota(bad) >= late_hota(without) - 0.02


@pytest.mark.parametrize(
    ("seed", "slot", "kind", "words"),
    [
        (13, "lidar-2", "mirrored", "left and right are exchanged"),  # among many somebody is near by chance
        (3, "camera-1", "early", "ms too old"),  # among few, that are fast, all three contradict each other
        (3, "camera-2", "mirrored", "left and right are exchanged"),  # most of what it tells nobody looks at
    ],
)
def test_on_roads_by_chance_the_one_bad_module_is_left_out_and_named(seed, slot, kind, words, monkeypatch):
    road = ("roads", seed)
    alone = of_scene(scenario(*road), SECONDS, without=(slot,))
    without, _ = played(alone, monkeypatch)
    bad, findings = played(replace(of_scene(scene_with(kind, slot, road), SECONDS), counted=alone.counted), monkeypatch)
    assert findings.pop(slot).words.find(words) >= 0
    assert {one.standing for one in findings.values()} == {Standing.OK}
    assert late_hota(bad) >= late_hota(without) - 0.02


def test_good_modules_stay_in_service(monkeypatch):
    _, findings = played(of_scene(scenario("intersection", 1), SECONDS), monkeypatch)
    assert {one.standing for one in findings.values()} == {Standing.OK}


def on_trial(kind):
    """The camera of a scene as a swapped module: compared with the others, not fused."""
    scene = scene_with(kind) if kind else scenario("intersection", 1)
    recording = of_scene(scene, 14.0)
    pipeline = Pipeline(recording.config, recording.site)
    for slot in ("lidar", "radar"):
        pipeline.plug(slot, recording.served[slot])
    tick_ns = recording.messages[0].arrived_at_ns
    for message in recording.messages:
        while tick_ns < message.arrived_at_ns:
            pipeline.look(tick_ns)
            tick_ns += 100_000_000
        if message.slot == "camera":
            pipeline.agreement(message, recording.served["camera"])
        else:
            pipeline.add(message)
    return pipeline


def test_a_module_on_probation_is_compared_by_the_same_monitor_and_harms_nobody():
    wrong = on_trial("shift")
    assert wrong.finding("camera").standing is Standing.QUARANTINED
    assert "shifted" in wrong.finding("camera").words
    assert {wrong.finding(slot).standing for slot in ("lidar", "radar")} == {Standing.OK}
    right = on_trial(None)
    assert right.finding("camera").standing is Standing.OK
    assert right.finding("camera").effect_m < 0.4
    right.plug("camera")
    assert right.finding("camera") is None


def test_the_one_module_that_all_others_overlap_is_blamed_when_nobody_agrees_with_it(monkeypatch):
    """The LiDAR of the merge looks where each other module looks, and these hardly anywhere together."""
    scene = scenario("merge", 2)
    specs = tuple(replace(one, wrong=WRONG["mirrored"]) if one.slot == "lidar" else one for one in scene.modules)
    _, findings = played(of_scene(replace(scene, modules=specs), 26.0), monkeypatch)
    assert findings["lidar"].standing is Standing.QUARANTINED
    assert "mirrored" in findings["lidar"].words
    assert {one.standing for slot, one in findings.items() if slot != "lidar"} == {Standing.OK}
