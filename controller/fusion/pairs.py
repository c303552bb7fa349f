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
    order = right.argsort(kind="stable")
    ordered = right[order]
    first = ordered.searchsorted(left - reach, "left")
    count = np.maximum(ordered.searchsorted(left + reach, "right") - first, 0)
    i = np.arange(len(left)).repeat(count)
    j = order[np.arange(len(i)) + (first - count.cumsum() + count).repeat(count)]
    return i, j


def near(left: Floats, reach: Floats, right: Floats) -> tuple[Index, Index]:
    """Every pair (i, j), by i, of points (n, 2) and (m, 2) no further apart than reach (n, 2) on either axis."""
    span_x, span_y = right.max(0) - right.min(0) if len(right) else (0.0, 0.0)
    wide = int(span_y > span_x)  # a road may run north
    i, j = within(left[:, wide], reach[:, wide], right[:, wide])
    close = np.abs(left[i, 1 - wide] - right[j, 1 - wide]) <= reach[i, 1 - wide]
    return i[close], j[close]
