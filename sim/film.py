"""A scene without wires: its road, and what its modules say of it, step by step in virtual time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modules.detection import Axes, Detections
from sim.sensing import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.miscalibration import Miscalibrated
    from sim.road import World
    from sim.scene import Scenario
    from sim.sensing import Sensor

STEP_S: Final = 0.05
START_NS: Final = 1_764_000_000_000_000_000  # second 0 of every scene, UTC
MAX_OBJECTS: Final = 64
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One step of a film: TRUTH rows at `at_s` of the scene, and what was measured then, however late it arrives."""

    at_s: float
    truth: NDArray[np.void]
    detections: tuple[Detections, ...]


def film(scene: Scenario, seconds: float | None = None, *, world: World | None = None) -> Iterator[Take]:
    """The scene's first `seconds` (all of it) every STEP_S, the same each time; `world` may be watched alongside."""
    world = world or scene.world()
    length_s = scene.duration_s if seconds is None else seconds
    crew = [_Post(scene, spec.slot, world) for spec in scene.modules if spec.module_class in MODELS]
    for index in range(round(length_s / STEP_S)):
        truth = world.truth()
        said = tuple(post.measure(truth, index) for post in crew if post.due(index))
        yield Take(round(index * STEP_S, 9), truth, said)
        world.step(STEP_S)


class _Post:
    """A module of the scene that measures."""

    def __init__(self, scene: Scenario, slot: str, world: World) -> None:
        self._slot = slot
        self._rng = np.random.default_rng([scene.seed, zlib.crc32(slot.encode())])
        spec = next(one for one in scene.modules if one.slot == slot)
        self._sensor: Sensor | Miscalibrated = scene.sensor(spec, self._rng, lambda: world.now_s)
        self._every = max(1, round(1 / (self._sensor.model.rate_hz * STEP_S)))
        self._phase = int(self._rng.integers(self._every))

    def due(self, index: int) -> bool:
        return index % self._every == self._phase

    def measure(self, truth: NDArray[np.void], index: int) -> Detections:
        """One message; the larger part of a frame that is too long is what stands nearest."""
        model, rows = self._sensor.model, self._sensor.observe(truth)
        nearest = np.argsort(np.hypot(rows["x"], rows["y"]), kind="stable")[:MAX_OBJECTS]
        at_ns = START_NS + round(index * STEP_S * _NS)
        late_s = max(0.0, self._rng.normal(model.latency_s, model.jitter_s))
        stamp_ns = at_ns - round(self._sensor.age_s * _NS)
        return Detections(self._slot, stamp_ns, at_ns + round(late_s * _NS), Axes.MODULE, rows[nearest], len(rows))
