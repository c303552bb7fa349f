"""Five a second, ever longer waits, and what is due next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.publication.cavc.agenda import Agenda
from controller.publication.cavc.pace import WAITS_S, BackOff, Pace


@given(st.lists(st.floats(0, 2), max_size=60))
def test_no_second_has_more_than_five_requests(gaps):
    pace, now, sent = Pace(), 0.0, []
    for gap in gaps:
        now += gap
        sent.append(now + pace.reserve(now))
    assert sent == sorted(sent)
    assert all(sent[i + 5] - sent[i] > 0.999999 for i in range(len(sent) - 5))


def test_a_request_that_comes_alone_need_not_wait():
    pace = Pace()
    assert [pace.reserve(0.0) for _ in range(6)] == [0, 0, 0, 0, 0, 1.0]
    assert pace.reserve(10.0) == 0


@given(chance=st.floats(0, 1), count=st.integers(1, 40))
def test_waits_double_up_to_a_minute(chance, count):
    back_off = BackOff()
    waits = [back_off.failed(chance) for _ in range(count)]
    for number, wait in enumerate(waits):
        full = min(0.5 * 2**number, WAITS_S[1])
        assert full / 2 <= wait <= full
    back_off.succeeded()
    assert back_off.failed(1.0) == 0.5


def test_what_the_server_asks_for_counts_up_to_a_minute():
    assert BackOff().failed(1.0, 7.0) == 7.0
    assert BackOff().failed(1.0, 1e9) == WAITS_S[1]


def test_the_first_due_comes_first_and_time_makes_due_again():
    agenda = Agenda({"alive": 1.0, "targets": 0.5})
    assert agenda.due(100.0, {}) == "alive"
    agenda.taken("alive", 100.0)
    assert agenda.due(100.0, {}) == "targets"
    agenda.taken("targets", 100.0)
    assert agenda.due(100.4, {}) is None
    assert agenda.next_at() == 100.5
    assert agenda.due(100.5, {}) == "targets"


def test_a_document_that_is_always_due_leaves_time_for_the_others():
    agenda, now, sent = Agenda({"alive": 1.0, "targets": 1.0}), 0.0, []
    for _ in range(10):
        sent.append(agenda.due(now, {}))
        now += 3.0
        agenda.taken(sent[-1], now)
    assert sent == ["alive", "targets"] * 5


def test_a_late_document_keeps_its_beat_and_never_catches_up_in_a_burst():
    agenda = Agenda({"alive": 1.0})
    agenda.taken("alive", 10.0)
    agenda.taken("alive", 11.3)
    assert agenda.next_at() == 12.0
    agenda.taken("alive", 99.0)
    assert agenda.next_at() == 100.0


def test_a_change_is_due_at_once_and_a_refused_one_only_when_it_says_something_else():
    agenda = Agenda({"sensorInfo": 3600.0})
    agenda.taken("sensorInfo", 0.0, "well")
    assert agenda.due(5.0, {"sensorInfo": "well"}) is None
    assert agenda.due(5.0, {"sensorInfo": "reduced"}) == "sensorInfo"
    agenda.refused("sensorInfo", 5.0, "reduced")
    assert agenda.due(6.0, {"sensorInfo": "reduced"}) is None
    assert agenda.due(6.0, {"sensorInfo": "well"}) == "sensorInfo"
    assert agenda.due(606.0, {"sensorInfo": "reduced"}) == "sensorInfo"
