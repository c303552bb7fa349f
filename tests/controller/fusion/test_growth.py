"""Twice as many road users on twice as much road are twice the work: counted, not timed."""

from __future__ import annotations

import numpy as np
import pytest
import scene

from controller.fusion import pairs, silhouette, step
from controller.fusion.assignment import assign
from controller.fusion.pairs import within
from controller.fusion.tracker import Tracker
from modules.detection import Axes, Detections, empty_objects

LANES, GAP_M = 4, 12.0


def queue(count: int, north: bool) -> list[Detections]:
    """A road of four lanes with a car every 12 m: its length grows with their number."""
    along, across = np.divmod(np.arange(count), LANES)
    random = np.random.default_rng(count)
    sent = []
    for k in range(8):
        rows = empty_objects(count)
        x = along * GAP_M + k + random.normal(0, 0.2, count)
        y = across * 3.5 + random.normal(0, 0.2, count)
        rows["x"], rows["y"] = (y, x) if north else (x, y)
        rows["sigma_pos"], rows["confidence"], rows["object_class"] = 0.3, 0.8, scene.CAR
        stamp = scene.START_NS + k * 100_000_000
        sent.append(Detections("lidar", stamp, stamp, Axes.ENU, rows, count))
    return sent


def work(monkeypatch: pytest.MonkeyPatch, count: int, north: bool) -> tuple[int, int, int]:
    """Over a short drive: pairs looked at by place, pairs by bearing for shadows, pairs that reach the assignment."""
    looked, matched = {pairs: 0, silhouette: 0}, 0

    def counting(module):
        def counted(left, reach, right):
            found = within(left, reach, right)
            looked[module] += len(found[0])
            return found

        return counted

    def counted_match(rows, columns, gain):
        nonlocal matched
        matched += len(rows)
        return assign(rows, columns, gain)

    with monkeypatch.context() as patch:
        for module in looked:
            patch.setattr(module, "within", counting(module))
        patch.setattr(step, "assign", counted_match)
        tracker = Tracker(scene.sensors(), seed=1)
        for message in queue(count, north):
            tracker.add(message)
        assert len(tracker.at(message.measured_at_ns).objects) > 0.9 * count
    return looked[pairs], looked[silhouette], matched


@pytest.mark.parametrize("north", [False, True])
def test_work_grows_with_the_road_users_not_with_their_square(monkeypatch, north) -> None:
    few, many = work(monkeypatch, 70, north), work(monkeypatch, 280, north)
    assert many[0] < 4.5 * few[0]
    assert many[2] < 4.5 * few[2]
    assert many[0] < 8 * 280 * 20
    # Along a straight road the far ones lie behind the near ones, whoever looks.
    assert many[1] < 8 * 280 * 280 / 5
