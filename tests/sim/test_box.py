"""Boxes that touch or do not, held against another reckoning."""

from __future__ import annotations

import numpy as np

from controller.hazard.conflict import contact_interval
from sim.box import overlapping


def test_overlap_agrees_with_the_swept_boxes_of_the_pole():
    random = np.random.default_rng(3)
    one, two = (
        np.column_stack([random.uniform(-4, 4, (500, 2)), random.uniform(-3, 3, 500), random.uniform(0.4, 6, (500, 2))])
        for _ in "ab"
    )
    zero = np.zeros(500)
    half = np.stack([one[:, 3], one[:, 4], two[:, 3], two[:, 4]]) / 2
    begin, end = contact_interval(*(two - one)[:, :2].T, zero, zero, one[:, 2], two[:, 2] - one[:, 2], half)
    ours = overlapping(one, two)
    assert 0.2 < ours.mean() < 0.9
    np.testing.assert_array_equal(ours, begin <= end)
