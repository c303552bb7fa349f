"""Which way the pole uses: configured, commanded, reported."""

from __future__ import annotations

import pytest

from controller.config import Uplink
from controller.uplink_mode import CALM_S, FLOOR_B_PER_S, LEAST_B_PER_S, UplinkMode, reported_bps
from modules.comms import CommsReading


@pytest.mark.parametrize(
    ("mode", "bytes_per_s", "reported", "decided"),
    [
        ("auto", 0, 0, 0),
        ("auto", 1200, 0, 1200),
        ("auto", 0, 9600, 960),
        ("auto", 1200, 9600, 960),
        ("auto", 500, 128_000, 500),
        ("auto", 0, 20_000_000, 0),
        ("auto", 1_000_000, 0, 0),
        ("auto", 0, 1, FLOOR_B_PER_S),
        ("narrow", 0.001, 0, FLOOR_B_PER_S),
        ("full", 1200, 9600, 0),
        ("narrow", 0, 0, LEAST_B_PER_S),
        ("narrow", 0, 128_000, 12_800),
        ("narrow", 1_000_000, 0, 1_000_000),
    ],
)
def test_the_least_that_is_known_counts(mode, bytes_per_s, reported, decided):
    assert UplinkMode.of(Uplink(mode=mode, bytes_per_s=bytes_per_s)).decide(reported, 0.0) == decided


def test_narrow_at_once_and_wide_when_it_has_been_calm():
    mode = UplinkMode.of(Uplink())
    wide = 20_000_000
    assert [mode.decide(*one) for one in ((wide, 0.0), (9600, 1.0), (wide, 2.0), (0, 1.0 + CALM_S - 0.1))] == [
        0,
        960,
        960,
        960,
    ]
    assert mode.decide(wide, 1.0 + CALM_S) == 0


def test_a_command_counts_at_once():
    mode = UplinkMode.of(Uplink())
    mode.mode, mode.bytes_per_s = "narrow", 600.0
    assert mode.decide(0, 0.0) == 600
    mode.mode = "full"
    assert mode.decide(9600, 0.1) == 0


def test_the_best_way_out_that_is_up_is_what_is_reported():
    up, down = CommsReading(0, True, 9600, None, "LEO"), CommsReading(0, False, 10**7, None, "5G")
    assert reported_bps([None, up, down, CommsReading(0, True, 64_000, None, "LTE")]) == 64_000
    assert reported_bps([down]) == 0
