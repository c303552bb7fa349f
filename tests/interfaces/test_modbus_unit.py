"""Both sides of Modbus in virtual time: a module behind its image, a controller's unit and session, no wire."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.datasheet import to_bytes
from interfaces.events import Identified
from interfaces.message import Message, encode
from interfaces.modbus_image import SILENT, ModbusImage
from interfaces.modbus_query import Do
from interfaces.modbus_unit import ModbusUnit
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import PLAN, WALL_NS, good_hello, good_sheet

T = MessageType


class Pair:
    """A module behind its image and a controller's unit and session, joined query by query."""

    def __init__(self, sheet=None, hurt=lambda _query, data: data, without_file=False):
        self.image = ModbusImage(5)
        self.module = ModuleSession(good_hello(), to_bytes(sheet or good_sheet()), rng=random.Random(1))
        self.unit = ModbusUnit(5)
        self.session = ControllerSession(session_id=9, address=5)
        self.now, self.events, self.queries = 0.0, [], []
        self.hurt, self.without_file = hurt, without_file

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += 0.003
            self._module()
            query = self.unit.next_query(self.now)
            if query is not None:
                self.queries.append(query)
                data, refused = self._perform(query)
                self.unit.answered(query, self.hurt(query, data), self.now, refused=refused)
            self._controller()

    def _module(self):
        t_us = round(self.now * 1e6)
        self.module.tick(self.now, t_us)
        for frame in self.image.take_frames():
            self.module.receive(frame, self.now, t_us)
        for frame in self.module.take_frames():
            self.image.send(frame, self.now)

    def _perform(self, query):
        if query.do is Do.READ:
            found = self.image.read(query.address, query.count, self.now)
            return (None, True) if isinstance(found, int) else (found, False)
        if query.do is Do.WRITE:
            code = self.image.write(query.address, query.data)
            return (None, code != SILENT) if code else (b"", False)
        if query.do is Do.NAME:
            return b"".join(self.image.identification[one] + b"\0" for one in range(3)), False
        if self.without_file:
            return None, True
        found = self.image.sheet(query.address, query.count)
        if found is None:
            self._module()
            found = self.image.sheet(query.address, query.count)
        return found, False

    def _controller(self):
        wall = WALL_NS + round(self.now * 1e9)
        for frame in self.unit.take_frames():
            self.events += self.session.receive(frame, self.now, wall)
        self.events += self.session.tick(self.now, wall)
        if any(isinstance(one, Identified) for one in self.events) and self.session.state is State.IDENTIFYING:
            self.events = [one for one in self.events if not isinstance(one, Identified)]
            self.session.activate([PLAN], probation=False, now=self.now)
        for frame in self.session.take_frames():
            self.unit.send(frame)


@pytest.mark.parametrize("without_file", [False, True])
def test_a_module_behind_registers_reaches_active(without_file):
    pair = Pair(without_file=without_file)
    pair.run(1.0)
    assert pair.session.state is State.ACTIVE
    assert pair.module.state is ModuleState.RUNNING
    assert pair.session.session_id == pair.module.session_id
    pair.run(5.0)
    assert pair.session.state in {State.ACTIVE, State.DEGRADED}, "alive by its status, without data"


def sent_and_heard(pair, counts):
    heard, sent = [], []
    for seq, count in enumerate(counts, 1):
        records = random.Random(seq).randbytes(24 * count)
        body = pb.DetectionFrame(
            t_us=round(pair.now * 1e6), seq=seq, rec_fmt=2, rec_size=24, total=count, records=records
        )
        pair.module.send_data(T.DETECTIONS, body, pair.now)
        sent.append((seq, records))
        pair.run(0.1)
    heard = [one.body for one in pair.events if getattr(one, "type", None) is T.DETECTIONS]
    return sent, [(one.seq, one.records) for one in heard], heard


def test_detections_arrive_whole_page_by_page():
    pair = Pair()
    pair.run(1.0)
    sent, heard, bodies = sent_and_heard(pair, [0, 3, 10, 11, 32, 1, 25, 10, 20, 5])
    assert heard == [one for one in sent if one in heard]
    assert len(heard) >= len(sent) - 1
    assert {len(records) // 24 for _, records in heard} >= {0, 3, 11, 32}
    assert all(body.t_us % 1_000_000_000 < 3_000_000 for body in bodies)
    assert not pair.session.counters["plan_violation"]


def test_a_frame_that_changes_between_two_pages_is_never_believed():
    pair = Pair()
    pair.run(1.0)
    records = [bytes([mark]) * (24 * 25) for mark in range(1, 60)]
    seq = 0

    def hurt(query, data):
        nonlocal seq
        if query.what == "detections 1" and seq % 3 == 0:
            put(seq + 1)
        return data

    def put(number):
        nonlocal seq
        seq = number
        body = pb.DetectionFrame(seq=seq, t_us=seq, rec_fmt=2, rec_size=24, total=25, records=records[seq])
        pair.image.send(encode(Message(T.DETECTIONS, body)), pair.now)

    pair.hurt = hurt
    for number in range(1, 40, 2):
        put(number)
        pair.run(0.1)
    heard = [one.body.records for one in pair.events if getattr(one, "type", None) is T.DETECTIONS]
    assert len(heard) > 5
    assert all(len(set(one)) == 1 for one in heard), "a torn frame would hold two marks"


def test_time_through_registers_is_good_to_milliseconds():
    pair = Pair()
    pair.run(3.0)
    samples = [one for one in pair.events if type(one).__name__ == "TimeSample"]
    assert len(samples) >= 3
    for one in samples:
        offset_us = ((one.t1_us - one.t0_us) + (one.t2_us - one.t3_us)) / 2
        assert abs(offset_us + WALL_NS / 1e3) < 10_000


def test_a_reboot_is_a_new_hello():
    pair = Pair()
    pair.run(1.0)
    first = pair.session.session_id
    pair.module = ModuleSession(good_hello(boot_id=99), to_bytes(good_sheet()), rng=random.Random(2))
    pair.run(2.5)
    assert pair.session.hello.boot_id == 99
    assert pair.session.session_id != first
    assert pair.session.state in {State.ACTIVE, State.DEGRADED}


def test_goodbye_and_rejection_pass_the_mailboxes():
    pair = Pair()
    pair.run(1.0)
    pair.module.goodbye(pb.REMOVAL)
    pair.run(1.5)
    assert pair.session.state is State.GONE
    pair = Pair(hurt=lambda _query, data: data)
    pair.session.activate = lambda *_args, **_named: []
    pair.run(0.2)
    pair.session.reject(pb.WRONG_CLASS, "not here", 30, now=pair.now)
    pair._controller()
    pair.run(0.3)
    assert pair.module.state is ModuleState.REJECTED


def test_a_letter_that_was_taken_is_acknowledged_and_not_said_again():
    pair = Pair()
    pair.run(1.0)
    heard = []
    receive = pair.module.receive
    pair.module.receive = lambda *arguments: heard.extend(told := receive(*arguments)) or told
    pair.session.identify(5, now=pair.now)
    pair._controller()
    assert pair.session.awaits_ack
    pair.run(0.5)
    assert not pair.session.awaits_ack
    assert pair.session.counters["unacknowledged"] == 0
    assert [one.seconds for one in heard if type(one).__name__ == "IdentifyAsked"] == [5]


@pytest.mark.parametrize(
    ("at", "data", "words"),
    [
        (0, b"ABCD", "no PMI1 chain"),
        (4, b"\xff\xff", "has no block: identity, status, addressing"),
        (6, b"\xff\xff", "does not end"),
        (6, b"\0\0", "does not end"),
        (6, b"\x0f\xa0", "ends without 0xFFFF"),
    ],
)
def test_a_strange_image_is_named_and_left(at, data, words):
    pair = Pair()
    pair.image._image[at : at + len(data)] = data
    pair.run(2.0)
    assert words in pair.unit.gone


def test_a_device_identification_that_differs_is_named():
    pair = Pair(hurt=lambda query, data: b"Other\0X\0\0" if query.do is Do.NAME else data)
    pair.run(1.0)
    assert "its device identification says 'Other X', its identity Example R1" in pair.unit.gone


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_answer_of_a_unit_raises(rng):
    unit = ModbusUnit(5)
    now = 0.0
    for _ in range(120):
        now += rng.choice([0.001, 0.02, 0.3])
        query = unit.next_query(now)
        if query is None:
            if unit.gone:
                unit = ModbusUnit(5)
            continue
        truth = ModbusImage(5)
        if query.do is Do.READ and rng.random() < 0.8:
            data = truth.read(query.address, query.count, now)
            data = rng.randbytes(query.count * 2) if isinstance(data, int) or rng.random() < 0.3 else data
        else:
            data = rng.choice([None, b"", rng.randbytes(rng.randrange(250))])
        unit.answered(query, data, now, refused=data is None and rng.random() < 0.5)
        if rng.random() < 0.2:
            unit.send(encode(Message(T.ASSIGN, pb.Assign(uid=b"u" * 16, address=rng.randrange(2, 200), session=4))))
            unit.send(encode(Message(T.ACTIVATE, pb.Activate(plans=[PLAN]))))
            unit.send(encode(Message(T.TIME_REQUEST, pb.TimeRequest(token=1, controller_tx_us=5))))
            unit.send(encode(Message(T.PING, pb.Ping(token=2))))
        unit.take_frames()


def test_a_silent_unit_backs_off_and_is_given_up():
    pair = Pair()
    pair.run(1.0)
    asked = len(pair.queries)
    silent_since, pair._perform = pair.now, lambda _query: (None, False)
    pair.run(3.0)
    assert "no answer" in pair.unit.gone
    assert len(pair.queries) - asked <= 12
    assert pair.now - silent_since >= 0.5
