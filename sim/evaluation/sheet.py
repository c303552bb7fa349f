"""The part of the plane that a top view shows, where somebody was or a mast stands, and its scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from sim.evaluation.assessment import Assessment

REACH_M: Final = 150.0  # of what is shown, from the middle of the modules
MARGIN_M: Final = 8.0
FLATTEST, TALLEST = 0.26, 0.7  # height over width


class Sheet:
    """Local metres to pixels: east to the right, north up; `width` and `height` px."""

    def __init__(self, one: Assessment, width: float) -> None:
        sensors = one.run.recording.sight.sensors
        masts = np.array([(sensor.x, sensor.y) for sensor in sensors]).reshape(-1, 2)
        middle = masts.mean(0) if len(masts) else np.zeros(2)
        every = np.concatenate([middle[None], masts, *(instant.frame.truth_xy for instant in one.run.instants)])
        every = every[np.abs(every - middle).max(1) <= REACH_M]
        (west, south), (east, north) = every.min(0) - MARGIN_M, every.max(0) + MARGIN_M
        tall = float(np.clip(north - south, FLATTEST * (east - west), TALLEST * (east - west)))
        centre = (
            (north + south) / 2 if tall >= north - south else np.clip(middle[1], south + tall / 2, north - tall / 2)
        )
        self.west, self.north = float(west), float(centre + tall / 2)
        self.scale = width / float(east - west)  # px per m
        self.width, self.height = width, tall * self.scale

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a place lies."""
        return float((x - self.west) * self.scale), float((self.north - y) * self.scale)

    def shows(self, x: float, y: float) -> bool:
        """Whether a place lies on it; one that is unknown does not."""
        across, down = self.pixel(x, y)
        return 0 <= across <= self.width and 0 <= down <= self.height

    @property
    def round_m(self) -> float:
        """A round length that is about an eighth of the width."""
        rough = self.width / self.scale / 8
        power = 10 ** math.floor(math.log10(rough))
        return float(max(power * k for k in (1, 2, 5) if power * k <= rough))
