"""SCT and SCB: the safety cushion of the NEDO 安全性評価フレームワーク (draft): how much time is left to stop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.hazard.conflict import separation

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DECELERATION_MPS2: Final = 0.3 * 9.80665
REACTION_S: Final = 0.75
ACCIDENT, LARGE, MIDDLE, SMALL, NONE = "事故", "大", "中", "小", ""


class Cushion(NamedTuple):
    """On one axis: time to collision, safety cushion time (< 0: too late to stop), and the four reaches in metres."""

    ttc_s: float
    sct_s: float
    sd_m: float
    scb1_m: float
    scb2_m: float
    scb3_m: float


class Body(NamedTuple):
    """A box in motion: centre m, velocity m/s, yaw rad, length and width m."""

    x: float
    y: float
    vx: float
    vy: float
    yaw: float
    length: float
    width: float


def cushion(distance_m: float, closing_mps: float) -> Cushion:
    """SCT = TTC − v/(2·0.3 g) − 0.75 s; SD = 0.75 s·v + v²/(2·0.3 g); SCBn = SD + n s·v. Times NaN unless closing."""
    v = max(closing_mps, 0.0)
    ttc = abs(distance_m) / v if v > 0 else math.nan
    sct = ttc - v / (2 * MAX_DECELERATION_MPS2) - REACTION_S
    stop = REACTION_S * v + v * v / (2 * MAX_DECELERATION_MPS2)
    return Cushion(ttc, sct, stop, stop + v, stop + 2 * v, stop + 3 * v)


def nedo_level(one: Body, two: Body) -> str:
    """The worst overlap of the two bodies' regions (body, SD, SCB1, SCB2, SCB3), each stretched where it closes in."""
    if _overlap(one, two):
        return ACCIDENT
    ours, theirs = _regions(one, two), _regions(two, one)
    for level, reach in ((LARGE, 3), (MIDDLE, 4), (SMALL, 5)):
        # Regions are nested, so the widest of a level stands for all of it.
        if _overlap(ours[reach - 1], theirs[reach - 1]):
            return level
    return NONE


def _regions(body: Body, other: Body) -> tuple[Body, ...]:
    """Body, SD, SCB1, SCB2, SCB3 of `body` as boxes on its own two axes."""
    cos, sin = math.cos(body.yaw), math.sin(body.yaw)
    dx, dy, dvx, dvy = other.x - body.x, other.y - body.y, other.vx - body.vx, other.vy - body.vy
    ahead, aside = dx * cos + dy * sin, dy * cos - dx * sin
    closing = -(dvx * cos + dvy * sin) * _sign(ahead), -(dvy * cos - dvx * sin) * _sign(aside)
    along, across = cushion(ahead, closing[0]), cushion(aside, closing[1])
    stretched = [body]
    for length, width in zip(along[2:], across[2:], strict=True):
        shift_x, shift_y = _sign(ahead) * length / 2, _sign(aside) * width / 2
        stretched.append(
            body._replace(
                x=body.x + shift_x * cos - shift_y * sin,
                y=body.y + shift_x * sin + shift_y * cos,
                length=body.length + length,
                width=body.width + width,
            )
        )
    return tuple(stretched)


def _sign(value: float) -> float:
    return math.copysign(1.0, value)


def _overlap(one: Body, two: Body) -> bool:
    half: NDArray[np.float64] = np.array([one.length, one.width, two.length, two.width])[:, None] / 2
    at = (np.array([two.x - one.x]), np.array([two.y - one.y]))
    return bool(separation(*at, np.array([one.yaw]), np.array([two.yaw - one.yaw]), half)[0] <= 0)
