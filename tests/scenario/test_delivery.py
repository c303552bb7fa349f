"""A few of the random schedules of `tests/bench/bench_delivery.py`: each fault, and a pole that forgets to repeat."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from tests.bench.bench_delivery import AT_ONCE, FAULTS, Outcome, Schedule, drawn, possible
from tests.real_broker import BINARY


def first_with(fault, *, anew):
    """The smallest seed whose schedule begins with this fault, and has one more at most."""
    return next(
        seed
        for seed in range(100_000)
        for faults, ending in [drawn(seed)]
        if len(faults) <= 2 and faults[0] == fault and ending == anew
    )


@pytest.fixture(scope="module")
def outcomes():
    """By fault; in every other one the pole is started anew in the end. A few at once: they mostly wait."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def outcome(seed):
        async with turn:
            with tempfile.TemporaryDirectory() as folder:
                return await Schedule(seed, Path(folder)).run()

    async def all_of_them():
        seeds = {fault: first_with(fault, anew=n % 2 == 1) for n, fault in enumerate(possible())}
        return dict(zip(seeds, await asyncio.gather(*map(outcome, seeds.values())), strict=True))

    return asyncio.run(all_of_them())


@pytest.mark.real_broker
@pytest.mark.skipif(BINARY is None, reason="needs mosquitto")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_event_that_was_kept_is_missing_at_the_consumer(fault, outcomes):
    if fault not in possible():
        pytest.skip(f"{fault}: takes root, to mount a small disk")
    one = outcomes[fault]
    assert fault in one.faults
    assert one.kept
    assert one.answered
    assert len(one.got) >= len(one.kept) - len(one.given_up)
    assert one.bad == {}


@pytest.mark.real_broker
@pytest.mark.skipif(BINARY is None, reason="needs mosquitto")
async def test_a_pole_that_does_not_repeat_what_a_broker_may_have_forgotten_is_found_out(tmp_path):
    """What was acknowledged and not saved; nobody starts this pole anew."""
    one = Schedule(1, tmp_path, forgetful=True, patience_s=4.0)
    one.faults, one.anew = ["stall consumer", "kill broker"], False
    assert (await one.run()).forgotten


def test_what_is_missing_is_told_apart():
    kept = ["lost", "forgotten", "dropped", "cut", "never", "b", "a"]
    answered = {"forgotten", "cut", "a", "b"}
    dropped = {"dropped": "spare", "cut": "live", "never": "live"}
    got = [("t", "a", "a"), ("t", "b", "b"), ("t", "a", "a"), ("u", "other", "other"), ("u", "a", "x")]
    one = Outcome([], False, kept, answered, dropped, got)
    assert one.given_up == {"dropped", "cut"}
    assert one.bad == {
        "lost": ["lost", "never"],
        "forgotten": ["forgotten"],
        "live": ["never"],
        "wrong": [("u", "a", "x")],
        "disordered": ["b"],
    }
