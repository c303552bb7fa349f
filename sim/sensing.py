"""What a sensor makes of the road: field of view, bodies in the way, weather, own errors, misses, ghosts, ids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import VEHICLES, VULNERABLE, ObjectClass
from modules.detection import empty_objects
from sim.ghosts import Ghosts
from sim.occlusion import Wall, behind_walls, half_width_rad, hidden_share
from sim.sensor_model import MODELS, SensorModel
from sim.weather import CLEAR, Weather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from controller.config import Mount

    Floats = NDArray[np.float64]


__all__ = ["MODELS", "Sensor", "SensorModel"]

HIDDEN: Final = 0.7  # share of its width in shadow from which on a body is not seen at all
CAR_HALF_M: Final = 2.2  # a near face this far before the centre is what every tracker expects
CONFUSED: Final = {
    ObjectClass.CAR: ObjectClass.MEDIUM_VEHICLE,
    ObjectClass.MEDIUM_VEHICLE: ObjectClass.LARGE_VEHICLE,
    ObjectClass.LARGE_VEHICLE: ObjectClass.MEDIUM_VEHICLE,
    ObjectClass.MOTORCYCLE: ObjectClass.BICYCLE,
    ObjectClass.BICYCLE: ObjectClass.MOTORCYCLE,
}
_LIT: Final = [int(c) for c in VEHICLES]
_SMALL: Final = [int(c) for c in VULNERABLE]
_SPEEDS_APART_MPS: Final = 1.5  # a Doppler sensor tells bodies of more different range rates apart


class Sensor:
    """An exemplar at its mount, with systematic errors of its own; `rng` is all its luck."""

    record_format: Final = 3
    age_s: Final = 0.0  # it measures when it is asked

    def __init__(
        self,
        model: SensorModel,
        mount: Mount,
        rng: np.random.Generator,
        *,
        weather: Weather = CLEAR,
        walls: Sequence[Wall] = (),
    ) -> None:
        self.model, self.mount, self._rng = model, mount, rng
        self._weather, self._walls = weather, walls
        self._ids: dict[int, int] = {}
        self._luck: dict[int, float] = {}
        self._next_id = int(rng.integers(1, 200))
        self._yaw = math.radians(mount.yaw_deg)
        self._ghosts = Ghosts(model, rng)
        along, across, turn, late = np.clip(rng.normal(0, 1, 4), -2, 2).tolist()
        self._bias = model.bias_m[0] * along, model.bias_m[1] * across
        self._turned, self._late_s = math.radians(model.bias_deg) * turn, model.bias_s * late

    def observe(self, truth: NDArray[np.void]) -> NDArray[np.void]:
        """OBJECT rows in the module's frame of TRUTH rows (see sim.road) at one instant."""
        x, y = self._local(truth["x"] - self.mount.east_m, truth["y"] - self.mount.north_m)
        reach, bearing = np.hypot(x, y), np.arctan2(y, x)
        lucky = self._lucky(truth["id"]) < self._chance(truth, reach, bearing)
        seen = np.flatnonzero(lucky & (np.abs(bearing) <= math.radians(self.model.width_deg) / 2))
        apart = self._resolved(truth[seen], reach[seen], bearing[seen])
        rows = self._measured(truth[seen[apart.kept]], apart.reach, apart.bearing)
        wet = self._weather.precipitation_mmph / 10
        false = self._ghosts.next_frame(self.model.false_per_frame + self.model.rain_ghosts * wet, self._range_m())
        return np.concatenate([rows, false])

    def _local(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        cos, sin = math.cos(self._yaw), math.sin(self._yaw)
        return east * cos + north * sin, north * cos - east * sin

    # --------------------------------------------------------------------------------------------- who is seen at all

    def _range_m(self) -> float:
        return min(self.model.range_m, self.model.fog * self._weather.visibility_m)

    def _chance(self, truth: NDArray[np.void], reach: Floats, bearing: Floats) -> Floats:
        """Probability (n,) of each body in the field of view to be in this frame."""
        model = self.model
        limit = np.full(len(truth), float(self._range_m()))
        if self._weather.night:
            limit *= np.where(np.isin(truth["object_class"], _LIT), (1 + model.dark) / 2, model.dark)
        far = reach / limit
        chance = model.detection * np.clip(1.25 - 0.5 * far**2, 0, 1) * (far <= 1)
        chance *= np.where(np.isin(truth["object_class"], _SMALL), np.clip(1.3 - far, 0, 1), 1.0)
        chance *= max(0.0, 1 - model.rain_loss * self._weather.precipitation_mmph / 10)
        half = half_width_rad(truth, reach, bearing, self._yaw)
        hidden = hidden_share(truth, reach, bearing, half, self.mount.height_m)
        chance *= np.where(hidden >= HIDDEN, 0.0, 1 - hidden)
        if self._walls:
            eye = self.mount.east_m, self.mount.north_m
            chance *= ~behind_walls(truth["x"], truth["y"], eye, self._walls)
        return np.asarray(chance)

    def _lucky(self, ids: NDArray[np.uint32]) -> Floats:
        """A number (n,) in [0, 1) for each body, uniform, kept from frame to frame for `burst_s` on average."""
        keep = math.exp(-1 / (self.model.rate_hz * self.model.burst_s)) if self.model.burst_s else 0.0
        fresh, kept = self._rng.random((2, len(ids)))
        luck = [
            self._luck.get(one, new) if stays < keep else new
            for one, new, stays in zip(ids.tolist(), fresh.tolist(), kept.tolist(), strict=True)
        ]
        self._luck = dict(zip(ids.tolist(), luck, strict=True))
        return np.asarray(luck, float)

    def _resolved(self, truth: NDArray[np.void], reach: Floats, bearing: Floats) -> _Apart:
        """Bodies too close to be told apart: the larger stays, drawn towards the smaller by its share of the size."""
        reach, bearing = reach.copy(), bearing.copy()
        depth, turn = self.model.resolution[0], math.radians(self.model.resolution[1])
        size = truth["length"] * truth["width"] * truth["height"]
        rate = truth["vx"] * np.cos(bearing + self._yaw) + truth["vy"] * np.sin(bearing + self._yaw)
        near = (np.abs(reach[:, None] - reach) < depth) & (np.abs(bearing[:, None] - bearing) < turn)
        if self.model.doppler:
            near &= np.abs(rate[:, None] - rate) < _SPEEDS_APART_MPS
        lost: set[int] = set()
        for i, j in np.argwhere(np.triu(near, 1)).tolist():
            if lost & {i, j}:
                continue
            large, small = (i, j) if size[i] >= size[j] else (j, i)
            share = float(size[small] / (size[large] + size[small]))
            reach[large] += share * (reach[small] - reach[large])
            bearing[large] += share * (bearing[small] - bearing[large])
            lost.add(small)
        kept = np.array([i for i in range(len(truth)) if i not in lost], int)
        return _Apart(kept, reach[kept], bearing[kept])

    # ------------------------------------------------------------------------------------------------ what is measured

    def _measured(self, truth: NDArray[np.void], reach: Floats, bearing: Floats) -> NDArray[np.void]:
        rows, model, count = empty_objects(len(truth)), self.model, len(truth)
        along_s = model.along[0] + model.along[1] * reach
        across_s = model.across[0] + model.across[1] * reach
        along = self._rng.normal(self._bias[0], along_s) - self._too_near_m(truth, bearing)
        across = self._rng.normal(self._bias[1], across_s) + reach * self._turned
        cos, sin = np.cos(bearing), np.sin(bearing)
        vx, vy = self._local(truth["vx"], truth["vy"])
        rows["x"] = (reach + along) * cos - across * sin - vx * self._late_s
        rows["y"] = (reach + along) * sin + across * cos - vy * self._late_s
        rows["z"] = -self.mount.height_m
        rows["cov_xx"] = (along_s * cos) ** 2 + (across_s * sin) ** 2
        rows["cov_yy"] = (along_s * sin) ** 2 + (across_s * cos) ** 2
        rows["cov_xy"] = (along_s**2 - across_s**2) * cos * sin
        rows["sigma_pos"] = np.sqrt((along_s**2 + across_s**2) / 2)
        if not math.isnan(model.sigma_velocity):
            rows["vx"] = vx + self._rng.normal(0, model.sigma_velocity, count)
            rows["vy"] = vy + self._rng.normal(0, model.sigma_velocity, count)
            rows["sigma_vel"] = model.sigma_velocity
        if model.doppler:
            rows["range_rate"] = vx * cos + vy * sin + self._rng.normal(0, 0.15, count)
        if model.boxes:
            rows["yaw"] = truth["yaw"] - self._yaw + self._turned + self._rng.normal(0, 0.06, count)
            for name in ("length", "width", "height"):
                rows[name] = truth[name] * self._rng.normal(1, 0.06, count)
        rows["object_class"] = self._classes(truth)
        rows["confidence"] = np.clip(self._rng.normal(0.9 - 0.3 * reach / model.range_m, 0.05), 0.2, 0.99)
        rows["id"] = [self._own_id(one) for one in truth["id"].tolist()]
        return rows

    def _too_near_m(self, truth: NDArray[np.void], bearing: Floats) -> Floats:
        turn = truth["yaw"] - self._yaw - bearing
        half = (truth["length"] * np.abs(np.cos(turn)) + truth["width"] * np.abs(np.sin(turn))) / 2
        return np.asarray(self.model.near_face * np.maximum(half - CAR_HALF_M, 0.0))

    def _classes(self, truth: NDArray[np.void]) -> NDArray[np.uint8]:
        """Mostly right; half the errors are the class next to it, half `unknown`."""
        luck = self._rng.random(len(truth)) / max(self.model.class_error, 1e-9)
        beside = [int(CONFUSED.get(ObjectClass(one), ObjectClass.UNKNOWN)) for one in truth["object_class"].tolist()]
        wrong = np.where(luck < 0.5, np.asarray(beside, int), int(ObjectClass.UNKNOWN))
        return np.asarray(np.where(luck < 1, wrong, truth["object_class"]))

    def _own_id(self, true_id: int) -> int:
        if true_id not in self._ids:
            self._ids[true_id] = self._next_id
            self._next_id = (self._next_id + 1) % 0xF000
        return self._ids[true_id]


@dataclass(frozen=True, slots=True, eq=False)
class _Apart:
    """Indices of the bodies that stay, and where they seem to be."""

    kept: NDArray[np.intp]
    reach: Floats
    bearing: Floats
