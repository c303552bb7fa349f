"""Do tracks know how wrong they are: normalised estimation error squared (NEES; Bar-Shalom, Li, Kirubarajan 2001)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.evaluation.metrics import MATCH_M

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.evaluation.run import Instant

    Floats = NDArray[np.float64]

MOST: Final = 50.0  # a single one counts no more: one wrong pair is no statement about all


def nees(instants: Iterable[Instant]) -> tuple[float, float]:
    """Means for place and velocity, over tracks within MATCH_M of the one they stand for; 2 when covariances are true.

    More: surer than they are right; less: righter than they are sure. NaN where there is nobody.
    """
    squares = [_squares(one) for one in instants]
    together = np.concatenate(squares) if squares else np.zeros((0, 2))
    if not len(together):
        return math.nan, math.nan
    place, velocity = np.minimum(together, MOST).mean(0).tolist()
    return place, velocity


def _squares(one: Instant) -> Floats:
    """(pairs, 2)."""
    rows = {int(who): row for row, who in enumerate(one.truth["id"])}
    pairs = [(rows[one.names[who]], j) for j, who in enumerate(one.tracks["id"].tolist()) if who in one.names]
    truth, tracks = one.truth[[i for i, _ in pairs]], one.tracks[[j for _, j in pairs]]
    error = np.stack([tracks[name] - truth[name] for name in ("x", "y", "vx", "vy")], axis=1).reshape(-1, 4)
    near = np.hypot(error[:, 0], error[:, 1]) <= MATCH_M
    error, covariance = error[near], tracks["cov"][near]
    parts = [_square(error[:, part], covariance[:, part, part]) for part in (slice(0, 2), slice(2, 4))]
    return np.stack(parts, axis=1)


def _square(error: Floats, covariance: Floats) -> Floats:
    solved = np.linalg.solve(covariance + 1e-12 * np.eye(2), error[:, :, None])[:, :, 0]
    found: Floats = (error * solved).sum(1)
    return found
