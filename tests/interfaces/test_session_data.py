"""What a serving module sends: data, heartbeats and time reach the owner; the rest is dropped and counted."""

from __future__ import annotations

import pytest

from interfaces.events import DataMessage, Fault, HeartbeatSeen
from interfaces.frame import Frame
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from tests.exchange import active, frame_of, say, types

T = MessageType


def test_time_requests_come_in_a_burst_then_every_second():
    pole = active()
    burst = types(pole.sent["controller"]).count(T.TIME_REQUEST)
    assert burst >= 4
    pole.run(10.0)
    assert types(pole.sent["controller"]).count(T.TIME_REQUEST) - burst == pytest.approx(10, abs=1)


def test_data_and_heartbeats_reach_the_owner():
    pole = active()
    pole.run(5.0)
    assert len(pole.of(DataMessage)) == pytest.approx(60, abs=2)
    assert len(pole.of(HeartbeatSeen)) >= 5
    assert not pole.of(Fault)
    assert pole.controller.counters["gaps"] == 0


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (pb.DetectionFrame(channel=3, rec_fmt=2), "not granted"),
        (pb.DetectionFrame(rec_fmt=3), "record format"),
        (pb.DetectionFrame(rec_fmt=2, rec_size=0, records=b"x"), "rec_size"),
        (pb.DetectionFrame(rec_fmt=2, rec_size=24, records=bytes(25)), "rec_size"),
        (pb.DetectionFrame(rec_fmt=2, rec_size=24, records=bytes(24 * 33), total=33), "33 objects"),
        (pb.DetectionFrame(rec_fmt=2, rec_size=24, records=bytes(48), total=1), "total"),
    ],
)
def test_data_outside_the_plan_are_dropped_and_counted(body, word):
    pole = active()
    before = len(pole.of(DataMessage))
    say(pole, T.DETECTIONS, body)
    assert word in pole.of(Fault)[-1].text
    assert pole.controller.counters["plan_violation"] == 1
    assert len(pole.of(DataMessage)) == before


def test_data_faster_than_the_plan_are_dropped():
    pole = active()
    before = len(pole.of(DataMessage))
    for _ in range(200):
        say(pole, T.DETECTIONS, frame_of())
    assert len(pole.of(DataMessage)) - before <= 10
    assert pole.controller.counters["plan_violation"] >= 190


def test_gaps_and_old_frames_are_counted():
    pole = active()
    last = pole.controller._last_seq
    say(pole, T.DETECTIONS, frame_of(), seq=last + 4)
    assert pole.controller.counters["gaps"] == 3
    say(pole, T.DETECTIONS, frame_of(), seq=last + 2)
    assert pole.controller.counters["stale"] == 1


def test_numbers_that_start_again_are_followed_after_a_few_frames():
    pole = active()
    say(pole, T.HEARTBEAT, pb.Heartbeat(boot_id=7), seq=pole.controller._last_seq + 5000)
    before = len(pole.of(DataMessage))
    pole.run(2.0)
    assert len(pole.of(DataMessage)) - before >= 14
    assert pole.controller.counters["seq_restarts"] == 1


def test_frames_of_another_session_are_ignored():
    pole = active()
    events = len(pole.events)
    say(pole, T.GOODBYE, pb.Goodbye(), session=4711)
    assert len(pole.events) == events
    assert pole.controller.counters["wrong_session"] == 1


def test_unknown_types_get_unsupported_but_not_without_end():
    pole = active()
    for i in range(100):
        pole.throw("controller", Frame(0x3F, b"", 2, 1, pole.controller.session_id, 10_000 + i))
    answers = [f for f in pole.controller.take_frames() if f.type == T.UNSUPPORTED]
    assert 1 <= len(answers) <= 5
    assert pole.controller.counters["unknown_type"] == 100
