"""Motion of many road users at once: an interacting multiple model filter (Blom and Bar-Shalom 1988) in columns.

Modes: steady (constant velocity), manoeuvring (Singer 1970 acceleration), standing. State (x, y, vx, vy, ax, ay).
Tracks run along the last axis, so that every step works on whole columns: mean (3, 6, n), covariance (3, 6, 6, n),
weight (3, n). What is told to others has tracks first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

STEADY, MANOEUVRE, STANDING = range(3)
_MOVING: Final = [STEADY, MANOEUVRE]
SWITCH_PER_S: Final = np.array([[0.0, 0.4, 0.1], [0.8, 0.0, 0.2], [0.05, 0.25, 0.0]])
_LEAVING: Final = SWITCH_PER_S.sum(1)
ACCELERATION_TAU_S: Final = 1.2
STANDING_DRIFT: Final = 4e-4  # m²/s: a standing object's measured centre wanders a little
STANDING_SPEED_VARIANCE: Final = 0.05**2
STOPPING_MPS: Final = 2.0  # from about this speed on nobody stands a moment later
# Rows: vehicle, pedestrian. White acceleration (m²/s³) of the steady mode, sigma (m/s²) of the manoeuvring one.
STEADY_NOISE: Final = np.array([0.10, 0.06])
MANOEUVRE_SIGMA: Final = np.array([2.5, 1.0])
MAX_STEP_S: Final = 5.0

# Of a symmetric matrix only the upper half is mixed; `_WHOLE` finds each entry in it.
_UPPER: Final = np.triu_indices(6)
_HALF: Final = np.ravel_multi_index(_UPPER, (6, 6))
_WHOLE: Final = np.zeros((6, 6), np.intp)
_WHOLE[_UPPER] = _WHOLE.T[_UPPER] = np.arange(len(_HALF))


@dataclass(frozen=True, slots=True)
class Motion:
    """Moments of every mode of every track, at one instant."""

    mean: Floats
    covariance: Floats
    weight: Floats

    def take(self, rows: Index | NDArray[np.bool_]) -> Motion:
        """Only these tracks."""
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        return Motion(self.mean.take(rows, -1), self.covariance.take(rows, -1), self.weight.take(rows, -1))

    def joined(self, other: Motion) -> Motion:
        """These tracks, then the others."""
        return Motion(
            np.concatenate((self.mean, other.mean), -1),
            np.concatenate((self.covariance, other.covariance), -1),
            np.concatenate((self.weight, other.weight), -1),
        )

    def put(self, rows: Index, part: Motion) -> Motion:
        """With these tracks as in `part`."""
        result = Motion(self.mean.copy(), self.covariance.copy(), self.weight.copy())
        result.mean[..., rows], result.covariance[..., rows] = part.mean, part.covariance
        result.weight[..., rows] = part.weight
        return result

    def expected(self) -> Floats:
        """Mean (n, 6) of the mixture."""
        mean: Floats = (self.weight[:, None] * self.mean).sum(0).T
        return mean

    def combined(self, size: int = 4) -> tuple[Floats, Floats]:
        """Mean (n, 6) of the mixture and covariance (n, size, size) of its first columns."""
        mean = self.expected()
        off = self.mean[:, :size] - mean.T[:size]
        spread = off[:, :, None] * off[:, None]
        spread += self.covariance[:, :size, :size]
        spread *= self.weight[:, None, None]
        return mean, spread.sum(0).transpose(2, 0, 1)


def born(mean: Floats, covariance: Floats) -> Motion:
    """New tracks of mean (n, 6) and covariance (n, 6, 6), alike in every mode but that standing ones do not move."""
    means: Floats = np.stack((mean.T,) * 3)
    covariances: Floats = np.stack((covariance.transpose(1, 2, 0),) * 3)
    motion = Motion(means, covariances, np.repeat(np.array([[0.5], [0.4], [0.1]]), len(mean), 1))
    _stand(motion.mean, motion.covariance)
    return motion


def predict(motion: Motion, dt: float, walking: Index) -> Motion:
    """The same tracks `dt` s later; `walking` (n,) is 1 for those that move like people."""
    dt, count = min(dt, MAX_STEP_S), motion.weight.shape[1]
    if dt <= 0 or count == 0:
        return motion
    mixed, transition = _mix(motion, dt), _transition(dt)
    half = (transition @ mixed.covariance.reshape(3, 6, -1)).reshape(3, 6, 6, -1)
    covariance = transition[:, None] @ half
    covariance += _noise(dt).take(walking, -1)
    return Motion(transition @ mixed.mean, covariance, mixed.weight)


def update(motion: Motion, measured: Floats, noise: Floats, first: int, *, weigh: bool = True) -> Motion:
    """Every track with its measurement (n, 2) of state columns `first`, `first` + 1, of covariance (n, 2, 2)."""
    pht = motion.covariance[:, :, first : first + 2]
    s = pht[:, first : first + 2] + noise.transpose(1, 2, 0)
    # One axis after the other, the second without what it shares with the first (a Cholesky factor of s).
    a, shared = s[:, 0, 0], s[:, 0, 1] / s[:, 0, 0]
    b = np.maximum(s[:, 1, 1] - shared * s[:, 0, 1], 1e-12)
    r = measured.T - motion.mean[:, first : first + 2]
    r0, r1 = r[:, 0], r[:, 1] - shared * r[:, 0]
    g0, g1 = pht[:, :, 0], pht[:, :, 1] - shared[:, None] * pht[:, :, 0]
    k0, k1 = g0 / a[:, None], g1 / b[:, None]
    mean = motion.mean + k0 * r0[:, None] + k1 * r1[:, None]
    covariance = motion.covariance - k0[:, :, None] * g0[:, None]
    covariance -= k1[:, :, None] * g1[:, None]
    if not weigh:
        return Motion(mean, covariance, motion.weight)
    d2 = r0 * r0 / a + r1 * r1 / b
    return Motion(mean, covariance, _reweighed(motion.weight, -0.5 * (d2 + np.log(a * b))))


def update_along(motion: Motion, measured: Floats, variance: Floats, direction: Floats) -> Motion:
    """Every track with the component (n,) of its velocity along unit vectors (n, 2), e.g. Doppler."""
    unit = direction.T
    pht = (motion.covariance[:, :, 2:4] * unit).sum(2)
    s = (pht[:, 2:4] * unit).sum(1) + variance
    residual = measured - (motion.mean[:, 2:4] * unit).sum(1)
    gain = pht / s[:, None]
    mean = motion.mean + gain * residual[:, None]
    covariance = motion.covariance - gain[:, :, None] * pht[:, None]
    return Motion(mean, covariance, _reweighed(motion.weight, -0.5 * (residual**2 / s + np.log(s))))


def _reweighed(weight: Floats, log_likelihood: Floats) -> Floats:
    raw = weight * np.exp(log_likelihood - log_likelihood.max(0)) + 1e-6
    scaled: Floats = raw / raw.sum(0)
    return scaled


def _mix(motion: Motion, dt: float) -> Motion:
    stay = np.exp(-_LEAVING * dt)
    switch = SWITCH_PER_S * ((1 - stay) / _LEAVING)[:, None]
    switch[np.diag_indices(3)] = stay
    share = switch[:, :, None] * motion.weight[:, None]  # from, to, track
    pace2 = (motion.mean[:STANDING, 2:4] ** 2).sum(1)
    goes_on = share[:STANDING, STANDING] * -np.expm1(pace2 / (-2 * STOPPING_MPS**2))
    share[:STANDING, STANDING] -= goes_on
    share[_MOVING, _MOVING] += goes_on
    weight = share.sum(0)
    share /= weight
    # The spread of a mixture is that of its pairs, weight by weight: the same for every mode it goes to.
    one, other = [STEADY, STEADY, MANOEUVRE], [MANOEUVRE, STANDING, STANDING]
    off = motion.mean[one] - motion.mean[other]
    covariances = motion.covariance.reshape(3, 36, -1)[:, _HALF]
    parts = np.concatenate((covariances, off[:, _UPPER[0]] * off[:, _UPPER[1]]))
    shares = np.concatenate((share, share[one] * share[other]))
    mean, half = (np.einsum("ftn,fcn->tcn", *pair) for pair in ((share, motion.mean), (shares, parts)))
    return Motion(mean, half[:, _WHOLE], weight)


def _transition(dt: float) -> Floats:
    """How each mode moves on (3, 6, 6)."""
    decay, tau = math.exp(-dt / ACCELERATION_TAU_S), ACCELERATION_TAU_S
    gone = tau * (1 - decay)
    moved: Floats = _MOVES @ np.array([1.0, dt, decay, gone, tau * (dt - gone)])
    return moved


def _noise(dt: float) -> Floats:
    """Process noise (mode, 6, 6, kind)."""
    noise: Floats = _NOISE @ dt ** np.arange(6.0)
    return noise


def _stand(mean: Floats, covariance: Floats) -> None:
    mean[STANDING, 2:] = 0
    covariance[STANDING, 2:, :2] = covariance[STANDING, :2, 2:] = 0
    covariance[STANDING, 2:, 2:] = np.diag([STANDING_SPEED_VARIANCE] * 2 + [1.0] * 2)[..., None]


def _moves() -> Floats:
    """The transition (3, 6, 6, 5) by what it grows with: 1, dt, and of an acceleration its rest, its speed, its way."""
    f = np.zeros((3, 6, 6, 5))
    f[:, [0, 1], [0, 1], 0] = 1
    f[:2, [2, 3], [2, 3], 0] = 1
    f[:2, [0, 1], [2, 3], 1] = 1
    f[MANOEUVRE, [4, 5], [4, 5], 2] = 1
    f[MANOEUVRE, [2, 3], [4, 5], 3] = 1
    f[MANOEUVRE, [0, 1], [4, 5], 4] = 1
    return f


def _noise_by_power() -> Floats:
    """Process noise (mode, 6, 6, kind, 6) by power of dt."""
    q = np.zeros((3, 2, 6, 6, 6))
    for kind in range(2):
        steady, sigma = STEADY_NOISE[kind], MANOEUVRE_SIGMA[kind]
        jerk = 2 * sigma**2 / ACCELERATION_TAU_S
        for p in range(2):
            v, a = p + 2, p + 4
            q[STEADY, kind, [p, p, v, v], [p, v, p, v], [3, 2, 2, 1]] = steady / np.array([3, 2, 2, 1])
            q[MANOEUVRE, kind, [p, p, v, v], [p, v, p, v], [5, 4, 4, 3]] = jerk / np.array([20, 8, 8, 3])
            q[MANOEUVRE, kind, [p, a, v, a, a], [a, p, a, v, a], [3, 3, 2, 2, 1]] = jerk / np.array([6, 6, 2, 2, 1])
            q[STANDING, kind, p, p, 1] = STANDING_DRIFT
            q[STANDING, kind, v, v, 0] = STANDING_SPEED_VARIANCE
            # Modes without acceleration hand the manoeuvring one its usual spread when they mix into it.
            q[STEADY, kind, a, a, 0] = q[STANDING, kind, a, a, 0] = (0.4 * sigma) ** 2
    return np.moveaxis(q, 1, 3).copy()


_MOVES: Final = _moves()
_NOISE: Final = _noise_by_power()
