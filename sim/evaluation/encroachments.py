"""Who came where another had just been, by the boxes that the truth shows: post-encroachment times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.box import overlapping
from sim.evaluation.sign import WEAK, Sign, ids_of, pairs
from sim.evaluation.ways import STEP_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SURE_PET_S, POSSIBLE_PET_S, WEAK_PET_S = 1.35, 1.8, 0.5  # with a vulnerable road user so much more
SURE_ANGLE, POSSIBLE_ANGLE = (math.radians(40), math.radians(140)), (math.radians(20), math.pi)
NEAR_M: Final = 40.0


class Table:
    """Who was where at every instant, for the post-encroachment times."""

    def __init__(self) -> None:
        self._boxes: dict[int, dict[int, tuple[float, ...]]] = {}
        self._kind: dict[int, int] = {}
        self._near: dict[tuple[int, int], set[int]] = {}  # when

    def take(self, n: int, rows: NDArray[np.void]) -> None:
        """Everyone (TRUTH rows) at the n-th instant."""
        names = ("x", "y", "yaw", "length", "width")
        for row in rows:
            one = int(row["id"])
            self._boxes.setdefault(one, {})[n] = tuple(float(row[name]) for name in names)
            self._kind[one] = int(row["object_class"])
        first, second = pairs(rows)
        away = np.hypot(rows["x"][second] - rows["x"][first], rows["y"][second] - rows["y"][first])
        near = away < NEAR_M
        for i, j in zip(first[near].tolist(), second[near].tolist(), strict=True):
            self._near.setdefault(ids_of(rows, i, j), set()).add(n)

    def encroachments(self) -> Iterator[Sign]:
        """The moments at which somebody came where the other had been shortly before."""
        arrays = {one: (np.array(list(at)), np.array(list(at.values()))) for one, at in self._boxes.items()}
        for pair in sorted(self._near):
            if not _paths_touch(*(arrays[one][1] for one in pair)):
                continue
            more = WEAK_PET_S * any(self._kind[one] in WEAK for one in pair)
            for before, after in (pair, pair[::-1]):
                for n, sign in _followed(pair, arrays[before], arrays[after], more):
                    # Who goes at walking pace behind another encroaches upon nobody.
                    if not self._near[pair].isdisjoint((n, n - round(sign.pet_s / STEP_S))):
                        yield sign


def _paths_touch(one: Floats, two: Floats) -> bool:
    """Whether two ever cover the same ground, at whatever times: circles about all their boxes."""
    reach = (np.hypot(one[0, 3], one[0, 4]) + np.hypot(two[0, 3], two[0, 4])) / 2
    away = np.hypot(one[:, None, 0] - two[None, :, 0], one[:, None, 1] - two[None, :, 1])
    return bool((away <= reach).any())


def _followed(
    ids: tuple[int, int],
    before: tuple[NDArray[np.intp], Floats],
    after: tuple[NDArray[np.intp], Floats],
    more_s: float,
) -> Iterator[tuple[int, Sign]]:
    """Instants and signs of `after` on ground that `before` covered less than POSSIBLE_PET_S + `more_s` earlier."""
    told: dict[int, tuple[int, float, float, float]] = {}
    for lag in range(1, round((POSSIBLE_PET_S + more_s) / STEP_S) + 1):
        _, i, j = np.intersect1d(before[0] + lag, after[0], return_indices=True)
        one, two = before[1][i], after[1][j]
        reach = np.hypot(one[:, 3], one[:, 4]) / 2 + np.hypot(two[:, 3], two[:, 4]) / 2
        close = np.flatnonzero(np.hypot(one[:, 0] - two[:, 0], one[:, 1] - two[:, 1]) <= reach)
        for k in close[overlapping(one[close], two[close])].tolist():
            turn = abs(math.remainder(one[k, 2] - two[k, 2], 2 * math.pi))
            if POSSIBLE_ANGLE[0] <= turn <= POSSIBLE_ANGLE[1]:
                told.setdefault(int(after[0][j[k]]), (lag, turn, float(two[k, 0]), float(two[k, 1])))
    for n, (lag, turn, x, y) in told.items():
        sure = lag * STEP_S < SURE_PET_S + more_s and SURE_ANGLE[0] <= turn <= SURE_ANGLE[1]
        yield n, Sign(ids, n * STEP_S, 2 if sure else 1, x, y, pet_s=lag * STEP_S)
