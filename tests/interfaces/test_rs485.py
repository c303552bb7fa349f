"""The line in virtual time: masters and modules of the pure core on a wire that loses, mixes and lies."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.address_table import AddressTable
from interfaces.errors import LinkError
from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485 import Rs485Master
from interfaces.rs485_module import MAX_QUEUED, Rs485Module
from interfaces.rs485_turn import Found, Gone, Heard, Wrong, wire_size
from interfaces.spec import RS485_ANSWER, RS485_ANSWER_SIZE, RS485_LAG, MessageType
from tests.exchange import frame_of

T = MessageType
BAUD = 921_600


def uid_of(number):
    return number.to_bytes(16, "little")


def hello(uid, boot_id=1):
    return encode(Message(T.HELLO, pb.Hello(uid=uid, boot_id=boot_id), 0, 1))


def data(seq, channel=0, size=0):
    body = frame_of(seq)
    body.channel = channel
    body.records = bytes(size or 48)
    return encode(Message(T.DETECTIONS, body, 0, 1, 5, seq))


class Line:
    """A master and modules by uid; `lost(frame)` frames vanish, several answers at once are damage."""

    def __init__(self, uids=(), lost=lambda _frame: False, first=2, last=254):
        self.master = Rs485Master(AddressTable(first, last), BAUD)
        self.modules = [self.a_module(uid) for uid in uids]
        self.lost = lost
        self.now = 0.0
        self.events = []
        self.asked = []  # (when, type, dst) of every question
        self.noise = False
        self._hello_at = 0.0
        self.talks = True

    @staticmethod
    def a_module(uid, boot_id=1):
        module = Rs485Module()
        module.queue(hello(uid, boot_id))
        return module

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def found(self):
        return sorted(event.hello.uid for event in self.of(Found))

    def run(self, seconds):
        end = self.now + seconds
        while True:
            self._exchange()
            due = max(self.now, self.master.next_deadline())
            if due > end:
                self.now = end
                return
            self.now = due
            self.events += self.master.tick(self.now)

    def _exchange(self):
        for _ in range(1000):
            frames = self.master.take_frames()
            if not frames:
                return
            if self.now >= self._hello_at:
                self._hello_at = self.now + 1.0
                for module in self.modules:
                    module.queue(hello(module._uid, module._boot_id))
            self.asked += [(self.now, frame.type, frame.dst) for frame in frames]
            self.now += 0.0005
            answers = [answer for module in self.modules if (answer := self._answer(module, frames))]
            self.now += 0.0005
            self._hear(answers)
        raise AssertionError("the master never pauses")

    def _answer(self, module, frames):
        for frame in frames:
            if not self.lost(frame):
                module.receive(frame, self.now)
        return [one for one in module.answer() if not self.lost(one)] if self.talks else []

    def _hear(self, answers):
        if len(answers) > 1 or self.noise:
            self.events += self.master.hear([], self.now, damaged=True)
        elif answers:
            self.events += self.master.hear(answers[0], self.now)


@given(st.sets(st.integers(0, (1 << 128) - 1) | st.integers(0, 20), max_size=12).map(lambda ns: [*map(uid_of, ns)]))
@settings(max_examples=12, deadline=None)
def test_every_module_is_found_once_and_keeps_being_polled(uids):
    line = Line(uids)
    line.run(20.0 if len(uids) > 1 else 2.0)
    assert line.found == sorted(uids)
    assert len({event.address for event in line.of(Found)}) == len(uids)
    assert not line.of(Gone)
    polls = [dst for at, kind, dst in line.asked if kind == T.POLL and at > line.now - 1.0]
    for event in line.of(Found):
        assert polls.count(event.address) >= 20


@given(st.integers(0, 1 << 32), st.floats(0.0, 0.3))
@settings(max_examples=6, deadline=None)
def test_loss_of_anything_delays_but_hides_nobody(seed, loss):
    rng = random.Random(seed)
    uids = [uid_of(rng.getrandbits(128)) for _ in range(5)]
    line = Line(uids, lambda _frame: line.now < 8 and rng.random() < loss)
    line.run(14.0)
    assert set(line.found) == set(uids)
    assert len(line.master.addresses) == 5
    missing = [event for event in line.of(Gone) if event.address not in line.master.addresses]
    assert not missing


def test_a_module_plugged_into_a_busy_line_is_found_within_a_second():
    line = Line([uid_of(n << 120) for n in range(1, 9)])
    line.run(3.0)
    assert len(line.found) == 8
    line.modules.append(line.a_module(uid_of(0xFF << 120)))
    line.run(1.0)
    assert uid_of(0xFF << 120) in line.found


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


def test_another_boot_of_a_module_is_a_new_module_at_the_old_address():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.modules[0] = line.a_module(uid_of(1), boot_id=2)
    line.run(1.0)
    assert [event.reason for event in line.of(Gone)] == ["rebooted"]
    assert [(event.address, event.hello.boot_id) for event in line.of(Found)] == [(2, 1), (2, 2)]


def test_a_second_module_with_the_uid_of_one_that_serves_is_told_to_be_quiet():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.modules.append(line.a_module(uid_of(1), boot_id=2))
    line.run(1.0)
    assert Wrong(0, "duplicate_uid") in line.events
    assert not line.of(Gone)
    assert (line.modules[1].muted, line.modules[1].address) == (True, 0)
    assert len(line.of(Found)) == 1


def test_noise_costs_the_search_its_end_but_not_the_line_its_life():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.noise = True
    line.run(40.0)
    assert Wrong(0, "noise") in line.events
    line.noise = False
    line.modules[0].queue(hello(uid_of(1)))
    line.run(5.0)
    assert line.master.addresses == {2}


def test_more_modules_than_addresses():
    line = Line([uid_of(1), uid_of(1 << 100)], first=2, last=2)
    line.run(2.0)
    assert len(line.of(Found)) == 1
    assert Wrong(0, "no_address") in line.events


def test_a_module_that_answers_but_says_no_hello_is_let_go():
    line = Line([uid_of(1)])
    line.lost = lambda frame: frame.type == T.HELLO
    line.run(8.0)
    assert Wrong(0, "no_hello") in line.events
    assert not line.of(Found)


def test_what_comes_unasked_is_delivered_and_named():
    line = Line([uid_of(1)])
    line.run(0.5)
    late = Frame(T.PONG, b"", 2, 1, 5, 9)
    line.run(0.001)
    events = line.master.hear([late, Frame(T.PONG, b"", 77, 1)], line.now)
    assert [event for event in events if isinstance(event, Heard)] == [Heard(2, (late,))]
    assert {(one.address, one.kind) for one in events if isinstance(one, Wrong)} == {(0, "unasked")} | (
        {(2, "unasked")} if Wrong(2, "unasked") in events else set()
    )


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


# ---------------------------------------------------------------------------------------------------- the module's side


def poll(address, seq=1):
    return Frame(T.POLL, b"", 1, address, 0, seq)


def mute(uid, address, boot_id=1, seq=1):
    body = pb.Mute(uid=uid, boot_id=boot_id, address=address)
    return encode(Message(T.MUTE, body, 1, 255, 0, seq, Flag.ACK_REQ))


def branch(lower, upper):
    return encode(Message(T.BRANCH, pb.Branch(lower=lower, upper=upper), 1, 255))


def muted_at(address=9, now=0.0):
    module = Line.a_module(uid_of(5))
    module.receive(mute(uid_of(5), address), now)
    module.answer()
    return module


def test_it_answers_branch_inside_its_range_until_muted():
    module = Line.a_module(uid_of(5))
    for lower, upper, answers in ((0, 9, True), (5, 5, True), (6, 9, False), (0, 4, False)):
        module.receive(branch(uid_of(lower), uid_of(upper)), 0.0)
        assert [frame.type for frame in module.answer()] == [T.PRESENT] * answers
    module.receive(mute(uid_of(5), 9, seq=44), 0.0)
    (ack,) = module.answer()
    assert (ack.type, ack.flags, ack.seq, ack.src, ack.payload) == (T.MUTE, Flag.ACK, 44, 9, b"")
    module.receive(branch(uid_of(0), uid_of(9)), 0.1)
    assert module.answer() == []


def test_a_mute_for_another_uid_or_boot_is_none_of_its_business():
    module = Line.a_module(uid_of(5))
    module.receive(mute(uid_of(6), 9), 0.0)
    module.receive(mute(uid_of(5), 9, boot_id=2), 0.0)
    assert (module.muted, module.address, module.answer()) == (False, 0, [])


def test_without_polls_it_answers_branch_again():
    module = muted_at(now=0.0)
    module.receive(poll(9), 1.0)
    module.answer()
    module.receive(branch(bytes(16), b"\xff" * 16), 3.9)
    assert module.answer() == []
    module.receive(branch(bytes(16), b"\xff" * 16), 4.0)
    assert [frame.type for frame in module.answer()] == [T.PRESENT]


def test_an_empty_mute_frees_everybody():
    module = muted_at()
    module.receive(encode(Message(T.MUTE, pb.Mute(), 1, 255)), 0.0)
    assert (module.muted, module.address) == (False, 0)


def test_an_answer_that_nobody_waits_for_any_more_is_not_given():
    module = muted_at()
    module.receive(poll(9), 0.1)
    module.receive(poll(8), 0.13)
    assert module.answer() == []


def test_nothing_to_say_is_said():
    module = muted_at()
    module.receive(poll(9), 0.0)
    module.answer()
    module.receive(poll(9, seq=7), 0.1)
    assert module.answer() == [Frame(T.POLL, b"", 9, 1, 0, 7, flags=Flag.ACK)]


def test_the_newest_two_data_of_each_channel_wait_and_the_newest_hello():
    module = muted_at()
    module.queue(hello(uid_of(5), boot_id=3))
    for seq in range(5):
        module.queue(data(seq))
        module.queue(data(seq, channel=1))
    module.receive(poll(9), 0.0)
    frames = module.answer()
    assert [(frame.type, frame.seq) for frame in frames] == [
        (T.HELLO, 0),
        *[(T.DETECTIONS, seq) for seq in (3, 3, 4, 4)],
    ]
    assert [bool(frame.flags & Flag.MORE) for frame in frames] == [True] * 4 + [False]
    assert {frame.src for frame in frames} == {9}


def test_a_long_answer_is_given_in_parts():
    module = muted_at()
    for channel in range(6):
        module.queue(data(1, channel, size=RS485_ANSWER_SIZE // 3 + 30))
    sizes = []
    while len(sizes) < 9 and not (sizes and sizes[-1] == 1):
        module.receive(poll(9), 0.0)
        sizes.append(len(module.answer()))
    assert sizes[:3] == [3, 2, 2]


FRAMES = st.lists(
    st.one_of(
        st.builds(
            Frame,
            st.sampled_from([*T, 0x33]),
            st.binary(max_size=40),
            st.sampled_from([0, 1, 2, 9]),
            st.sampled_from([0, 1, 2, 9, 255]),
            flags=st.sampled_from(list(Flag)),
        ),
        st.sampled_from([poll(9), mute(uid_of(5), 9), branch(bytes(16), b"\xff" * 16), mute(b"", 0), hello(uid_of(5))]),
    ),
    max_size=80,
)


@given(FRAMES, st.floats(0.0, 2.0))
def test_whatever_a_module_hears_it_never_raises_nor_speaks_unasked(frames, pace):
    module = Line.a_module(uid_of(5))
    for index, frame in enumerate(frames):
        for one in module.receive(frame, index * pace):
            assert one.dst in {255, module.address}
            module.queue(one)
        answer = module.answer()
        if answer:
            assert frame.src == 1
            assert frame.type in {T.POLL, T.BRANCH, T.MUTE}
            assert not answer[-1].flags & Flag.MORE
        assert module.answer() == []
        assert len(module._queue) <= MAX_QUEUED


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


def test_the_published_discovery_is_what_both_sides_do():
    folder = Path(__file__).parents[1] / "vectors"
    spec = importlib.util.spec_from_file_location("generate", folder / "generate_rs485_discovery.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.text() == (folder / "rs485_discovery.json").read_text(encoding="utf-8")


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
