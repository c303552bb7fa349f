"""Plane geometry of lines (n, 2) and edges (m, 4) in metres, as a site map needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BLOCK: Final = 256  # rows at a time: bounds memory on long lines


class Foot(NamedTuple):
    """The point of a line that is nearest to another point: how far, how far along the line, its direction rad."""

    distance_m: float
    along_m: float
    direction: float


def way(line: Floats) -> Floats:
    """Metres from the beginning to each point."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def length(line: Floats) -> float:
    """Metres from end to end."""
    return float(way(line)[-1])


def at(line: Floats, along_m: Floats) -> Floats:
    """Points (k, 2) that lie `along_m` (k,) along the line; its ends beyond them."""
    metres = way(line)
    return np.stack([np.interp(along_m, metres, line[:, i]) for i in range(2)], axis=1)


def dense(line: Floats, step_m: float = 2.0) -> Floats:
    """The line with a point at least every `step_m`."""
    metres = way(line)
    return at(line, np.union1d(metres, np.arange(0.0, metres[-1], step_m)))


def chord(line: Floats, begin_m: float, end_m: float) -> float:
    """Direction rad from the point `begin_m` along the line to that `end_m` along it."""
    (x0, y0), (x1, y1) = at(line, np.array([begin_m, end_m]))
    return float(np.arctan2(y1 - y0, x1 - x0))


def turn(one: float, two: float) -> float:
    """The angle between two directions, rad, 0 to pi."""
    return float(abs((one - two + np.pi) % (2 * np.pi) - np.pi))


def foot(line: Floats, point: Floats) -> Foot:
    """Where `line` is nearest to `point` (2,)."""
    steps = np.diff(line, axis=0)
    size = np.hypot(*steps.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = ((point - line[:-1]) * steps).sum(axis=1) / size**2
    share = np.clip(np.nan_to_num(share), 0.0, 1.0)
    away = np.hypot(*(line[:-1] + share[:, None] * steps - point).T)
    best = int(np.argmin(away + np.where(size > 0, 0.0, 1e-9)))  # of equals one that has a direction
    along = float(way(line)[best] + share[best] * size[best])
    return Foot(float(away[best]), along, float(np.arctan2(steps[best, 1], steps[best, 0])))


def least_distance(one: Floats, two: Floats) -> float:
    """The least distance between the points of both."""
    blocks = np.array_split(one, len(one) // _BLOCK + 1)
    return min(float(np.hypot(*(block[:, None] - two).transpose(2, 0, 1)).min()) for block in blocks)


def edges_of(ring: Floats) -> Floats:
    """Consecutive points as rows (x0, y0, x1, y1)."""
    return np.hstack([ring[:-1], ring[1:]])


def crossings(one: Floats, two: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Points (k, 2) where edges `one` properly cross edges `two`, and the rows (k, 2) of both; touching is none."""
    points, rows = [np.empty((0, 2))], [np.empty((0, 2), np.intp)]
    if _far_apart(one, two):
        return points[0], rows[0]
    for start in range(0, len(one), _BLOCK):
        block = one[start : start + _BLOCK]
        a, b = block[:, None, :2], block[:, None, 2:]
        c, d = two[None, :, :2], two[None, :, 2:]
        side_a, side_b = _side(c, d, a), _side(c, d, b)
        hit = (side_a * side_b < 0) & (_side(a, b, c) * _side(a, b, d) < 0)
        i, j = np.nonzero(hit)
        share = side_a[i, j] / (side_a[i, j] - side_b[i, j])
        points.append(block[i, :2] + share[:, None] * (block[i, 2:] - block[i, :2]))
        rows.append(np.stack([i + start, j], axis=1))
    return np.concatenate(points), np.concatenate(rows)


def area_m2(edges: Floats) -> float:
    """What a simple ring's edges enclose; holes that run the other way round are taken off."""
    x0, y0, x1, y1 = edges.T
    return float(abs((x0 * y1 - x1 * y0).sum())) / 2


def _far_apart(one: Floats, two: Floats) -> bool:
    """Whether the boxes around both do not touch: of most pairs on a map the quick answer."""
    first, second = one.reshape(-1, 2), two.reshape(-1, 2)
    return bool((first.max(axis=0) < second.min(axis=0)).any() or (second.max(axis=0) < first.min(axis=0)).any())


def _side(a: Floats, b: Floats, p: Floats) -> Floats:
    """Sign: on which side of a → b the points lie."""
    side: Floats = (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])
    return side
