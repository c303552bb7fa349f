"""Which errors of which modules explain the differences between them: every group that may be large is tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.blame import blame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Group = frozenset[int]

ERRORS, TERMS = 4, 5
KINDS: Final = ((0, 1), (2,), (3,))  # of error, and their terms: shift, turn, delay
SMALL, LARGE = 0.15, 1.5  # m, 1 sigma of each error of a module that is right, and of one that is not
NEAR_SIDE: Final = 1.0  # m, 1 sigma: how far before their centres things are seen
NEGLIGIBLE: Final = 1e-3


class Fitted(NamedTuple):
    """Errors (n, TERMS) of n modules, their covariance (n, ERRORS, ERRORS), and how likely each is wrong (n,)."""

    errors: Floats
    covariance: Floats
    guilt: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ErrorFit:
    """Normal equations (n TERMS, n TERMS) and (n TERMS,) of the errors of n modules."""

    information: Floats
    pull: Floats

    def blamed(self, price: Floats, known: Iterable[int]) -> Fitted:
        """The mean over all groups, each as likely as it explains the differences; `price`, `known`: as `blame`'s, by
        the modules' places (n,). Never more than half of the modules, unless so many are known."""
        count = len(price)
        in_any_case = frozenset(len(KINDS) * n + kind for n in known for kind in range(len(KINDS)))
        doubtful = range(len(KINDS) * count)
        evidence = partial(self._evidence, most=max(count // 2, len(_owners(in_any_case))))
        shares = blame(doubtful, evidence, lambda one: float(price[one // len(KINDS)]), in_any_case)
        errors, covariance, guilt = np.zeros(len(self.pull)), np.zeros(self.information.shape), np.zeros(count)
        for group, share in shares.items():
            if share > NEGLIGIBLE:
                unsure = np.linalg.inv(self.information + np.diag(self._held(group)))
                errors += share * (unsure @ self.pull)
                covariance += share * unsure
                guilt[list(_owners(group))] += share
        own = covariance.reshape(count, TERMS, count, TERMS)[range(count), :, range(count)]
        return Fitted(errors.reshape(count, TERMS), own[:, :ERRORS, :ERRORS], guilt)

    def _held(self, group: Group) -> Floats:
        """What is believed of each term beforehand, as 1 / sigma²."""
        terms = np.full((len(self.pull) // TERMS, TERMS), 1 / SMALL**2)
        for one in group:
            terms[one // len(KINDS), KINDS[one % len(KINDS)]] = 1 / LARGE**2
        terms[:, ERRORS:] = 1 / NEAR_SIDE**2
        return terms.reshape(-1)

    def _evidence(self, group: Group, most: int) -> float:
        """Logarithm of the marginal likelihood (Bishop 2006, 3.5.1) if these errors, of `most` modules, are large."""
        if len(_owners(group)) > most:
            return -math.inf
        held = self._held(group)
        precision = self.information + np.diag(held)
        explained = float(self.pull @ np.linalg.solve(precision, self.pull))
        return 0.5 * (explained - float(np.linalg.slogdet(precision)[1]) + float(np.log(held).sum()))


def _owners(group: Group) -> set[int]:
    """Whose errors these are."""
    return {one // len(KINDS) for one in group}
