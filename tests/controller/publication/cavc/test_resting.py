"""静止状態: moving, seconds, for ever, never moved, unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from living import T0, tracks

from controller.publication.cavc.resting import LONGEST_S, MOVING, NEVER_MOVED, UNKNOWN, Resting

S = 1_000_000_000


def told(*pictures):
    """restingState of one track after pictures of (second, probability that it stands)."""
    memory = Resting()
    for second, probability in pictures:
        picture = tracks(1, T0 + int(second * S), stationary=probability)
        memory.see(picture)
    return memory.column(picture)[0]


@pytest.mark.parametrize(
    ("pictures", "state"),
    [
        (((0, 0.0),), MOVING),
        (((0, 1.0),), NEVER_MOVED),
        (((0, 1.0), (900, 1.0)), NEVER_MOVED),
        (((0, 0.1), (1, 0.9)), 1),
        (((0, 0.1), (1, 0.9), (8.9, 0.9)), 7),
        (((0, 0.1), (1, 0.9), (3600.9, 0.9)), 3599),
        (((0, 0.1), (1, 0.9), (9000, 0.9)), LONGEST_S),
        (((0, 0.1), (1, 0.9), (5, 0.2)), MOVING),
        (((0, 0.1), (1, 0.9), (5, 0.2), (6, 0.9), (8, 0.9)), 2),
        (((0, np.nan),), UNKNOWN),
        (((0, 0.1), (1, np.nan)), UNKNOWN),
    ],
)
def test_states(pictures, state):
    assert told(*pictures) == state


def test_a_track_that_is_gone_is_forgotten():
    memory = Resting()
    memory.see(tracks(1, T0, stationary=0.0))
    memory.see(tracks(0, T0 + S))
    memory.see(again := tracks(1, T0 + 2 * S, stationary=1.0))
    assert memory.column(again) == [NEVER_MOVED]


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=30))
def test_a_known_state_is_never_the_unknown_one(story):
    state = told(*enumerate(story))
    assert 0 <= state <= UNKNOWN
    assert (state == UNKNOWN) == np.isnan(story[-1])
