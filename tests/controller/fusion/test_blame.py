"""Of modules that contradict each other the fewest are blamed that explain it, and never all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.fusion.blame import COST, PROVEN, SUSPECTS, blame, cost, witnessed
from controller.fusion.error_fit import ERRORS, KINDS, TERMS, ErrorFit


def peace(quarrels):
    """Evidence of modules of which these pairs contradict each other, unless one of the pair is wrong."""
    return lambda group: -sum(weight for pair, weight in quarrels.items() if not group & set(pair))


def probability(shares, one):
    return sum(share for group, share in shares.items() if one in group)


def test_who_quarrels_with_everybody_is_to_blame():
    shares = blame(range(3), peace({(0, 1): 8.0, (0, 2): 8.0}), lambda _: 2.0)
    assert probability(shares, 0) > 0.9
    assert max(probability(shares, 1), probability(shares, 2)) < 0.25
    assert sum(shares.values()) == pytest.approx(1.0)


def test_of_two_that_quarrel_either_may_be_wrong_unless_one_has_proven_itself_or_is_left_out():
    def doubt(price):
        shares = blame(range(2), lambda group: -math.inf if len(group) == 2 else peace({(0, 1): 30.0})(group), price)
        return probability(shares, 0)

    assert doubt(lambda _: COST) == pytest.approx(0.5)
    proven = cost(np.array([PROVEN, 0]), frozenset())
    assert doubt(proven.__getitem__) < 0.15
    left_out = cost(np.zeros(2, np.int64), frozenset({0}))
    assert doubt(left_out.__getitem__) > 0.9


def test_who_is_wrong_in_any_case_is_in_every_group_and_costs_nothing():
    shares = blame(range(3), lambda group: float(len(group)), lambda _: 9.0, frozenset({1}))
    assert all(1 in group for group in shares)
    assert max(shares, key=shares.__getitem__) == {1}


@pytest.mark.parametrize(
    ("wrong", "known", "seen"),
    [
        ((), (), True),
        ((0,), (), True),
        ((0, 1), (), False),
        ((0, 1), (0,), False),
        ((0, 1), (1,), True),
        ((0, 2), (), True),
        ((0, 1, 2, 3), (), False),
        ((4,), (), True),
    ],
)
def test_who_meets_only_one_that_is_wrong_cannot_be_seen_to_be_wrong_as_well(wrong, known, seen):
    """Module 1 meets only 0, which meets 2 and 3, too, as those do each other; 4 meets nobody."""
    met = np.zeros((5, 5))
    for one, two, much in ((0, 1, 9.0), (0, 2, 9.0), (0, 3, 9.0), (2, 3, 20.0), (1, 2, 0.5)):
        met[one, two] = met[two, one] = much
    assert witnessed(met, frozenset(wrong), frozenset(known)) is seen


def test_only_the_few_most_suspect_are_weighed_together():
    shares = blame(range(30), lambda group: float(min(group, default=0)), lambda _: 0.0)
    assert len(shares) == 2**SUSPECTS


class Pairs:
    """Differences between modules that see the same things: normal equations of their errors, as if from `count` of
    them, each `sure` m, spread over a field; `among` these pairs of modules, else all."""

    def __init__(self, count, sure=0.3, among=()):
        self.rng, self.count, self.sure, self.among = np.random.default_rng(1), count, sure, among

    def fit(self, errors):
        size = TERMS * len(errors)
        information, pull = np.zeros((size, size)), np.zeros(size)
        for _ in range(self.count):
            x, y, vx, vy = self.rng.uniform(-1, 1, 4)
            basis = np.array([[1, 0, -y, -vx, x, 0], [0, 1, x, -vy, y, 0]])
            few = self.rng.choice(self.among) if self.among else range(len(errors))
            first, second = self.rng.choice(few, 2, replace=False)
            row = np.zeros((2, len(errors), TERMS))
            row[:, first], row[:, second] = basis, -basis
            flat = row.reshape(2, size)
            off = flat @ np.ravel(errors) + self.rng.normal(0, self.sure, 2)
            information += flat.T @ flat / self.sure**2
            pull += flat.T @ off / self.sure**2
        return ErrorFit(information, pull)


def errors_of(wrong, kind, size, modules=3):
    errors = np.zeros((modules, TERMS))
    errors[wrong, kind] = size
    return errors


@pytest.mark.parametrize("kind", range(ERRORS))
def test_a_single_error_is_found_in_full_and_nobody_else_is_blamed_for_it(kind):
    fitted = Pairs(20).fit(errors_of(1, kind, 2.0)).blamed(np.full(3, COST), ())
    assert fitted.guilt[1] > 0.95
    assert fitted.guilt[[0, 2]].max() < 0.2
    assert fitted.errors[1, kind] == pytest.approx(2.0, abs=0.35)
    others = np.delete(fitted.errors[1, :ERRORS], kind)
    assert np.abs(others).max() < 0.3


def test_what_one_kind_of_error_alone_would_be_is_told_beside_what_is_believed():
    """However much is learned of chance meetings, that one would be found where it is all there is."""
    errors = errors_of(1, 2, 2.0)
    single = Pairs(20).fit(errors).single(np.zeros_like(errors), 1)
    assert single.shape == (len(KINDS), TERMS)
    assert single[1] == pytest.approx(errors[1], abs=0.3)
    assert single[3, 3] == pytest.approx(0.0, abs=1.0), "a delay explains little of a turn"


def test_small_errors_make_nobody_wrong():
    rng = np.random.default_rng(2)
    fitted = Pairs(60).fit(rng.normal(0, 0.1, (4, TERMS))).blamed(np.full(4, COST), ())
    assert fitted.guilt.max() < 0.2


def test_what_two_say_of_each_other_is_shared_between_them():
    fitted = Pairs(20).fit(errors_of(0, 0, 2.0, modules=2)).blamed(np.full(2, COST), ())
    assert fitted.guilt == pytest.approx(0.5, abs=0.1)
    assert fitted.errors[:, 0] == pytest.approx([1.0, -1.0], abs=0.3)


def test_who_contradicts_only_one_that_is_wrong_is_right():
    """Module 1 is wrong, and 2 meets nobody else; an error of 2, too, would explain a little more."""
    errors = errors_of(1, 0, 3.0, modules=4)
    errors[2, 1] = 0.8
    alone, among = Pairs(20, among=((1, 2),)).fit(errors), Pairs(60, among=((0, 1), (0, 3), (1, 3))).fit(errors)
    both = ErrorFit(alone.information + among.information, alone.pull + among.pull)
    guilt = both.blamed(np.full(4, COST), ()).guilt
    assert guilt[1] > 0.95
    assert guilt[2] == 0.0
    met = Pairs(40, among=((2, 3),)).fit(errors)
    seen = ErrorFit(both.information + met.information, both.pull + met.pull)
    assert seen.blamed(np.full(4, COST), ()).guilt[2] > 0.5, "somebody who is right saw it"


@pytest.mark.parametrize("modules", [2, 3, 4, 5])
def test_never_more_than_half_are_blamed_unless_they_are_known(modules):
    """However much each of them contradicts all others."""
    everybody = np.random.default_rng(modules).normal(0, 3, (modules, TERMS))
    fit, prices = Pairs(20).fit(everybody), np.zeros(modules)
    assert fit.blamed(prices, ()).guilt.sum() <= modules // 2 + 1e-9
    known = range(modules - 1)
    assert fit.blamed(prices, known).guilt[list(known)] == pytest.approx(1.0)


def test_that_somebody_is_wrong_may_be_sure_where_it_is_not_who():
    """Of two it may be either; who is known to be wrong anyway is not meant."""
    fit, prices = Pairs(20).fit(errors_of(0, 0, 2.0, modules=2)), np.full(2, COST)
    fitted = fit.blamed(prices, ())
    assert fitted.anybody > 0.99
    assert fitted.guilt.max() < 0.65
    assert fit.blamed(prices, (0,)).anybody < 0.1
    assert Pairs(20).fit(errors_of(0, 0, 0.0)).blamed(np.full(3, COST), ()).anybody < 0.3


def test_nothing_seen_is_nothing_found():
    fitted = ErrorFit(np.zeros((3 * TERMS, 3 * TERMS)), np.zeros(3 * TERMS)).blamed(np.full(3, COST), ())
    assert fitted.guilt.max() < 0.5
    assert not fitted.errors.any()
