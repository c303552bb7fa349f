"""Whether a module's errors are others than they were: knocked, or moved, or its clock stepped."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.error_fit import KINDS, LARGE, TERMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.equations import Normal

    Floats = NDArray[np.float64]

CHANGES: Final = (*KINDS, tuple(chain(*KINDS)))  # terms that change together: those of a kind, or all


def changes(before: Normal, after: Normal) -> Floats:
    """Nats (k,) by which what was seen `after` is likelier if errors of one slot (k,) are others than `before`.

    A logarithm of a Bayes factor, in which every change is as likely: what is free explains more, and less surely; what
    was known before is as unsure as it is. The near side of things does not change.
    """
    starts = np.arange(0, len(after.pull), TERMS)[:, None]
    covariance = np.asarray(np.linalg.inv(before.information + after.information), np.float64)
    nats = [_likelier(before, after, covariance, starts + np.array(terms)) for terms in CHANGES]
    told: Floats = np.logaddexp.reduce(nats) - math.log(len(CHANGES))
    return told


def _likelier(before: Normal, after: Normal, covariance: Floats, own: NDArray[np.intp]) -> Floats:
    """Nats (k,) by which these terms (k, t) are others; `covariance` (n, n): of all terms, if none is."""
    size, count = len(after.pull), own.shape[1]
    ties, alone = before.information[own].swapaxes(1, 2), before.information[own[:, :, None], own[:, None]]
    told = before.pull[own]
    believed = np.linalg.solve(alone, told[:, :, None])[:, :, 0]
    total = before.pull + after.pull
    pull = total - np.einsum("knt,kt->kn", ties, believed)
    # What tied these terms to the past is taken out and how large they may be put in: a change of low rank (Woodbury
    # 1950), whose determinant is the price of being free.
    parts = np.concatenate((ties, np.eye(size)[own].swapaxes(1, 2)), 2)
    core = parts.swapaxes(1, 2) @ covariance @ parts
    core[:, :count, :count] -= alone
    core[:, count:, count:] += LARGE**2 * np.eye(count)
    there = pull @ covariance
    lean = np.einsum("knt,kn->kt", parts, there)
    explained = (pull * there).sum(1) - (lean * np.linalg.solve(core, lean[:, :, None])[:, :, 0]).sum(1)
    gained = explained + (told * believed).sum(1) - total @ covariance @ total
    return np.asarray(0.5 * (gained - np.linalg.slogdet(core)[1]))
