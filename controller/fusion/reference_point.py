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
CAMERA, LIDAR = 2, 3  # module classes of PMI


class Belief(NamedTuple):
    """Before anything is learned, each with its sigma: the share of what is within a car's half length, of what is
    beyond, and the angle in rad by which it is turned."""

    usual: tuple[float, float]
    beyond: tuple[float, float]
    turn: float


CENTRES: Final = Belief((0.0, 0.08), (0.1, 0.1), 0.002)  # a camera sees where a body stands
SURFACES: Final = Belief((0.0, 0.08), (0.2, 0.15), 0.002)  # a LiDAR its visible sides
FACES: Final = Belief((0.0, 0.08), (0.7, 0.3), 0.005)  # a radar little more than the nearest
ANY: Final = Belief((0.0, 0.08), (0.3, 0.3), 0.005)
STRANGE_M: Final = 0.5  # 1 sigma of what a module sees too near that is not like others of its kind
TURN_MOST: Final = 0.01  # rad; what is more is for the registration monitor to find
FAR_M: Final = 200.0
BOX_SHARE: Final = 0.1  # 1 sigma of a half extent
WORTH: Final = 0.15  # of a measurement: what is wrong about a body stays so from frame to frame
COMMON_M: Final = 0.2
OUTLIER_M: Final = 2.0
MEMORY: Final = 300.0  # measurements times WORTH
TURN_MEMORY: Final = 6e5
_TO_THE_LEFT: Final = np.array([-1.0, 1.0])  # of (y, x)


class Shares(NamedTuple):
    """Of a half extent, up to a car's and beyond, (2,), by which a sensor sees bodies too near; covariance (2, 2).
    And by what angle it sees them too far to the left, rad, with its variance."""

    share: Floats
    doubt: Floats
    turn: float
    turn_variance: float


class Reference(NamedTuple):
    """Of tracks (n,): how far the reported point lies from the centre, (n, 2) m, and its covariance (n, 2, 2)."""

    offset: Floats
    spread: Floats


def shares(sensor: Sensor, learned: np.void) -> Shares:
    """Of a slot's module."""
    (usual, usual_sigma), (beyond, beyond_sigma), turn_sigma = _belief(sensor)
    aa, ab, bb, a, b = learned["near"].tolist()
    aa, bb = aa + usual_sigma**-2, bb + beyond_sigma**-2
    a, b = a + usual * usual_sigma**-2, b + beyond * beyond_sigma**-2
    size = aa * bb - ab * ab
    doubt = np.array([[bb, -ab], [-ab, aa]]) / size
    weight, pull = learned["turn"].tolist()
    weight += turn_sigma**-2
    turn = min(max(pull / weight, -TURN_MOST), TURN_MOST)
    return Shares(doubt @ np.array([a, b]), doubt, turn, 1 / weight)


def reference(shares: Shares, bodies: Silhouettes) -> Reference:
    """Where a sensor should report each body."""
    share, doubt, turn, turn_variance = shares
    parts, sight = _parts(bodies.along), bodies.sight
    aside = sight[:, ::-1] * _TO_THE_LEFT
    before = parts @ share
    variance = ((parts @ doubt) * parts).sum(1) + (share[1] * BOX_SHARE * bodies.along) ** 2
    away = np.minimum(bodies.away, FAR_M)
    offset = (turn * away)[:, None] * aside - before[:, None] * sight
    spread = variance[:, None, None] * sight[:, :, None] * sight[:, None, :]
    spread += (turn_variance * away**2)[:, None, None] * aside[:, :, None] * aside[:, None, :]
    return Reference(offset, spread)


def learn(learned: np.void, bodies: Silhouettes, off: Floats, variance: Floats) -> None:
    """Add how far (n, 2) a slot's reports lie from the centres of bodies; `variance` (n,) of that; in place."""
    before = -(off * bodies.sight).sum(1)
    sound = np.abs(before) < OUTLIER_M + bodies.along
    weight = np.where(sound, WORTH / (variance + COMMON_M**2), 0.0)
    a, b = _parts(bodies.along).T
    near = learned["near"]
    near += np.stack((a * a, a * b, b * b, a * before, b * before)) @ weight
    near *= min(1.0, MEMORY / max(near[0] + near[2], 1.0))
    aside = off[:, 1] * bodies.sight[:, 0] - off[:, 0] * bodies.sight[:, 1]
    turn = learned["turn"]
    turn += (weight * bodies.away**2).sum(), (weight * bodies.away * aside).sum()
    turn *= min(1.0, TURN_MEMORY / max(turn[0], 1.0))


def _parts(along: Floats) -> Floats:
    usual = np.minimum(along, CAR_HALF_M)
    return np.stack((usual, along - usual), 1)


def too_near_m(sensor: Sensor, along: Floats) -> Floats:
    """1 sigma (n,) of how far before their centres a module may see bodies that reach so far (n,) m along the line of
    sight, be it like others of its kind or not: a radar all the way to the near end of a lorry."""
    share, sigma = _belief(sensor).beyond
    near: Floats = np.hypot(STRANGE_M, (share + sigma) * np.maximum(along - CAR_HALF_M, 0.0))
    return near


def _belief(sensor: Sensor) -> Belief:
    if sensor.capability.has_doppler:
        return FACES
    return {CAMERA: CENTRES, LIDAR: SURFACES}.get(sensor.capability.module_class, ANY)
