"""Which point of a body a sensor reports: a radar the near face of a lorry, a camera hardly so; learned for each slot.

The point lies before the centre, along the line of sight, by a share of the body's half extent there: one share of
what every body has (up to a car's half length), another of what is beyond. Both are estimated by least squares from
where the others see the same bodies, with a belief to begin with that depends on the kind of sensor alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor
    from controller.fusion.silhouette import Silhouettes

    Floats = NDArray[np.float64]

CAR_HALF_M: Final = 2.2  # sensors are made to report cars at their centres
# Belief: share and its sigma, of what is within a car's half length and of what is beyond.
RADAR: Final = ((0.0, 0.08), (0.6, 0.4))
OTHERS: Final = ((0.0, 0.08), (0.2, 0.15))
BOX_SHARE: Final = 0.1  # 1 sigma of a half extent
WORTH: Final = 0.05  # of a measurement: what is wrong about a body stays so from frame to frame
COMMON_M: Final = 0.2
OUTLIER_M: Final = 2.0
MEMORY: Final = 300.0  # measurements times WORTH


class Shares(NamedTuple):
    """Of a half extent, up to a car's and beyond, (2,), by which a sensor sees bodies too near; covariance (2, 2)."""

    share: Floats
    doubt: Floats


class Reference(NamedTuple):
    """Of tracks (n,): how far the reported point lies from the centre, (n, 2) m, and its covariance (n, 2, 2)."""

    offset: Floats
    spread: Floats


def shares(sensor: Sensor, learned: np.void) -> Shares:
    """Of a slot's module."""
    (usual, usual_sigma), (beyond, beyond_sigma) = RADAR if sensor.capability.has_doppler else OTHERS
    aa, ab, bb, a, b = learned["near"].tolist()
    aa, bb = aa + usual_sigma**-2, bb + beyond_sigma**-2
    a, b = a + usual * usual_sigma**-2, b + beyond * beyond_sigma**-2
    size = aa * bb - ab * ab
    doubt = np.array([[bb, -ab], [-ab, aa]]) / size
    return Shares(doubt @ np.array([a, b]), doubt)


def reference(shares: Shares, bodies: Silhouettes) -> Reference:
    """Where a sensor should report each body."""
    share, doubt = shares
    parts = _parts(bodies.along)
    before = parts @ share
    variance = ((parts @ doubt) * parts).sum(1) + (share[1] * BOX_SHARE * bodies.along) ** 2
    sight = bodies.sight
    return Reference(-before[:, None] * sight, variance[:, None, None] * sight[:, :, None] * sight[:, None, :])


def learn(learned: np.void, bodies: Silhouettes, off: Floats, variance: Floats) -> None:
    """Add how far (n, 2) a slot's reports lie from the centres of bodies; `variance` (n,) of that; in place."""
    before = -(off * bodies.sight).sum(1)
    sound = np.abs(before) < OUTLIER_M + bodies.along
    weight = np.where(sound, WORTH / (variance + COMMON_M**2), 0.0)
    a, b = _parts(bodies.along).T
    near = learned["near"]
    near += np.stack((a * a, a * b, b * b, a * before, b * before)) @ weight
    near *= min(1.0, MEMORY / max(near[0] + near[2], 1.0))


def _parts(along: Floats) -> Floats:
    usual = np.minimum(along, CAR_HALF_M)
    return np.stack((usual, along - usual), 1)
