"""Which detection belongs to which track: the best one-to-one choice among gated pairs, in bounded time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_EXACT: Final = 48  # a larger knot of mutually gated pairs is solved greedily, to bound the work


class _Pair(NamedTuple):
    """One pair that shares its row or column with another, and where it stands in the pair list."""

    position: int
    row: int
    column: int
    gain: float


def assign(rows: NDArray[np.intp], columns: NDArray[np.intp], gain: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions in the pair list (k,) chosen so that no row or column repeats and the sum of gains is largest.

    Pairs of gain <= 0 are never chosen. Components larger than MAX_EXACT are greedy, the others optimal.
    """
    good = np.flatnonzero(gain > 0)
    if not len(good):
        return good
    r, c = rows[good], columns[good]
    alone = (np.bincount(r)[r] == 1) & (np.bincount(c)[c] == 1)
    chosen, knotted = good[alone].tolist(), good[~alone]
    fields = (knotted, rows[knotted], columns[knotted], gain[knotted])
    for component in _components([_Pair(*pair) for pair in zip(*(field.tolist() for field in fields), strict=True)]):
        chosen += _solve(component)
    return np.array(sorted(chosen), dtype=np.intp)


def hungarian(cost: Sequence[Sequence[float]]) -> list[int]:
    """The column of every row with the least total cost; rows <= columns (Kuhn 1955, shortest augmenting paths)."""
    n, m = len(cost), len(cost[0])
    u, v, match, way = [0.0] * (n + 1), [0.0] * (m + 1), [0] * (m + 1), [0] * (m + 1)
    for i in range(1, n + 1):
        match[0], j0 = i, 0
        least, used = [math.inf] * (m + 1), [False] * (m + 1)
        while match[j0]:
            j0 = _grow(cost, j0, (u, v), match, way, least, used)
        while j0:
            match[j0] = match[way[j0]]
            j0 = way[j0]
    result = [0] * n
    for j in range(1, m + 1):
        if match[j]:
            result[match[j] - 1] = j - 1
    return result


def _grow(
    cost: Sequence[Sequence[float]],
    j0: int,
    potentials: tuple[list[float], list[float]],
    match: list[int],
    way: list[int],
    least: list[float],
    used: list[bool],
) -> int:
    u, v = potentials
    used[j0] = True
    i0, delta, j1 = match[j0], math.inf, 0
    row = cost[i0 - 1]
    for j in range(1, len(used)):
        if not used[j]:
            reduced = row[j - 1] - u[i0] - v[j]
            if reduced < least[j]:
                least[j], way[j] = reduced, j0
            if least[j] < delta:
                delta, j1 = least[j], j
    for j, taken in enumerate(used):
        if taken:
            u[match[j]] += delta
            v[j] -= delta
        else:
            least[j] -= delta
    return j1


def _components(pairs: list[_Pair]) -> list[list[_Pair]]:
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair in pairs:
        parent[root(pair.row)] = root(-1 - pair.column)
    groups: dict[int, list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault(root(pair.row), []).append(pair)
    return list(groups.values())


def _solve(pairs: list[_Pair]) -> list[int]:
    rows = {row: i for i, row in enumerate(sorted({pair.row for pair in pairs}))}
    columns = {column: j for j, column in enumerate(sorted({pair.column for pair in pairs}))}
    few = min(len(rows), len(columns))
    if few == 1:
        return [max(pairs, key=lambda pair: pair.gain).position]
    if few > MAX_EXACT:
        return _greedy(pairs)
    # Every row may stay alone at cost 0 in a column of its own.
    cost = [[1e-9] * len(columns) + [0.0] * len(rows) for _ in rows]
    place = {(rows[pair.row], columns[pair.column]): pair for pair in pairs}
    for (i, j), pair in place.items():
        cost[i][j] = -pair.gain
    return [place[at].position for at in enumerate(hungarian(cost)) if at in place]


def _greedy(pairs: list[_Pair]) -> list[int]:
    chosen, rows, columns = [], set(), set()
    for pair in sorted(pairs, key=lambda pair: (-pair.gain, pair.position)):
        if pair.row not in rows and pair.column not in columns:
            chosen.append(pair.position)
            rows.add(pair.row)
            columns.add(pair.column)
    return chosen
