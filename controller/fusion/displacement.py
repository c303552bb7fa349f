"""How far beside the others each module sees things: shifts, turns and delays of all modules, fitted together.

Only differences between modules on the same track count; what a track itself has wrong goes out with its mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import ERRORS, TERMS, ErrorFit
from controller.fusion.standing import PACE_MPS, REACH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]

MEMORY: Final = 0.8  # of what was known, kept from one judgement to the next
ENOUGH: Final = 24.0  # comparisons in a judgement for that; with fewer, what was known is kept for longer
OUTLIER_M: Final = 1.0
INDEPENDENT: Final = 4  # measurements of one track in a period, at most
COMMON_M: Final = 0.2  # 1 sigma of what a module gets wrong about one track all the time,
EXTENT: Final = 0.2  # and that share of half its length and, across it, of half its width: which part of it is seen
COURSE_MPS: Final = 1.0  # from which on it is known how a body lies
REPEATED: Final = 5.0  # judgements after which the same track says half as much: others have to say it, too
SEVERAL: Final = 2  # road users
MAX_TRACKS: Final = 2000  # remembered

SAMPLE: Final = np.dtype(
    [
        ("track", "<u4"),
        ("slot", "<i4"),
        ("off", "<f8", 2),
        ("basis", "<f8", (2, TERMS)),
        ("sigma", "<f8"),
        ("ahead", "<f8", 2),
        ("half", "<f8", 2),
    ]
)


class Displacements:
    """What is known of every slot's errors (SLOTS, TERMS): m east, m north, m at 30 m, m at 10 m/s, near side m."""

    def __init__(self) -> None:
        self.errors = np.zeros((SLOTS, TERMS))
        self.weight = np.zeros(SLOTS)  # how much each has been compared
        self._samples: list[NDArray[np.void]] = []
        self._information = np.zeros((SLOTS, TERMS, SLOTS, TERMS))
        self._pull = np.zeros((SLOTS, TERMS))
        self._gram = np.zeros((SLOTS, ERRORS, ERRORS))  # mean square displacement by unit errors, times `weight`
        self._sigma = np.zeros(SLOTS)
        self._heard: dict[int, int] = {}  # judgements in which each track has spoken
        self._road_users: list[set[int]] = [set() for _ in range(SLOTS)]

    def forget(self) -> None:
        """Learn all anew."""
        for kept in (self._information, self._pull, self.errors, self._gram, self._sigma, self.weight):
            kept[:] = 0
        self._samples.clear()
        self._heard.clear()
        for seen in self._road_users:
            seen.clear()

    def keep(self, sensor: Sensor, rows: NDArray[np.void], track: NDArray[np.void], place: Floats) -> None:
        """Rows (n,) that one module saw of tracks (n,), which were at `place` (n, 2) then."""
        samples = np.zeros(len(rows), SAMPLE)
        samples["track"], samples["slot"] = track["id"], sensor.slot_index
        samples["off"] = np.stack((rows["x"], rows["y"]), 1) - place
        samples["basis"] = _basis(sensor, place, track)
        samples["ahead"], samples["half"] = _lie(track)
        declared = sensor.accuracy(rows["x"], rows["y"])[0]
        sigma = np.where(rows["sigma_pos"] > 0, rows["sigma_pos"], declared)
        samples["sigma"] = np.clip(np.nan_to_num(sigma, nan=1.0), 0.1, 5.0)
        self._samples.append(samples)

    def effect_m(self, slot: int) -> float:
        """Mean displacement of what a module sees."""
        errors = self.errors[slot, :ERRORS]
        return math.sqrt(max(float(errors @ self.gram(slot) @ errors), 0.0))

    def founded(self, slot: int) -> bool:
        """Whether it has been compared on several tracks: a single one has oddities of its own."""
        return len(self._road_users[slot]) >= SEVERAL

    def sigma_m(self, slot: int) -> float:
        """Mean of what it declares to be unsure of."""
        return float(self._sigma[slot] / max(self.weight[slot], 1.0))

    def gram(self, slot: int) -> Floats:
        """(ERRORS, ERRORS): mean square displacement by unit errors, where it saw things."""
        gram: Floats = self._gram[slot] / max(self.weight[slot], 1.0)
        return gram

    def learn(self) -> None:
        """Add the differences between modules on the same track to what is known."""
        if not self._samples:
            return
        seen, self._samples = _gathered(np.concatenate(self._samples)), []
        if not len(seen.slot):
            return
        memory = MEMORY ** min(1.0, len(seen.slot) / ENOUGH)
        for kept in (self._information, self._pull, self._gram, self._sigma, self.weight):
            np.multiply(kept, memory, out=kept)
        self._compare(seen)
        for one in range(SLOTS):
            mine = seen.slot == one
            if mine.any():
                if len(self._road_users[one]) < SEVERAL:
                    self._road_users[one].update(seen.ids[seen.track[mine]].tolist())
                errors = seen.basis[mine][..., :ERRORS]
                self._gram[one] += np.einsum("nij,nik->jk", errors, errors)
                self._sigma[one] += seen.sigma[mine].sum()
                self.weight[one] += mine.sum()

    def _compare(self, seen: _Seen) -> None:
        """Add to the normal equations, the second time without what does not fit."""
        placed = np.zeros((len(seen.slot), 2, SLOTS, TERMS))
        placed[np.arange(len(seen.slot)), :, seen.slot] = seen.basis
        design = placed.reshape(len(seen.slot), 2, SLOTS * TERMS)
        weight = seen.weight / (1 + self._spoken(seen.ids)[seen.track] / REPEATED)[:, None]
        for _ in range(2):
            centred, about = (_centred(values, seen.track, weight) for values in (design, seen.off))
            rest = about - centred @ self.errors.reshape(-1)
            weight = weight * np.minimum(1.0, OUTLIER_M / np.maximum(np.hypot(rest[:, 0], rest[:, 1]), 1e-6))[:, None]
        flat = centred.reshape(-1, SLOTS * TERMS)
        heavy = flat * weight.reshape(-1, 1)
        self._information += (heavy.T @ flat).reshape(SLOTS, TERMS, SLOTS, TERMS)
        self._pull += (heavy.T @ about.reshape(-1)).reshape(SLOTS, TERMS)

    def solve(self, active: NDArray[np.intp], price: Floats, known: frozenset[int]) -> tuple[Floats, Floats]:
        """Fit the errors of the active modules; (SLOTS,) how likely each is wrong, standard deviation of its effect, m.

        `price` (SLOTS,): nats against the belief that each is wrong; `known`: who is in any case.
        """
        size, slots = TERMS * len(active), active.tolist()
        information = self._information[active][:, :, active].reshape(size, size)
        fit = ErrorFit(information, self._pull[active].reshape(-1))
        fitted = fit.blamed(price[active], [n for n, slot in enumerate(slots) if slot in known])
        self.errors[:] = 0
        self.errors[active] = fitted.errors
        guilt, spread = np.zeros(SLOTS), np.zeros(SLOTS)
        guilt[active] = fitted.guilt
        for slot, errors, covariance in zip(slots, fitted.errors[:, :ERRORS], fitted.covariance, strict=True):
            slope = self.gram(slot) @ errors / max(self.effect_m(slot), 1e-9)
            spread[slot] = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
        return guilt, spread

    def _spoken(self, ids: NDArray[np.int64]) -> Floats:
        """How often each of these tracks has been compared before; they are once more."""
        if len(self._heard) > MAX_TRACKS:
            self._heard.clear()
        before = [self._heard.get(one, 0) for one in ids.tolist()]
        self._heard.update((one, times + 1) for one, times in zip(ids.tolist(), before, strict=True))
        return np.array(before, np.float64)


class _Seen(NamedTuple):
    """Means (n,) of what one module saw of one track that others saw, too: `ids[track]`. Vectors (n, 2) are along the
    body and across it, as is their `weight`.
    """

    ids: NDArray[np.int64]
    track: NDArray[np.intp]
    slot: NDArray[np.int64]
    off: Floats
    basis: Floats
    weight: Floats
    sigma: Floats


def _gathered(rows: NDArray[np.void]) -> _Seen:
    """The samples by track and module."""
    tracks = rows["track"].astype(np.int64)
    pairs, group, count = np.unique(tracks * SLOTS + rows["slot"], return_inverse=True, return_counts=True)
    ids, track, modules = np.unique(pairs // SLOTS, return_inverse=True, return_counts=True)
    off, half, basis = (_sum(rows[name], group, len(pairs)) / count[:, None] for name in ("off", "half", "basis"))
    sigma = np.bincount(group, rows["sigma"]) / count
    noise = sigma**2 / np.minimum(count, INDEPENDENT) + COMMON_M**2
    weight = 1 / (noise[:, None] + (EXTENT * half) ** 2)
    turn = _turns(_sum(rows["ahead"], track[group], len(ids)))[track]
    off, basis = (turn @ off[:, :, None])[..., 0], turn @ basis.reshape(-1, 2, TERMS)
    shared = modules[track] > 1
    ids, track = np.unique(ids[track[shared]], return_inverse=True)
    return _Seen(ids, track, pairs[shared] % SLOTS, off[shared], basis[shared], weight[shared], sigma[shared])


def _basis(sensor: Sensor, place: Floats, track: NDArray[np.void]) -> Floats:
    """(n, 2, TERMS): what one metre of each term does to what a module sees at `place`."""
    basis = np.zeros((len(place), 2, TERMS))
    x, y = place[:, 0] - sensor.x, place[:, 1] - sensor.y
    away = np.maximum(np.hypot(x, y), 1.0)
    basis[:, 0, 0] = basis[:, 1, 1] = 1
    basis[:, 0, 2], basis[:, 1, 2] = -y / REACH_M, x / REACH_M
    basis[:, 0, 4], basis[:, 1, 4] = -x / away, -y / away
    basis[:, 0, 3], basis[:, 1, 3] = -track["vx"] / PACE_MPS, -track["vy"] / PACE_MPS
    return basis


def _sum(values: Floats, group: NDArray[np.intp], groups: int) -> Floats:
    """(groups, m) of values (n, ...) by group (n,)."""
    total = np.zeros((groups, math.prod(values.shape[1:])))
    np.add.at(total, group, values.reshape(len(values), total.shape[1]))
    return total


def _centred(values: Floats, track: NDArray[np.intp], weight: Floats) -> Floats:
    """`values` (n, 2, ...) without the mean of their track, weighted (n, 2): what the track itself has wrong goes with
    it.
    """
    weight = weight.reshape(len(values), 2, *(1,) * (values.ndim - 2))
    total, of = np.zeros((2, track.max() + 1, *values.shape[1:]))
    np.add.at(total, track, values * weight)
    np.add.at(of, track, np.broadcast_to(weight, values.shape))
    centred: Floats = values - (total / np.maximum(of, 1e-9))[track]
    return centred


def _lie(track: NDArray[np.void]) -> tuple[Floats, Floats]:
    """How bodies lie (n, 2), and half their lengths and widths (n, 2); half the length both ways where that is not
    sure.
    """
    half = np.stack((np.nan_to_num(track["length"], nan=2.0), np.nan_to_num(track["width"], nan=2.0)), 1) / 2
    unsure = np.hypot(track["vx"], track["vy"]) < COURSE_MPS
    half[unsure, 1] = half[unsure, 0]
    return np.stack((np.cos(track["yaw"]), np.sin(track["yaw"])), 1), half


def _turns(ahead: Floats) -> Floats:
    """(n, 2, 2): from east and north to along and across."""
    cos, sin = (ahead / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]).T
    return np.stack((np.stack((cos, sin), 1), np.stack((-sin, cos), 1)), 1)
