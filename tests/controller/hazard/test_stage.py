"""The stage as the pipeline uses it: deterministic, bounded, and untroubled by odd ticks and rows."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import START_NS, User, braking, road, straight, ticks

from controller.config import Hazards, NearMisses
from controller.fusion.track import TRACK, Tracks, empty_tracks
from controller.hazard.stage import HazardStage
from controller.site import Site
from interfaces.spec import ObjectClass

USERS = [
    User(straight(100, 1.6, -12, 0)),
    User(straight(0, -1.6), yaw=0.0),
    User(braking(-80, 15, 4, 7, -1.6)),
    User(straight(-10, 0, 0.2, 0), ObjectClass.PEDESTRIAN),
]


def said(times=None, seed=3, site=None):
    stage = HazardStage(road() if site is None else site, Hazards(), NearMisses())
    return [repr(stage.step(tracks)) for tracks in ticks(USERS, 12, seed=seed, times=times)]


def test_the_same_ticks_give_the_same_words():
    assert said() == said()


def test_irregular_ticks_and_gaps_are_taken():
    rng = np.random.default_rng(5)
    words = "".join(said(times=np.cumsum([*rng.choice([0.05, 0.1, 0.3, 1.0], 50), 7.0, 0.1, 0.1]).tolist()))
    assert "wrong_way" in words
    assert "stationary_vehicle" in words


def test_the_same_instant_again_says_nothing():
    stage = HazardStage(road(), Hazards(), NearMisses())
    for tracks in ticks(USERS, 3):
        stage.step(tracks)
    assert stage.step(tracks) == ([], [])


def test_odd_rows_are_survived():
    rng = np.random.default_rng(0)
    stage = HazardStage(road(), Hazards(), NearMisses())
    floats = [name for name in TRACK.names or () if TRACK[name].kind == "f" and name != "cov"]
    for i in range(40):
        rows = empty_tracks(12)
        for name in floats:
            rows[name] = rng.choice([0.0, 1.0, -5.0, 1e9, np.nan, np.inf, 80.0], 12)
        rows["id"] = rng.integers(0, 6, 12)
        rows["object_class"] = rng.integers(0, 256, 12)
        rows["cov"] = rng.choice([0.0, 1.0, np.nan, -1.0, 1e12], (12, 4, 4), p=[0.5, 0.3, 0.01, 0.09, 0.1])
        stage.step(Tracks(START_NS + i * 100_000_000, rows))


def test_nothing_at_all_is_fine():
    stage = HazardStage(Site(), Hazards(), NearMisses())
    for i in range(5):
        assert stage.step(Tracks(START_NS + i, empty_tracks(0))) == ([], [])


@pytest.mark.parametrize("site", [road(), Site()], ids=["map", "no map"])
def test_memory_is_bounded_over_thousands_of_tracks(site):
    stage = HazardStage(site, Hazards(), NearMisses())
    passing = [User(straight(-40 + 8 * n, 1.6, 10, 0), ids=lambda t, n=n: 1 + n + 10 * int(t * 2)) for n in range(10)]
    for tracks in ticks(passing, 60, 5):
        stage.step(tracks)
    assert len(stage._memory._rows) < 200
    assert len(stage._near_misses._open) < 50
    assert sum(len(cases) for cases in stage._hazards._cases.values()) < 100
