"""Two sides agree on a rate, whatever gets lost, and always find each other again."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.baud_agreement import BaudController, BaudModule
from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import BAUD_PATIENCE, BAUD_RATES, MessageType

SLOW, MIDDLE, FAST = BAUD_RATES


def hello(rates=(MIDDLE, FAST), boot_id=1, uid=b"u" * 16):
    return encode(Message(MessageType.HELLO, pb.Hello(uid=uid, boot_id=boot_id, baud_rates=rates), seq=1))


def offered(frame):
    return pb.Baud.FromString(frame.payload).rate


def agreed(limit=FAST):
    controller, module = BaudController(SLOW, limit), BaudModule(SLOW, BAUD_RATES)
    assert controller.hear([hello()], 0.0) == []
    (request,) = controller.take_frames()
    assert module.hear(request, 0.0) == []
    (ack,) = module.take_frames()
    assert controller.hear([ack], 0.01) == [hello()], "the session hears of the module once the rate is settled"
    return controller, module


def test_both_take_the_fastest_rate_that_both_can():
    for limit in (MIDDLE, FAST):
        controller, module = agreed(limit)
        assert controller.rate == module.rate == limit


def test_a_module_without_other_rates_and_a_controller_without_wish_stay():
    controller = BaudController(SLOW, FAST)
    assert controller.hear([hello(())], 0.0) == [hello(())]
    assert controller.hear([hello((SLOW, 2_000_000))], 0.0) == [hello((SLOW, 2_000_000))]
    assert BaudController(SLOW, SLOW).hear([hello()], 0.0) == [hello()]
    assert controller.take_frames() == []
    assert controller.next_deadline() is None


def test_a_module_that_does_not_acknowledge_is_served_at_the_rate_it_speaks():
    controller = BaudController(SLOW, FAST)
    controller.hear([hello()], 0.0)
    asked, released = len(controller.take_frames()), []
    while not released:
        now = controller.next_deadline()
        released = controller.tick(now)
        asked += len(controller.take_frames())
    assert (asked, released, round(now, 3)) == (4, [hello()], 0.4)
    assert controller.rate == SLOW
    assert controller.hear([hello()], 5.0) == [hello()], "the same boot is not asked again"
    assert controller.hear([hello(boot_id=2)], 6.0) == []


def test_a_cable_that_does_not_carry_the_rate_brings_both_back():
    controller, module = agreed()
    assert controller.next_deadline() == 0.01 + BAUD_PATIENCE
    controller.tick(controller.next_deadline())
    module.tick(module.next_deadline())
    assert controller.rate == module.rate == SLOW
    assert controller.hear([hello()], 3.0) == [hello()], "tried and failed: not again in this boot"


def test_who_was_heard_at_the_rate_is_asked_again_after_a_break():
    controller, _ = agreed()
    assert controller.hear([Frame(MessageType.HEARTBEAT, b"", 2)], 1.0) == [Frame(MessageType.HEARTBEAT, b"", 2)]
    controller.tick(1.0 + BAUD_PATIENCE)
    assert controller.rate == SLOW
    assert controller.hear([hello()], 3.0) == []


def test_a_late_or_foreign_ack_changes_nothing():
    controller = BaudController(SLOW, FAST)
    assert controller.hear([Frame(MessageType.BAUD, b"", seq=1, flags=Flag.ACK)], 0.0) == []
    assert controller.rate == SLOW


def test_a_module_refuses_a_rate_it_did_not_offer():
    module = BaudModule(SLOW, BAUD_RATES)
    module.hear(encode(Message(MessageType.BAUD, pb.Baud(rate=3), 1, 255, flags=Flag.ACK_REQ)), 0.0)
    assert module.take_frames() == []
    assert module.rate == SLOW


@given(st.integers(0, 1 << 32), st.floats(0, 0.6), st.sampled_from([SLOW, MIDDLE, FAST]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_lost_they_speak_again_within_seconds(seed, loss, carries):
    """A module that says HELLO until heard, a controller that answers; after 5 s nothing is lost any more."""
    rng = random.Random(seed)
    controller, module = BaudController(SLOW, FAST), BaudModule(SLOW, BAUD_RATES)
    heard_at, hello_at = [0.0, 0.0], 0.0

    def arrives(now):
        return controller.rate == module.rate <= carries and (now > 5 or rng.random() >= loss)

    def to_module(now, frame):
        if arrives(now) and frame is not None:
            for one in module.hear(frame, now):
                heard_at[1] = now
                assert one.type != MessageType.BAUD
            acks, rate = module.take_frames(), controller.rate
            for ack in acks:
                if rate <= carries and (now > 5 or rng.random() >= loss):
                    release(now, controller.hear([ack], now))

    def release(now, frames):
        if frames:
            heard_at[0] = now
            to_module(now, Frame(MessageType.PING, b"", 1, 2))

    for step in range(1200):
        now = step / 100
        module.tick(now)
        release(now, controller.tick(now))
        for frame in controller.take_frames():
            to_module(now, frame)
        if now >= hello_at:
            hello_at = now + 1.0
            if arrives(now):
                release(now, controller.hear([hello()], now))
                for frame in controller.take_frames():
                    to_module(now, frame)
    assert controller.rate == module.rate <= carries
    assert min(heard_at) > 10
