"""After the handshake of L3 every frame carries a tag: what is forged, replayed or untagged is dropped and counted."""

from __future__ import annotations

import pytest

from interfaces.events import DataMessage
from interfaces.frame import Flag
from interfaces.message import Message, encode
from interfaces.module_session import ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import Exchange, frame_of, good_hello
from tests.secured import HANDSHAKE, active, secured_module

T = MessageType


def after_authentication(frames):
    kinds = [frame.type for frame in frames]
    first = next(kinds.index(kind) for kind in (T.AUTH_FINISH, T.AUTH_DONE) if kind in kinds)
    return frames[first:]


def test_every_frame_after_the_handshake_carries_a_tag_both_ways():
    pole = active()
    pole.controller.identify(1, now=pole.now)
    pole.run(0.5)
    pole.module.goodbye()
    pole.run(0.5)
    for side in ("controller", "module"):
        frames = after_authentication(pole.sent[side])
        assert len(frames) > 5
        assert any(frame.flags & Flag.ACK for frame in frames), "acknowledgements are no exception"
        assert all(frame.flags & Flag.AUTH and len(frame.tag) == 8 for frame in frames)
    assert pole.controller.state is State.GONE
    assert not {"bad_tag", "replayed", "unauthenticated"} & (pole.controller.counters + pole.module.counters).keys()


def test_a_session_that_is_not_asked_to_authenticate_carries_no_tag():
    pole = Exchange()
    pole.module = secured_module()
    pole.run_until(State.ACTIVE, 1.0)
    pole.run(1.0)
    assert not any(frame.tag for side in pole.sent.values() for frame in side)
    assert not HANDSHAKE & {frame.type for side in pole.sent.values() for frame in side}


@pytest.mark.parametrize(
    ("change", "counter"),
    [
        (lambda frame: frame._replace(flags=Flag.NONE, tag=b""), "unauthenticated"),
        (lambda frame: frame._replace(tag=bytes(8)), "bad_tag"),
        (lambda frame: frame._replace(payload=frame.payload + b"\x10\x01"), "bad_tag"),
        (lambda frame: frame._replace(seq=frame.seq + 1000), "bad_tag"),
        (lambda frame: frame._replace(type=T.HEARTBEAT), "bad_tag"),
        (lambda frame: frame, "replayed"),
    ],
)
def test_forged_and_replayed_frames_are_counted_and_dropped(change, counter):
    pole = active()
    old = next(frame for frame in reversed(pole.sent["module"]) if frame.type == T.DETECTIONS)
    seen, data = len(pole.events), len(pole.of(DataMessage))
    pole.throw("controller", change(old))
    assert pole.controller.counters[counter] == 1
    assert len(pole.of(DataMessage)) == data
    assert len(pole.events) == seen + 1, "one fault is told, nothing else"
    order = next(frame for frame in reversed(pole.sent["controller"]) if frame.type == T.TIME_REQUEST)
    before = len(pole.module.take_frames())
    pole.throw("module", change(order))
    assert pole.module.counters[counter] == 1
    assert len(pole.module.take_frames()) == before == 0


def test_a_frame_of_one_direction_is_none_of_the_other():
    pole = active()
    own = next(frame for frame in reversed(pole.sent["controller"]) if frame.tag)
    pole.throw("controller", own)
    assert pole.controller.counters["bad_tag"] == 1, "with one key for both ways it would be a good frame"


def test_an_attacker_cannot_keep_a_session_alive_or_end_it():
    pole = active()
    session = pole.controller.session_id
    pole.throw("controller", encode(Message(T.GOODBYE, pb.Goodbye(), 2, 1, session, 10**6)))
    assert pole.controller.state is State.ACTIVE
    pole.throw("module", encode(Message(T.GOODBYE, pb.Goodbye(), 1, 2, session, 10**6)))
    assert pole.module.state is ModuleState.RUNNING
    pole.talks = False
    for _ in range(10):
        pole.run(0.1)
        pole.throw("controller", encode(Message(T.DETECTIONS, frame_of(), 2, 1, session, 10**6)))
        pole.throw("controller", encode(Message(T.PONG, pb.Pong(), 2, 1, session, 10**6)))
    assert pole.controller.state is State.LOST


def test_a_new_boot_has_new_keys():
    pole = active()
    old = [frame for frame in pole.sent["module"] if frame.tag]
    old_channel = pole.module.authentication._handshake.channel
    pole.module = secured_module(hello=good_hello(level=3, boot_id=8))
    pole.run(2.0)
    assert pole.controller.counters["authenticated"] == 2
    before = len(pole.of(DataMessage))
    for frame in old:
        pole.throw("controller", frame)
        pole.throw("controller", frame._replace(session=pole.controller.session_id, seq=frame.seq + 10**6))
    assert len(pole.of(DataMessage)) == before
    refused = pole.controller.counters["bad_tag"]
    old_channel.session = pole.controller.session_id
    pole.throw(
        "controller", old_channel.seal(old[-1]._replace(flags=Flag.NONE, session=old_channel.session, seq=10**6))
    )
    assert pole.controller.counters["bad_tag"] == refused + 1, "not even who kept the old keys is believed"
