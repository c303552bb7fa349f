"""Rules about the pole itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.hazard.scene import Scene, Sighting

if TYPE_CHECKING:
    from controller.config import Hazards


def service_degraded(scene: Scene, _config: Hazards) -> list[Sighting]:
    """A required slot whose module is missing, on probation or refused; `detail` names the slots."""
    if not scene.lacking:
        return []
    return [Sighting((0,), (), 0.0, 0.0, 1.0, detail=tuple((slot, 1.0) for slot in scene.lacking))]
