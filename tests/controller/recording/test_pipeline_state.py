"""Any pipeline's state, written at any instant and read into a fresh one, goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.config_file import load as load_config
from controller.config_file import load_site
from controller.pipeline import Pipeline
from controller.recording.about import anchors, config_of, shown
from controller.recording.state_reader import load
from controller.recording.state_writer import dump
from modules.detection import Axes, Detections, empty_objects

DEPLOY = Path(__file__).parents[3] / "deploy"
CONFIG = load_config(DEPLOY / "pole.toml")
SITE = load_site(CONFIG, DEPLOY)
START_NS = 1_800_000_000_000_000_000
STEPS, AFTER = 20, 12


class Road:
    """Road users on random courses as random sensors see them: late, missing, absurd, with and without ids."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.users = np.column_stack([self.rng.uniform(-40, 40, (8, 2)), self.rng.uniform(-9, 9, (8, 2))])
        self.kinds = self.rng.choice([0, 2, 4, 6, 8, 15], 8)

    def step(self, now_ns, slots):
        """(slot, Detections) of one tenth of a second."""
        self.users[:, :2] += 0.1 * self.users[:, 2:]
        for slot in slots:
            seen = self.rng.random(len(self.users)) < 0.9
            rows = empty_objects(int(seen.sum()))
            rows["x"], rows["y"] = (self.users[seen, :2] + self.rng.normal(0, 0.3, (len(rows), 2))).T
            rows["object_class"], rows["confidence"] = self.kinds[seen], self.rng.random(len(rows))
            if slot == "radar":
                rows["range_rate"] = self.rng.normal(0, 3, len(rows))
            else:
                rows["vx"], rows["vy"] = self.users[seen, 2:].T
                rows["id"] = np.flatnonzero(seen)
            for name in self.rng.choice(rows.dtype.names[3:], 2):
                rows[name][self.rng.random(len(rows)) < 0.05] = self.rng.choice([np.nan, np.inf, -1e30, 0.0])
            late_ns = int(self.rng.exponential(0.1) * 1e9)
            yield Detections(slot, now_ns - late_ns, now_ns, Axes.ENU, rows, len(rows), float(self.rng.random() * 0.1))


def bits(picture):
    return picture.tracks.objects.tobytes(), repr(picture.hazards), repr(picture.near_misses)


def forked(pipeline):
    """A fresh pipeline of the recorded configuration, with that one's state."""
    config = config_of(shown(CONFIG))
    twin = Pipeline(config, SITE)
    state = dump(vars(pipeline), anchors(CONFIG, SITE))
    vars(twin).update(load(state, anchors(config, SITE)))
    return twin


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, STEPS), st.sets(st.sampled_from(["camera", "lidar", "radar"]), min_size=1)
)
def test_two_pipelines_that_share_a_past_share_the_future(seed, fork_at, slots):
    pipeline, road = Pipeline(CONFIG, SITE), Road(seed)
    both = [pipeline]
    for slot in sorted(slots):
        pipeline.plug(slot)
    for step in range(fork_at + AFTER):
        now_ns = START_NS + step * 100_000_000
        if step == fork_at:
            both.append(forked(pipeline))
        if step == fork_at + 5:
            for one in both:
                one.unplug(min(slots))
        for message in road.step(now_ns, sorted(slots)):
            taken = {one.add(message) for one in both}
            assert len(taken) == 1
        assert len({bits(one.tick(now_ns)) for one in both}) == 1
    assert both[0].counters == both[1].counters


@pytest.mark.parametrize("fork_at", [1, 17])
def test_a_fork_leaves_the_original_alone(fork_at):
    plain, watched, road, same = Pipeline(CONFIG, SITE), Pipeline(CONFIG, SITE), Road(1), Road(1)
    for one in (plain, watched):
        one.plug("lidar")
    for step in range(25):
        now_ns = START_NS + step * 100_000_000
        if step == fork_at:
            twin = forked(watched)
        for one, other in zip(road.step(now_ns, ["lidar"]), same.step(now_ns, ["lidar"]), strict=True):
            plain.add(one)
            watched.add(other)
            if step >= fork_at and step % 2:
                twin.add(other)
        if step >= fork_at:
            twin.tick(now_ns)
        assert bits(plain.tick(now_ns)) == bits(watched.tick(now_ns))
