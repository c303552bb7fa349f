"""Whether a track is somebody: log-odds from who saw it, for how long, how surely, and who should have but did not.

False objects of a sensor live for some frames, so that its own repetition says little: what tells is time beyond the
usual life of its false objects, motion, another sensor, and the confidence it states, as far as that has proven true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion import learned as lore
from controller.fusion.bank import NEVER_NS, vulnerable
from controller.fusion.silhouette import hidden_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.motion import Motion
    from controller.fusion.sensor import Sensor
    from controller.fusion.silhouette import Silhouettes

    Floats = NDArray[np.float64]

MOST: Final = 7.0
CONFIRM: Final = 2.0  # with three hits
CONFIRM_SOON: Final = 4.0  # with two
TOGETHER: Final = 5.0  # seen by two sensors
HIT: Final = 0.5  # each more, then
MOVES: Final = 2.5  # goes somewhere, surely
MOVING_MPS, MOVING_SIGMAS = 2.5, 4.0
MISS_MAX: Final = 1.8  # misses come in bursts: a tenth of a second may not say more than this against an object
# While another sees it, a sensor may have its reason not to: all its misses say no more than this. All that saw it
# before say together no more than that: they may have lost it, in fog or behind something, for the same reason.
BLIND, LOST = 6.0, 3.5
GONE: Final = 14.0  # each, when nobody sees it
BURSTS: Final = 0.8  # of what misses would say if each came by itself
LEFT: Final = 0.8  # as if a frame found so many of those who are no longer in view
FRESH_NS: Final = 300_000_000  # before its newest message, whichever age that has by now
SILENT_NS: Final = 1_000_000_000
HIDDEN: Final = 0.7  # share of its width from which on a body is not seen
PEEPS: Final = 0.05  # share of the detection probability that is left then


def visibility(
    sensor: Sensor, row: np.void, story: NDArray[np.void], mean: Floats, bodies: Silhouettes
) -> tuple[Floats, Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Probability (n,) to be in the sensor's next frame, hidden share, and the learned cell: kind and range."""
    declared = min(max(sensor.capability.detection_probability, 0.05), 0.98)
    kind = vulnerable(story["object_class"]).astype(np.intp)
    bin_ = lore.bins(sensor, bodies.away)
    chance = np.where(sensor.expects(mean[:, 0], mean[:, 1]), lore.detection(row, declared, kind, bin_), 0.0)
    hidden = hidden_share(bodies, story["confirmed"], sensor.z)
    chance *= np.where(hidden < HIDDEN, np.maximum(1 - hidden, PEEPS), PEEPS)
    return chance, hidden, kind, bin_


def misses(sensor: Sensor, story: NDArray[np.void], chance: Floats) -> Floats:
    """How much (n,) it says against a track not to be in a frame; whom it saw last and who left its view fades."""
    most = MISS_MAX * min(1.0, 10 / max(sensor.capability.rate_hz, 1.0))
    left = (chance == 0) & (story["last_ns"] == story["slot_ns"][:, sensor.slot_index])
    return np.minimum(-BURSTS * np.log1p(-np.where(left, LEFT, chance)), most)


def log_odds(story: NDArray[np.void], learned: NDArray[np.void], motion: Motion, now_ns: int) -> Floats:
    """Log-odds (n,) that each track is somebody."""
    base = np.minimum(TOGETHER + HIT * (story["hits"] - 2), MOST)
    open_ = np.flatnonzero(~story["joined"] | (base < MOST))
    some = story[open_]
    alone = _alone(some, learned, motion.take(open_))
    base[open_] = np.minimum(np.where(some["joined"], np.maximum(alone, base[open_]), alone), MOST)
    missed = story["missed"].copy()  # out of its rows, where every column is far from the next
    against = missed.sum(1)
    much = np.flatnonzero(against > LOST)
    if len(much):
        against[much] = _against(missed[much], story["slot_ns"][much], learned["said_ns"], now_ns)
    return np.asarray(base - against)


def _against(missed: Floats, slot_ns: NDArray[np.int64], said_ns: NDArray[np.int64], now_ns: int) -> Floats:
    """What all misses (n, slots) say together; `slot_ns`: when each saw it last, `said_ns`: when each spoke last.

    While somebody sees it, those who lost it before are excused; who has just begun to miss it, by one who has not.
    """
    speaks, never = said_ns >= now_ns - SILENT_NS, slot_ns == NEVER_NS
    sees = speaks & (slot_ns >= said_ns - FRESH_NS)
    surely = (speaks & (slot_ns == said_ns)).any(1, keepdims=True)
    excused = ~never & (surely | ~sees)
    blind = np.minimum(missed, BLIND).sum(1, where=never)
    lost = np.minimum(missed.sum(1, where=excused), LOST)
    just = missed.sum(1, where=~never & ~excused)
    gone = np.minimum(missed, GONE).sum(1)
    return np.asarray(np.where(sees.any(1), blind + lost + just, gone))


def _alone(story: NDArray[np.void], learned: NDArray[np.void], motion: Motion) -> Floats:
    """What one sensor's word is worth: its record, the confidence it tells, time, and motion."""
    slot, life_s = story["born_slot"], (story["last_ns"] - story["first_ns"]) / 1e9
    mean, covariance = motion.combined()
    speed2 = mean[:, 2] ** 2 + mean[:, 3] ** 2
    doubt = 0.5 * (covariance[:, 2, 2] + covariance[:, 3, 3])
    moves = (speed2 > MOVING_MPS**2) & (speed2 > MOVING_SIGMAS**2 * doubt)
    weight = np.minimum(1 + 0.25 * (story["hits"] - 1), 2.0)
    credit = lore.credit(learned, slot, story["sure"])
    return np.asarray(
        lore.odds(learned)[slot] + weight * credit + life_s / lore.false_life_s(learned)[slot] + MOVES * moves
    )
