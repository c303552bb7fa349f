"""All tracks at one instant: an immutable value, so that a snapshot is a reference and going back costs nothing."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.learned import nothing
from controller.fusion.motion import Motion
from controller.fusion.pairs import near
from interfaces.spec import VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOTS: Final = 32
CLASSES: Final = 16
NEVER_NS: Final = -(2**62)
ID_TICK_NS: Final = 1_000_000_000
IDS_PER_TICK: Final = 1024
MISLED_M: Final = 3.0  # 1 sigma, of what a module saw that turned out to be wrong

_WALKING: Final = np.array([c in (ObjectClass.PEDESTRIAN, ObjectClass.ANIMAL) for c in range(CLASSES)], np.intp)
_VULNERABLE: Final = np.array([c in (*VULNERABLE, ObjectClass.ANIMAL) for c in range(CLASSES)])

# What we keep of a track beside its motion. `votes`, `heading` and `box_weight` are sums of weights; `object_class` is
# the one with most votes.
STORY = np.dtype(
    [
        ("id", "<u4"),
        ("llr", "<f8"),
        ("confirmed", "?"),
        ("first_ns", "<i8"),
        ("last_ns", "<i8"),
        ("hits", "<i4"),
        ("votes", "<f8", (CLASSES,)),
        ("object_class", "u1"),
        ("heading", "<f8", (2,)),
        ("box", "<f8", (3,)),
        ("box_weight", "<f8", (3,)),
        ("z", "<f8"),
        ("slot_ns", "<i8", (SLOTS,)),
        ("slot_object", "<u4", (SLOTS,)),
        ("shadow", "<f8", (4,)),  # position and velocity from positions alone
        ("contradicted_s", "<f8"),
        ("born_slot", "<i2"),
        ("joined", "?"),  # another slot's module has seen it, too
        ("sure", "<f8"),  # mean of the confidence told
        ("missed", "<f4", (SLOTS,)),  # what a module's misses since it last saw it say against it
    ]
)


@dataclass(frozen=True, slots=True)
class Bank:
    """Every track, tentative ones too, at `time_ns`; `id_trust` (slots,) is how far a module's own ids last,
    `learned` (slots,) what else was learned of the modules."""

    time_ns: int
    motion: Motion
    story: NDArray[np.void]
    id_trust: NDArray[np.float64]
    learned: NDArray[np.void]
    issued: tuple[int, ...] = ()
    dropped: int = 0


def empty_bank(time_ns: int) -> Bank:
    """No tracks."""
    motion = Motion(np.zeros((3, 6, 0)), np.zeros((3, 6, 6, 0)), np.zeros((3, 0)))
    return Bank(time_ns, motion, np.zeros(0, STORY), np.full(SLOTS, 0.5), nothing(SLOTS))


def forgotten(bank: Bank, slot: int) -> Bank:
    """Without all that a slot's module taught, its misses too, and how modules are turned against one another."""
    learned, trust, story = bank.learned.copy(), bank.id_trust.copy(), bank.story.copy()
    learned[slot] = np.zeros((), learned.dtype)
    learned["turn"], trust[slot] = 0.0, 0.5
    story["missed"][:, slot] = 0.0
    return replace(bank, story=story, learned=learned, id_trust=trust)


def unlearned(bank: Bank, slot: int) -> Bank:
    """As `forgotten`, without what was learned of the others, which look blind beside one that is wrong, and with doubt
    about the places of all that it saw: who stands would else stay where it was seen wrongly, and whom others saw
    beside that would be two. He goes on where the others see him, as who he was known to be.
    """
    bank = forgotten(bank, slot)
    misled, mean = bank.story["slot_ns"][:, slot] > NEVER_NS, bank.motion.expected()[:, :2]
    wrong, right = np.flatnonzero(misled), np.flatnonzero(~misled)
    i, j = near(mean[wrong], np.full((len(wrong), 2), MISLED_M), mean[right])
    away = np.hypot(*(mean[wrong[i]] - mean[right[j]]).T)
    bank = replace(bank, story=_renamed(bank.story, wrong[i], right[j], away))
    bank = kept(bank, np.setdiff1d(np.arange(len(misled)), wrong[i]))
    story, covariance = bank.story.copy(), bank.motion.covariance.copy()
    seen = np.flatnonzero(story["slot_ns"][:, slot] > NEVER_NS)
    for axis in range(2):
        covariance[:, axis, axis, seen] += MISLED_M**2
    story["missed"] = 0.0
    return replace(bank, motion=replace(bank.motion, covariance=covariance), story=story, learned=nothing(SLOTS))


def _renamed(
    story: NDArray[np.void], gone: NDArray[np.intp], stays: NDArray[np.intp], away: NDArray[np.float64]
) -> NDArray[np.void]:
    """Of pairs (n,) of tracks, nearest first, what `stays`, and is no single detection, takes over the name of what is
    `gone`, if that is better known.
    """
    told, named = story.copy(), set[int]()
    for pair in np.argsort(away, kind="stable"):
        one, other = int(gone[pair]), int(stays[pair])
        if not named & {one, other}:
            named |= {one, other}
            if story["hits"][other] > 1 and known_better(story, one, other):
                for name in ("id", "first_ns", "confirmed", "llr"):
                    told[name][other] = story[name][one]
    return told


def known_better(story: NDArray[np.void], one: int, other: int) -> bool:
    """Whether the first of two tracks is the one that is told of already, or the older one."""
    return bool(_seniority(story[one]) < _seniority(story[other]))


def _seniority(track: np.void) -> tuple[bool, int, int]:
    return not track["confirmed"], int(track["first_ns"]), int(track["id"])


def kept(bank: Bank, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Bank:
    """Only these tracks."""
    if rows.dtype == bool and rows.all():
        return bank
    return replace(bank, motion=bank.motion.take(rows), story=bank.story[rows])


def walking(classes: NDArray[np.uint8]) -> NDArray[np.intp]:
    """1 (n,) for classes that move like people rather than like vehicles."""
    return _WALKING[classes]


def vulnerable(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each class is a person or animal without a vehicle body around."""
    return _VULNERABLE[classes]


def new_ids(seed: int, stamp_ns: int, keys: list[bytes], issued: tuple[int, ...]) -> tuple[list[int], tuple[int, ...]]:
    """One id per key, and the numbers now taken: drawn from the birth itself, so no order of arrival can change it.

    22 bits of seconds and 10 of content, then a seeded permutation of 32 bits: no id repeats within 48 days.
    """
    base = stamp_ns // ID_TICK_NS % 2**22 * IDS_PER_TICK
    taken = [number for number in issued if (base - number) % 2**32 <= 3 * IDS_PER_TICK or number - base in range(4096)]
    used, ids = set(taken), []
    for key in keys:
        number = base + zlib.crc32(key, stamp_ns & 0xFFFFFFFF) % IDS_PER_TICK
        while number in used:
            number = (number + 1) % 2**32
        used.add(number)
        taken.append(number)
        ids.append(_permuted(number, seed))
    return ids, tuple(taken)


def _permuted(number: int, seed: int) -> int:
    left, right = number >> 16, number & 0xFFFF
    for turn in range(4):
        mixed = zlib.crc32(right.to_bytes(2, "little"), (seed * 0x9E3779B1 + turn * 0x85EBCA6B) & 0xFFFFFFFF)
        left, right = right, left ^ (mixed & 0xFFFF)
    return left << 16 | right
