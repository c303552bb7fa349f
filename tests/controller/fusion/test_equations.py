"""What is known of errors that change: the same as from all comparisons at once, by the rules of normal densities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.bank import SLOTS
from controller.fusion.equations import Equations
from controller.fusion.error_fit import ERRORS, LARGE, SMALL, TERMS

CAMERA, LIDAR, RADAR = ACTIVE = (0, 3, 7)
SIZE = SLOTS * TERMS
seeds = st.integers(0, 2**32 - 1)


def place(slots, terms=TERMS):
    return np.concatenate([np.arange(slot * TERMS, slot * TERMS + terms) for slot in slots])


def comparisons(random, count, errors):
    """Design (count, SIZE), differences and weights (count,) of comparisons between modules with these errors."""
    design, weight = np.zeros((count, SIZE)), random.uniform(0.5, 4.0, count)
    design[:, place(ACTIVE)] = random.normal(size=(count, len(ACTIVE) * TERMS))
    return design, design @ errors.reshape(-1) + random.normal(size=count) / np.sqrt(weight), weight


def known(*told):
    one = Equations(0.8, 24.0)
    for design, off, weight in told:
        one.information += (design.T * weight @ design).reshape(one.information.shape)
        one.pull += (design.T @ (weight * off)).reshape(one.pull.shape)
    return one


def density(off, covariance):
    """Logarithm of a normal density but for what does not depend on the covariance."""
    return -0.5 * (off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(covariance)[1])


def some_errors(random):
    errors = np.zeros((SLOTS, TERMS))
    errors[list(ACTIVE)] = random.normal(0, 0.3, (len(ACTIVE), TERMS))
    return errors


@given(seeds, st.integers(1, 12), st.floats(0, 5))
def test_a_change_is_told_by_its_bayes_factor(seed, count, shift_m):
    random = np.random.default_rng(seed)
    errors = some_errors(random)
    moved = errors.copy()
    moved[CAMERA, 0] += shift_m
    design, off, weight = comparisons(random, count, moved)
    free = design[:, place((CAMERA,), ERRORS)] * LARGE
    rest, noise = off - design @ errors.reshape(-1), np.diag(1 / weight)
    expected = density(rest, noise + free @ free.T) - density(rest, noise)
    assert known((design, off, weight)).changed(CAMERA, errors) == pytest.approx(expected, abs=1e-6)


def test_who_moved_is_told_and_nobody_when_nobody_did():
    random = np.random.default_rng(1)
    errors = some_errors(random)
    moved = errors.copy()
    moved[LIDAR, :2] += 1.0, -2.0
    still, after = (known(comparisons(random, 30, one)) for one in (errors, moved))
    assert max(still.changed(slot, errors) for slot in ACTIVE) < 0
    nats = {slot: after.changed(slot, errors) for slot in ACTIVE}
    assert max(nats, key=nats.__getitem__) == LIDAR
    assert nats[LIDAR] > 30


@settings(deadline=None, max_examples=25)
@given(seeds, st.sampled_from([[CAMERA], [RADAR], [CAMERA, RADAR]]))
def test_what_changed_is_forgotten_and_what_it_told_of_the_others_is_not(seed, changed):
    random = np.random.default_rng(seed)
    errors = some_errors(random)
    before, lately = comparisons(random, 40, errors), comparisons(random, 9, errors)
    found, late = known(before, lately), known(lately)
    found.renew(changed, errors, late)
    # the same by brute force: everything from before, with what was believed of their errors, without these errors
    gone, held = place(changed, ERRORS), np.full(SIZE, 1e-6)
    held[gone] = 1 / (SMALL**2 + errors[changed, :ERRORS].reshape(-1) ** 2)
    old = known(before)
    covariance = np.linalg.inv(old.information.reshape(SIZE, SIZE) + np.diag(held))
    kept = np.setdiff1d(place(ACTIVE), gone)
    precision = np.linalg.inv(covariance[np.ix_(kept, kept)])
    mean = (covariance @ old.pull.reshape(-1))[kept]
    rest = (found.information - late.information).reshape(SIZE, SIZE)
    assert not rest[gone].any()
    assert not rest[:, gone].any()
    assert rest[np.ix_(kept, kept)] + 1e-6 * np.eye(len(kept)) == pytest.approx(precision, rel=1e-4, abs=1e-3)
    assert (found.pull - late.pull).reshape(-1)[kept] == pytest.approx(precision @ mean, rel=1e-4, abs=1e-3)
