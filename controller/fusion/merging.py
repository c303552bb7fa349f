"""Two tracks of one object become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import NEVER_NS, Bank, kept, known_better, vulnerable
from controller.fusion.pairs import near

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What two tracks of one body may differ by beyond their own doubt, for each module errs always alike: more where no
# other body fits in between.
SMALL_DOUBT: Final = np.diag([0.02, 0.02, 0.1, 0.1])
LARGE_DOUBT: Final = np.diag([0.25, 0.25, 0.5, 0.5])
MERGE_M: Final = 2.0


def merged(bank: Bank) -> Bank:
    """Without the younger of two tracks that are one object: alike in place and motion, never seen side by side."""
    count = len(bank.story)
    if count < 2:
        return bank
    mean = bank.motion.expected()
    i, j = near(mean[:, :2], np.full((count, 2), MERGE_M), mean[:, :2])
    i, j = i[i < j], j[i < j]
    if not len(i):
        return bank
    small = vulnerable(bank.story["object_class"])
    small = small[i] | small[j]
    slot_ns, hits = bank.story["slot_ns"], bank.story["hits"]
    apart = ((slot_ns[i] == slot_ns[j]) & (slot_ns[i] != NEVER_NS)).any(1)
    close = np.hypot(mean[i, 0] - mean[j, 0], mean[i, 1] - mean[j, 1]) < np.where(small, 0.6, 1.6)
    may = close & ~apart & (np.minimum(hits[i], hits[j]) >= 2)
    if not may.any():
        return bank
    i, j, small = i[may], j[may], small[may]
    s = bank.motion.take(i).combined()[1] + bank.motion.take(j).combined()[1]
    s += np.where(small[:, None, None], SMALL_DOUBT, LARGE_DOUBT)
    off = (mean[i, :4] - mean[j, :4])[..., None]
    same = (off * np.linalg.solve(s, off)).sum((1, 2)) < 7.8
    lost = {_younger(bank.story, a, b) for a, b in zip(i[same].tolist(), j[same].tolist(), strict=True)}
    return kept(bank, np.array([n not in lost for n in range(count)])) if lost else bank


def _younger(story: NDArray[np.void], a: int, b: int) -> int:
    return b if known_better(story, a, b) else a
