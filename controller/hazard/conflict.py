"""Which pairs of road users are on course to touch: swept-box TTC and the measures that follow from it."""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import VULNERABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HORIZON_S: Final = 6.0
SLACK_M: Final = 1.0  # pairs that miss each other by less still get a probability
SAMPLES: Final = 24
GRAZE_M: Final = 0.2  # boxes are narrowed by so much a side, at most by half, before a probability: grazing is noise


class ConflictType(IntEnum):
    """By the angle between the courses: < 30°, 30 to 80°, more; or a vulnerable road user takes part."""

    REAR_END = 0
    LATERAL = 1
    CROSSING = 2
    VRU = 3


NAMES: Final = {
    ConflictType.REAR_END: "rear_end",
    ConflictType.LATERAL: "lateral",
    ConflictType.CROSSING: "crossing",
    ConflictType.VRU: "vru",
}

# One row a pair, first < second rows of the tracks. ttc_s, mttc_s: NaN when the courses do not meet. gap_m: the widest
# separation over the four box axes, negative when the boxes overlap. closing_mps: |Δv|. probability: P(TTC < τ)
# for the three τ asked for.
CONFLICT = np.dtype(
    [
        ("first", "<i4"),
        ("second", "<i4"),
        ("type", "u1"),
        ("ttc_s", "<f8"),
        ("mttc_s", "<f8"),
        ("drac_mps2", "<f8"),
        ("closing_mps", "<f8"),
        ("gap_m", "<f8"),
        ("angle", "<f8"),
        ("probability", "<f8", (3,)),
    ]
)


def conflicts(objects: NDArray[np.void], tau_s: tuple[float, float, float] = (3.0, 1.5, 1.0)) -> NDArray[np.void]:
    """Rows of CONFLICT for every pair of TRACK rows that comes within 1 m inside 6 s at constant velocity."""
    columns = _columns(objects)
    first, second, approach = _near(columns)
    found = np.zeros(len(first), CONFLICT)
    if not len(first):
        return found
    one, two = columns[:, first], columns[:, second]
    found["first"], found["second"] = first, second
    dx, dy, dvx, dvy = two[:4] - one[:4]
    shape = _shape(one, two)
    begin, end = contact_interval(dx, dy, dvx, dvy, *shape)
    ttc = np.maximum(begin, 0.0)
    meets = (begin <= end) & (end >= 0) & (ttc <= HORIZON_S)
    found["ttc_s"] = np.where(meets, ttc, np.nan)
    found["gap_m"] = separation(dx, dy, *shape)
    closing = np.hypot(dvx, dvy)
    found["closing_mps"] = closing
    with np.errstate(divide="ignore", invalid="ignore"):
        found["drac_mps2"] = np.where(meets, closing / (2 * np.maximum(ttc, 1e-3)), np.nan)
    found["mttc_s"] = np.where(meets, _modified_ttc(objects, first, second, found), np.nan)
    found["angle"] = _angle(one, two)
    found["type"] = _types(objects["object_class"], first, second, found["angle"])
    likely = np.flatnonzero(approach <= max(tau_s) + 1.0)
    found["probability"][likely] = _probabilities(objects, found[likely], (dx, dy, dvx, dvy), shape, likely, tau_s)
    return found


def contact_interval(
    dx: Floats, dy: Floats, dvx: Floats, dvy: Floats, yaw: Floats, turn: Floats, half: Floats
) -> tuple[Floats, Floats]:
    """When two boxes in straight motion overlap: (begin, end) s, begin > end when never. Broadcasts.

    Relative position and velocity of the second; `yaw` of the first, `turn` = yaw of the second − yaw; `half` =
    (length, width) of the first, of the second, halved. Separating axes, swept (Gottschalk 1996).
    """
    begin = np.full(np.broadcast(dx, dvx).shape, -np.inf)
    end = np.full_like(begin, np.inf)
    for cos, sin, reach in _axes(yaw, turn, half):
        offset, speed = dx * cos + dy * sin, dvx * cos + dvy * sin
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            pace = 1 / speed
            middle, spread = -offset * pace, np.abs(reach * pace)
            low, high = middle - spread, middle + spread
        parallel = np.abs(speed) < 1e-12
        if parallel.any():
            touching = np.abs(offset) <= reach
            low = np.where(parallel, np.where(touching, -np.inf, np.inf), low)
            high = np.where(parallel, np.where(touching, np.inf, -np.inf), high)
        begin, end = np.maximum(begin, low), np.minimum(end, high)
    return begin, end


def separation(dx: Floats, dy: Floats, yaw: Floats, turn: Floats, half: Floats) -> Floats:
    """The widest gap in metres over the four box axes; negative: how deep the boxes overlap."""
    gap = np.full(np.shape(dx), -np.inf)
    for cos, sin, reach in _axes(yaw, turn, half):
        gap = np.maximum(gap, np.abs(dx * cos + dy * sin) - reach)
    return gap


def narrowed(half: Floats) -> Floats:
    """Half lengths and widths (4, …) with the widths less GRAZE_M, at least half of them."""
    slim = half.copy()
    slim[1::2] = np.maximum(half[1::2] - GRAZE_M, half[1::2] / 2)
    return slim


def _axes(yaw: Floats, turn: Floats, half: Floats) -> list[tuple[Floats, Floats, Floats]]:
    c, s = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    la, wa, lb, wb = half
    ca, sa, cb, sb = np.cos(yaw), np.sin(yaw), np.cos(yaw + turn), np.sin(yaw + turn)
    return [
        (ca, sa, la + lb * c + wb * s),
        (-sa, ca, wa + lb * s + wb * c),
        (cb, sb, lb + la * c + wa * s),
        (-sb, cb, wb + la * s + wa * c),
    ]


def _columns(objects: NDArray[np.void]) -> Floats:
    names = ("x", "y", "vx", "vy", "yaw", "length", "width")
    table = np.stack([objects[name].astype(np.float64) for name in names])
    table[5:] = np.maximum(np.nan_to_num(table[5:], nan=0.5), 0.1)
    table[4] = np.where(np.isfinite(table[4]), table[4], np.arctan2(table[3], table[2]))
    return table


def _shape(one: Floats, two: Floats) -> tuple[Floats, Floats, Floats]:
    return one[4], two[4] - one[4], np.stack([one[5], one[6], two[5], two[6]]) / 2


@lru_cache(maxsize=8)
def _all_pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(count, 1)
    return first, second


def _near(columns: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Pairs whose circumscribed circles come within SLACK_M inside the horizon, and the earliest time they may."""
    first, second = _all_pairs(columns.shape[1])
    dx, dy, dvx, dvy = (columns[i][second] - columns[i][first] for i in range(4))
    radius = np.hypot(columns[5], columns[6]) / 2
    reach = radius[first] + radius[second] + SLACK_M
    speed2 = dvx * dvx + dvy * dvy
    toward = -(dx * dvx + dy * dvy)
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.clip(np.where(speed2 > 1e-12, toward / speed2, 0.0), 0.0, HORIZON_S)
    away2 = (dx + nearest * dvx) ** 2 + (dy + nearest * dvy) ** 2
    kept = np.flatnonzero(away2 <= reach * reach)
    distance = np.hypot(dx[kept], dy[kept]) - reach[kept]
    approach = np.maximum(distance, 0) / np.maximum(np.sqrt(speed2[kept]), 1e-6)
    return first[kept], second[kept], approach


def _modified_ttc(
    objects: NDArray[np.void], first: NDArray[np.intp], second: NDArray[np.intp], found: NDArray[np.void]
) -> Floats:
    """TTC with the present relative acceleration along the relative course (Ozbay 2008); NaN: it never comes to it."""
    dvx, dvy = (objects[n][second] - objects[n][first] for n in ("vx", "vy"))
    dax, day = (np.nan_to_num(objects[n][second] - objects[n][first]) for n in ("ax", "ay"))
    speed = np.maximum(found["closing_mps"], 1e-9)
    gain = (dax * dvx + day * dvy) / speed
    way = found["ttc_s"] * speed
    inner = speed * speed + 2 * gain * way
    with np.errstate(invalid="ignore"):
        return np.where(inner >= 0, 2 * way / (speed + np.sqrt(inner)), np.nan)


def _angle(one: Floats, two: Floats) -> Floats:
    """Between the courses, 0 to π; a standing one's course is where it points."""
    course = [np.where(np.hypot(p[2], p[3]) > 1.0, np.arctan2(p[3], p[2]), p[4]) for p in (one, two)]
    between: Floats = np.abs(np.angle(np.exp(1j * (course[1] - course[0]))))
    return between


def _types(
    classes: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp], angle: Floats
) -> NDArray[np.uint8]:
    weak = np.isin(classes, [int(c) for c in VULNERABLE])
    by_angle = np.where(
        angle < math.radians(30),
        ConflictType.REAR_END,
        np.where(angle <= math.radians(80), ConflictType.LATERAL, ConflictType.CROSSING),
    )
    return np.where(weak[first] | weak[second], ConflictType.VRU, by_angle).astype(np.uint8)


def _halton(index: int, base: int) -> float:
    value, scale = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        scale /= base
        value += digit * scale
    return value


def _draws() -> Floats:
    """24 × 4 standard normal draws, antithetic, of unit variance, the same on every machine."""
    inverse = NormalDist().inv_cdf
    half = np.array([[inverse(_halton(i + 1, base)) for base in (2, 3, 5, 7)] for i in range(SAMPLES // 2)])
    half /= np.sqrt((half**2).mean(axis=0))
    return np.concatenate([half, -half])


_DRAWS: Final = _draws()


def _probabilities(
    objects: NDArray[np.void],
    found: NDArray[np.void],
    motion: tuple[Floats, ...],
    shape: tuple[Floats, Floats, Floats],
    rows: NDArray[np.intp],
    tau_s: tuple[float, float, float],
) -> Floats:
    """P(TTC < τ), shape (pairs, 3), over samples of the joint covariance of relative position and velocity."""
    covariance = np.nan_to_num(objects["cov"][found["first"]] + objects["cov"][found["second"]])
    root = _root(covariance)
    offset = np.einsum("pij,sj->ips", root, _DRAWS)
    dx, dy, dvx, dvy = (motion[i][rows][:, None] + offset[i] for i in range(4))
    yaw, turn, half = shape[0][rows][:, None], shape[1][rows][:, None], narrowed(shape[2][:, rows][:, :, None])
    begin, end = contact_interval(dx, dy, dvx, dvy, yaw, turn, half)
    ttc = np.where((begin <= end) & (end >= 0), np.maximum(begin, 0), np.inf)
    return np.stack([np.count_nonzero(ttc < tau, axis=1) / SAMPLES for tau in tau_s], axis=1)


def _root(covariance: Floats) -> Floats:
    """A square root of each symmetric 4 × 4 matrix; one that is not positive semi-definite loses what is negative."""
    try:
        root = np.asarray(np.linalg.cholesky(covariance + np.eye(4) * 1e-9), np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return root
