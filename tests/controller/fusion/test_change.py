"""Bayes factors of changes, held to densities of what was seen with and without one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion import change
from controller.fusion.change import CHANGES, changes
from controller.fusion.equations import Normal
from controller.fusion.error_fit import LARGE, TERMS

seeds = st.integers(0, 2**32 - 1)


def seen(random, errors, count):
    """Design (count, n), differences and weights (count,) of comparisons between modules with these errors (n,)."""
    design, weight = random.normal(size=(count, len(errors))), random.uniform(0.5, 4.0, count)
    return design, design @ errors + random.normal(size=count) / np.sqrt(weight), weight


def normal(design, off, weight, believed=0.0):
    size = design.shape[1]
    return Normal(
        np.arange(size // TERMS), design.T * weight @ design + believed * np.eye(size), design.T @ (weight * off)
    )


def density(off, covariance):
    """Logarithm of a normal density but for its constant."""
    return -0.5 * (off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(covariance)[1])


def told(errors, after, believed=4.0, count=12):
    """Nats by which each of the modules changed from no errors to these, as far as so many comparisons tell."""
    random = np.random.default_rng(7)
    before = normal(*seen(random, np.zeros(errors.size), count), believed)
    return changes(before, normal(*seen(random, errors.reshape(-1), after)))


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(1, 3), st.integers(0, 12), st.integers(1, 9), st.floats(0, 3))
def test_they_are_ratios_of_densities_of_what_was_seen(seed, modules, count, after, moved_m):
    random = np.random.default_rng(seed)
    size = modules * TERMS
    errors = random.normal(0, 0.3, size)
    before = normal(*seen(random, errors, count), believed=2.0)
    errors[0] += moved_m
    design, off, weight = seen(random, errors, after)
    mean, covariance = np.linalg.solve(before.information, before.pull), np.linalg.inv(before.information)
    noise = np.diag(1 / weight)
    same = density(off - design @ mean, noise + design @ covariance @ design.T)
    found = changes(before, normal(design, off, weight))
    for module in range(modules):
        other = []
        for terms in CHANGES:
            own = module * TERMS + np.array(terms)
            new, sure = mean.copy(), covariance.copy()
            new[own] = sure[own] = sure[:, own] = 0.0
            sure[own, own] = LARGE**2
            other.append(density(off - design @ new, noise + design @ sure @ design.T))
        assert found[module] == pytest.approx(np.logaddexp.reduce(other) - np.log(len(other)) - same, abs=1e-6)


def test_who_moved_is_told_and_nobody_when_nobody_did():
    errors = np.zeros((3, TERMS))
    assert told(errors, 30, count=18).max() < 0
    errors[1, :2] = 1.0, -2.0
    nats = told(errors, 30, count=18)
    assert nats.argmax() == 1
    assert nats[1] > 30


def test_one_error_that_changed_is_told_sooner_than_if_all_had_to_be_free(monkeypatch):
    turned = np.zeros((3, TERMS))
    turned[0, 2] = 1.0
    nats = told(turned, 6)[0]
    monkeypatch.setattr(change, "CHANGES", CHANGES[-1:])
    assert nats > told(turned, 6)[0] + 1


def test_what_was_hardly_known_before_has_not_changed():
    errors = np.zeros((2, TERMS))
    errors[0, 0] = 1.0
    known, unknown = (told(errors, 10, believed, count)[0] for believed, count in ((40.0, 100), (0.5, 0)))
    assert known > 5
    assert unknown < 0


@pytest.mark.parametrize("slot", [0, 1])
def test_the_near_side_of_things_does_not_change(slot):
    errors = np.zeros((2, TERMS))
    errors[slot, TERMS - 1] = 3.0  # freed, it would explain it by 18 nats and more
    assert told(errors, 20)[slot] < 5
