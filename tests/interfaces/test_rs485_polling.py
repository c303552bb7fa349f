"""The master of an RS-485 line polls in turn: what it sends and takes, whom it gives up, what it waits for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.rs485_turn import Found, Gone, Heard, Wrong, wire_size
from interfaces.spec import RS485_ANSWER, RS485_LAG, MessageType
from tests.interfaces.rs485_line import BAUD, FRAMES, Line, data, hello, uid_of

T = MessageType


def test_frames_go_to_one_module_in_front_of_its_poll():
    line = Line([uid_of(1), uid_of(2 << 120)])
    line.run(1.0)
    mark = len(line.asked)
    for seq in range(3):
        line.master.send(2, Frame(T.ASSIGN, b"", 1, 255, 0, seq))
    line.run(0.1)
    sent = [(kind, dst) for _, kind, dst in line.asked[mark:] if dst == 2]
    assert sent[:4] == [(T.ASSIGN, 2)] * 3 + [(T.POLL, 2)], "a broadcast of the session reaches its module alone"
    for seq in range(30):
        line.master.send(3, Frame(T.PING, bytes(100), 1, 3, 0, seq))
    mark = len(line.asked)
    line.run(0.1)
    sent = [kind for _, kind, dst in line.asked[mark:] if dst == 3]
    assert sent.index(T.POLL) < 20, "the answer is not kept waiting by a long queue"


def test_what_a_module_queued_arrives_in_order_and_the_answer_ends_without_more():
    line = Line([uid_of(1)])
    line.run(0.5)
    line._hello_at = 99
    frames = [Frame(T.PONG, bytes([n]), 2, 1, 5, n) for n in range(4)]
    line.events.clear()
    for frame in frames:
        line.modules[0].queue(frame)
    line.run(0.1)
    assert [frame for event in line.of(Heard) for frame in event.frames] == frames
    assert not line.of(Wrong)


def test_polls_are_fair_and_a_chatterbox_waits_its_turn():
    line = Line([uid_of(1), uid_of(1 << 100), uid_of(1 << 90)])
    line.run(2.0)
    mark = len(line.asked)
    for _ in range(200):
        line.master.send(2, Frame(T.PING, b"", 1, 2, 5))
        line.run(0.005)
    polls = [dst for _, kind, dst in line.asked[mark:] if kind == T.POLL]
    assert min(polls.count(3), polls.count(4)) >= 35, "their 20 ms"
    assert polls.count(2) >= 150


def test_a_silent_module_is_asked_less_and_less_and_given_up():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.talks, mark = False, len(line.asked)
    line.run(3.0)
    assert [event.reason for event in line.of(Gone)] == ["silent for 1 s"]
    polls = [at for at, kind, _ in line.asked[mark:] if kind == T.POLL]
    assert 5 <= len(polls) <= 10
    with pytest.raises(LinkError, match="address 2 any more"):
        line.master.send(2, Frame(T.PING, b""))
    line.talks = True
    line.modules[0].queue(hello(uid_of(1)))
    line.run(1.0)
    assert len(line.of(Found)) == 2


def test_what_comes_unasked_is_delivered_and_named():
    line = Line([uid_of(1)])
    line.run(0.5)
    late = Frame(T.PONG, b"", 2, 1, 5, 9)
    line.run(0.001)
    events = line.master.hear([late, Frame(T.PONG, b"", 77, 1)], line.now)
    assert events == [Wrong(2, "unasked"), Heard(2, (late,)), Wrong(0, "unasked")]


def test_own_echo_is_not_heard():
    line = Line()
    line.events += line.master.tick(0.0)
    echo = line.master.take_frames()
    line.events += line.master.hear(echo, 0.001)
    assert line.events == []


def test_a_full_queue_is_an_error_not_a_leak():
    line = Line([uid_of(1)])
    line.run(0.5)
    for _ in range(64):
        line.master.send(2, Frame(T.PING, b""))
    with pytest.raises(LinkError, match="64 frames wait"):
        line.master.send(2, Frame(T.PING, b""))


@given(FRAMES, st.lists(st.booleans(), min_size=1))
@settings(deadline=None)
def test_whatever_a_master_hears_it_never_raises_and_always_goes_on(frames, damage):
    line = Line([uid_of(1)])
    line.run(0.5)
    for index, frame in enumerate(frames):
        line.events += line.master.hear([frame], line.now, damaged=damage[index % len(damage)])
        line.run(0.003)
    line.modules[0].queue(hello(uid_of(1)))
    line.run(10.0)
    assert line.master.addresses == {2}
    assert len(line.asked) < 20 * len(frames) + 2000


class BusyLine(Line):
    """Frames take their time, questions and answers begin up to 4 ms late, modules have 1.2 kB to say every 100 ms."""

    PERIOD_S = 0.1

    def __init__(self, uids, rng):
        super().__init__(uids)
        self.rng = rng
        self.next = {uid: rng.uniform(0, self.PERIOD_S) for uid in uids}
        self.said = 0

    def of_all(self):
        """Sequence numbers of the data that reached the master."""
        return [frame.seq for event in self.of(Heard) for frame in event.frames if frame.type == T.DETECTIONS]

    def _exchange(self):
        while frames := self.master.take_frames():
            self._pass(frames)
            answers = [answer for module in self.modules if (answer := self._answer(module, frames))]
            if not answers:
                return
            self._pass(answers[0])
            self._hear(answers)

    def _pass(self, frames):
        self.now += sum(map(wire_size, frames)) * 10 / BAUD + self.rng.uniform(0, 0.004)
        for module in self.modules:
            while self.next.get(module._uid, self.now + 1) <= self.now:
                self.next[module._uid] += self.PERIOD_S * self.rng.uniform(0.92, 1.08)
                if module.address:
                    self.said += 1
                    module.queue(data(self.said, size=1200))


@pytest.mark.parametrize("seed", range(6))
def test_a_module_that_comes_and_goes_on_a_busy_line_costs_its_neighbours_nothing(seed):
    rng = random.Random(seed)
    guest, *neighbours = [uid_of(rng.getrandbits(128)) for _ in range(4)]
    line = BusyLine(neighbours, rng)
    line.run(4.0)
    for boot_id in range(4):
        module = line.a_module(guest, boot_id)
        line.modules.append(module)
        line.run(2.0)
        assert guest in {event.hello.uid for event in line.of(Found)}
        for _ in range(12):  # its data sheet and more
            for _ in range(6):
                module.queue(Frame(T.SHEET_CHUNK, bytes(250), 0, 1))
            line.run(0.05)
        line.modules.remove(module)
        line.run(3.0)
    line.next = {}
    line.run(0.3)
    assert sorted(line.of_all()) == list(range(1, line.said + 1))
    assert line.said > 500


def test_an_answer_that_the_host_holds_back_is_waited_for():
    line = Line([uid_of(5)])
    line.run(2.0)
    while not line.master.take_frames():
        line.now = line.master.next_deadline()
        line.master.tick(line.now)
    line.master.tick(line.now + RS485_ANSWER + RS485_LAG / 2)
    assert line.master.take_frames() == [], "nobody else is asked meanwhile"
