"""How sure we are of tracks, from their covariances, and in which classes of RC-013 that falls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from controller.publication.confidence import SIGMAS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Doubt(NamedTuple):
    """The error of each object with 95 %, shape (n,); NaN where the covariance says nothing."""

    position_m: Floats
    speed_mps: Floats
    heading_deg: Floats


def codes(doubt: ArrayLike, bounds: tuple[float, ...]) -> list[int]:
    """The class of each doubt: len(bounds) + 1 at best, 1 beyond the last bound, 0 when it is no number from 0 up."""
    values = np.asarray(doubt, np.float64)
    with np.errstate(invalid="ignore"):
        held = len(bounds) + 1 - np.searchsorted(bounds, values, side="left")
        found: list[int] = np.where(values >= 0, held, 0).tolist()
    return found


def doubts(cov: Floats, vx: Floats, vy: Floats) -> Doubt:
    """Of covariances (n, 4, 4) of (x, y, vx, vy): the position's longer axis, the speed along and across the course.

    The heading's doubt is the angle under which the doubt across the course is seen from the speed.
    """
    speed = np.hypot(vx, vy)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        east = np.where(speed > 0, vx / speed, 1.0)
        north = np.where(speed > 0, vy / speed, 0.0)
        a, b, c = cov[:, 2, 2], cov[:, 2, 3], cov[:, 3, 3]
        along = east * east * a + 2 * east * north * b + north * north * c
        across = north * north * a - 2 * east * north * b + east * east * c
        return Doubt(
            SIGMAS * np.sqrt(_longer_axis(cov)),
            SIGMAS * np.sqrt(along),
            np.degrees(np.arctan2(SIGMAS * np.sqrt(across), speed)),
        )


def _longer_axis(cov: Floats) -> Floats:
    """The greater eigenvalue of the covariance of (x, y); NaN unless both variances are at least 0."""
    a, b, c = cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]
    axis: Floats = (a + c) / 2 + np.hypot((a - c) / 2, b)
    return np.where((a >= 0) & (c >= 0), axis, np.nan)
