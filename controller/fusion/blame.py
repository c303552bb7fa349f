"""Who is wrong where modules contradict each other: the smallest set that explains it, and how sure that is."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Group = frozenset[int]

SUSPECTS: Final = 4  # of whom every group is weighed: so many are hardly ever wrong at a time
COST: Final = 2.0  # nats to believe that a module is wrong; twice that for one that has proven itself
LEFT_OUT: Final = -1.0
STRONG: Final = 2.0  # nats of reasons, from which on one has to be shown to be right as well
PROVEN: Final = 60  # judgements passed, beyond which a module is doubted no less
WITNESSED: Final = 0.25  # of all that others say of a module, what those have to say who are right


def cost(proven: NDArray[np.int64], out: Group) -> Floats:
    """Nats (slots,) against the belief that each is wrong; who is left out already has to be shown to be right."""
    found: Floats = COST * (1 + np.minimum(proven, PROVEN) / PROVEN)
    found[sorted(out)] = LEFT_OUT
    return found


def less(price: Floats, nats: Floats, least: float = LEFT_OUT) -> Floats:
    """A price (slots,) reduced by reasons to doubt a module: to nothing, and by strong ones to `least`, but no further,
    for reasons alone show nothing.
    """
    return np.minimum(price, np.maximum(price - nats, np.clip(STRONG - nats, least, 0.0)))


def witnessed(met: Floats, wrong: Group, known: Group = frozenset()) -> bool:
    """Whether it can be seen that all these are wrong, who are not known to be: `met` (n, n) tells how much two are
    compared with each other. Who meets hardly anybody but one who is wrong contradicts that one, and is none the worse
    for it.
    """
    those, seen = sorted(wrong), sorted(wrong - known)
    of_all, of_wrong = met[seen].sum(1), met[np.ix_(seen, those)].sum(1)
    return bool((of_wrong <= (1 - WITNESSED) * of_all).all())


def blame(
    doubtful: Iterable[int],
    evidence: Callable[[Group], float],
    price: Callable[[int], float],
    known: Group = frozenset(),
) -> dict[Group, float]:
    """Probability of each group, of those who are doubtful, that it is these who are wrong.

    `evidence`: log-likelihood of what was seen if a group is wrong; `price`: nats against each; `known`: who is wrong
    in any case.
    """

    def weight(group: Group) -> float:
        return evidence(group) - sum(price(one) for one in group - known)

    alone = {one: weight(known | {one}) for one in sorted(doubtful) if one not in known}
    suspects = sorted(sorted(alone, key=alone.__getitem__, reverse=True)[:SUSPECTS])
    groups = [known.union(few) for size in range(len(suspects) + 1) for few in combinations(suspects, size)]
    weights = np.array([weight(group) for group in groups])
    shares = np.exp(weights - weights.max())
    return dict(zip(groups, (shares / shares.sum()).tolist(), strict=True))
