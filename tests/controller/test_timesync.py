"""Clock maps against a simulated module clock."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.timesync import ClockMap

UTC_US = 1_764_000_000_000_000


class Clock:
    """A module clock with an offset and a drift."""

    def __init__(self, boot_us=5_000_000, drift_ppm=0.0):
        self.boot_us = boot_us
        self.rate = 1 - drift_ppm * 1e-6

    def at(self, utc_us):
        return round(self.boot_us + (utc_us - UTC_US) * self.rate)


def synchronise(clocks, clock, seconds, jitter_us, rng, errors=None):
    for second in range(seconds):
        t0 = UTC_US + second * 1_000_000
        there, back = (300 + rng.random() * jitter_us for _ in range(2))
        clocks.add(t0, clock.at(t0 + there), clock.at(t0 + there + 100), round(t0 + there + 100 + back))
        if errors is not None and second > 10:
            for part in range(0, 1_000_000, 100_000):
                truth = t0 + part
                errors.append(clocks.to_utc_ns(clock.at(truth)) / 1000 - truth)


@settings(max_examples=25, deadline=None)
@given(st.floats(-50, 50), st.integers(0, 2**20), st.integers(0, 2**45))
def test_noisy_wire_gives_ten_milliseconds_p95(drift_ppm, seed, boot_us):
    clocks, errors = ClockMap(), []
    synchronise(clocks, Clock(boot_us, drift_ppm), 60, 20_000, random.Random(seed), errors)
    assert np.percentile(np.abs(errors), 95) <= 10_000
    assert clocks.steps == 0


@settings(max_examples=25, deadline=None)
@given(st.floats(-50, 50), st.integers(0, 2**20))
def test_clean_wire_gives_two_milliseconds(drift_ppm, seed):
    clocks, errors = ClockMap(), []
    synchronise(clocks, Clock(drift_ppm=drift_ppm), 60, 500, random.Random(seed), errors)
    assert np.max(np.abs(errors)) <= 2_000
    assert clocks.error_s <= 0.002


def test_asymmetry_is_bounded_by_half_the_round_trip():
    clocks, clock = ClockMap(), Clock()
    for second in range(20):
        t0 = UTC_US + second * 1_000_000
        clocks.add(t0, clock.at(t0 + 200), clock.at(t0 + 200), t0 + 200 + 8000)
    error_us = clocks.to_utc_ns(clock.at(UTC_US + 10_000_000)) / 1000 - UTC_US - 10_000_000
    assert abs(error_us) <= 4100
    assert 0.001 <= clocks.error_s <= 0.005


def test_drift_is_found():
    clocks = ClockMap()
    synchronise(clocks, Clock(drift_ppm=40), 60, 200, random.Random(1))
    assert clocks.drift_ppm == pytest.approx(40, abs=8)


def test_before_the_first_sample_the_arrival_serves():
    clocks = ClockMap(declared_latency_s=0.05)
    assert clocks.to_utc_ns(1_000_000, arrived_at_ns=2_000_000_000) == 1_950_000_000
    assert clocks.to_utc_ns(1_100_000, arrived_at_ns=2_130_000_000) == 2_050_000_000, "a late arrival is not believed"
    assert not clocks.synchronised
    assert clocks.error_s >= 0.05


def test_without_anything_to_go_by_it_says_so():
    with pytest.raises(ValueError, match="no time sample"):
        ClockMap().to_utc_ns(5)


@pytest.mark.parametrize("step_us", [-3_000_000, 120_000, 60_000_000])
def test_a_step_is_reported_and_followed(step_us):
    clocks, clock, rng = ClockMap(), Clock(), random.Random(2)
    synchronise(clocks, clock, 20, 500, rng)
    clock.boot_us += step_us
    found = []
    for second in range(20, 30):
        t0 = UTC_US + second * 1_000_000
        found.append(clocks.add(t0, clock.at(t0 + 300), clock.at(t0 + 300), t0 + 600))
    steps = [step for step in found if step]
    assert len(steps) == 1
    assert steps[0].offset_s == pytest.approx(-step_us / 1e6, abs=0.005)
    assert clocks.to_utc_ns(clock.at(UTC_US + 29_000_000)) / 1000 == pytest.approx(UTC_US + 29_000_000, abs=2000)


def test_one_wild_sample_is_no_step():
    clocks, clock = ClockMap(), Clock()
    synchronise(clocks, clock, 20, 500, random.Random(2))
    before = clocks.offset_s
    t0 = UTC_US + 20_000_000
    assert clocks.add(t0, clock.at(t0) + 900_000, clock.at(t0) + 900_000, t0 + 600) is None
    assert clocks.offset_s == before


@pytest.mark.parametrize("sample", [(100, 0, 0, 50), (0, 50, 10, 100), (0, 0, 500, 100)])
def test_impossible_samples_are_dropped(sample):
    clocks = ClockMap()
    assert clocks.add(*sample) is None
    assert not clocks.synchronised


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.floats(-50, 50))
def test_mapped_time_never_jumps_back_by_more_than_its_doubt(seed, drift_ppm):
    clocks, clock, rng = ClockMap(), Clock(drift_ppm=drift_ppm), random.Random(seed)
    highest = 0
    for second in range(40):
        synchronise_one(clocks, clock, second, rng)
        for part in range(0, 1_000_000, 50_000):
            mapped = clocks.to_utc_ns(clock.at(UTC_US + second * 1_000_000 + part))
            assert mapped >= highest - clocks.error_s * 1e9 - 1000
            highest = max(highest, mapped)


def synchronise_one(clocks, clock, second, rng):
    t0 = UTC_US + second * 1_000_000
    there, back = (300 + rng.random() * 20_000 for _ in range(2))
    clocks.add(t0, clock.at(t0 + there), clock.at(t0 + there), round(t0 + there + back))


@given(st.lists(st.tuples(*[st.integers(0, 2**62)] * 4), max_size=20), st.integers(0, 2**64 - 1))
def test_no_sample_raises(samples, t_us):
    clocks = ClockMap()
    for sample in samples:
        clocks.add(*sample)
    assert isinstance(clocks.to_utc_ns(t_us, 0), int)
