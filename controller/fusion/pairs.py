"""Which numbers of two columns are near each other, without comparing all with all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]


def within(left: Floats, reach: Floats, right: Floats) -> tuple[Index, Index]:
    """Every pair (i, j) with |left[i] - right[j]| <= reach[i], by i; the work grows with the pairs, not with n x m."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first = np.searchsorted(ordered, left - reach, "left")
    count = np.maximum(np.searchsorted(ordered, left + reach, "right") - first, 0)
    i = np.repeat(np.arange(len(left)), count)
    j = order[np.arange(len(i)) + np.repeat(first - np.cumsum(count) + count, count)]
    return i, j
