"""One message of one sensor on a bank of tracks: predict, assign, update, judge existence, give birth, merge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.assignment import assign
from controller.fusion.attributes import vote
from controller.fusion.bank import Bank, kept, vulnerable, walking
from controller.fusion.births import births
from controller.fusion.existence import CONFIRM, CONFIRM_SOON, log_odds
from controller.fusion.merging import merged
from controller.fusion.motion import Motion, predict, update, update_along
from controller.fusion.pairs import near as near_points
from controller.fusion.reference_point import Reference, reference, shares
from controller.fusion.silhouette import silhouettes
from controller.fusion.unknown import known_or
from controller.fusion.witness import mourn, prove, witness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.frame import Frame

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

GATE: Final = 13.8  # chi-square, 2 degrees of freedom, 0.999
BASE_GAIN: Final = 22.0
ID_BONUS: Final = 6.0
CLASS_PENALTY: Final = 5.0
TENTATIVE_PENALTY: Final = 2.0
MAX_TRACKS: Final = 600
NEAR_M: Final = 40.0
SURE_PACE, SURE_PACE_SOON = 5.0, 3.0
VELOCITY_GUARD_S: Final = 0.7
TENTATIVE_COAST_S: Final = 0.6
FORSAKEN: Final = 5.0  # by the module that alone has seen it


def step(bank: Bank, frame: Frame, *, seed: int, coast_s: float, max_tracks: int = MAX_TRACKS) -> Bank:
    """The bank after `frame`, at the frame's stamp; pure."""
    dt = (frame.stamp_ns - bank.time_ns) / 1e9
    bank = _bury(bank, frame.stamp_ns, coast_s)
    story = bank.story.copy()
    motion = predict(bank.motion, dt, walking(story["object_class"]))
    trust, learned = bank.id_trust.copy(), bank.learned.copy()
    slot = frame.sensor.slot_index
    near = shares(frame.sensor, learned[slot])
    mean, covariance = motion.combined()
    bodies = silhouettes(frame.sensor, mean, story)
    point = reference(near, bodies)
    tracks, rows = _associate(mean, covariance, story, frame, trust, point)
    _learn_trust(story, frame, tracks, rows, trust)
    witness(story, learned[slot], frame, mean, bodies, (tracks, rows))
    prove(story, learned, slot, tracks, frame.stamp_ns)
    motion = _measure(motion, mean, story, frame, (tracks, rows), point)
    _judge(motion, story, learned, frame.stamp_ns)
    bank = Bank(frame.stamp_ns, motion, story, trust, learned, bank.issued, bank.dropped)
    fresh = np.ones(len(frame.rows), bool)
    fresh[rows] = False
    bank = merged(births(bank, frame, np.flatnonzero(fresh), near, seed))
    if len(bank.story) <= max_tracks:
        return bank
    best = np.sort(np.lexsort((bank.story["id"], -bank.story["llr"]))[:max_tracks])
    return replace(kept(bank, best), dropped=bank.dropped + len(bank.story) - max_tracks)


def _associate(
    mean: Floats, covariance: Floats, story: NDArray[np.void], frame: Frame, trust: Floats, point: Reference
) -> tuple[Index, Index]:
    det, place = frame.rows, mean[:, :2] + point.offset
    drift = mean[:, 2:4] * frame.clock_error_s
    spread = covariance[:, :2, :2] + point.spread + drift[:, :, None] * drift[:, None, :]
    i, j = _near(place, spread, frame)
    s = spread[i] + frame.noise[j]
    area = s[:, 0, 0] * s[:, 1, 1] - s[:, 0, 1] ** 2
    ex, ey = (frame.place[j] - place[i]).T
    d2 = (s[:, 1, 1] * ex * ex - 2 * s[:, 0, 1] * ex * ey + s[:, 0, 0] * ey * ey) / np.maximum(area, 1e-12)
    gated = d2 < GATE
    i, j = i[gated], j[gated]
    gain = BASE_GAIN - d2[gated] - np.log(area[gated]) - TENTATIVE_PENALTY * ~story["confirmed"][i]
    gain -= _class_penalty(story, det, i, j) + _velocity_penalty(mean, covariance, det, i, j)
    slot = frame.sensor.slot_index
    same = (det["id"][j] != 0) & (story["slot_object"][i, slot] == det["id"][j])
    gain += same * ID_BONUS * max(0.0, 2 * trust[slot] - 1)
    chosen = assign(i, j, gain)
    return i[chosen], j[chosen]


def _near(place: Floats, spread: Floats, frame: Frame) -> tuple[Index, Index]:
    """Pairs by track, then row, that the gate could let through: no pair beyond it has d² < GATE on either axis."""
    noise = frame.noise[:, [0, 1], [0, 1]].max(0, initial=0.0)
    reach = np.minimum(np.sqrt(GATE * (spread[:, [0, 1], [0, 1]] + noise)) * (1 + 1e-9), NEAR_M)
    i, j = near_points(place, reach, frame.place)
    by_row = np.lexsort((j, i))
    return i[by_row], j[by_row]


def _class_penalty(story: NDArray[np.void], det: NDArray[np.void], i: Index, j: Index) -> Floats:
    mine, theirs = story["object_class"][i], np.minimum(det["object_class"][j], 15)
    known = (mine != 15) & (theirs != 15)
    return np.where(known & (vulnerable(mine) != vulnerable(theirs)), CLASS_PENALTY, 0.0)


def _velocity_penalty(mean: Floats, covariance: Floats, det: NDArray[np.void], i: Index, j: Index) -> Floats:
    variance = known_or(det["sigma_vel"][j], 1.0) ** 2 + 0.25 + 0.5 * (covariance[i, 2, 2] + covariance[i, 3, 3])
    off = (det["vx"][j] - mean[i, 2]) ** 2 + (det["vy"][j] - mean[i, 3]) ** 2
    penalty: Floats = np.minimum(known_or(off / variance, 0.0), 8.0)
    return penalty


def _learn_trust(story: NDArray[np.void], frame: Frame, tracks: Index, rows: Index, trust: Floats) -> None:
    slot = frame.sensor.slot_index
    ids = frame.rows["id"][rows]
    before = story["slot_object"][tracks, slot]
    known = (before != 0) & (ids != 0) & story["confirmed"][tracks]
    if known.any():
        trust[slot] += 0.1 * (float((before == ids)[known].mean()) - trust[slot])
    story["slot_object"][tracks, slot] = ids


def _measure(
    motion: Motion, mean: Floats, story: NDArray[np.void], frame: Frame, pairs: tuple[Index, Index], point: Reference
) -> Motion:
    tracks, rows = pairs
    if not len(tracks):
        return motion
    det = frame.rows[rows]
    part = motion.take(tracks)
    position = frame.place[rows] - point.offset[tracks]
    drift = mean[tracks, 2:4] * frame.clock_error_s
    noise = frame.noise[rows] + drift[:, :, None] * drift[:, None, :] + point.spread[tracks]
    if frame.sensor.capability.delivers_tracks:
        part, noise = _intersected(part, noise)
    part = update(part, position, noise, 0)
    told = story[tracks]
    _shadow(told, position, frame.stamp_ns)
    part = _measure_velocity(part, told, frame, det)
    part = _measure_doppler(part, frame, det)
    told["slot_ns"][:, frame.sensor.slot_index] = frame.stamp_ns
    told["last_ns"] = frame.stamp_ns
    told["hits"] += 1
    confidence = np.where(np.isnan(det["confidence"]), told["sure"], np.clip(det["confidence"], 0.0, 1.0))
    told["sure"] = np.where(
        np.isnan(told["sure"]), confidence, told["sure"] + (confidence - told["sure"]) / told["hits"]
    )
    vote(told, det, part.expected()[:, 2:4])
    story[tracks] = told
    return motion.put(tracks, part)


def _intersected(part: Motion, noise: Floats) -> tuple[Motion, Floats]:
    """Covariance intersection (Julier and Uhlmann 1997): the share of smallest det P of position, from a grid."""
    prior = part.combined(2)[1]
    shares = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.97])
    information = shares[:, None, None, None] * np.linalg.inv(prior) + (1 - shares)[
        :, None, None, None
    ] * np.linalg.inv(noise)
    share = shares[np.linalg.det(information).argmax(0)]
    wide = Motion(part.mean, part.covariance / share, part.weight)
    return wide, noise / (1 - share)[:, None, None]


def _shadow(told: NDArray[np.void], position: Floats, stamp_ns: int) -> None:
    dt = np.clip((stamp_ns - told["last_ns"]) / 1e9, 0.0, 1.0)
    shadow = told["shadow"]
    guess = shadow[:, :2] + shadow[:, 2:] * dt[:, None]
    residual = position - guess
    alpha = np.clip(dt * 5, 0.1, 0.7)
    beta = alpha**2 * 0.5
    shadow[:, :2] = guess + alpha[:, None] * residual
    shadow[:, 2:] += (beta / np.maximum(dt, 0.03))[:, None] * residual * (dt > 0)[:, None]


def _measure_velocity(part: Motion, told: NDArray[np.void], frame: Frame, det: NDArray[np.void]) -> Motion:
    velocity = np.stack((det["vx"], det["vy"]), 1)
    finite = (np.abs(velocity) < 100).all(1)
    if not finite.any():
        return part
    declared = frame.sensor.accuracy(det["x"], det["y"])[1]
    sigma = np.clip(np.where(np.isfinite(det["sigma_vel"]), det["sigma_vel"], declared), 0.1, 20.0)
    off = np.hypot(velocity[:, 0] - told["shadow"][:, 2], velocity[:, 1] - told["shadow"][:, 3])
    period = 1 / max(frame.sensor.capability.rate_hz, 1.0)
    against = finite & (off > 3 * np.hypot(sigma, 1.2)) & (told["hits"] >= 5)
    told["contradicted_s"] = np.clip(told["contradicted_s"] + np.where(against, period, -period) * finite, 0.0, 1.5)
    mean, covariance = part.combined()
    variance = sigma**2 + 0.5 * (covariance[:, 2, 2] + covariance[:, 3, 3])
    near = (velocity[:, 0] - mean[:, 2]) ** 2 + (velocity[:, 1] - mean[:, 3]) ** 2 < GATE * variance
    usable = np.flatnonzero(finite & near & ~against & (told["contradicted_s"] < VELOCITY_GUARD_S))
    if not len(usable):
        return part
    noise = sigma[usable, None, None] ** 2 * np.eye(2)
    return part.put(usable, update(part.take(usable), velocity[usable], noise, 2))


def _measure_doppler(part: Motion, frame: Frame, det: NDArray[np.void]) -> Motion:
    usable = np.flatnonzero(np.abs(det["range_rate"]) < 100)
    if not len(usable):
        return part
    line = np.stack((det["x"][usable] - frame.sensor.x, det["y"][usable] - frame.sensor.y), 1)
    away = np.hypot(line[:, 0], line[:, 1])
    sigma = known_or(det["sigma_vel"][usable], 0.3)
    variance = np.clip(sigma, 0.15, 5.0) ** 2 + np.where(away < 2, 1e4, 0.0)
    some = part.take(usable)
    rate = det["range_rate"][usable]
    unit = line / np.maximum(away, 1e-6)[:, None]
    mean, covariance = some.combined()
    expected = (mean[:, 2:4] * unit).sum(1)
    spread = np.einsum("ni,nij,nj->n", unit, covariance[:, 2:4, 2:4], unit) + variance
    variance = np.where((rate - expected) ** 2 > 10.8 * spread, 1e4, variance)  # not this object's Doppler
    return part.put(usable, update_along(some, rate, variance, unit))


def _judge(motion: Motion, story: NDArray[np.void], learned: NDArray[np.void], now_ns: int) -> None:
    if not len(story):
        return
    story["llr"] = llr = log_odds(story, learned, motion, now_ns)
    soon = np.flatnonzero(~story["confirmed"] & (llr >= CONFIRM) & (story["hits"] >= 2))
    if len(soon):
        covariance, hits = motion.take(soon).combined()[1], story["hits"][soon]
        pace = 0.5 * (covariance[:, 2, 2] + covariance[:, 3, 3])
        sure = (hits >= 3) & (pace < SURE_PACE**2) | (llr[soon] >= CONFIRM_SOON) & (pace < SURE_PACE_SOON**2)
        story["confirmed"][soon[sure]] = True


def _bury(bank: Bank, now_ns: int, coast_s: float) -> Bank:
    """Without the tracks that have not been seen for too long."""
    silent_s = (now_ns - bank.story["last_ns"]) / 1e9
    alive = silent_s <= np.where(bank.story["confirmed"], coast_s, TENTATIVE_COAST_S)
    own = bank.story["missed"][np.arange(len(alive)), bank.story["born_slot"]]
    alive &= bank.story["confirmed"] | bank.story["joined"] | (own < FORSAKEN)
    if alive.all():
        return bank
    learned = bank.learned.copy()
    mourn(bank.story[~alive], learned)
    return replace(kept(bank, alive), learned=learned)
