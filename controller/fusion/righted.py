"""What a module would have seen without its errors (ERRORS or more,): m east, m north, m of turn at 30 m, m at 10 m/s,
m too far at 30 m.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.standing import PACE_MPS, REACH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

LEAST_SCALE: Final = 0.1


def righted_places(errors: Floats, sensor: Sensor, seen: Floats) -> Floats:
    """Points (n, 2) without the module's shift, and its turn and range scale about its mount."""
    mount: Floats = np.array([sensor.x, sensor.y])
    right: Floats = turned(seen - errors[:2] - mount, errors[2] / REACH_M) / range_scale(errors) + mount
    return right


def righted_rows(errors: Floats, sensor: Sensor, rows: NDArray[np.void]) -> NDArray[np.void]:
    """Rows (n,) likewise: places; velocities and headings as they are turned."""
    rows, turn = rows.copy(), errors[2] / REACH_M
    rows["x"], rows["y"] = righted_places(errors, sensor, np.stack((rows["x"], rows["y"]), 1)).T
    rows["vx"], rows["vy"] = turned(np.stack((rows["vx"], rows["vy"]), 1), turn).T
    rows["yaw"] -= turn
    return rows


def range_scale(errors: Floats) -> float:
    """The module's distances over those that are right; a module that sees all in one place is not put right."""
    return max(1 + float(errors[4]) / REACH_M, LEAST_SCALE)


def delay_s(errors: Floats) -> float:
    """How much too new the module's stamps are."""
    return float(errors[3]) / PACE_MPS


def turned(vectors: Floats, yaw: float) -> Floats:
    """Vectors (n, 2) as they lie before who looks to `yaw`: ahead and to the left."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    return np.asarray(vectors @ np.array([[cos, -sin], [sin, cos]]))
