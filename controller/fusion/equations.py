"""What is known of the errors of all modules, as normal equations that fade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import ERRORS, LARGE, TERMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sighting import Seen

    Floats = NDArray[np.float64]


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
        flat = design.reshape(-1, SLOTS * TERMS)
        heavy = flat * weight.reshape(-1, 1)
        self.information += (heavy.T @ flat).reshape(SLOTS, TERMS, SLOTS, TERMS)
        self.pull += (heavy.T @ off.reshape(-1)).reshape(SLOTS, TERMS)
        errors = seen.basis[..., :ERRORS]
        np.add.at(self.gram, seen.slot, np.einsum("nij,nik->njk", errors, errors))
        np.add.at(self.sigma, seen.slot, seen.sigma)
        np.add.at(self.weight, seen.slot, 1.0)

    def surprise(self, errors: Floats) -> float:
        """By how many nats other errors than these (SLOTS, TERMS) would explain it better."""
        size = SLOTS * TERMS
        information, rest = self.information.reshape(size, size), self.pull.reshape(size)
        rest = rest - information @ errors.reshape(size)
        return 0.5 * float(rest @ np.linalg.solve(information + np.eye(size) / LARGE**2, rest))
