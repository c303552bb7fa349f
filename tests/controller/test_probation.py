"""Verdicts on a swapped module, and the record of the swap."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.probation import Probation, Requirement, SwapRecord

NEED = Requirement(duration_s=5.0, rate_hz=10.0, max_latency_s=0.2, max_clock_error_s=0.01)


def probation(need=NEED, *, count=50, latency_s=0.08, clock_error_s=0.001, near=1, compared=1):
    scorer = Probation(need, 0.0)
    for _ in range(count):
        scorer.add_data(latency_s, clock_error_s, near=near, compared=compared)
    return scorer


def test_a_good_module_passes():
    scorer = probation()
    assert not scorer.due(4.9)
    assert scorer.due(5.0)
    verdict = scorer.verdict(5.0)
    assert verdict.passed
    assert (verdict.rate_hz, verdict.latency_s, verdict.agreement) == (10.0, 0.08, 1.0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"count": 30}, "6.0 of 10 Hz"),
        ({"count": 0}, "0.0 of 10 Hz"),
        ({"latency_s": 0.3}, "300 ms"),
        ({"clock_error_s": 0.05}, "clock error 50 ms"),
        ({"near": 0}, "mounting"),
    ],
)
def test_each_shortcoming_is_named(changes, word):
    verdict = probation(**changes).verdict(5.0)
    assert not verdict.passed
    assert word in "; ".join(verdict.reasons)


def test_gaps_and_self_test_count():
    scorer = probation()
    scorer.add_gaps(5)
    assert "missing" in scorer.verdict(5.0).reasons[0]
    scorer = probation(replace(NEED, self_test=True))
    assert "self-test" in scorer.verdict(5.0).reasons[0]
    scorer.set_self_test(passed=True)
    assert scorer.verdict(5.0).passed
    scorer.set_self_test(passed=False)
    assert "failed" in scorer.verdict(5.0).reasons[0]


def test_a_module_that_stands_wrong_fails_with_the_words_of_the_monitor():
    scorer = probation()
    scorer.set_standing(1.1, "turned by +1.5° counter-clockwise")
    verdict = scorer.verdict(5.0)
    assert (verdict.passed, verdict.reasons) == (False, ("turned by +1.5° counter-clockwise",))
    scorer.set_standing(0.1, "")
    verdict = scorer.verdict(5.0)
    assert (verdict.passed, verdict.beside_m) == (True, 0.1)


def test_an_empty_road_is_no_reason_to_refuse():
    verdict = probation(near=0, compared=0).verdict(5.0)
    assert verdict.agreement is None
    assert verdict.passed


def test_swap_record_is_sealed_over_canonical_json():
    record = SwapRecord(
        slot="north",
        uid="00",
        previous_uid="01",
        device_id=1,
        firmware="1.0",
        spec=256,
        suite_digest="",
        rate_hz=10.0,
        latency_s=float("inf"),
        reliability=10,
        position_bias_m=None,
        module_verdict=True,
        controller_verdict=True,
        reasons=(),
        decided_at_ns=5,
    ).sealed()
    assert record.intact
    assert len(record.digest) == 64
    assert json.loads(record.to_json())["latency_s"] is None
    assert not replace(record, controller_verdict=False).intact
