"""What a sensor makes of the road: field of view, bodies in the way, noise by range, misses, false alarms, own ids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import VULNERABLE, ObjectClass
from modules.detection import empty_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Mount


@dataclass(frozen=True, slots=True)
class SensorModel:
    """One class of sensor. `along`, `across` its line of sight: (sigma in m at the sensor, growth per m of range)."""

    range_m: float
    width_deg: float  # of the field of view, 360 all around
    rate_hz: float
    latency_s: float
    jitter_s: float  # 1 sigma of the latency
    along: tuple[float, float]
    across: tuple[float, float]
    detection: float  # probability per frame, near and unoccluded
    false_per_frame: float
    sigma_velocity: float  # m/s; NaN: it measures none
    doppler: bool = False
    class_error: float = 0.0
    boxes: bool = True


MODELS: Final = {
    "camera": SensorModel(80, 100, 10, 0.120, 0.015, (0.15, 0.010), (0.08, 0.002), 0.95, 0.10, math.nan, False, 0.03),
    "lidar": SensorModel(100, 360, 10, 0.060, 0.004, (0.06, 0.001), (0.06, 0.001), 0.98, 0.05, 0.40),
    "radar": SensorModel(150, 60, 20, 0.040, 0.003, (0.15, 0.001), (0.20, 0.009), 0.93, 0.20, 0.60, True, 0.15, False),
    "sensor": SensorModel(40, 90, 10, 0.050, 0.005, (0.20, 0.005), (0.20, 0.005), 0.95, 0.05, 1.00, False, 0.2, False),
}  # fmt: skip
_HIDDEN: Final = 0.7  # share of its width in shadow from which on a body is not seen


class Sensor:
    """A sensor at its mount; `rng` is all its luck."""

    record_format: Final = 3
    age_s: Final = 0.0  # it measures when it is asked

    def __init__(self, model: SensorModel, mount: Mount, rng: np.random.Generator) -> None:
        self.model, self.mount, self._rng = model, mount, rng
        self._ids: dict[int, int] = {}
        self._next_id = int(rng.integers(1, 200))
        self._yaw = math.radians(mount.yaw_deg)

    def observe(self, truth: NDArray[np.void]) -> NDArray[np.void]:
        """OBJECT rows in the module's frame of TRUTH rows (see sim.road) at one instant."""
        x, y = self._local(truth["x"] - self.mount.east_m, truth["y"] - self.mount.north_m)
        reach = np.hypot(x, y)
        bearing = np.arctan2(y, x)
        inside = (reach <= self.model.range_m) & (np.abs(bearing) <= math.radians(self.model.width_deg) / 2)
        chance = self.model.detection * np.clip(1.25 - 0.5 * (reach / self.model.range_m) ** 2, 0, 1)
        small = np.isin(truth["object_class"], [int(c) for c in VULNERABLE])
        chance = np.where(small, chance * np.clip(1.3 - reach / self.model.range_m, 0, 1), chance)
        seen = inside & ~_shadowed(truth, reach, bearing) & (self._rng.random(len(truth)) < chance)
        rows = self._measured(truth[seen], x[seen], y[seen], reach[seen], bearing[seen])
        return np.concatenate([rows, self._false_alarms()])

    def _local(self, east: NDArray[np.float64], north: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        cos, sin = math.cos(self._yaw), math.sin(self._yaw)
        return east * cos + north * sin, north * cos - east * sin

    def _measured(
        self,
        truth: NDArray[np.void],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        reach: NDArray[np.float64],
        bearing: NDArray[np.float64],
    ) -> NDArray[np.void]:
        rows, model, count = empty_objects(len(truth)), self.model, len(truth)
        along_s = model.along[0] + model.along[1] * reach
        across_s = model.across[0] + model.across[1] * reach
        along, across = self._rng.normal(0, along_s), self._rng.normal(0, across_s)
        cos, sin = np.cos(bearing), np.sin(bearing)
        rows["x"], rows["y"] = x + along * cos - across * sin, y + along * sin + across * cos
        rows["z"] = -self.mount.height_m
        rows["cov_xx"] = (along_s * cos) ** 2 + (across_s * sin) ** 2
        rows["cov_yy"] = (along_s * sin) ** 2 + (across_s * cos) ** 2
        rows["cov_xy"] = (along_s**2 - across_s**2) * cos * sin
        rows["sigma_pos"] = np.sqrt((along_s**2 + across_s**2) / 2)
        vx, vy = self._local(truth["vx"], truth["vy"])
        if not math.isnan(model.sigma_velocity):
            rows["vx"] = vx + self._rng.normal(0, model.sigma_velocity, count)
            rows["vy"] = vy + self._rng.normal(0, model.sigma_velocity, count)
            rows["sigma_vel"] = model.sigma_velocity
        if model.doppler:
            rows["range_rate"] = vx * cos + vy * sin + self._rng.normal(0, 0.15, count)
        if model.boxes:
            rows["yaw"] = truth["yaw"] - self._yaw + self._rng.normal(0, 0.06, count)
            for name in ("length", "width", "height"):
                rows[name] = truth[name] * self._rng.normal(1, 0.06, count)
        wrong = self._rng.random(count) < model.class_error
        rows["object_class"] = np.where(wrong, int(ObjectClass.UNKNOWN), truth["object_class"])
        rows["confidence"] = np.clip(self._rng.normal(0.9 - 0.3 * reach / model.range_m, 0.05), 0.2, 0.99)
        rows["id"] = [self._own_id(int(one)) for one in truth["id"]]
        return rows

    def _own_id(self, true_id: int) -> int:
        if true_id not in self._ids:
            self._ids[true_id] = self._next_id
            self._next_id = (self._next_id + 1) % 0xFFFF
        return self._ids[true_id]

    def _false_alarms(self) -> NDArray[np.void]:
        count = int(self._rng.poisson(self.model.false_per_frame))
        rows = empty_objects(count)
        reach = self.model.range_m * np.sqrt(self._rng.random(count))
        bearing = (self._rng.random(count) - 0.5) * math.radians(self.model.width_deg)
        rows["x"], rows["y"] = reach * np.cos(bearing), reach * np.sin(bearing)
        rows["sigma_pos"], rows["confidence"] = 0.5, self._rng.uniform(0.2, 0.6, count)
        rows["id"] = self._rng.integers(0xF000, 0xFFFE, count)
        return rows


def _shadowed(truth: NDArray[np.void], reach: NDArray[np.float64], bearing: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Bodies most of whose width lies behind one nearer body that is not lower."""
    half = np.arctan2(np.hypot(truth["length"], truth["width"]) * 0.35, np.maximum(reach, 1.0))
    away = np.abs(np.angle(np.exp(1j * (bearing[:, None] - bearing[None, :]))))
    hidden = np.clip(half[None, :] + half[:, None] - away, 0, 2 * half[:, None]) / (2 * half[:, None])
    nearer = reach[None, :] < reach[:, None] - 2.0
    higher = truth["height"][None, :] > truth["height"][:, None] - 0.3
    return np.asarray((nearer & higher & (hidden >= _HIDDEN)).any(1))
