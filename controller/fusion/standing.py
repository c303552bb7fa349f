"""How a module stands to the others, as a value and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REACH_M, PACE_MPS = 30.0, 10.0  # at which a turn and a delay count like metres


class Standing(StrEnum):
    """What may be done with a module's detections."""

    OK = "ok"
    DEGRADED = "degraded"  # fused with more doubt
    CORRECTED = "corrected"  # fused after its error was taken out
    QUARANTINED = "quarantined"  # not fused


@dataclass(frozen=True, slots=True)
class Finding:
    """How one module stands. `words` say it for a person, empty when all is well; lengths in m, `late_s`: stamps too
    new by so much; `range_scale`: its distances over those that are right; `effect_m`: mean displacement of what it
    sees; `agreement`: share that others see too, NaN unknown; `speed_scale`: its speeds over those of the others, NaN
    as long as they agree; `doubt_m`: 1 sigma with which it is fused beyond its own.
    """

    standing: Standing = Standing.OK
    words: str = ""
    east_m: float = 0.0
    north_m: float = 0.0
    yaw_deg: float = 0.0
    late_s: float = 0.0
    range_scale: float = 1.0
    effect_m: float = 0.0
    agreement: float = math.nan
    speed_scale: float = math.nan
    doubt_m: float = 0.0

    @property
    def errors(self) -> Floats:
        """(5,) as the fit counts them: m, m, m of turn at 30 m, m at 10 m/s, m too far at 30 m."""
        turn, delay = math.radians(self.yaw_deg) * REACH_M, self.late_s * PACE_MPS
        return np.array([self.east_m, self.north_m, turn, delay, (self.range_scale - 1) * REACH_M])


WELL: Final = Finding()
RANK: Final = {standing: rank for rank, standing in enumerate(Standing)}


def displaced(found: Finding, gram: Floats) -> str:
    """The errors that make up most of the effect, as a person would put them right; `gram` (5, 5): as of its errors."""
    alone = np.sqrt(np.maximum(np.diag(gram) * found.errors**2, 0.0))
    most = max(float(alone.max()), 1e-9)
    far = found.range_scale - 1
    said = (
        (max(alone[0], alone[1]), f"shifted by {found.east_m:+.1f} m east, {found.north_m:+.1f} m north"),
        (alone[2], f"turned by {found.yaw_deg:+.1f}° counter-clockwise"),
        (alone[3], f"its stamps are {abs(found.late_s) * 1e3:.0f} ms too {'new' if found.late_s > 0 else 'old'}"),
        (alone[4], f"its distances are {abs(far):.0%} too {'long' if far > 0 else 'short'}"),
    )
    parts = [text for size, text in said if size >= 0.4 * most]
    return f"{' and '.join(parts)}: what it sees lies {found.effect_m:.1f} m beside what the others see"
