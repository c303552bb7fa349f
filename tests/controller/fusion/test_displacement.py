"""Who has moved, from comparisons alone, and what stays known of the others."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, Crowd, shifted

from controller.fusion.bank import SLOTS
from controller.fusion.displacement import Displacements

ALIKE = np.full(SLOTS, 2.0)  # nats against each


class Compared(Crowd):
    """A crowd whose modules are compared, and nobody is left out."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.known = Displacements()
        self.moved = []

    def second(self, blind=None):
        """One of them may see nobody."""
        for _ in range(5):
            self.t += 0.2
            objects = self.tracks(self.sensors).objects
            for slot in sorted(self.sensors.keys() - {blind}):
                self.known.keep(self.sensors[slot], self.seen(slot), objects, np.stack((objects["x"], objects["y"]), 1))
        self.moved.append(set(self.known.learn()))
        self.solve()

    def solve(self):
        self.known.solve(np.array(list(self.sensors)), ALIKE, frozenset())
        return self.known.errors


@pytest.mark.parametrize("seed", range(5))
def test_where_nobody_moves_nobody_seems_to(seed):
    crowd = Compared(seed=seed, count=3)
    for _ in range(60):
        crowd.second()
    assert not any(crowd.moved)


@pytest.mark.parametrize(
    ("slots", "told"), [((CAMERA, LIDAR, RADAR), {CAMERA}), ((CAMERA, LIDAR), {CAMERA, LIDAR})], ids=["three", "two"]
)
def test_it_is_told_who_moved_and_of_two_that_it_may_be_either(slots, told):
    crowd = Compared(slots=slots, count=30)
    for _ in range(20):
        crowd.second()
    crowd.wrong[CAMERA] = shifted(0.0, 2.0)
    crowd.second()
    crowd.second()
    assert set.union(*crowd.moved) == told


@pytest.mark.parametrize(("aside_m", "moved"), [(0.7, set()), (1.1, {CAMERA})])  # -0.4 nats and 5, the others -2
def test_who_moved_is_told_once_that_is_much_likelier_and_nobody_else_with_it(aside_m, moved):
    crowd = Compared(count=3, seed=6)
    for _ in range(20):
        crowd.second()
    crowd.wrong[CAMERA] = shifted(0.0, aside_m)
    crowd.second()
    assert crowd.moved[-1] == moved


@pytest.mark.parametrize(("slots", "kept"), [((CAMERA, LIDAR, RADAR), True), ((CAMERA, LIDAR), False)])
def test_where_it_may_be_either_of_two_what_is_known_of_a_third_stays_and_nothing_without_one(slots, kept):
    crowd = Compared(wrong={slots[-1]: shifted(1.5, 0.0)}, slots=slots, count=30)
    for _ in range(20):
        crowd.second()
    for _ in range(8):
        crowd.second(blind=RADAR)
    crowd.wrong[CAMERA] = shifted(0.0, 3.0)
    crowd.second(blind=RADAR)
    assert crowd.moved[-1] == {CAMERA, LIDAR}
    if kept:
        assert crowd.known.errors[RADAR, 0] > 0.5
    else:
        alone = crowd.known._known.since(np.arange(SLOTS), 1)
        assert (crowd.known._known.of(np.arange(SLOTS)).information == alone.information).all()


def test_of_who_may_have_moved_nothing_is_known_but_of_the_others_all():
    crowd = Compared(wrong={CAMERA: shifted(1.5, 0.0), LIDAR: shifted(0.0, 1.0)}, count=6)
    for _ in range(20):
        crowd.second()
    before = crowd.known.errors.copy()
    assert before[CAMERA, 0] > 1.0
    crowd.known.moved(CAMERA)
    after = crowd.solve()
    assert after[CAMERA, 0] == 0.0
    assert not crowd.known.founded(CAMERA)
    assert after[LIDAR, 1] - after[RADAR, 1] == pytest.approx(before[LIDAR, 1] - before[RADAR, 1], abs=0.3)
    assert crowd.known.founded(LIDAR)
