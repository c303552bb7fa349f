"""What the pole has learned of the modules in its slots, from the tracks themselves: part of the bank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.unknown import known_or

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

KINDS: Final = 2  # bodies of vehicles, and people and animals
BINS: Final = 8  # of its reach

# One row a slot. `found`: of objects that were there to be seen, by kind and share of the reach: how many it saw, how
# many there were. `sure`: weight, sum and sum of squares of the confidence it told, of false objects and of real ones.
# `false`: how many false ones, the sum of their lives in s. `real`: how many births proved real.
# `near`, `turn`: normal equations of how far before their centres and how far aside it sees bodies.
# `heard`: messages, since one was last learned from; `said_ns`: stamp of the newest one.
LEARNED: Final = np.dtype(
    [
        ("found", "<f8", (KINDS, BINS, 2)),
        ("sure", "<f8", (2, 3)),
        ("false", "<f8", (2,)),
        ("real", "<f8"),
        ("near", "<f8", (5,)),
        ("turn", "<f8", (2,)),
        ("heard", "<i8"),
        ("said_ns", "<i8"),
    ]
)
DECLARED_WEIGHT: Final = 12.0  # trials that the data sheet's detection probability is worth
TRIALS: Final = 400.0  # after which what was found long ago is forgotten
SURE_WEIGHT: Final = 10.0
SURE_MEMORY: Final = 300.0
# Belief: mean and sigma of the confidence of false objects and of real ones; as LEARNED keeps it.
_BELIEF: Final = ((0.42, 0.18), (0.68, 0.18))
SURE_PRIOR: Final = SURE_WEIGHT * np.array([(1.0, mean, sigma**2 + mean**2) for mean, sigma in _BELIEF])
LEAST_SIGMA: Final = 0.06
CREDIT: Final = (-1.0, 3.0)  # at least, at most: real ones far away are told of with less confidence, too
FALSE_LIFE_S: Final = 0.25
LIVES: Final = 4.0  # lives that FALSE_LIFE_S is worth
ODDS_MAX: Final = 2.5
BIRTHS: Final = 2.0
BIRTHS_MEMORY: Final = 100.0


def nothing(slots: int) -> NDArray[np.void]:
    """Nothing learned of any slot."""
    return np.zeros(slots, LEARNED)


def bins(sensor: Sensor, away: Floats) -> Index:
    """Which share of the sensor's reach each range (n,) is."""
    reach = sensor.reach_m if sensor.reach_m < 1e4 else 150.0
    return np.minimum(away * (BINS / reach), BINS - 1).astype(np.intp)


def detection(row: np.void, declared: float, kind: Index, bin_: Index) -> Floats:
    """Probability (n,) that an object in plain view is in the next frame."""
    found = row["found"]
    chance = (found[..., 0] + declared * DECLARED_WEIGHT) / (found[..., 1] + DECLARED_WEIGHT)
    return np.asarray(np.clip(chance, 0.02, 0.98)[kind, bin_])


def count_detections(row: np.void, kind: Index, bin_: Index, seen: NDArray[np.bool_], frames: Floats) -> None:
    """Add objects (n,) that were in plain view for so many frames, and whether they were seen in one; in place."""
    cells = kind * BINS + bin_
    found = row["found"].reshape(-1, 2)
    found[:, 0] += np.bincount(cells, seen, KINDS * BINS)
    found[:, 1] += np.bincount(cells, frames, KINDS * BINS)
    found *= np.minimum(1.0, TRIALS / np.maximum(found[:, 1], 1.0))[:, None]


def credit(learned: NDArray[np.void], slot: Index, confidence: Floats) -> Floats:
    """Log-likelihood ratio (n,), real against false, of the confidence told by each slot."""
    weight, total, square = (learned["sure"] + SURE_PRIOR).transpose(2, 0, 1)
    centre = total / weight
    variance = np.maximum(square / weight - centre * centre, LEAST_SIGMA**2)
    level = np.log(variance)
    off = confidence[:, None] - centre[slot]
    value = off * off / variance[slot] + level[slot]
    return np.clip(known_or(0.5 * (value[:, 0] - value[:, 1]), 0.0), *CREDIT)


def count_confidence(row: np.void, confidence: Floats, worth: float, *, real: bool) -> None:
    """Add confidences (n,) told of real or of false objects; in place."""
    value = confidence[np.isfinite(confidence)]
    sure = row["sure"][int(real)]
    sure += worth * len(value), worth * value.sum(), worth * (value * value).sum()
    sure *= min(1.0, SURE_MEMORY / max(sure[0], 1.0))


def false_life_s(learned: NDArray[np.void]) -> Floats:
    """Mean life (slots,) of false objects."""
    false = learned["false"]
    return np.asarray((false[:, 1] + LIVES * FALSE_LIFE_S) / (false[:, 0] + LIVES))


def odds(learned: NDArray[np.void]) -> Floats:
    """Log-odds (slots,) that what a slot begins to see is real."""
    return np.asarray(
        np.clip(np.log((learned["real"] + BIRTHS) / (learned["false"][:, 0] + BIRTHS)), -ODDS_MAX, ODDS_MAX)
    )


def count_births(row: np.void, real: float, lives_s: Floats) -> None:
    """Add births that proved real, and the lives of those that proved false; in place."""
    row["real"] += real
    row["false"] += len(lives_s), lives_s.sum()
    keep = min(1.0, BIRTHS_MEMORY / max(row["real"] + row["false"][0], 1.0))
    row["real"] *= keep
    row["false"] *= keep
