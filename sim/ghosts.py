"""False objects of a sensor: they appear by chance, live for some frames under one id, and go."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import ObjectClass
from modules.detection import empty_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.sensor_model import SensorModel

_FIRST_ID: Final = 0xF000
_IDS: Final = 0xFFE
_PRETEND: Final = (ObjectClass.CAR, ObjectClass.PEDESTRIAN)  # what a sensor that classifies takes half of them for
_WANDER_M: Final = 0.15  # 1 sigma a frame


class Ghosts:
    """The false objects of one sensor; `rng` is all its luck."""

    def __init__(self, model: SensorModel, rng: np.random.Generator) -> None:
        self._model, self._rng = model, rng
        self._rows = empty_objects(0)
        self._next_id = 0
        self._life = max(1.0, model.ghost_s * model.rate_hz)  # frames, mean

    def next_frame(self, per_frame: float, range_m: float) -> NDArray[np.void]:
        """OBJECT rows of this frame's false objects, `per_frame` of them on average, within `range_m`."""
        stay = self._rng.random(len(self._rows)) >= 1 / self._life
        self._rows = np.concatenate([self._rows[stay], self._born(per_frame / self._life, range_m)])
        self._rows["x"] += self._rng.normal(0, _WANDER_M, len(self._rows))
        self._rows["y"] += self._rng.normal(0, _WANDER_M, len(self._rows))
        return self._rows.copy()

    def _born(self, mean: float, range_m: float) -> NDArray[np.void]:
        count = int(self._rng.poisson(mean))
        rows, model = empty_objects(count), self._model
        reach = range_m * self._rng.random(count) ** (1 / (1 + model.ghost_far))
        bearing = (self._rng.random(count) - 0.5) * math.radians(model.width_deg)
        rows["x"], rows["y"] = reach * np.cos(bearing), reach * np.sin(bearing)
        rows["sigma_pos"], rows["confidence"] = 0.5, self._rng.uniform(0.2, 0.6, count)
        if model.boxes:
            pretend = self._rng.choice([int(c) for c in _PRETEND], count)
            rows["object_class"] = np.where(self._rng.random(count) < 0.5, pretend, int(ObjectClass.UNKNOWN))
        if model.doppler:
            rows["range_rate"] = self._rng.normal(0, 0.5, count)
        rows["id"] = _FIRST_ID + (self._next_id + np.arange(count)) % _IDS
        self._next_id += count
        return rows
