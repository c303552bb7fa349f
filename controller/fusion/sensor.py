"""A placed module: where it should see, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.unknown import known_or

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modules.capability import Capability

    Floats = NDArray[np.float64]

DEFAULT_ACCURACY: Final = ((0.0, 0.5, 1.0),)
MIN_SIGMA_M, MAX_SIGMA_M = 0.05, 50.0
# Share of the visibility (meteorological optical range, WMO-No. 8, 9.1): there the air leaves 22 % of a contrast, and
# 5 % of the echo of a LiDAR, whose light goes there and back.
SIGHT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sensor:
    """One slot's module in local ENU: `slot_index` counts slots in pole.toml's order, `yaw` rad from east."""

    slot_index: int
    capability: Capability
    x: float
    y: float
    z: float
    yaw: float
    doubt_m: float = 0.0  # 1 sigma of position beyond what the module declares
    sight_m: float = math.inf  # so far the weather lets it see

    def in_weather(self, visibility_m: float) -> Sensor:
        """The same where the air is as clear as that."""
        return replace(self, sight_m=SIGHT * visibility_m if self.capability.optical else math.inf)

    @property
    def reach_m(self) -> float:
        """How far its field of view goes; infinite when none is declared."""
        away = [math.hypot(x, y) for polygon in self.capability.field_of_view for x, y in polygon]
        return max(away, default=math.inf)

    def covers(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether points lie in the field of view; everywhere when none is declared."""
        polygons = [polygon for polygon in self.capability.field_of_view if len(polygon) >= 3]
        if not polygons:
            return np.ones(len(x), bool)
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        dx, dy = x - self.x, y - self.y
        forward, left = cos * dx + sin * dy, cos * dy - sin * dx
        inside: NDArray[np.bool_] = np.zeros(len(x), bool)
        for polygon in polygons:
            inside = np.logical_or(inside, _inside(polygon, forward, left))
        return inside

    def expects(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether it should see what is at points: they lie in the field of view, and the weather lets it see there."""
        expected = self.covers(x, y)
        if math.isfinite(self.sight_m):
            expected &= np.hypot(x - self.x, y - self.y) <= self.sight_m
        return expected

    def accuracy(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Declared sigma of position m and of velocity m/s at points, by range."""
        table = np.array(self.capability.accuracy or DEFAULT_ACCURACY, dtype=np.float64)
        away = np.hypot(x - self.x, y - self.y)
        return np.interp(away, table[:, 0], table[:, 1]), np.interp(away, table[:, 0], table[:, 2])

    def noise(self, rows: NDArray[np.void]) -> Floats:
        """Covariance (n, 2, 2) of places: the row's own, else its sigma, else the declared accuracy; plus our doubt."""
        declared, _ = self.accuracy(rows["x"], rows["y"])
        sigma = np.where(rows["sigma_pos"] > 0, rows["sigma_pos"], declared)
        sigma = np.clip(known_or(sigma, 1.0), MIN_SIGMA_M, MAX_SIGMA_M)
        noise = sigma[:, None, None] ** 2 * np.eye(2)
        xx, xy, yy = rows["cov_xx"], rows["cov_xy"], rows["cov_yy"]
        low, high = MIN_SIGMA_M**2, MAX_SIGMA_M**2
        with np.errstate(invalid="ignore", over="ignore"):
            sound = (xx >= low) & (yy >= low) & (xx <= high) & (yy <= high) & (xy * xy < 0.98 * xx * yy)
        if sound.any():
            own = np.stack((xx, xy, xy, yy), 1).reshape(-1, 2, 2)
            noise = np.where(sound[:, None, None], own, noise)
        return np.asarray(noise + self.doubt_m**2 * np.eye(2))


@lru_cache(maxsize=256)
def _edges(polygon: tuple[tuple[float, float], ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """x0, y0, x1, y1 (k, 1) of the edges that are not level."""
    corners = np.array(polygon)
    ends = np.roll(corners, -1, 0)
    steep = corners[:, 1] != ends[:, 1]
    x0, y0, x1, y1 = (column[steep, None] for column in (*corners.T, *ends.T))
    return x0, y0, x1, y1


def _inside(polygon: tuple[tuple[float, float], ...], x: Floats, y: Floats) -> NDArray[np.bool_]:
    x0, y0, x1, y1 = _edges(polygon)
    crosses = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    inside: NDArray[np.bool_] = np.logical_xor.reduce(crosses, 0)
    return inside
