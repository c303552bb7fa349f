"""A whole scene in which a module is knocked: who is left out, and when."""

from __future__ import annotations

import dataclasses

import pytest

from controller.fusion.standing import Standing
from controller.pipeline import Pipeline
from controller.replay import pictures
from sim.evaluation.recording import of_scene
from sim.evaluation.run import RATE_HZ
from sim.miscalibration import Miscalibration
from sim.scenario import scenario

KNOCKED_S, LENGTH_S = 8.0, 13.0


@pytest.mark.parametrize(
    ("slot", "error"),
    [
        ("camera", {"yaw_deg": 6.0}),
        ("radar", {"yaw_deg": 6.0}),
        ("lidar", {"scale": 1 / 0.3048}),
    ],
)
def test_a_module_knocked_in_a_busy_scene_is_left_out_within_seconds_and_no_other(slot, error):
    wrong = Miscalibration(from_s=KNOCKED_S, **error)
    scene = scenario("intersection", 1)
    modules = tuple(dataclasses.replace(one, wrong=wrong) if one.slot == slot else one for one in scene.modules)
    recording = of_scene(dataclasses.replace(scene, modules=modules), LENGTH_S)
    pipeline, out = Pipeline(recording.config, recording.site), {}
    for picture in pictures(pipeline, recording.messages, RATE_HZ, recording.served):
        for one in recording.served:
            found = pipeline.finding(one)
            if found is not None and found.standing is Standing.QUARANTINED:
                out.setdefault(one, recording.truth.seconds(picture.tracks.valid_at_ns))
    assert list(out) == [slot]
    assert KNOCKED_S < out[slot] < KNOCKED_S + 5.0
