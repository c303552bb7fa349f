"""Times to contact of all pairs of 200 road users against another method: corners that run into edges."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import User, straight, ticks

from controller.hazard.conflict import HORIZON_S, conflicts
from interfaces.spec import ObjectClass

COUNT = 200
KINDS = (ObjectClass.CAR, ObjectClass.LARGE_VEHICLE, ObjectClass.MOTORCYCLE, ObjectClass.PEDESTRIAN)
Real = np.longdouble


def crowd(seed: int, reach_m: float):
    random = np.random.default_rng(seed)
    return next(
        ticks(
            [
                User(
                    straight(*random.uniform(-reach_m, reach_m, 2), *random.uniform(-12, 12, 2)),
                    kind=KINDS[n % 4],
                    yaw=random.uniform(-4, 4),
                )
                for n in range(COUNT)
            ],
            0,
        )
    ).objects


def corners(rows):
    """(n, 4, 2), counter-clockwise."""
    cos, sin = np.cos(rows["yaw"].astype(Real)), np.sin(rows["yaw"].astype(Real))
    box = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], Real) / 2
    along, across = box[:, 0] * rows["length"][:, None], box[:, 1] * rows["width"][:, None]
    x, y = cos[:, None] * along - sin[:, None] * across, sin[:, None] * along + cos[:, None] * across
    return np.stack((rows["x"][:, None] + x, rows["y"][:, None] + y), 2)


def cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def corner_meets_edge(points, box, velocity):
    """When each corner (p, 4, 2), moving with velocity (p, 2), first meets an edge of the box (p, 4, 2); inf: never."""
    first = np.full(len(points), np.inf, Real)
    for corner in range(4):
        for edge in range(4):
            begin, along = box[:, edge], box[:, (edge + 1) % 4] - box[:, edge]
            with np.errstate(divide="ignore", invalid="ignore"):
                across = cross(velocity, along)
                t = cross(begin - points[:, corner], along) / across
                share = cross(begin - points[:, corner], velocity) / across
                hit = (t >= 0) & (share >= 0) & (share <= 1)
            first = np.where(hit & (t < first), t, first)
    return first


def overlap(one, two):
    """Whether boxes (p, 4, 2) overlap now: no edge of either has the other wholly outside."""
    apart = np.zeros(len(one), bool)
    for a, b in ((one, two), (two, one)):
        for edge in range(4):
            along = a[:, (edge + 1) % 4] - a[:, edge]
            apart |= (cross(along[:, None], b - a[:, edge][:, None]) < 0).all(1)
    return ~apart


@pytest.mark.parametrize(("seed", "reach_m"), [(0, 150.0), (1, 60.0)])
def test_times_to_contact_of_all_pairs_are_exact(seed, reach_m):
    rows = crowd(seed, reach_m)
    first, second = np.triu_indices(COUNT, 1)
    boxes = corners(rows)
    one, two = boxes[first], boxes[second]
    velocity = np.stack([(rows[v][second] - rows[v][first]).astype(Real) for v in ("vx", "vy")], 1)
    truth = np.minimum(corner_meets_edge(two, one, velocity), corner_meets_edge(one, two, -velocity))
    truth = np.where(overlap(one, two), 0, truth)
    truth = np.where(truth <= HORIZON_S, truth, np.nan).astype(float)

    said = np.full((COUNT, COUNT), np.nan)
    found = conflicts(rows)
    said[found["first"], found["second"]] = found["ttc_s"]
    said = said[first, second]
    meets = np.isfinite(truth)
    assert meets.sum() > 100
    assert np.isfinite(said).tolist() == meets.tolist()
    assert np.abs(said - truth)[meets].max() <= 1e-9
