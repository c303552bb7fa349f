"""Who may serve a slot, with which plan, and why not."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controller.admission import Grant, decide
from controller.budget import Budget, fit, load
from controller.config import Slot
from interfaces import wire_cost
from interfaces.errors import AdmissionError
from interfaces.proto import pmi_pb2 as pb
from tests.exchange import good_hello, good_sheet


def slot(**changes):
    return Slot(**{"class": "radar", "level": "L2", **changes})


def refused(expected, *, slot_=None, hello=None, sheet=None, **known):
    with pytest.raises(AdmissionError) as caught:
        decide(slot_ or slot(), hello or good_hello(), sheet or good_sheet(), **known)
    assert caught.value.reason == expected
    return caught.value.text


def with_channel(**changes):
    sheet = good_sheet()
    for name, value in changes.items():
        setattr(sheet.channels[0], name, value)
    return sheet


def test_a_fitting_module_gets_its_plan():
    grant = decide(slot(), good_hello(), good_sheet())
    assert grant == Grant(
        (pb.Plan(channel=0, rate_mhz=10_000, max_objects=64, record_format=2, ordering=1),), probation=False
    )


def test_the_plan_follows_the_slot():
    assert decide(slot(min_rate_hz=15), good_hello(), good_sheet()).plans[0].rate_mhz == 15_000


@pytest.mark.parametrize(
    ("previous", "probation_s", "probation"),
    [(None, 5, False), (b"u" * 16, 5, False), (b"v" * 16, 5, True), (b"v" * 16, 0, False)],
)
def test_only_a_swap_means_probation(previous, probation_s, probation):
    grant = decide(slot(probation_s=probation_s), good_hello(), good_sheet(), previous_uid=previous)
    assert grant.probation is probation


def test_refusals_say_what_is_wrong():
    assert "takes a camera" in refused(pb.WRONG_CLASS, slot_=slot(**{"class": "camera"}))
    assert "radar" in refused(pb.WRONG_CLASS, slot_=slot(**{"class": "camera"}))
    assert "level L3" in refused(pb.LEVEL_TOO_LOW, slot_=slot(level="L3"))
    assert "PMI 2.x" in refused(pb.SPEC_VERSION, hello=good_hello(spec_min=0x200, spec_max=0x200))
    assert (b"u" * 16).hex() in refused(pb.DUPLICATE_UID, active_uids={b"u" * 16})
    assert "30 Hz" in refused(pb.PERFORMANCE_TOO_LOW, slot_=slot(min_rate_hz=30))
    assert "50 ms" in refused(pb.PERFORMANCE_TOO_LOW, slot_=slot(max_latency_ms=40))
    assert "disagree" in refused(pb.BAD_SHEET, sheet=good_sheet(level=1))
    assert "vendor" in refused(pb.BAD_SHEET, sheet=good_sheet(vendor=""))
    assert "channels" in refused(pb.BAD_SHEET, sheet=good_sheet(channels=[]))
    assert "latency_p95_us" in refused(pb.BAD_SHEET, sheet=with_channel(latency_p95_us=0))


def on_wire(cost, granted=(), waiting=0):
    return Budget(cost, granted, waiting)


def test_objects_are_cut_before_the_rate():
    sheet = with_channel(max_objects=200)
    plan = decide(slot(), good_hello(), sheet, budget=on_wire(wire_cost.serial(115_200))).plans[0]
    assert plan.rate_mhz == 10_000
    assert 20 <= plan.max_objects <= 27, "PMI 7 gives 26 objects at 10 Hz"


def test_the_rate_is_cut_when_objects_do_not_suffice():
    sheet = with_channel(max_objects=200)
    plan = decide(slot(), good_hello(), sheet, budget=on_wire(wire_cost.serial(9600))).plans[0]
    assert plan.max_objects == 4
    assert 1000 <= plan.rate_mhz < 10_000


def test_an_overbooking_plan_is_refused_with_the_sum():
    text = refused(pb.BUDGET, slot_=slot(min_rate_hz=20), budget=on_wire(wire_cost.serial(9600), (0.125, 0.25)))
    assert "60% of serial 9600 - 12% - 25% granted to others = 22.5%" in text
    assert "even the smallest plan needs" in text


def test_a_part_is_kept_for_those_who_come_later():
    assert on_wire(wire_cost.can(500_000), (0.2,), 1).allowed == pytest.approx(0.2)
    assert on_wire(wire_cost.can(500_000), (0.4, 0.4)).allowed == 0.0


COSTS = (
    wire_cost.serial(9600),
    wire_cost.serial(921_600),
    wire_cost.rs485(115_200),
    wire_cost.can(500_000),
    wire_cost.can(500_000, 2_000_000),
    wire_cost.modbus_rtu(115_200),
    wire_cost.modbus_tcp(),
    wire_cost.stream(),
)


@given(
    st.integers(1, 4),
    st.integers(1, 1000),
    st.integers(1, 100_000),
    st.sampled_from(COSTS),
    st.lists(st.floats(0, 0.15), max_size=3),
    st.integers(0, 5),
)
def test_what_is_granted_fits_the_wire(count, objects, rate_mhz, cost, granted, waiting):
    types = dict.fromkeys(range(count), 0x40)
    plans = [pb.Plan(channel=i, rate_mhz=rate_mhz, max_objects=objects, record_format=2) for i in range(count)]
    budget = on_wire(cost, tuple(granted), waiting)
    try:
        fitted = fit(plans, types, budget)
    except AdmissionError:
        assume(False)
    assert load(fitted, types, cost) <= budget.allowed * 1.001
    assert all(
        f.rate_mhz <= p.rate_mhz and 0 < f.max_objects <= p.max_objects for f, p in zip(fitted, plans, strict=True)
    )


# PMI 7: objects a second fit at the 60 % ceiling, 24-B records at 10 Hz and at 20 Hz
@pytest.mark.parametrize(
    ("cost", "at_10_hz", "at_20_hz"),
    [
        (wire_cost.serial(115_200), 26, 12),
        (wire_cost.serial(921_600), 227, 112),
        (wire_cost.can(500_000), 53, 25),
        (wire_cost.can(1_000_000), 107, 53),
        (wire_cost.can(500_000, 2_000_000), 345, 171),
        (wire_cost.can(1_000_000, 5_000_000), 815, 406),
        (wire_cost.modbus_rtu(115_200), 10, 0),
        (wire_cost.modbus_tcp(), 64, 30),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_the_budget_table_of_the_specification(cost, at_10_hz, at_20_hz):
    for rate_mhz, expected in ((10_000, at_10_hz), (20_000, at_20_hz)):
        fits = [
            n
            for n in range(1, 1200)
            if load([pb.Plan(rate_mhz=rate_mhz, max_objects=n, record_format=2)], {0: 0x40}, cost) <= 0.6
        ]
        assert max(fits, default=0) == pytest.approx(expected, rel=0.25, abs=8)
