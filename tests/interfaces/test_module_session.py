"""The module's side, against a controller written by hand."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.datasheet import sheet_hash, to_bytes
from interfaces.errors import LocalProtocolError
from interfaces.frame import Flag, Frame
from interfaces.message import Message, decode, encode
from interfaces.module_events import IdentifyAsked, PlanEnded, PlanGranted, Rejected
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from tests.exchange import PLAN, frame_of, good_hello, good_sheet

T = MessageType
SHEET = to_bytes(good_sheet())


def module():
    return ModuleSession(good_hello(), SHEET, rng=random.Random(3))


def hear(session, message_type, body, now=0.0, session_id=9, t_us=0):
    dst, number = (255, 0) if message_type is T.ASSIGN else (2, session_id)
    return session.receive(encode(Message(message_type, body, 1, dst, number, 1)), now, t_us)


def said(session):
    return [(decode(frame).type, decode(frame).body) for frame in session.take_frames()]


def assigned(session_id=9):
    session = module()
    session.tick(0.0, 0)
    session.take_frames()
    hear(session, T.ASSIGN, pb.Assign(uid=b"u" * 16, boot_id=7, address=2, session=session_id, spec=0x100))
    return session


def running():
    session = assigned()
    hear(session, T.ACTIVATE, pb.Activate(plans=[PLAN]))
    session.take_frames()
    return session


def test_says_hello_at_once_then_about_every_second():
    session = module()
    at = []
    now = 0.0
    while len(at) < 20:
        session.tick(now, 0)
        at += [now for kind, _ in said(session) if kind is T.HELLO]
        now = session.next_deadline()
    gaps = [b - a for a, b in itertools.pairwise(at)]
    assert at[0] == 0.0
    assert all(0.8 <= gap <= 1.2 for gap in gaps)
    assert len(set(gaps)) > 10, "the spread keeps modules on one bus apart"


def test_hello_announces_the_sheet():
    session = module()
    session.tick(0.0, 0)
    hello = said(session)[0][1]
    assert (hello.sheet_size, hello.sheet_hash) == (len(SHEET), sheet_hash(SHEET))


def test_silent_after_assign_until_asked():
    session = assigned()
    assert session.state is ModuleState.ASSIGNED
    session.tick(2.9, 0)
    assert said(session) == []


def test_seeks_again_when_the_controller_falls_silent():
    session = assigned()
    session.tick(3.0, 0)
    assert [kind for kind, _ in said(session)] == [T.HELLO]
    session = running()
    assert session.tick(3.0, 0) == [PlanEnded("the controller is silent for 3 s")]
    assert T.HELLO in [kind for kind, _ in said(session)]


def test_assign_for_another_module_or_boot_is_ignored():
    session = module()
    hear(session, T.ASSIGN, pb.Assign(uid=b"v" * 16, boot_id=7, address=2, session=9))
    hear(session, T.ASSIGN, pb.Assign(uid=b"u" * 16, boot_id=8, address=2, session=9))
    assert session.state is ModuleState.SEEKING


def test_a_repeated_assign_does_not_end_the_plan_and_a_new_one_does():
    session = running()
    assert hear(session, T.ASSIGN, pb.Assign(uid=b"u" * 16, boot_id=7, address=2, session=9)) == []
    assert session.state is ModuleState.RUNNING
    events = hear(session, T.ASSIGN, pb.Assign(uid=b"u" * 16, boot_id=7, address=2, session=10))
    assert events == [PlanEnded("a new session was assigned")]


def test_serves_its_sheet_in_chunks_within_bounds():
    session = assigned()
    hear(session, T.GET_SHEET, pb.GetSheet(offset=0, length=4000))
    hear(session, T.GET_SHEET, pb.GetSheet(offset=10_000, length=4000))
    first, beyond = (body for _, body in said(session))
    assert first.data == SHEET[:512]
    assert beyond.data == b""


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (pb.Plan(channel=4, rate_mhz=1000), "does not exist"),
        (pb.Plan(channel=0, rate_mhz=21_000, max_objects=1, record_format=2), "21000"),
        (pb.Plan(channel=0, rate_mhz=1000, max_objects=65, record_format=2), "65 objects"),
        (pb.Plan(channel=0, rate_mhz=1000, max_objects=1, record_format=3), "record format 3"),
    ],
)
def test_a_plan_it_cannot_keep_is_refused(plan, word):
    session = assigned()
    assert hear(session, T.ACTIVATE, pb.Activate(plans=[plan])) == []
    answer = said(session)[0][1]
    assert answer.result == pb.REFUSED
    assert word in answer.detail
    assert session.state is ModuleState.ASSIGNED


def test_data_only_inside_the_plan():
    with pytest.raises(LocalProtocolError):
        assigned().send_data(T.DETECTIONS, frame_of(), 0.0)
    session = running()
    with pytest.raises(LocalProtocolError):
        session.send_data(T.DETECTIONS, pb.DetectionFrame(channel=1), 0.0)
    with pytest.raises(LocalProtocolError):
        session.send_data(T.PING, pb.Ping(), 0.0)
    assert sum(session.send_data(T.DETECTIONS, frame_of(), i / 100) for i in range(100)) <= 13


def test_the_newest_frame_wins():
    session = running()
    session.send_data(T.DETECTIONS, frame_of(1), 0.0)
    session.send_data(T.DETECTIONS, frame_of(2), 0.0)
    assert [body.seq for _, body in said(session)] == [2]
    assert session.health.frames_dropped == 1


def test_heartbeats_carry_health_and_clock():
    session = running()
    session.health.temperature_cdeg = 4200
    session.tick(1.0, 123)
    kind, body = said(session)[0]
    assert kind is T.HEARTBEAT
    assert (body.boot_id, body.t_us, body.temperature_cdeg) == (7, 123, 4200)


def test_answers_ping_and_time():
    session = assigned()
    hear(session, T.PING, pb.Ping(token=5))
    hear(session, T.TIME_REQUEST, pb.TimeRequest(token=6, controller_tx_us=77), t_us=1000)
    (_, pong), (_, reply) = said(session)
    assert pong.token == 5
    assert (reply.token, reply.controller_tx_us, reply.module_rx_us, reply.module_tx_us) == (6, 77, 1000, 1000)


def test_unknown_type_is_answered_unsupported():
    session = assigned()
    session.receive(Frame(0x3F, b"", 1, 2, 9), 0.0, 0)
    assert said(session) == [(T.UNSUPPORTED, pb.Unsupported(type=0x3F))]


def test_rejected_waits_as_told():
    session = assigned()
    events = hear(session, T.REJECT, pb.Reject(reason=pb.BUDGET, detail="too much", retry_after_s=4))
    assert events == [Rejected(pb.BUDGET, "too much")]
    assert 4.0 <= session.next_deadline() <= 4.8
    session.tick(4.8, 0)
    assert [kind for kind, _ in said(session)] == [T.HELLO]


def test_goodbye_is_the_last_word():
    session = running()
    session.goodbye(pb.REMOVAL)
    (goodbye,) = session.take_frames()
    assert (goodbye.type, goodbye.flags) == (T.GOODBYE, Flag.ACK_REQ)
    session.receive(Frame(T.GOODBYE, b"", 1, 2, 9, goodbye.seq, flags=Flag.ACK), 0.05, 0)
    assert session.next_deadline() is None
    hear(session, T.ASSIGN, pb.Assign(uid=b"u" * 16, boot_id=7, address=2, session=11))
    assert session.state is ModuleState.LEFT


def test_a_granted_plan_is_told_to_the_owner():
    session = assigned()
    assert hear(session, T.ACTIVATE, pb.Activate(plans=[PLAN], probation=True)) == [
        PlanGranted((PLAN,), probation=True)
    ]


def test_a_bad_own_sheet_is_our_bug():
    with pytest.raises(LocalProtocolError, match="vendor"):
        ModuleSession(good_hello(), to_bytes(good_sheet(vendor="")), rng=random.Random(0))


def test_a_goodbye_nobody_acknowledges_is_said_four_times():
    session = running()
    session.goodbye(pb.REMOVAL)
    said_at = []
    now = 0.0
    while (due := session.next_deadline()) is not None:
        said_at += [(now, frame.type, frame.seq) for frame in session.take_frames()]
        now = due
        session.tick(now, 0)
    assert [round(at, 3) for at, _, _ in said_at] == [0.0, 0.1, 0.2, 0.3]
    assert {kind for _, kind, _ in said_at} == {T.GOODBYE}
    assert len({seq for _, _, seq in said_at}) == 4


def ask(session, message_type, body, seq, now=0.0, session_id=9):
    frame = encode(Message(message_type, body, 1, 2, session_id, seq, Flag.ACK_REQ))
    events = session.receive(frame, now, 0)
    return events, [(one.type, one.session, one.seq, one.payload) for one in session.take_frames() if one.flags]


def test_a_request_for_an_ack_gets_it():
    session = assigned()
    events, acks = ask(session, T.IDENTIFY, pb.Identify(seconds=3), 77)
    assert events == [IdentifyAsked(3)]
    assert acks == [(T.IDENTIFY, 9, 77, b"")]
    assert ask(session, T.IDENTIFY, pb.Identify(seconds=4), 78)[0] == [IdentifyAsked(4)]


def test_what_ended_the_session_is_acknowledged_again_and_done_once():
    for kind, body in ((T.REJECT, pb.Reject(retry_after_s=5)), (T.GOODBYE, pb.Goodbye())):
        session = running()
        first, acks = ask(session, kind, body, 5)
        assert (len(first), len(acks)) == (2 if kind is T.REJECT else 1, 1)
        assert ask(session, kind, body, 6) == ([], [(kind, 9, 6, b"")])
        assert ask(session, kind, body, 7, session_id=8) == ([], [])


def test_a_refused_hello_is_acknowledged_without_a_session():
    session = module()
    session.tick(0.0, 0)
    session.take_frames()
    events, acks = ask(session, T.REJECT, pb.Reject(detail="no"), 3, session_id=0)
    assert events == [Rejected(0, "no")]
    assert acks == [(T.REJECT, 0, 3, b"")]
    assert ask(session, T.REJECT, pb.Reject(detail="no"), 4, session_id=0) == ([], [(T.REJECT, 0, 4, b"")])


@given(
    st.lists(
        st.builds(
            Frame,
            st.integers(0, 300),
            st.binary(max_size=40),
            session=st.sampled_from([0, 9]),
            flags=st.sampled_from(list(Flag)),
        )
    )
)
def test_random_frames_never_raise_nor_make_it_talk_without_end(frames):
    session = running()
    for frame in frames:
        session.receive(frame, 0.0, 0)
    assert len(session.take_frames()) <= 65
