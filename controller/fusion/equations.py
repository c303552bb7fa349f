"""What is known of the errors of all modules, as normal equations that fade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import ERRORS, LARGE, SMALL, TERMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sighting import Seen

    Floats = NDArray[np.float64]


FREE: Final = 1 / LARGE**2  # what is believed beforehand of errors that may be large


class Normal(NamedTuple):
    """Normal equations (k TERMS, k TERMS) and (k TERMS,) of the errors of k slots."""

    slots: NDArray[np.intp]
    information: Floats
    pull: Floats

    def best(self) -> Floats:
        """The errors (k TERMS,) that explain best what was seen, when they may be large."""
        return np.asarray(np.linalg.solve(self.information + FREE * np.eye(len(self.pull)), self.pull), np.float64)


def normal(slots: NDArray[np.intp], design: Floats, off: Floats, weight: Floats) -> Normal:
    """Of comparisons (n, 2, k TERMS), (n, 2), weighted (n, 2)."""
    flat = design.reshape(-1, design.shape[-1])
    heavy = flat * weight.reshape(-1, 1)
    return Normal(slots, heavy.T @ flat, heavy.T @ off.reshape(-1))


class Equations:
    """Normal equations of all errors, and where each module saw what it was compared on."""

    def __init__(self, memory: float, enough: float) -> None:
        self._memory, self._enough = memory, enough
        self.information = np.zeros((SLOTS, TERMS, SLOTS, TERMS))
        self.pull = np.zeros((SLOTS, TERMS))
        self.gram = np.zeros((SLOTS, ERRORS, ERRORS))  # mean square displacement by unit errors, times `weight`
        self.sigma, self.weight = np.zeros((2, SLOTS))

    def add(self, seen: Seen, told: Normal) -> None:
        """Forget some, and learn of another judgement's comparisons."""
        keep = self._memory ** min(1.0, len(seen.slot) / self._enough)
        for kept in (self.information, self.pull, self.gram, self.sigma, self.weight):
            np.multiply(kept, keep, out=kept)
        where = _places(told.slots)
        self.information[where] += told.information.reshape(self.information[where].shape)
        self.pull[told.slots] += told.pull.reshape(-1, TERMS)
        errors = seen.basis[..., :ERRORS]
        np.add.at(self.gram, seen.slot, np.einsum("nij,nik->njk", errors, errors))
        np.add.at(self.sigma, seen.slot, seen.sigma)
        np.add.at(self.weight, seen.slot, 1.0)

    def of(self, slots: NDArray[np.intp]) -> Normal:
        """What is known of these slots (k,)."""
        size = len(slots) * TERMS
        return Normal(slots, self.information[_places(slots)].reshape(size, size), self.pull[slots].reshape(size))

    def changed(self, slot: int, errors: Floats) -> float:
        """By how many nats other errors of one slot explain it better than these (SLOTS, TERMS): a logarithm of a Bayes
        factor, in which it costs something to be free. The near side of things does not change."""
        mine = np.s_[slot, :ERRORS]
        information = self.information[mine][:, slot, :ERRORS]
        rest = self.pull[mine] - np.tensordot(self.information[mine], errors, 2)
        precision = information + FREE * np.eye(ERRORS)
        return 0.5 * float(rest @ np.linalg.solve(precision, rest) - np.linalg.slogdet(precision / FREE)[1])

    def renew(self, slots: list[int], errors: Floats, late: Equations) -> None:
        """The errors of these slots, about `errors` (SLOTS, TERMS) until then, are others in what `late` knows: what is
        known from before is kept as far as it tells of others, and of the near sides."""
        terms = (TERMS * np.array(slots)[:, None] + np.arange(ERRORS)).reshape(-1)
        believed = np.diag(1 / (SMALL**2 + errors[slots, :ERRORS].reshape(-1) ** 2))
        information = (self.information - late.information).reshape(self.pull.size, -1)
        pull = (self.pull - late.pull).reshape(-1)
        gain = np.linalg.solve(information[np.ix_(terms, terms)] + believed, information[terms])
        pull -= pull[terms] @ gain
        information -= information[:, terms] @ gain
        pull[terms] = information[terms] = information[:, terms] = 0.0
        self.information[:] = late.information + information.reshape(self.information.shape)
        self.pull[:] = late.pull + pull.reshape(self.pull.shape)


def _places(slots: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    return np.ix_(slots, np.arange(TERMS), slots, np.arange(TERMS))
