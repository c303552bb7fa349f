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


def near(left: Floats, reach: Floats, right: Floats) -> tuple[Index, Index]:
    """Every pair (i, j), by i, of points (n, 2) and (m, 2) no further apart than reach (n, 2) on either axis."""
    wide = int(len(right) > 0 and np.ptp(right[:, 1]) > np.ptp(right[:, 0]))  # a road may run north
    i, j = within(left[:, wide], reach[:, wide], right[:, wide])
    close = np.abs(left[i, 1 - wide] - right[j, 1 - wide]) <= reach[i, 1 - wide]
    return i[close], j[close]
