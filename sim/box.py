"""Road users seen from above as boxes, in a reckoning of its own: what is measured must not share that of the pole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def overlapping(one: Floats, two: Floats) -> NDArray[np.bool_]:
    """Whether boxes touch; columns x, y, yaw, length, width in the last axis (…, 5), separating axes (Gottschalk)."""
    a, b = _corners(one), _corners(two)
    apart = np.zeros(a.shape[:-2], bool)
    for box in (one, two):
        for turn in (0.0, math.pi / 2):
            axis = np.stack([np.cos(box[..., 2] + turn), np.sin(box[..., 2] + turn)], axis=-1)[..., None]
            p, q = (a @ axis)[..., 0], (b @ axis)[..., 0]
            apart |= (p.max(-1) < q.min(-1)) | (q.max(-1) < p.min(-1))
    return ~apart


def _corners(box: Floats) -> Floats:
    """Corners (…, 4, 2)."""
    cos, sin = np.cos(box[..., 2]), np.sin(box[..., 2])
    along = np.stack([cos, sin], axis=-1) * box[..., 3, None] / 2
    aside = np.stack([-sin, cos], axis=-1) * box[..., 4, None] / 2
    signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
    return np.stack([box[..., :2] + a * along + b * aside for a, b in signs], axis=-2)
