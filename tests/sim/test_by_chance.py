"""The open ground on which pairs meet by chance: what it is drawn from, and that near misses happen there."""

from __future__ import annotations

import numpy as np
import pytest

from interfaces.spec import VEHICLES, ObjectClass
from sim.evaluation.encounters import encounters
from sim.evaluation.truth import Truth
from sim.road import TRUTH
from sim.scenario import scenario
from sim.scenarios.encounters import EACH_S, MEETINGS


@pytest.fixture(scope="module")
def truth() -> Truth:
    scene = scenario("encounters", 3)
    world = scene.world()
    times, frames = [], []
    while world.now_s < scene.duration_s - 1e-6:
        times.append(round(world.now_s * 1e9))
        frames.append(world.truth())
        world.step(0.1)
    return Truth(tuple(times), tuple(frames))


def test_two_are_there_at_a_time_and_each_pair_for_ten_seconds(truth):
    counts = {len(rows) for rows in truth.frames}
    assert counts == {2}
    ids = {int(one) for rows in truth.frames for one in rows["id"]}
    assert len(ids) == 2 * MEETINGS
    assert len(truth.frames) == pytest.approx(MEETINGS * EACH_S * 10, abs=1)


def test_some_meetings_are_near_misses_and_some_are_not_and_none_is_a_crash(truth):
    sure = {met.ids for met in encounters(truth) if met.sure}
    assert MEETINGS * 0.15 < len(sure) < MEETINGS * 0.75
    assert min(met.ttc_s for met in encounters(truth)) > 0


def test_every_kind_of_road_user_takes_part():
    kinds = {script.object_class for seed in (1, 2, 3) for script in scenario("encounters", seed).scripts}
    assert kinds == VEHICLES - {ObjectClass.TRAM} | {ObjectClass.BICYCLE, ObjectClass.PEDESTRIAN}


def test_the_seed_is_all_the_chance_there_is():
    def rows(seed: int) -> np.ndarray:
        world = scenario("encounters", seed).world()
        world.step(33.0)
        return world.truth()

    assert rows(4).dtype == TRUTH
    np.testing.assert_array_equal(rows(4), rows(4))
    assert not np.array_equal(rows(4)["x"], rows(5)["x"])
