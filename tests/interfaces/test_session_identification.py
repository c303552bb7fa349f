"""From HELLO to a data sheet in hand: what is fetched, what is believed, what is refused, how often."""

from __future__ import annotations

import pytest

from interfaces.events import Identified, TimeSample
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import WALL_NS, Exchange, active, big_sheet, good_hello, types

T = MessageType


def test_plug_to_active():
    pole = Exchange(sheet=big_sheet())
    pole.run_until(State.ACTIVE, 0.0)
    assert pole.states == [State.PRESENT, State.IDENTIFYING, State.ACTIVE]
    assert pole.of(Identified)[0].sheet_bytes == pole.sheet_bytes
    first = [type(event) for event in pole.events]
    assert first.index(TimeSample) < first.index(Identified), "the first detection must be mappable"


def test_two_kilobytes_reach_active_within_250_ms_at_115200_baud():
    free = [0.0, 0.0]

    def paced(frame, _rng):
        start = max(free[frame.src == 1], pole.now)
        free[frame.src == 1] = end = start + (len(frame.payload) + 16 + 4 + 2 + 2 + 3) * 10 / 115_200
        return (end - pole.now,)

    pole = Exchange(sheet=big_sheet(2048), wire=paced)
    assert len(pole.sheet_bytes) == 2048
    assert pole.run_until(State.ACTIVE, 1.0) <= 0.25


def test_cached_sheet_is_not_read_again():
    first = active()
    second = Exchange(cache=first.cache)
    second.run_until(State.ACTIVE, 0.0)
    assert T.GET_SHEET not in types(second.sent["controller"])


def test_wrong_bytes_in_the_cache_are_not_believed():
    pole = Exchange()
    pole.cache[pole.module.hello.sheet_hash] = b"not the sheet"
    pole.run_until(State.ACTIVE, 0.0)
    assert T.GET_SHEET in types(pole.sent["controller"])


def test_rejected_module_gets_the_same_answer_not_more_often_than_it_may_ask():
    pole = Exchange(decide=False)
    pole.run(0.0)
    pole.controller.reject(pb.WRONG_CLASS, "the slot takes a camera", 5, now=0.0)
    assert pole.controller.state is State.REJECTED
    hello = encode(Message(T.HELLO, pole.module.hello, 0, 1, 0, 1000))
    pole.controller.take_frames()
    for i in range(49):
        pole.controller.receive(hello, i * 0.1, WALL_NS)
        assert pole.controller.take_frames() == []
    pole.controller.receive(hello, 5.1, WALL_NS)
    assert T.ASSIGN in types(pole.controller.take_frames())


def test_rejected_module_waits_and_asks_again():
    pole = Exchange(decide=False)
    pole.run(0.0)
    pole.controller.reject(pb.BUDGET, "too much", 3, now=0.0)
    pole.run(2.9)
    assert pole.controller.state is State.REJECTED
    pole.run(1.0)
    assert len(pole.of(Identified)) == 2


def test_flood_of_hellos_gets_few_answers():
    session = ControllerSession(session_id=1)
    sent = 0
    for i in range(2000):
        hello = good_hello(boot_id=i, sheet_hash=b"h" * 8, sheet_size=100)
        session.receive(encode(Message(T.HELLO, hello, seq=i)), i / 1000, WALL_NS)
        sent += len(session.take_frames())
    assert 1 <= sent <= 30


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"uid": b"short"}, "uid"),
        ({"sheet_size": 0}, "sheet_size"),
        ({"sheet_size": 4097}, "sheet_size"),
        ({"sheet_hash": b""}, "sheet_hash"),
        ({"vendor": "v" * 65}, "vendor"),
        ({"level": 4}, "level"),
        ({"spec_min": 0x200, "spec_max": 0x100}, "spec_min"),
        ({"spec_min": 0x200, "spec_max": 0x2FF}, "PMI 2.x"),
    ],
)
def test_bad_hello_is_rejected_with_what_is_wrong(change, word):
    session = ControllerSession(session_id=1)
    hello = good_hello(**{"sheet_hash": b"h" * 8, "sheet_size": 100, **change})
    session.receive(encode(Message(T.HELLO, hello)), 0.0, WALL_NS)
    assert session.state is State.REJECTED
    assert word in session.reason
    assert types(session.take_frames()) == [T.REJECT]


@pytest.mark.parametrize(
    "chunk",
    [
        pb.SheetChunk(offset=0, total=9999, data=b"x" * 100),
        pb.SheetChunk(offset=50, total=100, data=b"x" * 50),
        pb.SheetChunk(offset=0, total=100, data=b"x" * 101),
        pb.SheetChunk(offset=0, total=100, data=b""),
    ],
)
def test_a_lying_chunk_is_reported_and_the_module_given_up(chunk):
    session = ControllerSession(session_id=1)
    session.receive(encode(Message(T.HELLO, good_hello(sheet_hash=b"h" * 8, sheet_size=100))), 0.0, WALL_NS)
    session.take_frames()
    events = session.receive(encode(Message(T.SHEET_CHUNK, chunk, 2, 1, session.session_id, 1)), 0.0, WALL_NS)
    assert [event.clause for event in events] == ["PMI §3"]
    assert session.take_frames() == []
    for i in range(1, 6):
        session.tick(0.1 * i + 0.001, WALL_NS)
    assert session.state is State.LOST


def test_sheet_with_another_hash_is_rejected():
    session = ControllerSession(session_id=1)
    session.receive(encode(Message(T.HELLO, good_hello(sheet_hash=b"h" * 8, sheet_size=10))), 0.0, WALL_NS)
    chunk = pb.SheetChunk(offset=0, total=10, data=bytes(10))
    session.receive(encode(Message(T.SHEET_CHUNK, chunk, 2, 1, session.session_id, 1)), 0.0, WALL_NS)
    assert session.state is State.REJECTED
    assert "sheet_hash" in session.reason
