"""Which detection belongs to which track: the best one-to-one choice among gated pairs, in bounded time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_EXACT: Final = 48  # a larger knot of mutually gated pairs is solved greedily, to bound the work


def assign(rows: NDArray[np.intp], columns: NDArray[np.intp], gain: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions in the pair list (k,) chosen so that no row or column repeats and the sum of gains is largest.

    Pairs of gain <= 0 are never chosen. Components larger than MAX_EXACT are greedy, the others optimal.
    """
    good = np.flatnonzero(gain > 0)
    if not len(good):
        return good
    r, c = rows[good], columns[good]
    alone = (np.bincount(r)[r] == 1) & (np.bincount(c)[c] == 1)
    chosen = good[alone].tolist()
    for component in _components(good[~alone].tolist(), rows.tolist(), columns.tolist()):
        chosen += _solve(component, rows, columns, gain)
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


def _components(pairs: list[int], rows: list[int], columns: list[int]) -> list[list[int]]:
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair in pairs:
        parent[root(rows[pair])] = root(-1 - columns[pair])
    groups: dict[int, list[int]] = {}
    for pair in pairs:
        groups.setdefault(root(rows[pair]), []).append(pair)
    return list(groups.values())


def _solve(pairs: list[int], rows: NDArray[np.intp], columns: NDArray[np.intp], gain: NDArray[np.float64]) -> list[int]:
    r, row = np.unique(rows[pairs], return_inverse=True)
    c, column = np.unique(columns[pairs], return_inverse=True)
    if min(len(r), len(c)) > MAX_EXACT:
        return _greedy(pairs, rows, columns, gain)
    # Every row may stay alone at cost 0 in a column of its own.
    cost = np.zeros((len(r), len(c) + len(r)))
    cost[:, : len(c)] = 1e-9
    cost[row, column] = -gain[pairs]
    place = {(int(i), int(j)): pair for i, j, pair in zip(row, column, pairs, strict=True)}
    best = hungarian(cost.tolist())
    return [place[i, j] for i, j in enumerate(best) if (i, j) in place]


def _greedy(
    pairs: list[int], rows: NDArray[np.intp], columns: NDArray[np.intp], gain: NDArray[np.float64]
) -> list[int]:
    chosen, seen_rows, seen_columns = [], set(), set()
    for pair in sorted(pairs, key=lambda p: (-gain[p], p)):
        row, column = int(rows[pair]), int(columns[pair])
        if row not in seen_rows and column not in seen_columns:
            chosen.append(pair)
            seen_rows.add(row)
            seen_columns.add(column)
    return chosen
