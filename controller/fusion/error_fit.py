"""Which errors of which modules explain the differences between them: every group that may be large is tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.blame import blame, witnessed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Group = frozenset[int]

ERRORS, TERMS = 5, 6
KINDS: Final = ((0, 1), (2,), (3,), (4,))  # of error, and their terms: shift, turn, delay, range scale
RANGE_SCALE: Final = 4  # that term
SMALL, LARGE = 0.15, 1.5  # m, 1 sigma of each error of a module that is right, and of one that is not
NEAR_SIDE: Final = 1.0  # of the sigmas of its kind: how far before their centres things are seen
NEGLIGIBLE: Final = 1e-3


class Fitted(NamedTuple):
    """Errors (n, TERMS) of n modules, their covariance (n, ERRORS, ERRORS), and how likely each is wrong (n,), and
    anybody who was not known to be.
    """

    errors: Floats
    covariance: Floats
    guilt: Floats
    anybody: float


@dataclass(frozen=True, slots=True, eq=False)
class ErrorFit:
    """Normal equations (n TERMS, n TERMS) and (n TERMS,) of the errors of n modules."""

    information: Floats
    pull: Floats

    def blamed(self, price: Floats, known: Iterable[int]) -> Fitted:
        """The mean over all groups, each as likely as it explains the differences; `price`, `known`: as `blame`'s, by
        the modules' places (n,). Never more than half of the modules, unless so many are known, nor who meets none that
        is right.
        """
        count = len(price)
        in_any_case = frozenset(len(KINDS) * n + kind for n in known for kind in range(len(KINDS)))
        doubtful = range(len(KINDS) * count)
        sure, met = _owners(in_any_case), self._met()
        most = max(count // 2, len(sure))

        def evidence(group: Group) -> float:
            wrong = _owners(group)
            return self._evidence(group) if len(wrong) <= most and witnessed(met, wrong, sure) else -math.inf

        shares = blame(doubtful, evidence, lambda one: float(price[one // len(KINDS)]), in_any_case)
        errors, covariance, guilt = np.zeros(len(self.pull)), np.zeros(self.information.shape), np.zeros(count)
        for group, share in shares.items():
            if share > NEGLIGIBLE:
                unsure = np.linalg.inv(self.information + np.diag(self._held(group)))
                errors += share * (unsure @ self.pull)
                covariance += share * unsure
                guilt[list(_owners(group))] += share
        own = covariance.reshape(count, TERMS, count, TERMS)[range(count), :, range(count)]
        return Fitted(errors.reshape(count, TERMS), own[:, :ERRORS, :ERRORS], guilt, 1 - shares.get(in_any_case, 0.0))

    def single(self, errors: Floats, module: int) -> Floats:
        """(KINDS, TERMS): errors of one module if only one kind of them is large, and those of all others are `errors`
        (n, TERMS).
        """
        own, others = range(module * TERMS, (module + 1) * TERMS), np.ravel(errors).copy()
        others[own] = 0.0
        pull, information = self.pull[own] - self.information[own] @ others, self.information[np.ix_(own, own)]
        held = [self._held(frozenset({len(KINDS) * module + kind}))[own] for kind in range(len(KINDS))]
        return np.stack([np.linalg.solve(information + np.diag(one), pull) for one in held])

    def _held(self, group: Group) -> Floats:
        """What is believed of each term beforehand, as 1 / sigma²."""
        terms = np.full((len(self.pull) // TERMS, TERMS), 1 / SMALL**2)
        for one in group:
            terms[one // len(KINDS), KINDS[one % len(KINDS)]] = 1 / LARGE**2
        terms[:, ERRORS:] = 1 / NEAR_SIDE**2
        return terms.reshape(-1)

    def _met(self) -> Floats:
        """(n, n): how much two modules are compared with each other, in 1 / m²."""
        shifts = self.information.reshape(len(self.pull) // TERMS, TERMS, -1, TERMS)[:, :2, :, :2]
        met: Floats = np.maximum(-np.einsum("iaja->ij", shifts), 0.0)
        return met

    def _evidence(self, group: Group) -> float:
        """Logarithm of the marginal likelihood (Bishop 2006, 3.5.1) if these errors are large."""
        held = self._held(group)
        precision = self.information + np.diag(held)
        explained = float(self.pull @ np.linalg.solve(precision, self.pull))
        return 0.5 * (explained - float(np.linalg.slogdet(precision)[1]) + float(np.log(held).sum()))


def _owners(group: Group) -> Group:
    """Whose errors these are."""
    return frozenset(one // len(KINDS) for one in group)
