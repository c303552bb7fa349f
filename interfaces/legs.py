"""Lines and rings of points (latitude, longitude) in degrees: lengths and distances in metres on the WGS84 ellipsoid.

Each leg has a plane of its own, true to a millionth for legs of some kilometres. No leg crosses 180° of longitude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_A_M: Final = 6_378_137.0
_E2: Final = 6.694379990141e-3


def scale(points: Floats) -> Floats:
    """Metres a degree of latitude and of longitude in the middle of each leg, (n, 2)."""
    phi = np.radians((points[:-1, 0] + points[1:, 0]) / 2)
    root = np.sqrt(1 - _E2 * np.sin(phi) ** 2)
    return np.radians(np.stack([_A_M * (1 - _E2) / root**3, _A_M * np.cos(phi) / root], axis=1))


def legs(points: Floats) -> tuple[Floats, Floats]:
    """Where each leg begins, degrees, and its way, metres north and east; both (n, 2)."""
    way: Floats = np.diff(points, axis=0) * scale(points)
    return points[:-1], way


def distances(points: Floats, boxes: Floats) -> Floats:
    """Metres from a line of points (n + 1, 2) to each of boxes (k, 4): 0 where they meet."""
    start, way = legs(points)
    metres = scale(points)
    low = (boxes[:, None, [1, 0]] - start) * metres  # (k, n, 2), from where the leg begins
    high = (boxes[:, None, [3, 2]] - start) * metres
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = low / way, high / way
    flat = (way == 0) & (low <= 0) & (high >= 0)  # a leg along this axis, between the box's sides
    enter = np.where(flat, -np.inf, np.fmin(first, second)).max(axis=2)
    leave = np.where(flat, np.inf, np.fmax(first, second)).min(axis=2)
    meets = np.maximum(enter, 0) <= np.minimum(leave, 1)
    ends = [_outside(low - at, high - at) for at in (np.zeros_like(way), way)]
    corners = [
        _off(np.stack([north, east], axis=2), way)
        for north in (low[..., 0], high[..., 0])
        for east in (low[..., 1], high[..., 1])
    ]
    nearest: Floats = np.where(meets, 0.0, np.minimum.reduce([*ends, *corners])).min(axis=1)
    return nearest


def _outside(low: Floats, high: Floats) -> Floats:
    off = np.maximum(np.maximum(low, -high), 0.0)
    return np.asarray(np.hypot(off[..., 0], off[..., 1]))


def _off(at: Floats, way: Floats) -> Floats:
    square = np.where((way**2).sum(axis=1) > 0, (way**2).sum(axis=1), 1.0)
    off = at - np.clip(dot(at, way) / square, 0.0, 1.0)[..., None] * way
    return np.asarray(np.hypot(off[..., 0], off[..., 1]))


def dot(one: Floats, other: Floats) -> Floats:
    """Products of vectors on the last axis, added."""
    return np.asarray((one * other).sum(axis=-1))


def inside(ring: Floats, at: Floats) -> NDArray[np.bool_]:
    """Even-odd rule for points (k, 2) in a closed ring."""
    (south, west), (north, east) = ring[:-1].T, ring[1:].T
    latitude, longitude = at[:, :1], at[:, 1:]
    spans = (south > latitude) != (north > latitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = west + (latitude - south) / (north - south) * (east - west)
    return np.asarray((spans & (longitude < crossing)).sum(axis=1) % 2 == 1)
