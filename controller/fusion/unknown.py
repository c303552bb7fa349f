"""Numbers that nobody measured are NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def known_or(values: NDArray[np.float64], otherwise: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, with `otherwise` for each that is NaN."""
    filled: NDArray[np.float64] = np.where(np.isnan(values), otherwise, values)
    return filled
