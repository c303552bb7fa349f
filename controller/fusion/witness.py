"""What one message and the end of a track teach about the modules: written into `learned`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion import learned as lore
from controller.fusion.existence import misses, visibility
from controller.fusion.reference_point import learn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.frame import Frame
    from controller.fusion.silhouette import Silhouettes

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

PROVEN_NS, YOUNG_NS = 1_500_000_000, 1_000_000_000
LESSONS: Final = 3  # one message in so many is learned from: the next says hardly more
HIT_WORTH: Final = 0.3
PLAIN: Final = 0.1  # hidden share up to which a body is in plain view
LATELY_NS: Final = 300_000_000
THERE_NS: Final = 150_000_000  # since it was last seen: longer ago it may have gone


def witness(
    story: NDArray[np.void],
    row: np.void,
    frame: Frame,
    mean: Floats,
    bodies: Silhouettes,
    pairs: tuple[Index, Index],
) -> None:
    """Note who was missed, and learn from who was seen: before the stories of the pairs are told of it; in place."""
    slot, now_ns = frame.sensor.slot_index, frame.stamp_ns
    row["said_ns"] = now_ns
    if not len(story):
        return
    chance, hidden, kind, bin_ = visibility(frame.sensor, row, story, mean, bodies)
    seen = np.zeros(len(story), bool)
    seen[pairs[0]] = True
    told, miss = story["missed"], misses(frame.sensor, story, chance)
    last_ns = story["last_ns"]
    plain = story["confirmed"] & (hidden <= PLAIN) & (chance > 0)
    beside = plain & (now_ns - last_ns <= THERE_NS) & (last_ns > story["slot_ns"][:, slot])
    # Whom no other sees may have gone: the misses count once it is seen again.
    again = plain & ~beside & seen
    frames = np.where(again, told[:, slot] / np.maximum(miss, 0.05), 0.0) + 1.0
    tried = beside | again
    lore.count_detections(row, kind[tried], bin_[tried], seen[tried], frames[tried])
    told[:, slot] = np.where(seen, 0.0, np.minimum(told[:, slot] + miss, 20.0))
    row["heard"] = (row["heard"] + 1) % LESSONS
    if row["heard"] == 0:
        _learn_from_pairs(story, row, frame, mean, bodies, pairs)


def _learn_from_pairs(
    story: NDArray[np.void], row: np.void, frame: Frame, mean: Floats, bodies: Silhouettes, pairs: tuple[Index, Index]
) -> None:
    """From tracks that another module was the last to see."""
    tracks, rows = pairs
    told = story[tracks]
    last_ns = told["last_ns"]
    beside = (frame.stamp_ns - last_ns <= LATELY_NS) & (last_ns > told["slot_ns"][:, frame.sensor.slot_index])
    both = np.flatnonzero(told["confirmed"] & beside)
    if not len(both):
        return
    tracks, rows = tracks[both], rows[both]
    det, noise = frame.rows[rows], frame.noise[rows]
    lore.count_confidence(row, det["confidence"], HIT_WORTH, real=True)
    off = frame.place[rows] - mean[tracks, :2]
    learn(row, bodies.take(tracks), off, 0.5 * (noise[:, 0, 0] + noise[:, 1, 1]))


def prove(story: NDArray[np.void], learned: NDArray[np.void], slot: int, tracks: Index, now_ns: int) -> None:
    """Count births that prove real with this message: another module sees them too, or they have lasted; in place."""
    first_ns, born_slot, joined = (story[name][tracks] for name in ("first_ns", "born_slot", "joined"))
    foreign = born_slot != slot
    lasted = (now_ns - first_ns >= PROVEN_NS) & (story["last_ns"][tracks] - first_ns < PROVEN_NS)
    for one in np.flatnonzero(~joined & (foreign | lasted)).tolist():
        row = learned[born_slot[one]]
        lore.count_births(row, 1.0, np.zeros(0))
        lore.count_confidence(row, story["sure"][tracks[one : one + 1]], 1.0, real=True)
    story["joined"][tracks] = joined | foreign


def mourn(story: NDArray[np.void], learned: NDArray[np.void]) -> None:
    """Learn from tracks that end: of one module alone and young, they were false objects; in place."""
    life_ns = story["last_ns"] - story["first_ns"]
    false = ~story["joined"] & (life_ns < YOUNG_NS)
    for slot in sorted(set(story["born_slot"][false].tolist())):
        mine = false & (story["born_slot"] == slot)
        lore.count_births(learned[slot], 0.0, life_ns[mine] / 1e9)
        lore.count_confidence(learned[slot], story["sure"][mine], 1.0, real=False)
