"""Signs that two road users come close: who may, and one moment of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import VEHICLES, VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUICK_MPS: Final = 3.0
STRONG: Final = [int(c) for c in VEHICLES]
WEAK: Final = [int(c) for c in VULNERABLE]


@dataclass(frozen=True, slots=True)
class Sign:
    """One moment of a pair; `level` 2 sure, 1 possible, 0 only on course to touch."""

    ids: tuple[int, int]
    at_s: float
    level: int
    x: float
    y: float
    ttc_s: float = math.inf
    pet_s: float = math.inf
    drac_mps2: float = 0.0


def pairs(rows: NDArray[np.void]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of road users with a vehicle or a quick cyclist among them."""
    first, second = np.triu_indices(len(rows), 1)
    kind, speed = rows["object_class"], np.hypot(rows["vx"], rows["vy"])
    strong = np.isin(kind, STRONG) | ((kind == ObjectClass.BICYCLE) & (speed > QUICK_MPS))
    user = strong | np.isin(kind, WEAK)
    kept = user[first] & user[second] & (strong[first] | strong[second])
    return first[kept], second[kept]


def ids_of(rows: NDArray[np.void], i: int, j: int) -> tuple[int, int]:
    """The ids of two, ascending."""
    a, b = int(rows["id"][i]), int(rows["id"][j])
    return (a, b) if a < b else (b, a)
