"""Truth and tracks of one instant side by side, and the best choice of pairs between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from controller.fusion.assignment import hungarian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Frame(NamedTuple):
    """One instant: ids, positions (n, 2) m and, where known, velocities (n, 2) m/s of the truth and of the tracks."""

    truth: Sequence[int]
    truth_xy: Floats
    tracks: Sequence[int]
    track_xy: Floats
    truth_v: Floats | None = None
    track_v: Floats | None = None


def distances(frame: Frame) -> Floats:
    """Metres (truth, tracks)."""
    a, b = np.reshape(frame.truth_xy, (-1, 2)), np.reshape(frame.track_xy, (-1, 2))
    return np.asarray(np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]))


def best_pairs(gain: Floats) -> list[tuple[int, int]]:
    """The one-to-one pairs (row, column) of largest total gain; only pairs that gain something."""
    rows, columns = np.nonzero(gain > 0)
    alone = (np.bincount(rows, minlength=1)[rows] == 1) & (np.bincount(columns, minlength=1)[columns] == 1)
    pairs = list(zip(rows[alone].tolist(), columns[alone].tolist(), strict=True))
    left, right = np.unique(rows[~alone]), np.unique(columns[~alone])
    if not len(left):
        return pairs
    part = np.maximum(gain[np.ix_(left, right)], 0.0)
    turned = part.shape[0] > part.shape[1]
    cost = part.max() - (part.T if turned else part)
    for i, j in enumerate(hungarian(cost.tolist())):
        row, column = (j, i) if turned else (i, j)
        if part[row, column] > 0:
            pairs.append((int(left[row]), int(right[column])))
    return pairs
