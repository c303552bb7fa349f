"""What was said against what happened: who, when, how late."""

from __future__ import annotations

import math

import pytest

from sim.evaluation.events import Expected, Said, judge, unjudged

STANDING = Expected("stationary_vehicle", 10.0, 30.0, frozenset({7}), 10.0)
BRAKING = Expected("sudden_braking", 20.0, 21.0, frozenset({8}), 20.0)
MAYBE = Expected("sudden_braking", 40.0, 41.0, frozenset({9}), 40.0, must=False)
KINDS = ("stationary_vehicle", "sudden_braking")


def said(kind, at_s, ids, until_s=None, strangers=0):
    return Said(kind, at_s, until_s or at_s, at_s, frozenset(ids), strangers)


def test_told_in_time_of_the_right_one():
    scores, _ = judge([STANDING], [said("stationary_vehicle", 15.0, {7})], KINDS)
    score = scores["stationary_vehicle"]
    assert (score.recall, score.precision, score.f1, score.delays_s) == (1.0, 1.0, 1.0, [5.0])


@pytest.mark.parametrize(
    "wrong",
    [
        said("stationary_vehicle", 15.0, {6}),
        said("stationary_vehicle", 5.0, {7}),
        said("stationary_vehicle", 34.0, {7}),
        said("stationary_vehicle", 15.0, {6, 7}),
        said("stationary_vehicle", 15.0, set(), strangers=1),
        said("sudden_braking", 15.0, {7}),
    ],
)
def test_another_one_another_time_another_kind(wrong):
    scores, judged = judge([STANDING], [wrong], KINDS)
    assert scores["stationary_vehicle"].found == 0
    assert sum(score.false for score in scores.values()) == 1
    assert judged[0].so is False


def test_a_ghost_beside_the_right_one_does_not_spoil_it():
    scores, _ = judge([STANDING], [said("stationary_vehicle", 15.0, {7}, strangers=1)], KINDS)
    assert scores["stationary_vehicle"].found == 1


def test_what_may_be_told_is_neither_right_nor_wrong():
    scores, judged = judge([MAYBE], [said("sudden_braking", 40.5, {9})], KINDS)
    score = scores["sudden_braking"]
    assert (score.expected, score.right, score.false, score.excused) == (0, 0, 0, 1)
    assert math.isnan(score.recall)
    assert judged[0].so is None


def test_said_twice_is_found_once_and_first_words_count():
    twice = [said("sudden_braking", 20.9, {8}), said("sudden_braking", 20.4, {8})]
    score = judge([BRAKING], twice, KINDS)[0]["sudden_braking"]
    assert (score.expected, score.found, score.right, score.false) == (1, 1, 2, 0)
    assert score.delays_s == pytest.approx([0.4])


def test_a_place_is_anybodys():
    tail = Expected("queue_tail", 10.0, 30.0, frozenset(), 10.0)
    assert judge([tail], [said("queue_tail", 12.0, {1, 2})], ["queue_tail"])[0]["queue_tail"].found == 1


def test_what_nobody_knows_the_truth_of_is_counted_apart():
    other = [said("red_light", 3.0, {1})]
    assert judge([STANDING], other, KINDS)[1] == []
    assert unjudged(other, KINDS) == {"red_light": 1}
