"""A module on an RS-485 line: when it answers, when it is silent, what it keeps until it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485_module import MAX_QUEUED
from interfaces.spec import RS485_ANSWER_SIZE, MessageType
from tests.interfaces.rs485_line import FRAMES, Line, branch, data, hello, mute, poll, uid_of

T = MessageType


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
