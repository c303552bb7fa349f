"""Recorded scenes: named without their files, played with them, clear about where to put them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from controller.geometry import LocalFrame
from controller.site_file import load
from interfaces.errors import ConfigError
from sim.film import film
from sim.replay import KNOWN
from sim.scenario import RECORDED, scenario
from sim.scenarios.ngsim import EXCERPTS, FOLDER, PAUSE_S

DATA = Path(__file__).parents[3] / "shared" / "data" / "ngsim"
TINY = f"""{KNOWN}
0.0,5,car,1.0,2.0,0.0,10.0,4.5,1.8
0.1,5,car,2.0,2.0,0.0,10.0,4.5,1.8
0.1,6,truck,9.0,2.0,1.5707963,3.0,9.0,2.5
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    for excerpt in EXCERPTS.values():
        (tmp_path / excerpt.file).write_text(TINY)
    monkeypatch.setenv(FOLDER, str(tmp_path))


@pytest.mark.parametrize("name", RECORDED)
def test_a_missing_recording_says_where_it_belongs(name, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    scene = scenario(name.replace("_", "-"))
    assert "NGSIM" in scene.description
    with pytest.raises(ConfigError, match=f"{EXCERPTS[name].file}.*{FOLDER}"):
        scene.world()


def test_between_its_frames_everybody_goes_straight_on(tiny):
    world = scenario("ngsim_us101").world()
    world.step(0.05)
    assert world.truth()["x"].tolist() == [1.5]
    world.step(0.05)
    assert world.truth()["id"].tolist() == [5, 6]


def test_a_new_round_begins_after_an_empty_pause_with_new_ids(tiny):
    world = scenario("ngsim_us101").world(repeat=True)
    world.step(0.1 + PAUSE_S / 2)
    assert len(world.truth()) == 0
    world.step(PAUSE_S / 2 + 0.05)
    assert world.truth()["id"].tolist() == [100_005]
    assert world.truth()["x"][0] == pytest.approx(1.5)


@pytest.mark.recording
@pytest.mark.skipif(not DATA.is_dir(), reason="no recordings beside the checkout (../shared/data)")
@pytest.mark.parametrize("name", RECORDED)
def test_real_traffic_is_seen_and_drives_on_the_lanes_drawn(name, monkeypatch):
    monkeypatch.setenv(FOLDER, str(DATA))
    scene = scenario(name)
    takes = list(film(scene, 3.0))
    assert {one.slot for take in takes for one in take.detections} == {"camera", "lidar", "radar"}
    site = load(scene.site, LocalFrame.of(scene.origin))
    rows = np.concatenate([take.truth for take in takes[::10]])
    match = site.lane_of(np.stack([rows["x"], rows["y"]], 1), rows["yaw"])
    assert (match.lane >= 0).mean() > 0.6
    assert np.abs(match.offset_m[match.lane >= 0]).mean() < 0.8
    for before, after in itertools.pairwise(takes):
        _, i, j = np.intersect1d(before.truth["id"], after.truth["id"], return_indices=True)
        moved = np.hypot(*(after.truth[axis][j] - before.truth[axis][i] for axis in "xy"))
        assert moved.max() < 1.5
