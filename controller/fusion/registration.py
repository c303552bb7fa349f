"""Whether each module still stands where it is said to: what it sees against what the others see of the same tracks.

A badly installed module is worse than a missing one. Four errors of every module are estimated together: shift east and
north, turn about its mount, and how much too new its stamps are; and, as no error, how far before the centre of things
it sees them, for a radar sees the near side. Tracks say nothing of their own here: only the differences between modules
that see the same one count, so a module that draws a track after itself gains nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.misfit import LOOKS, NOTHING, misfit, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.fusion.misfit import Sight
    from controller.fusion.sensor import Sensor
    from controller.fusion.track import Tracks

    Floats = NDArray[np.float64]

PERIOD_NS: Final = 1_000_000_000  # from judgement to judgement
APART_NS: Final = 200_000_000  # between messages of a module that are compared: more would say hardly more
COUNTED: Final = 3  # every so many of them its objects are also counted: who else looks there is dear to reckon
MEMORY: Final = 0.8  # of what was known, kept from one judgement to the next
GATE_M: Final = 4.0
REACH_M, PACE_MPS = 30.0, 10.0  # at which a turn and a delay count like metres
NEAR_SIDE: Final = 1.0  # weight of the belief that things are seen at their centres
SPARSE: Final = 4.0  # weight of the belief that few modules are wrong: a group lasso (Yuan and Lin 2006)
OUTLIER_M: Final = 1.0
WORSE_AFTER, BETTER_AFTER = 2, 5  # judgements in a row
SUSPECT_M, WRONG_M = 0.4, 0.7  # mean displacement of what it sees; or these many of its own sigmas
SUSPECT_SIGMAS, WRONG_SIGMAS = 0.9, 1.5
INDEPENDENT: Final = 4  # measurements of one track in a period, at most
COMMON_M: Final = 0.2  # 1 sigma of what a module gets wrong about one track all the time: its extent, its near side
SURE: Final = 2.0  # standard deviations of the estimate
NO_SHARE, LOW_SHARE, FAIR_SHARE = 0.15, 0.4, 0.6  # of what a module sees where others look, that they see too
LEAST_SEEN: Final = 5.0
CORRECTABLE_M: Final = 3.0
CLOSE: Final = 0.6  # of its reach, within which a module sees nearly everything
FARTHER: Final = 1.5  # than a module can see: nobody else needs to look there to know that it is not so

ERRORS, TERMS = 4, 5
SAMPLE: Final = np.dtype(
    [("track", "<u4"), ("slot", "<i4"), ("off", "<f8", 2), ("basis", "<f8", (2, TERMS)), ("sigma", "<f8")]
)


class Standing(StrEnum):
    """What may be done with a module's detections."""

    OK = "ok"
    DEGRADED = "degraded"  # fused with more doubt
    CORRECTED = "corrected"  # fused after its error was taken out
    QUARANTINED = "quarantined"  # not fused


@dataclass(frozen=True, slots=True)
class Finding:
    """How one module stands. `words` say it for a person, empty when all is well; lengths in m, `late_s`: stamps too
    new by so much; `effect_m`: mean displacement of what it sees; `agreement`: share that others see too, NaN unknown.
    """

    standing: Standing = Standing.OK
    words: str = ""
    east_m: float = 0.0
    north_m: float = 0.0
    yaw_deg: float = 0.0
    late_s: float = 0.0
    effect_m: float = 0.0
    agreement: float = math.nan

    @property
    def errors(self) -> Floats:
        """(4,) as the fit counts them: m, m, m at 30 m, m at 10 m/s."""
        return np.array([self.east_m, self.north_m, math.radians(self.yaw_deg) * REACH_M, self.late_s * PACE_MPS])


class Registration:
    """Watches the modules of one pole; slots are numbers, in pole.toml's order. `correct`: small errors are undone."""

    def __init__(self, *, correct: bool = False) -> None:
        self._correct = correct
        self._samples: list[NDArray[np.void]] = []
        self._information = np.zeros((SLOTS, TERMS, SLOTS, TERMS))
        self._pull = np.zeros((SLOTS, TERMS))
        self._errors = np.zeros((SLOTS, TERMS))
        self._gram = np.zeros((SLOTS, ERRORS, ERRORS))  # mean square displacement by unit errors, times `_weight`
        self._sigma = np.zeros(SLOTS)
        self._weight = np.zeros(SLOTS)
        self._near, self._seen = np.zeros(SLOTS), np.zeros(SLOTS)
        self._streak = np.zeros((SLOTS, 2), np.int64)  # judgements in a row that were worse, better than its standing
        self._proven = np.zeros(SLOTS, np.int64)  # judgements it has passed
        self._sights: dict[int, list[Sight]] = {}
        self._judged_ns = 0
        self._compared_ns = np.zeros(SLOTS, np.int64)
        self._turn = np.zeros(SLOTS, np.int64)
        self.findings: dict[int, Finding] = {}

    def forget(self, slot: int) -> None:
        """Another module stands there now, or none. What was learned of the others beside it is learned anew."""
        for kept in (self._information, self._pull, self._errors, self._gram, self._sigma, self._weight):
            kept[:] = 0
        self._near[slot] = self._seen[slot] = 0
        self._streak[slot] = self._proven[slot] = 0
        self._samples.clear()
        self._sights.pop(slot, None)
        self.findings.pop(slot, None)

    def hear(
        self, sensor: Sensor, rows: NDArray[np.void], stamp_ns: int, tracks: Tracks, others: Mapping[int, Sensor]
    ) -> bool:
        """Compare one message's placed rows with tracks that `others` support; whether that led to a judgement."""
        slot, objects = sensor.slot_index, tracks.objects
        dt = (stamp_ns - tracks.valid_at_ns) / 1e9
        if abs(dt) < 1.0 and len(rows) and others and abs(tracks.valid_at_ns - self._compared_ns[slot]) >= APART_NS:
            self._compared_ns[slot] = tracks.valid_at_ns
            bits = np.uint32(sum(1 << n for n in others if n != slot))
            known = objects[(objects["sources"] & bits) != 0]
            place = np.stack((known["x"] + known["vx"] * dt, known["y"] + known["vy"] * dt), 1)
            self._compare(sensor, rows, known, place, [other for n, other in others.items() if n != slot])
        if abs(tracks.valid_at_ns - self._judged_ns) < PERIOD_NS:  # the pole's time: a module's may be anything
            return False
        self._judged_ns = tracks.valid_at_ns
        self._judge()
        return True

    def corrected(self, sensor: Sensor, rows: NDArray[np.void], stamp_ns: int) -> tuple[NDArray[np.void], int]:
        """Rows and stamp without the module's error, where it is to be taken out."""
        found = self.findings.get(sensor.slot_index, _WELL)
        if found.standing is not Standing.CORRECTED:
            return rows, stamp_ns
        rows, turn = rows.copy(), -math.radians(found.yaw_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        x, y = rows["x"] - found.east_m - sensor.x, rows["y"] - found.north_m - sensor.y
        rows["x"], rows["y"] = sensor.x + cos * x - sin * y, sensor.y + sin * x + cos * y
        rows["vx"], rows["vy"] = cos * rows["vx"] - sin * rows["vy"], sin * rows["vx"] + cos * rows["vy"]
        rows["yaw"] += turn
        return rows, stamp_ns - round(found.late_s * 1e9)

    # ---------------------------------------------------------------------------------------------------- comparing

    def _compare(
        self, sensor: Sensor, rows: NDArray[np.void], known: NDArray[np.void], place: Floats, others: list[Sensor]
    ) -> None:
        """Keep how far off each row lies from the track it is, and now and then count whom others see too."""
        slot, seen = sensor.slot_index, np.stack((rows["x"], rows["y"]), 1)
        away, chosen, mutual = nearest(seen, place)
        self._turn[slot] = (self._turn[slot] + 1) % COUNTED
        if self._turn[slot] == 1:
            looked_at = _looked_at(rows, others) | (_away(sensor, rows) > FARTHER * sensor.reach_m)
            looked_at &= ~(rows["confidence"] < 0.3)
            self._seen[slot] += looked_at.sum()
            self._near[slot] += (away[looked_at] < GATE_M).sum()
            mount, speed = np.array([sensor.x, sensor.y]), np.stack((known["vx"], known["vy"]), 1)
            sight = _facing(sensor, seen[looked_at] - mount), _facing(sensor, place - mount), _facing(sensor, speed)
            self._sights[slot] = [*self._sights.get(slot, [])[-19:], sight]
        mine = np.flatnonzero(mutual & (away < GATE_M))
        track = known[chosen[mine]]
        samples = np.zeros(len(mine), SAMPLE)
        samples["track"], samples["slot"] = track["id"], slot
        samples["off"] = seen[mine] - place[chosen[mine]]
        samples["basis"] = _basis(sensor, place[chosen[mine]], track)
        declared = sensor.accuracy(rows["x"][mine], rows["y"][mine])[0]
        sigma = np.where(rows["sigma_pos"][mine] > 0, rows["sigma_pos"][mine], declared)
        samples["sigma"] = np.clip(np.nan_to_num(sigma, nan=1.0), 0.1, 5.0)
        self._samples.append(samples)

    # ------------------------------------------------------------------------------------------------------ judging

    def _judge(self) -> None:
        for kept in (self._information, self._pull, self._gram, self._sigma, self._weight):
            np.multiply(kept, MEMORY, out=kept)
        self._learn()
        active = np.flatnonzero((self._weight > 0.5) | (self._seen >= LEAST_SEEN))
        if len(active) > 1:
            spread = self._solve(active)
            shares = {int(slot): self._share(int(slot)) for slot in active}
            for slot in active.tolist():
                self._decide(slot, spread[slot], shares)
        self._near *= MEMORY
        self._seen *= MEMORY

    def _learn(self) -> None:
        """Add the differences between modules on the same track to what is known."""
        if not self._samples:
            return
        rows, self._samples = np.concatenate(self._samples), []
        pairs, group = np.unique(rows["track"].astype(np.int64) * SLOTS + rows["slot"], return_inverse=True)
        count = np.bincount(group).astype(np.float64)
        off = _mean(rows["off"], group, count)
        basis = _mean(rows["basis"].reshape(-1, 2 * TERMS), group, count).reshape(-1, 2, TERMS)
        sigma = np.bincount(group, rows["sigma"]) / count
        weight = 1 / (sigma**2 / np.minimum(count, INDEPENDENT) + COMMON_M**2)
        track, slot = np.unique(pairs // SLOTS, return_inverse=True)[1], pairs % SLOTS
        shared = np.bincount(track)[track] > 1
        track, slot = track[shared], slot[shared]
        off, basis, weight, sigma = off[shared], basis[shared], weight[shared], sigma[shared]
        if not len(track):
            return
        placed = np.zeros((len(track), 2, SLOTS, TERMS))
        placed[np.arange(len(track)), :, slot] = basis
        design = placed.reshape(len(track), 2, SLOTS * TERMS)
        for _ in range(2):  # the second time without what does not fit
            centred, about = _centred(design, track, weight), _centred(off, track, weight)
            rest = about - centred @ self._errors.reshape(-1)
            trusted = weight * np.minimum(1.0, OUTLIER_M / np.maximum(np.hypot(rest[:, 0], rest[:, 1]), 1e-6))
            weight = trusted
        flat = centred.reshape(-1, SLOTS * TERMS)
        heavy = flat * np.repeat(trusted, 2)[:, None]
        self._information += (heavy.T @ flat).reshape(SLOTS, TERMS, SLOTS, TERMS)
        self._pull += (heavy.T @ about.reshape(-1)).reshape(SLOTS, TERMS)
        for one in range(SLOTS):
            mine = slot == one
            if mine.any():
                errors = basis[mine][..., :ERRORS]
                self._gram[one] += np.einsum("nij,nik->jk", errors, errors)
                self._sigma[one] += sigma[mine].sum()
                self._weight[one] += mine.sum()

    def _solve(self, active: NDArray[np.intp]) -> Floats:
        """Fit the errors of the active modules; the standard deviation (SLOTS,) of each one's effect, m."""
        size = TERMS * len(active)
        information = self._information[active][:, :, active].reshape(size, size)
        pull = self._pull[active].reshape(-1)
        belief = SPARSE * (1 + np.minimum(self._proven[active], 60) / 60)  # who has proven itself is doubted last
        terms: Floats = np.zeros((len(active), TERMS))
        held = np.full((len(active), TERMS), NEAR_SIDE)
        for _ in range(15):  # reweighted least squares for a sum of lengths
            held[:, :ERRORS] = (belief / (np.sqrt((terms[:, :ERRORS] ** 2).sum(1)) + 0.05))[:, None]
            terms[:] = np.linalg.solve(information + np.diag(held.reshape(-1)), pull).reshape(-1, TERMS)
        self._errors[:] = 0
        self._errors[active] = terms
        doubt = np.linalg.inv(information + np.diag(held.reshape(-1)))
        spread = np.zeros(SLOTS)
        for n, slot in enumerate(active.tolist()):
            own = slice(TERMS * n, TERMS * n + ERRORS)
            spread[slot] = math.sqrt(max(float((self._mean_gram(slot) * doubt[own, own]).sum()), 0.0))
        return spread

    def _mean_gram(self, slot: int) -> Floats:
        gram: Floats = self._gram[slot] / max(self._weight[slot], 1.0)
        return gram

    def _share(self, slot: int) -> float:
        return float(self._near[slot] / self._seen[slot]) if self._seen[slot] >= LEAST_SEEN else math.nan

    def _decide(self, slot: int, spread_m: float, shares: Mapping[int, float]) -> None:
        errors, before = self._errors[slot, :ERRORS], self.findings.get(slot, _WELL)
        effect = math.sqrt(max(float(errors @ self._mean_gram(slot) @ errors), 0.0))
        sigma = self._sigma[slot] / max(self._weight[slot], 1.0)
        guess = self._misfit(slot, before, shares)
        astray = guess not in {"", NOTHING} or (guess == NOTHING and shares[slot] < NO_SHARE)
        sure = effect > SURE * spread_m and self._weight[slot] >= 3
        wrong = astray or (sure and effect > max(WRONG_M, WRONG_SIGMAS * sigma))
        suspect = wrong or (sure and effect > max(SUSPECT_M, SUSPECT_SIGMAS * sigma))
        standing = Standing.OK
        if wrong:
            standing = Standing.QUARANTINED
        elif suspect:
            standing = Standing.DEGRADED
        if self._correct and suspect and not astray and effect <= CORRECTABLE_M:
            standing = Standing.CORRECTED
        standing = self._settled(slot, before.standing, standing)
        self._proven[slot] += standing is Standing.OK
        east, north, turn, delay = errors.tolist()
        yaw, late = math.degrees(turn / REACH_M), delay / PACE_MPS
        found = Finding(standing, "", east, north, yaw, late, effect, shares[slot])
        if standing is Standing.OK:
            words = ""
        elif astray:
            words = guess
        elif standing is Standing.QUARANTINED and not wrong:  # it looks right again, but not for long enough
            words = before.words
        else:
            words = _words(found, self._mean_gram(slot))
        self.findings[slot] = replace(found, words=words)

    def _settled(self, slot: int, before: Standing, seen: Standing) -> Standing:
        """With hysteresis: worse after two judgements, better after five."""
        worse, better = _RANK[seen] > _RANK[before], _RANK[seen] < _RANK[before]
        self._streak[slot] = (self._streak[slot] + 1) * (worse, better)
        if self._streak[slot, 0] >= WORSE_AFTER or self._streak[slot, 1] >= BETTER_AFTER:
            self._streak[slot] = 0
            return seen
        return before

    def _misfit(self, slot: int, before: Finding, shares: Mapping[int, float]) -> str:
        """What it looks like, if hardly anything it sees is seen by others who agree; empty otherwise."""
        together = any(share >= FAIR_SHARE for other, share in shares.items() if other != slot)
        if not together or not shares[slot] < LOW_SHARE:
            return ""
        return before.words if before.words.startswith(LOOKS) else misfit(self._sights.get(slot, []), GATE_M)


_WELL: Final = Finding()
_RANK: Final = {standing: rank for rank, standing in enumerate(Standing)}


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


def _looked_at(rows: NDArray[np.void], others: list[Sensor]) -> NDArray[np.bool_]:
    """Which rows lie where somebody of `others` sees nearly everything."""
    looked_at = np.zeros(len(rows), bool)
    for other in others:
        reach_m = other.reach_m
        if math.isfinite(reach_m):  # who declares no field of view does not say where it looks
            near = np.flatnonzero(~looked_at & (_away(other, rows) < CLOSE * reach_m))
            if len(near):
                looked_at[near] = other.covers(rows["x"][near], rows["y"][near])
    return looked_at


def _away(sensor: Sensor, rows: NDArray[np.void]) -> Floats:
    away: Floats = np.hypot(rows["x"] - sensor.x, rows["y"] - sensor.y)
    return away


def _facing(sensor: Sensor, vectors: Floats) -> Floats:
    """Vectors (n, 2) as they lie before the module: along its line of sight and to its left."""
    cos, sin = math.cos(sensor.yaw), math.sin(sensor.yaw)
    turned: Floats = vectors @ np.array([[cos, -sin], [sin, cos]])
    return turned


def _mean(values: Floats, group: NDArray[np.intp], count: Floats) -> Floats:
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, group, values)
    mean: Floats = total / count[:, None]
    return mean


def _centred(values: Floats, track: NDArray[np.intp], weight: Floats) -> Floats:
    """`values` (n, ...) without the weighted mean of their track: what the track itself has wrong goes with it."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    total = np.zeros((track.max() + 1, *values.shape[1:]))
    np.add.at(total, track, values * weight.reshape(shape))
    centred: Floats = values - (total / np.maximum(np.bincount(track, weight), 1e-9).reshape(shape))[track]
    return centred


def _words(found: Finding, gram: Floats) -> str:
    """The errors that make up most of the effect, as a person would put them right."""
    alone = np.sqrt(np.maximum(np.diag(gram) * found.errors**2, 0.0))
    most = max(float(alone.max()), 1e-9)
    said = (
        (max(alone[0], alone[1]), f"shifted by {found.east_m:+.1f} m east, {found.north_m:+.1f} m north"),
        (alone[2], f"turned by {found.yaw_deg:+.1f}° counter-clockwise"),
        (alone[3], f"its stamps are {abs(found.late_s) * 1e3:.0f} ms too {'new' if found.late_s > 0 else 'old'}"),
    )
    parts = [text for size, text in said if size >= 0.4 * most]
    return f"{' and '.join(parts)}: what it sees lies {found.effect_m:.1f} m beside what the others see"
