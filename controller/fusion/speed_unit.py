"""Whether the speeds that a module reports are those of the road users, or the same in another unit."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOVING_MPS: Final = 4.0
RECENT: Final = 60  # speeds that are compared
LEAST: Final = 20
WITHIN: Final = 0.25  # of their median lie the speeds that have one scale
ALIKE: Final = 0.7  # so many of them
NAMED: Final = 0.12  # how near a scale is to one that has a name
STRANGE: Final = 0.35
_UNITS: Final = (
    (3.6, "they are km/h, not m/s"),
    (2.237, "they are miles an hour, not m/s"),
    (3.281, "they are feet a second, not m/s"),
    (100.0, "they are cm/s, not m/s"),
    (1 / 3.6, "they are divided as if they were km/h"),
    (0.01, "they are divided as if they were cm/s"),
    (-1.0, "they point backwards"),
)


class SpeedScale:
    """The speeds of one module beside those of the tracks that others support."""

    def __init__(self) -> None:
        self._ratios: deque[float] = deque(maxlen=RECENT)

    def compare(self, told: Floats, true: Floats) -> None:
        """Velocities (n, 2) that the module told, NaN where it did not, of tracks that moved with `true` (n, 2)."""
        square = (true**2).sum(1)
        ratio = (told * true).sum(1) / np.maximum(square, 1e-9)
        self._ratios.extend(ratio[(square > MOVING_MPS**2) & np.isfinite(ratio)].tolist())

    def found(self) -> tuple[float, str]:
        """Scale and words; (NaN, "") while the speeds agree, scatter, or are too few."""
        if len(self._ratios) < LEAST:
            return math.nan, ""
        ratios = np.array(self._ratios)
        scale = float(np.median(ratios))
        alike = float((np.abs(ratios - scale) < WITHIN * abs(scale)).mean())
        if abs(scale - 1) < STRANGE or alike < ALIKE:
            return math.nan, ""
        near = min(_UNITS, key=lambda unit: abs(scale / unit[0] - 1))
        named = f": {near[1]}" if abs(scale / near[0] - 1) < NAMED else ""
        return scale, f"its speeds are {scale:.2g} times those of the others{named}"
