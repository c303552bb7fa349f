"""What modules saw of the same tracks, side by side: means of a second, along each body and across it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import TERMS
from controller.fusion.reference_point import too_near_m
from controller.fusion.standing import PACE_MPS, REACH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

INDEPENDENT: Final = 4  # measurements of one track in a period, at most
COMMON_M: Final = 0.2  # 1 sigma of what a module gets wrong about one track all the time,
EXTENT: Final = 0.2  # and that share of half its length and, across it, of half its width: which part of it is seen
COURSE_MPS: Final = 1.0  # from which on it is known how a body lies

SAMPLE: Final = np.dtype(
    [
        ("track", "<u4"),
        ("slot", "<i4"),
        ("off", "<f8", 2),
        ("basis", "<f8", (2, TERMS)),
        ("sigma", "<f8"),
        ("ahead", "<f8", 2),
        ("half", "<f8", 2),
    ]
)


class Seen(NamedTuple):
    """Means (n,) of what one module saw of one track that others saw, too: `ids[track]`. Vectors (n, 2) are along the
    body and across it, as is their `weight`.
    """

    ids: NDArray[np.int64]
    track: NDArray[np.intp]
    slot: NDArray[np.int64]
    off: Floats
    basis: Floats
    weight: Floats
    sigma: Floats


def samples(sensor: Sensor, rows: NDArray[np.void], track: NDArray[np.void], place: Floats) -> NDArray[np.void]:
    """SAMPLE rows (n,) of what one module saw of tracks (n,), which were at `place` (n, 2) then."""
    made = np.zeros(len(rows), SAMPLE)
    made["track"], made["slot"] = track["id"], sensor.slot_index
    made["off"] = np.stack((rows["x"], rows["y"]), 1) - place
    sight = place - np.array([sensor.x, sensor.y])
    made["ahead"], made["half"] = ahead, half = _lie(track)
    made["basis"] = _basis(sight, track, too_near_m(sensor, _reach(sight, ahead, half)))
    declared = sensor.accuracy(rows["x"], rows["y"])[0]
    sigma = np.where(rows["sigma_pos"] > 0, rows["sigma_pos"], declared)
    made["sigma"] = np.clip(np.nan_to_num(sigma, nan=1.0), 0.1, 5.0)
    return made


def gathered(rows: NDArray[np.void]) -> Seen:
    """The samples by track and module."""
    tracks = rows["track"].astype(np.int64)
    pairs, group, count = np.unique(tracks * SLOTS + rows["slot"], return_inverse=True, return_counts=True)
    ids, track, modules = np.unique(pairs // SLOTS, return_inverse=True, return_counts=True)
    off, half, basis = (_sum(rows[name], group, len(pairs)) / count[:, None] for name in ("off", "half", "basis"))
    sigma = np.bincount(group, rows["sigma"]) / count
    noise = sigma**2 / np.minimum(count, INDEPENDENT) + COMMON_M**2
    weight = 1 / (noise[:, None] + (EXTENT * half) ** 2)
    turn = _turns(_sum(rows["ahead"], track[group], len(ids)))[track]
    off, basis = (turn @ off[:, :, None])[..., 0], turn @ basis.reshape(-1, 2, TERMS)
    shared = modules[track] > 1
    ids, track = np.unique(ids[track[shared]], return_inverse=True)
    return Seen(ids, track, pairs[shared] % SLOTS, off[shared], basis[shared], weight[shared], sigma[shared])


def _basis(sight: Floats, track: NDArray[np.void], near_m: Floats) -> Floats:
    """(n, 2, TERMS): what one of each term does to what a module sees at `sight` (n, 2) from it: metres, and sigmas
    (n,) of what it sees too near.
    """
    basis = np.zeros((len(sight), 2, TERMS))
    x, y = sight.T
    near = near_m / np.maximum(np.hypot(x, y), 1.0)
    basis[:, 0, 0] = basis[:, 1, 1] = 1
    basis[:, 0, 2], basis[:, 1, 2] = -y / REACH_M, x / REACH_M
    basis[:, 0, 3], basis[:, 1, 3] = -track["vx"] / PACE_MPS, -track["vy"] / PACE_MPS
    basis[:, 0, 4], basis[:, 1, 4] = x / REACH_M, y / REACH_M
    basis[:, 0, 5], basis[:, 1, 5] = -near * x, -near * y
    return basis


def _lie(track: NDArray[np.void]) -> tuple[Floats, Floats]:
    """How bodies lie (n, 2), and half their lengths and widths (n, 2); half the length both ways where that is not
    sure.
    """
    half = np.stack((np.nan_to_num(track["length"], nan=2.0), np.nan_to_num(track["width"], nan=2.0)), 1) / 2
    unsure = np.hypot(track["vx"], track["vy"]) < COURSE_MPS
    half[unsure, 1] = half[unsure, 0]
    return np.stack((np.cos(track["yaw"]), np.sin(track["yaw"])), 1), half


def _reach(sight: Floats, ahead: Floats, half: Floats) -> Floats:
    """How far (n,) bodies that lie so reach along lines of sight (n, 2)."""
    away = np.maximum(np.hypot(sight[:, 0], sight[:, 1]), 1.0)
    along, across = (ahead * sight).sum(1), ahead[:, 0] * sight[:, 1] - ahead[:, 1] * sight[:, 0]
    reach: Floats = (half[:, 0] * np.abs(along) + half[:, 1] * np.abs(across)) / away
    return reach


def _turns(ahead: Floats) -> Floats:
    """(n, 2, 2): from east and north to along and across."""
    cos, sin = (ahead / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]).T
    return np.stack((np.stack((cos, sin), 1), np.stack((-sin, cos), 1)), 1)


def _sum(values: Floats, group: NDArray[np.intp], groups: int) -> Floats:
    """(groups, m) of values (n, ...) by group (n,)."""
    total = np.zeros((groups, math.prod(values.shape[1:])))
    np.add.at(total, group, values.reshape(len(values), total.shape[1]))
    return total
