"""What stands between a sensor and a road user: other bodies and walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Many = Floats | float

Wall = tuple[tuple[float, float], tuple[float, float]]  # ends, m in local ENU; higher than any sensor
_SAMPLES: Final = np.linspace(-0.9, 0.9, 9)  # across a silhouette


def half_width_rad(truth: NDArray[np.void], reach: Floats, bearing: Floats, yaw: float) -> Floats:
    """Half the angle (n,) under which a sensor turned by `yaw` sees each TRUTH row at `reach` m, `bearing` rad."""
    turn = truth["yaw"] - yaw - bearing
    aside = (truth["length"] * np.abs(np.sin(turn)) + truth["width"] * np.abs(np.cos(turn))) / 2
    return np.asarray(np.arctan2(aside, np.maximum(reach, 1.0)))


def hidden_share(
    truth: NDArray[np.void], reach: Floats, bearing: Floats, half: Floats, eye_m: float
) -> NDArray[np.float64]:
    """Share (n,) of each silhouette's width that nearer bodies hide from an eye `eye_m` above the road.

    A body hides what the sight line to the middle of the farther body's height would cross below its roof.
    """
    if len(truth) < 2:
        return np.zeros(len(truth))
    nearer = reach[None, :] < reach[:, None] - 0.5 * truth["width"][:, None]
    ratio = reach[None, :] / np.maximum(reach[:, None], 0.1)
    sight_m = eye_m + (truth["height"][:, None] / 2 - eye_m) * ratio
    blocks = nearer & (sight_m < truth["height"][None, :])
    rays = bearing[:, None] + half[:, None] * _SAMPLES
    away = np.abs(np.remainder(rays[:, None, :] - bearing[None, :, None] + np.pi, 2 * np.pi) - np.pi)
    covered = blocks[:, :, None] & (away < half[None, :, None])
    return np.asarray(covered.any(1).mean(1))


def behind_walls(x: Floats, y: Floats, eye: tuple[float, float], walls: Sequence[Wall]) -> NDArray[np.bool_]:
    """Which points (n,) a wall hides from `eye`; all in local ENU."""
    hidden = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in walls:
        sides = _side(*eye, x, y, x0, y0) * _side(*eye, x, y, x1, y1) < 0
        ends = _side(x0, y0, x1, y1, *eye) * _side(x0, y0, x1, y1, x, y) < 0
        hidden |= sides & ends
    return hidden


def _side(
    ax: float, ay: float, bx: Floats | float, by: Floats | float, px: Floats | float, py: Floats | float
) -> Floats:
    """Positive where p lies to the left of the line from a to b."""
    return np.asarray((bx - ax) * (py - ay) - (by - ay) * (px - ax))
