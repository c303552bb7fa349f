"""Bodies as one sensor sees them: how far they reach along and across the line of sight, and what hides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.attributes import boxes
from controller.fusion.pairs import within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

MAX_BODIES: Final = 300  # more are not looked at for what they hide
_DIAGONAL: Final = 0.64  # mean of |cos| and of |sin|, for a body whose heading is unknown


class Silhouettes(NamedTuple):
    """Columns (n,): range m, bearing rad from east, unit line of sight (n, 2), half extents m, height m."""

    away: Floats
    bearing: Floats
    sight: Floats
    along: Floats
    across: Floats
    height: Floats

    def take(self, rows: Index) -> Silhouettes:
        """Only these."""
        return Silhouettes(*(column[rows] for column in self))


def silhouettes(sensor: Sensor, mean: Floats, story: NDArray[np.void]) -> Silhouettes:
    """Of tracks with state `mean` (n, >= 4), as the sensor sees them."""
    line = mean[:, :2] - (sensor.x, sensor.y)
    away = np.maximum(np.hypot(line[:, 0], line[:, 1]), 1e-6)
    sight = line / away[:, None]
    box = boxes(story)
    heading = story["heading"]
    size = np.hypot(heading[:, 0], heading[:, 1])
    known = size > 1e-6
    unit = heading / np.maximum(size, 1e-6)[:, None]
    cos = np.where(known, np.abs((unit * sight).sum(1)), _DIAGONAL)
    sin = np.where(known, np.abs(unit[:, 0] * sight[:, 1] - unit[:, 1] * sight[:, 0]), _DIAGONAL)
    along, across = (box[:, 0] * cos + box[:, 1] * sin) / 2, (box[:, 0] * sin + box[:, 1] * cos) / 2
    return Silhouettes(away, np.arctan2(line[:, 1], line[:, 0]), sight, along, across, box[:, 2])


def hidden_share(bodies: Silhouettes, solid: NDArray[np.bool_], eye_m: float) -> Floats:
    """Share (n,) of each body's width that nearer `solid` ones hide from an eye `eye_m` above the road.

    A body hides what the sight line to the middle of the farther one's height would cross below its roof.
    """
    count = len(bodies.away)
    hidden: Floats = np.zeros(count)
    hiders = np.flatnonzero(solid)
    if count < 2 or not len(hiders) or len(hiders) > MAX_BODIES:
        return hidden
    away, bearing, height = bodies.away, bodies.bearing, bodies.height
    half = np.arctan2(bodies.across, np.maximum(away, 1.0))
    around = np.concatenate((bearing - 2 * np.pi, bearing, bearing + 2 * np.pi))
    hider, behind = within(bearing[hiders], 2 * half[hiders], around)  # a slim one hides little of what is beside it
    hider, behind = hiders[hider], behind % count
    nearer = away[hider] < away[behind] - bodies.along[behind] * 0.5
    hider, behind = hider[nearer], behind[nearer]
    ratio = away[hider] / away[behind]
    eye = max(eye_m, 1.0)
    blocks = eye + (height[behind] / 2 - eye) * ratio < height[hider]
    hider, behind = hider[blocks], behind[blocks]
    turn = np.remainder(bearing[hider] - bearing[behind] + np.pi, 2 * np.pi) - np.pi
    common = np.minimum(half[behind], turn + half[hider]) - np.maximum(-half[behind], turn - half[hider])
    share = np.maximum(common, 0.0) / np.maximum(2 * half[behind], 1e-6)
    return np.asarray(np.minimum(np.bincount(behind, share, count), 1.0))
