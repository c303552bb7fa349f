"""One message on its way into the filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]


class Frame(NamedTuple):
    """One message ready for the filter: rows sorted, their finite places (m, 2) and the noise of these (m, 2, 2)."""

    stamp_ns: int
    sensor: Sensor
    rows: NDArray[np.void]
    place: Floats
    noise: Floats
    clock_error_s: float
