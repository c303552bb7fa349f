"""One-to-one choice of pairs against exhaustive search."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.assignment import MAX_EXACT, assign, hungarian


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_hungarian_is_as_good_as_trying_everything(n: int, more: int, seed: int) -> None:
    cost = np.random.default_rng(seed).uniform(-5, 5, (n, n + more))
    chosen = hungarian(cost.tolist())
    assert len(set(chosen)) == n
    best = min(cost[range(n), list(p)].sum() for p in permutations(range(n + more), n))
    assert np.isclose(cost[range(n), chosen].sum(), best)


def exhaustive(pairs: list[tuple[int, int, float]]) -> float:
    if not pairs:
        return 0.0
    (i, j, gain), rest = pairs[0], pairs[1:]
    return max(exhaustive(rest), gain + exhaustive([p for p in rest if p[0] != i and p[1] != j]))


@settings(max_examples=150, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=11), st.integers(0, 2**32 - 1))
def test_sparse_assignment_is_as_good_as_trying_everything(edges: set[tuple[int, int]], seed: int) -> None:
    pairs = sorted(edges)
    gain = np.random.default_rng(seed).uniform(-2, 9, len(pairs))
    rows, columns = np.array([p[0] for p in pairs], np.intp), np.array([p[1] for p in pairs], np.intp)
    chosen = assign(rows, columns, gain)
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == len(chosen)
    best = exhaustive([(i, j, g) for (i, j), g in zip(pairs, gain.tolist(), strict=True)])
    assert np.isclose(gain[chosen].sum(), best, atol=1e-6)


def test_a_knot_too_large_for_the_optimum_is_still_one_to_one() -> None:
    n = MAX_EXACT + 30
    rows, columns = np.divmod(np.arange(n * n), n)
    gain = 20.0 - np.abs(rows - columns)
    chosen = assign(rows, columns, gain)
    assert (rows[chosen] == columns[chosen]).all()
    assert len(chosen) == n
