"""What is known of the errors of all modules, as normal equations that fade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import ERRORS, LARGE, TERMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sighting import Seen

    Floats = NDArray[np.float64]


SIZE: Final = SLOTS * TERMS
FREE: Final = np.eye(SIZE) / LARGE**2  # what is believed beforehand of errors that may be large


class Equations:
    """Normal equations of all errors, and where each module saw what it was compared on."""

    def __init__(self, memory: float, enough: float) -> None:
        self._memory, self._enough = memory, enough
        self.information = np.zeros((SLOTS, TERMS, SLOTS, TERMS))
        self.pull = np.zeros((SLOTS, TERMS))
        self.gram = np.zeros((SLOTS, ERRORS, ERRORS))  # mean square displacement by unit errors, times `weight`
        self.sigma, self.weight = np.zeros((2, SLOTS))

    def add(self, seen: Seen, design: Floats, off: Floats, weight: Floats) -> None:
        """Forget some, and learn of another judgement's comparisons."""
        keep = self._memory ** min(1.0, len(seen.slot) / self._enough)
        for kept in (self.information, self.pull, self.gram, self.sigma, self.weight):
            np.multiply(kept, keep, out=kept)
        information, pull = _normal(design, off, weight)
        self.information += information.reshape(self.information.shape)
        self.pull += pull.reshape(self.pull.shape)
        errors = seen.basis[..., :ERRORS]
        np.add.at(self.gram, seen.slot, np.einsum("nij,nik->njk", errors, errors))
        np.add.at(self.sigma, seen.slot, seen.sigma)
        np.add.at(self.weight, seen.slot, 1.0)

    def best(self, design: Floats, off: Floats, weight: Floats) -> Floats:
        """The errors (SLOTS, TERMS) that explain best what is known together with these comparisons."""
        information, pull = _normal(design, off, weight)
        information += self.information.reshape(SIZE, SIZE) + FREE
        found = np.asarray(np.linalg.solve(information, pull + self.pull.reshape(SIZE)), np.float64)
        return found.reshape(SLOTS, TERMS)

    def surprise(self, errors: Floats) -> float:
        """By how many nats other errors than these (SLOTS, TERMS) would explain it better."""
        information = self.information.reshape(SIZE, SIZE)
        rest = self.pull.reshape(SIZE) - information @ errors.reshape(SIZE)
        return 0.5 * float(rest @ np.linalg.solve(information + FREE, rest))


def _normal(design: Floats, off: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(SIZE, SIZE) and (SIZE,) of comparisons (n, 2, SIZE), (n, 2), weighted (n, 2)."""
    flat = design.reshape(-1, SIZE)
    heavy: Floats = flat * weight.reshape(-1, 1)
    return heavy.T @ flat, heavy.T @ off.reshape(-1)
