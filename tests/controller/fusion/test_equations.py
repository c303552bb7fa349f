"""What is known of errors that change: the same as from all comparisons at once, by the rules of normal densities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.bank import SLOTS
from controller.fusion.equations import Equations, Normal
from controller.fusion.error_fit import ERRORS, NEAR_SIDE, SMALL, TERMS
from controller.fusion.sighting import Seen

CAMERA, _, RADAR = ACTIVE = (0, 3, 7)
SIZE = SLOTS * TERMS
seeds = st.integers(0, 2**32 - 1)


def place(slots, terms=TERMS):
    return np.concatenate([np.arange(slot * TERMS, slot * TERMS + terms) for slot in slots])


def comparisons(random, count, errors):
    """Design (count, SIZE), differences and weights (count,) of comparisons between modules with these errors."""
    design, weight = np.zeros((count, SIZE)), random.uniform(0.5, 4.0, count)
    design[:, place(ACTIVE)] = random.normal(size=(count, len(ACTIVE) * TERMS))
    return design, design @ errors.reshape(-1) + random.normal(size=count) / np.sqrt(weight), weight


def told(design, off, weight):
    active = design[:, place(ACTIVE)]
    return Normal(np.array(ACTIVE), active.T * weight @ active, active.T @ (weight * off))


def known(*judgements, memory=1.0, seen=1):
    """What these judgements leave, each of so many comparisons."""
    one = Equations(memory, 10.0, apart=4)
    slot = np.full(seen, CAMERA)
    for judgement in judgements:
        one.add(Seen(slot, slot, slot, None, np.zeros((seen, 2, TERMS)), None, np.ones(seen)), told(*judgement))
    return one


def some_errors(random):
    errors = np.zeros((SLOTS, TERMS))
    errors[list(ACTIVE)] = random.normal(0, 0.3, (len(ACTIVE), TERMS))
    return errors


def full(normal):
    """(SIZE, SIZE), (SIZE,) of normal equations of the active."""
    information, pull = np.zeros((SIZE, SIZE)), np.zeros(SIZE)
    information[np.ix_(place(normal.slots), place(normal.slots))], pull[place(normal.slots)] = normal[1:]
    return information, pull


@given(seeds, st.integers(1, 9), st.integers(0, 6), st.integers(1, 30))
def test_what_was_known_before_some_judgements_is_told_from_what_they_say(seed, count, judgements, seen):
    random = np.random.default_rng(seed)
    errors = some_errors(random)
    each = [comparisons(random, random.integers(1, 9), errors) for _ in range(count)]
    found, slots = known(*each, memory=0.8, seen=seen), np.array(ACTIVE)
    worth = 0.8 ** (min(1.0, seen / 10.0) * np.arange(count)[::-1])
    each = [told(*judgement) for judgement in each]
    said = [(share * one.information, share * one.pull) for share, one in zip(worth, each, strict=True)]
    last = said[max(count - min(judgements, 4), 0) :]
    believed = np.full((len(ACTIVE), TERMS), 1 / NEAR_SIDE**2)
    believed[:, :ERRORS] = 1 / (SMALL**2 + errors[slots, :ERRORS] ** 2)
    since = found.since(slots, judgements)
    before = found.before(since, errors)
    assert since.information == pytest.approx(
        sum(part for part, _ in last) + np.zeros_like(since.information), abs=1e-9
    )
    assert since.pull == pytest.approx(sum(part for _, part in last) + np.zeros_like(since.pull), abs=1e-9)
    assert before.information + since.information == pytest.approx(
        sum(part for part, _ in said) + np.diag(believed.reshape(-1)), abs=1e-9
    )
    assert before.pull + since.pull == pytest.approx(sum(part for _, part in said), abs=1e-9)
    assert found.weight[CAMERA] == pytest.approx(seen * worth.sum())


@settings(deadline=None, max_examples=25)
@given(seeds, st.sampled_from([[CAMERA], [RADAR], [CAMERA, RADAR]]), st.integers(0, 2))
def test_what_changed_is_forgotten_and_what_it_told_of_the_others_is_not(seed, changed, judgements):
    random = np.random.default_rng(seed)
    errors = some_errors(random)
    each = [comparisons(random, count, errors) for count in (40, 5, 4)]
    found, slots = known(*each), np.array(ACTIVE)
    late = full(found.since(slots, judgements))
    found.renew(changed, errors, judgements)
    # the same by brute force: everything from before, with what was believed of their errors, without these errors
    gone, held = place(changed, ERRORS), np.full(SIZE, 1e-6)
    held[gone] = 1 / (SMALL**2 + errors[changed, :ERRORS].reshape(-1) ** 2)
    old = full(known(*each[: len(each) - judgements]).of(slots))
    covariance = np.linalg.inv(old[0] + np.diag(held))
    kept = np.setdiff1d(place(ACTIVE), gone)
    precision = np.linalg.inv(covariance[np.ix_(kept, kept)])
    mean = (covariance @ old[1])[kept]
    rest = found.information.reshape(SIZE, SIZE) - late[0]
    assert rest[gone] == pytest.approx(0, abs=1e-9)
    assert rest[:, gone] == pytest.approx(0, abs=1e-9)
    assert rest[np.ix_(kept, kept)] + 1e-6 * np.eye(len(kept)) == pytest.approx(precision, rel=1e-4, abs=1e-3)
    assert (found.pull.reshape(-1) - late[1])[kept] == pytest.approx(precision @ mean, rel=1e-4, abs=1e-3)
    assert full(found.since(slots, 9))[0] == pytest.approx(late[0])


def test_nothing_from_before_counts_when_nobody_knows_who_moved():
    random = np.random.default_rng(1)
    one = known(*(comparisons(random, 5, some_errors(random)) for _ in range(3)))
    late = one.since(np.array(ACTIVE), 2)
    one.restart(2)
    assert (one.of(np.array(ACTIVE)).information == late.information).all()
    assert (one.of(np.array(ACTIVE)).pull == late.pull).all()
    assert (one.since(np.array(ACTIVE), 9).pull == late.pull).all()
