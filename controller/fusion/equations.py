"""What is known of the errors of all modules, as normal equations that fade."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.error_fit import ERRORS, LARGE, NEAR_SIDE, SMALL, TERMS

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
    """Normal equations of all errors, and where each module saw what it was compared on.

    `memory`: kept of it from one judgement of `enough` comparisons to the next, more where there are fewer. The last
    judgements, `apart` of them, are remembered one by one: what was known before can be told from what they say.
    """

    def __init__(self, memory: float, enough: float, apart: int) -> None:
        self._memory, self._enough = memory, enough
        self.information = np.zeros((SLOTS, TERMS, SLOTS, TERMS))
        self.pull = np.zeros((SLOTS, TERMS))
        self.gram = np.zeros((SLOTS, ERRORS, ERRORS))  # mean square displacement by unit errors, times `weight`
        self.sigma, self.weight = np.zeros((2, SLOTS))
        self._last: deque[Normal] = deque(maxlen=apart)

    def add(self, seen: Seen, told: Normal) -> None:
        """Forget some, and learn of another judgement's comparisons."""
        keep = self._memory ** min(1.0, len(seen.slot) / self._enough)
        for kept in (self.information, self.pull, self.gram, self.sigma, self.weight):
            np.multiply(kept, keep, out=kept)
        for n, one in enumerate(self._last):
            self._last[n] = Normal(one.slots, one.information * keep, one.pull * keep)
        self._last.append(told)
        _add(told, self.information, self.pull)
        errors = seen.basis[..., :ERRORS]
        np.add.at(self.gram, seen.slot, np.einsum("nij,nik->njk", errors, errors))
        np.add.at(self.sigma, seen.slot, seen.sigma)
        np.add.at(self.weight, seen.slot, 1.0)

    def of(self, slots: NDArray[np.intp]) -> Normal:
        """What is known of these slots (k,)."""
        return _part(slots, self.information, self.pull)

    def since(self, slots: NDArray[np.intp], judgements: int) -> Normal:
        """What so many of the last judgements say of these slots (k,)."""
        return _part(slots, *self._said(judgements))

    def before(self, said: Normal, errors: Floats) -> Normal:
        """What was known of the same slots (k,) before the last judgements `said` that, and believed: errors about as
        large as `errors` (SLOTS, TERMS), and the near side of things."""
        known, believed = self.of(said.slots), np.full((len(said.slots), TERMS), 1 / NEAR_SIDE**2)
        believed[:, :ERRORS] = _believed(errors[said.slots, :ERRORS])
        information = known.information - said.information + np.diag(believed.reshape(-1))
        return Normal(said.slots, information, known.pull - said.pull)

    def renew(self, slots: list[int], errors: Floats, judgements: int) -> None:
        """The errors of these slots, about `errors` (SLOTS, TERMS) until then, are others in so many of the last
        judgements: what is known from before is kept as far as it tells of others, and of the near sides."""
        terms = (TERMS * np.array(slots)[:, None] + np.arange(ERRORS)).reshape(-1)
        believed = np.diag(_believed(errors[slots, :ERRORS]).reshape(-1))
        said = self._said(judgements)
        information = (self.information - said[0]).reshape(self.pull.size, -1)
        pull = (self.pull - said[1]).reshape(-1)
        gain = np.linalg.solve(information[np.ix_(terms, terms)] + believed, information[terms])
        pull -= pull[terms] @ gain
        information -= information[:, terms] @ gain
        pull[terms] = information[terms] = information[:, terms] = 0.0
        self.restart(judgements)
        self.information += information.reshape(self.information.shape)
        self.pull += pull.reshape(self.pull.shape)

    def restart(self, judgements: int) -> None:
        """What was known before so many of the last judgements counts no more."""
        self.information, self.pull = self._said(judgements)
        while len(self._last) > judgements:
            self._last.popleft()

    def _said(self, judgements: int) -> tuple[Floats, Floats]:
        """(SLOTS, TERMS, SLOTS, TERMS), (SLOTS, TERMS): what so many of the last judgements say."""
        information, pull = np.zeros_like(self.information), np.zeros_like(self.pull)
        for told in list(self._last)[max(len(self._last) - judgements, 0) :]:
            _add(told, information, pull)
        return information, pull


def _add(told: Normal, information: Floats, pull: Floats) -> None:
    """In place, to what is known of all (SLOTS, TERMS, SLOTS, TERMS), (SLOTS, TERMS)."""
    where = _places(told.slots)
    information[where] += told.information.reshape(information[where].shape)
    pull[told.slots] += told.pull.reshape(-1, TERMS)


def _part(slots: NDArray[np.intp], information: Floats, pull: Floats) -> Normal:
    size = len(slots) * TERMS
    return Normal(slots, information[_places(slots)].reshape(size, size), pull[slots].reshape(size))


def _believed(errors: Floats) -> Floats:
    """What is believed beforehand of errors that are about so large, as 1 / sigma²."""
    return np.asarray(1 / (SMALL**2 + errors**2))


def _places(slots: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    return np.ix_(slots, np.arange(TERMS), slots, np.arange(TERMS))
