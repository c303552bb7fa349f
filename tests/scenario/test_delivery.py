"""A few of the random schedules of `tests/bench/bench_delivery.py`, one that begins with each fault."""

from __future__ import annotations

import random

import pytest

from tests.bench.bench_delivery import BINARY, FAULTS, Schedule

pytestmark = [pytest.mark.real_broker, pytest.mark.skipif(BINARY is None, reason="needs mosquitto")]


def first_with(fault):
    """The smallest seed whose schedule has just this fault and one more at most."""
    for seed in range(10_000):
        drawn = random.Random(seed)
        faults = [drawn.choice(FAULTS) for _ in range(drawn.randint(1, 4))]
        if len(faults) <= 2 and faults[0] == fault:
            return seed
    raise AssertionError(fault)


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_event_that_was_kept_is_missing_at_the_consumer(fault, tmp_path):
    faults, said, arrived, missing, wrong = await Schedule(first_with(fault), tmp_path).run()
    assert fault in faults
    assert said > 0
    assert arrived >= said
    assert (missing, wrong) == (set(), [])
