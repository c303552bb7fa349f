"""How fast traffic usually runs in each lane, learnt from who passes and from the limit until enough have."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.site import LaneMatch, Site

PASSES: Final = 60
ENOUGH_PASSES: Final = 10
OF_LIMIT: Final = 0.8
_SAMPLE_S: Final = 5.0
_MAX_KNOWN: Final = 2000


class Flow:
    """A median of the last 60 passes per lane; a track counts once in 5 s and only while it moves."""

    def __init__(self, site: Site) -> None:
        self._speeds: tuple[deque[float], ...] = tuple(deque(maxlen=PASSES) for _ in site.lanes)
        self._usual = np.array([lane.speed_limit_mps * OF_LIMIT for lane in site.lanes])
        self._sampled: dict[int, int] = {}

    def update(self, ids: NDArray[np.uint32], speed: NDArray[np.float64], match: LaneMatch, now_ns: int) -> None:
        """Take in one tick's moving vehicles."""
        if len(self._sampled) > _MAX_KNOWN:
            self._sampled = {k: t for k, t in self._sampled.items() if now_ns - t < _SAMPLE_S * 1e9}
        for i in np.flatnonzero((match.lane >= 0) & (speed > 2.0)):
            track = int(ids[i])
            if now_ns - self._sampled.get(track, -(1 << 62)) < _SAMPLE_S * 1e9:
                continue
            self._sampled[track] = now_ns
            lane = int(match.lane[i])
            self._speeds[lane].append(float(speed[i]))
            if len(self._speeds[lane]) >= ENOUGH_PASSES:
                self._usual[lane] = float(np.median(self._speeds[lane]))

    @property
    def usual_mps(self) -> NDArray[np.float64]:
        """Per lane; NaN where neither a limit nor enough passes are known."""
        return self._usual.copy()
