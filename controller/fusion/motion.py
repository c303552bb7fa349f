"""Motion of many road users at once: an interacting multiple model filter (Blom and Bar-Shalom 1988) in columns.

Modes: steady (constant velocity), manoeuvring (Singer 1970 acceleration), standing. State (x, y, vx, vy, ax, ay);
arrays are mode-major: mean (3, n, 6), covariance (3, n, 6, 6), weight (3, n).
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
SWITCH_PER_S: Final = np.array([[0.0, 0.4, 0.1], [0.8, 0.0, 0.2], [0.05, 0.25, 0.0]])
ACCELERATION_TAU_S: Final = 1.2
STANDING_DRIFT: Final = 4e-4  # m²/s: a standing object's measured centre wanders a little
STANDING_SPEED_VARIANCE: Final = 0.05**2
# Rows: vehicle, pedestrian. White acceleration (m²/s³) of the steady mode, sigma (m/s²) of the manoeuvring one.
STEADY_NOISE: Final = np.array([0.10, 0.06])
MANOEUVRE_SIGMA: Final = np.array([2.5, 1.0])
MAX_STEP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Motion:
    """Moments of every mode of every track, at one instant."""

    mean: Floats
    covariance: Floats
    weight: Floats

    def take(self, rows: Index | NDArray[np.bool_]) -> Motion:
        """Only these tracks."""
        return Motion(self.mean[:, rows], self.covariance[:, rows], self.weight[:, rows])

    def joined(self, other: Motion) -> Motion:
        """These tracks, then the others."""
        return Motion(
            np.concatenate((self.mean, other.mean), 1),
            np.concatenate((self.covariance, other.covariance), 1),
            np.concatenate((self.weight, other.weight), 1),
        )

    def expected(self) -> Floats:
        """Mean (n, 6) of the mixture."""
        mean: Floats = (self.weight[..., None] * self.mean).sum(0)
        return mean

    def combined(self, size: int = 4) -> tuple[Floats, Floats]:
        """Mean (n, 6) of the mixture and covariance (n, size, size) of its first columns."""
        mean = self.expected()
        off = self.mean[..., :size] - mean[:, :size]
        covariance = np.zeros((len(mean), size, size))
        for mode in range(3):
            spread = self.covariance[mode, :, :size, :size] + off[mode][:, :, None] * off[mode][:, None, :]
            covariance += self.weight[mode][:, None, None] * spread
        return mean, covariance


def born(mean: Floats, covariance: Floats) -> Motion:
    """New tracks, alike in every mode but that standing ones do not move."""
    count = len(mean)
    means: Floats = np.stack((mean,) * 3)
    covariances: Floats = np.stack((covariance,) * 3)
    motion = Motion(means, covariances, np.repeat(np.array([[0.5], [0.4], [0.1]]), count, 1))
    _stand(motion.mean, motion.covariance)
    return motion


def predict(motion: Motion, dt: float, walking: NDArray[np.intp]) -> Motion:
    """The same tracks `dt` s later; `walking` (n,) is 1 for those that move like people."""
    dt = min(dt, MAX_STEP_S)
    if dt <= 0 or motion.mean.shape[1] == 0:
        return motion
    mixed = _mix(motion, dt)
    transition = _transition(dt)
    turned = np.swapaxes(transition, 1, 2)
    mean = mixed.mean @ turned
    covariance = transition[:, None] @ mixed.covariance @ turned[:, None]
    covariance = 0.5 * (covariance + np.swapaxes(covariance, 2, 3)) + _noise(dt)[:, walking]
    return Motion(mean, covariance, mixed.weight)


def update(motion: Motion, measured: Floats, noise: Floats, first: int, *, weigh: bool = True) -> Motion:
    """Every track with its measurement (n, 2) of state columns `first`, `first` + 1, of covariance (n, 2, 2)."""
    pht = motion.covariance[..., first : first + 2]
    s = pht[..., first : first + 2, :] + noise
    a, b, c = s[..., 0, 0], s[..., 0, 1], s[..., 1, 1]
    det = np.maximum(a * c - b * b, 1e-12)
    r0, r1 = (measured[:, i] - motion.mean[..., first + i] for i in range(2))
    k0 = (pht[..., 0] * c[..., None] - pht[..., 1] * b[..., None]) / det[..., None]
    k1 = (pht[..., 1] * a[..., None] - pht[..., 0] * b[..., None]) / det[..., None]
    mean = motion.mean + k0 * r0[..., None] + k1 * r1[..., None]
    gain = k0[..., :, None] * pht[..., None, :, 0] + k1[..., :, None] * pht[..., None, :, 1]
    covariance = motion.covariance - 0.5 * (gain + np.swapaxes(gain, 2, 3))
    if not weigh:
        return Motion(mean, covariance, motion.weight)
    d2 = (c * r0 * r0 - 2 * b * r0 * r1 + a * r1 * r1) / det
    return Motion(mean, covariance, _reweighed(motion.weight, -0.5 * (d2 + np.log(det))))


def update_along(motion: Motion, measured: Floats, variance: Floats, direction: Floats) -> Motion:
    """Every track with the component (n,) of its velocity along unit vectors (n, 2), e.g. Doppler."""
    pht = (motion.covariance[..., 2:4] * direction[None, :, None, :]).sum(-1)
    s = (pht[..., 2:4] * direction).sum(-1) + variance
    residual = measured - (motion.mean[..., 2:4] * direction).sum(-1)
    mean = motion.mean + pht * (residual / s)[..., None]
    covariance = motion.covariance - pht[..., :, None] * pht[..., None, :] / s[..., None, None]
    return Motion(mean, covariance, _reweighed(motion.weight, -0.5 * (residual**2 / s + np.log(s))))


def _reweighed(weight: Floats, log_likelihood: Floats) -> Floats:
    raw = weight * np.exp(log_likelihood - log_likelihood.max(0)) + 1e-6
    scaled: Floats = raw / raw.sum(0)
    return scaled


def _mix(motion: Motion, dt: float) -> Motion:
    leaving = SWITCH_PER_S.sum(1)
    switch = SWITCH_PER_S * ((1 - np.exp(-leaving * dt)) / leaving)[:, None]
    switch[np.diag_indices(3)] = np.exp(-leaving * dt)
    share = switch[:, :, None] * motion.weight[:, None, :]  # from, to, track
    weight = share.sum(0)
    share = share / weight
    mean = np.swapaxes(share.T @ np.swapaxes(motion.mean, 0, 1), 0, 1)
    # The spread of a mixture is that of its pairs, weight by weight: the same for every mode it goes to.
    one, other = [STEADY, STEADY, MANOEUVRE], [MANOEUVRE, STANDING, STANDING]
    off = motion.mean[one] - motion.mean[other]
    parts = np.concatenate((motion.covariance, off[..., :, None] * off[..., None, :])).reshape(6, -1, 36)
    shares = np.concatenate((share, share[one] * share[other])).T
    covariance = np.swapaxes(shares @ np.swapaxes(parts, 0, 1), 0, 1).reshape(3, -1, 6, 6)
    return Motion(mean, covariance, weight)


def _transition(dt: float) -> Floats:
    """How each mode moves on (3, 6, 6)."""
    decay, tau = math.exp(-dt / ACCELERATION_TAU_S), ACCELERATION_TAU_S
    gone = tau * (1 - decay)
    moved: Floats = _MOVES @ np.array([1.0, dt, decay, gone, tau * (dt - gone)])
    return moved


def _noise(dt: float) -> Floats:
    """Process noise (mode, kind, 6, 6)."""
    noise: Floats = _NOISE @ dt ** np.arange(6.0)
    return noise


def _stand(mean: Floats, covariance: Floats) -> None:
    mean[STANDING, :, 2:] = 0
    covariance[STANDING, :, 2:, :2] = covariance[STANDING, :, :2, 2:] = 0
    covariance[STANDING, :, 2:, 2:] = np.diag([STANDING_SPEED_VARIANCE] * 2 + [1.0] * 2)


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
    """Process noise (mode, kind, 6, 6, 6) by power of dt."""
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
    return q


_MOVES: Final = _moves()
_NOISE: Final = _noise_by_power()
