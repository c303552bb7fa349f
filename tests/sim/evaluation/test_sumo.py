"""SUMO's drivers as truth; skipped where SUMO is not installed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from interfaces.errors import ConfigError
from sim.evaluation import sumo
from sim.evaluation.recording import of_scene


def test_without_sumo_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"smartpole\[sumo\]"):
        sumo.programs()


@pytest.mark.parametrize("name", sumo.SCENES)
def test_vehicles_drive_in_the_lanes_of_the_map(name):
    pytest.importorskip("sumo", reason="SUMO: make oracle-test")
    recording = of_scene(sumo.scene(name, 2), 8.0, world=sumo.world(name, 2))
    rows = np.concatenate(recording.truth.frames[::10])
    moving = rows[np.hypot(rows["vx"], rows["vy"]) > 3.0]
    assert len(moving) > 50
    match = recording.site.lane_of(np.stack([moving["x"], moving["y"]], axis=1), moving["yaw"])
    assert (match.lane >= 0).mean() > 0.9
    turned = np.abs(np.remainder(match.direction - moving["yaw"] + np.pi, 2 * np.pi) - np.pi)[match.lane >= 0]
    assert (turned < 0.5).mean() > 0.9, "they keep left"
    speed = np.hypot(moving["vx"], moving["vy"])
    ahead = (moving["vx"] * np.cos(moving["yaw"]) + moving["vy"] * np.sin(moving["yaw"])) / speed
    assert np.median(ahead) > 0.99
    assert np.percentile(np.hypot(moving["ax"], moving["ay"]), 95) < 8.0
    assert len(recording.messages) > 100


def test_the_same_seed_is_the_same_road():
    pytest.importorskip("sumo", reason="SUMO: make oracle-test")
    one = sumo._drive("sumo-merge", 3)
    sumo._drive.cache_clear()
    two = sumo._drive("sumo-merge", 3)
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert (sumo._drive("sumo-merge", 4)[100]["x"][:1] != one[100]["x"][:1]).all()
