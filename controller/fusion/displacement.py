"""How far beside the others each module sees things: shifts, turns and delays of all modules, fitted together.

Only differences between modules on the same track count; what a track itself has wrong goes out with its mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

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
SEVERAL: Final = 3  # road users
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
        rows, self._samples = np.concatenate(self._samples), []
        pairs, group = np.unique(rows["track"].astype(np.int64) * SLOTS + rows["slot"], return_inverse=True)
        count = np.bincount(group).astype(np.float64)
        off, half = _mean(rows["off"], group, count), _mean(rows["half"], group, count)
        basis = _mean(rows["basis"].reshape(-1, 2 * TERMS), group, count).reshape(-1, 2, TERMS)
        sigma = np.bincount(group, rows["sigma"]) / count
        noise = sigma**2 / np.minimum(count, INDEPENDENT) + COMMON_M**2
        weight = 1 / (noise[:, None] + (EXTENT * half) ** 2)  # along the body and across it
        ids, whose = np.unique(rows["track"].astype(np.int64), return_inverse=True)
        ahead = _mean(rows["ahead"], whose, np.bincount(whose).astype(np.float64))
        track, slot = ids.searchsorted(pairs // SLOTS), pairs % SLOTS
        shared = np.bincount(track)[track] > 1
        weight /= (1 + self._spoken(ids, np.unique(track[shared]))[track] / REPEATED)[:, None]
        track, slot, sigma, basis = track[shared], slot[shared], sigma[shared], basis[shared]
        if not len(track):
            return
        memory = MEMORY ** min(1.0, len(track) / ENOUGH)
        for kept in (self._information, self._pull, self._gram, self._sigma, self.weight):
            np.multiply(kept, memory, out=kept)
        turn, weight = _turns(ahead)[track], weight[shared]
        off = (turn @ off[shared, :, None])[..., 0]
        placed = np.zeros((len(track), 2, SLOTS, TERMS))
        placed[np.arange(len(track)), :, slot] = turn @ basis
        design = placed.reshape(len(track), 2, SLOTS * TERMS)
        for _ in range(2):  # the second time without what does not fit
            centred, about = _centred(design, track, weight), _centred(off, track, weight)
            rest = about - centred @ self.errors.reshape(-1)
            trusted = weight * np.minimum(1.0, OUTLIER_M / np.maximum(np.hypot(rest[:, 0], rest[:, 1]), 1e-6))[:, None]
            weight = trusted
        flat = centred.reshape(-1, SLOTS * TERMS)
        heavy = flat * trusted.reshape(-1, 1)
        self._information += (heavy.T @ flat).reshape(SLOTS, TERMS, SLOTS, TERMS)
        self._pull += (heavy.T @ about.reshape(-1)).reshape(SLOTS, TERMS)
        for one in range(SLOTS):
            mine = slot == one
            if mine.any():
                if len(self._road_users[one]) < SEVERAL:
                    self._road_users[one].update(ids[track[mine]].tolist())
                errors = basis[mine][..., :ERRORS]
                self._gram[one] += np.einsum("nij,nik->jk", errors, errors)
                self._sigma[one] += sigma[mine].sum()
                self.weight[one] += mine.sum()

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

    def _spoken(self, ids: NDArray[np.int64], shared: NDArray[np.intp]) -> Floats:
        """How often each track has been compared before; those at `shared` are once more."""
        before = [self._heard.get(one, 0) for one in ids.tolist()]
        if len(self._heard) > MAX_TRACKS:
            self._heard.clear()
        for n in shared.tolist():
            self._heard[int(ids[n])] = before[n] + 1
        return np.array(before, np.float64)


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


def _mean(values: Floats, group: NDArray[np.intp], count: Floats) -> Floats:
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, group, values)
    mean: Floats = total / count[:, None]
    return mean


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
