"""Tracks: our estimate of every road user at one instant, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# One row a confirmed track. Local ENU, metres, seconds, radians counter-clockwise from east. x, y, z: centre of the
# footprint. cov is the covariance of (x, y, vx, vy). existence and class_confidence are probabilities.
# sources: bit n set when the n-th slot (order of pole.toml) supported the track within its last second.
TRACK = np.dtype(
    [
        ("id", "<u4"),
        ("object_class", "u1"),
        ("class_confidence", "<f8"),
        ("x", "<f8"),
        ("y", "<f8"),
        ("z", "<f8"),
        ("vx", "<f8"),
        ("vy", "<f8"),
        ("ax", "<f8"),
        ("ay", "<f8"),
        ("yaw", "<f8"),
        ("yaw_rate", "<f8"),
        ("length", "<f8"),
        ("width", "<f8"),
        ("height", "<f8"),
        ("existence", "<f8"),
        ("stationary", "<f8"),  # probability that |v| < 0.5 m/s
        ("age_s", "<f8"),  # since the first measurement
        ("measured_at_ns", "<i8"),  # newest measurement in the estimate
        ("sources", "<u4"),
        ("cov", "<f8", (4, 4)),
    ]
)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Every confirmed track, predicted to `valid_at_ns` (UTC ns) with its covariance grown accordingly."""

    valid_at_ns: int
    objects: NDArray[np.void]


def empty_tracks(count: int) -> NDArray[np.void]:
    """`count` rows of zeros, to be filled."""
    return np.zeros(count, TRACK)
