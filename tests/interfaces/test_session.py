"""The controller's side: every state reached by its cause, every lie noticed, every answer bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interfaces.errors import LocalProtocolError
from interfaces.events import (
    DataMessage,
    Fault,
    HeartbeatSeen,
    Identified,
    Said,
    SelfTestDone,
    StateChanged,
    TimeSample,
)
from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.module_events import IdentifyAsked, Rejected, SelfTestAsked
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import TRANSITIONS, Cause, State, document
from tests.exchange import PLAN, WALL_NS, Exchange, big_sheet, frame_of, good_hello

T = MessageType
ROOT = Path(__file__).parents[2]


def types(frames):
    return [MessageType(frame.type) for frame in frames]


def say(pole, message_type, body, *, seq=None, session=None):
    seq = pole.controller._last_seq + 1 if seq is None else seq
    session = pole.controller.session_id if session is None else session
    pole.throw("controller", encode(Message(message_type, body, 2, 1, session, seq)))


def active(**arguments):
    pole = Exchange(**arguments)
    pole.run_until(State.ACTIVE, 1.0)
    pole.run(1.05)
    return pole


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


def test_a_mute_module_is_lost_within_550_ms_of_its_last_data():
    pole = active()
    pole.talks = False
    assert pole.run_until(State.LOST, 1.0) <= 0.56


def test_a_module_that_only_answers_pings_is_degraded_and_comes_back():
    pole = active()
    pole.sends_data = False
    pole.run_until(State.DEGRADED, 0.4)
    assert "no data" in pole.controller.reason
    pole.run(5.0)
    assert pole.controller.state is State.DEGRADED
    pole.sends_data = True
    pole.run_until(State.ACTIVE, 0.2)


def test_a_module_that_lost_its_plan_gets_it_again():
    pole = active()
    pole.module.plans.clear()
    pole.run(0.5)
    assert pole.states[-2:] == [State.DEGRADED, State.ACTIVE]


def test_without_a_data_plan_silence_is_lost_after_three_seconds():
    pole = Exchange(decide=False)
    pole.sends_data = False
    pole.run(0.0)
    pole.controller.activate([], probation=False, now=pole.now)
    pole.run_until(State.ACTIVE, 0.0)
    pole.run(10.0)
    assert pole.controller.state is State.ACTIVE, "heartbeats are enough"
    pole.talks = False
    assert 2.0 <= pole.run_until(State.LOST, 4.0) <= 3.1


def test_unplug_and_replug():
    pole = active()
    pole.events += pole.controller.link_lost(now=pole.now)
    assert pole.controller.state is State.LOST
    assert pole.controller.next_deadline() is None
    pole.reboot()
    pole.run_until(State.ACTIVE, 0.1)
    assert "rebooted" in pole.of(StateChanged)[-3].reason


def test_reboot_is_a_new_session():
    pole = active()
    before = pole.controller.session_id
    pole.reboot()
    pole.run(0.0)
    assert pole.states[-3:] == [State.PRESENT, State.IDENTIFYING, State.ACTIVE]
    assert pole.controller.session_id != before


def test_boot_id_change_in_a_heartbeat_ends_the_session():
    pole = active()
    say(pole, T.HEARTBEAT, pb.Heartbeat(boot_id=999))
    assert pole.controller.state is State.PRESENT
    assert "reboot" in pole.controller.reason
    pole.run(5.0)
    assert pole.controller.state is State.ACTIVE, "the module falls back to HELLO by itself"


def test_goodbye():
    pole = active()
    pole.module.goodbye(pb.FIRMWARE_UPDATE, "back soon")
    pole.run(0.0)
    assert pole.controller.state is State.GONE
    assert pole.of(Said)[0].detail == "back soon"
    assert "firmware_update" in pole.controller.reason


def test_close_tells_the_module():
    pole = active()
    pole.controller.close("stopping", now=pole.now)
    assert types(pole.controller.take_frames()) == [T.GOODBYE]
    assert pole.controller.state is State.GONE


def acknowledge(pole, frame, session=None):
    session = frame.session if session is None else session
    pole.throw("controller", Frame(frame.type, b"", 2, 1, session, frame.seq, flags=Flag.ACK))


def repeats(pole, message_type, seconds=1.0):
    """Frames of a type sent while time passes and nobody answers."""
    mark = len(pole.sent["controller"])
    pole.talks = False
    pole.run(seconds)
    return [frame for frame in pole.sent["controller"][mark:] if frame.type == message_type]


def test_identify_is_said_until_it_is_acknowledged():
    pole = active()
    pole.controller.identify(5, now=pole.now)
    assert len(repeats(pole, T.IDENTIFY, 0.6)) == 4
    assert pole.controller.counters["unacknowledged"] == 1
    pole.talks = True
    pole.controller.identify(5, now=pole.now)
    pole.run(0.01)
    assert not repeats(pole, T.IDENTIFY), "the module acknowledged it"
    assert [event for event in pole.module_events if isinstance(event, IdentifyAsked)]


def test_every_repeat_has_a_number_of_its_own_and_any_of_them_is_acknowledged():
    pole = active()
    pole.talks = False
    pole.controller.identify(5, now=pole.now)
    pole.run(0.25)
    said = [frame for frame in pole.sent["controller"] if frame.type == T.IDENTIFY]
    assert len({frame.seq for frame in said}) == len(said) == 3
    acknowledge(pole, said[0], session=said[0].session + 1)
    acknowledge(pole, said[1])
    assert not repeats(pole, T.IDENTIFY, 0.5)
    acknowledge(pole, said[1])
    assert pole.controller.counters["unasked"] == 2


def test_a_reject_that_gets_lost_is_said_again_and_the_module_stops():
    pole = Exchange(decide=False)
    pole.run(0.0)
    lost = []
    pole.wire = lambda frame, _rng: () if frame.type == T.REJECT and not lost and (lost.append(1) or True) else (0.0,)
    pole.controller.reject(pb.BUDGET, "too much", 30, now=pole.now)
    pole.run(0.5)
    assert [event for event in pole.module_events if isinstance(event, Rejected)]
    assert types(pole.sent["controller"]).count(T.REJECT) == 2


def test_closing_repeats_its_goodbye_until_the_module_acknowledges():
    pole = active()
    pole.controller.close("stopping", now=pole.now)
    assert len(repeats(pole, T.GOODBYE)) == 4
    other = active()
    other.controller.close("stopping", now=other.now)
    other.run(1.0)
    assert types(other.sent["controller"]).count(T.GOODBYE) == 1


def test_a_modules_goodbye_is_acknowledged_every_time():
    pole = active()
    lost = []
    pole.wire = lambda frame, _rng: () if frame.flags & Flag.ACK and len(lost) < 2 and not lost.append(1) else (0.0,)
    pole.module.goodbye(pb.REMOVAL)
    pole.run(1.0)
    assert types(pole.sent["module"]).count(T.GOODBYE) == 3
    assert len(pole.of(Said)) == 1
    assert not pole.of(Fault)
    assert pole.controller.state is State.GONE


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


def test_probation_then_promotion():
    pole = Exchange(decide=False)
    pole.run(0.0)
    pole.controller.activate([PLAN], probation=True, now=pole.now)
    pole.run_until(State.PROBATION, 0.0)
    pole.run(2.0)
    assert pole.of(DataMessage)
    pole.events += pole.controller.promote(now=pole.now)
    pole.run(1.0)
    assert pole.controller.state is State.ACTIVE
    assert [event.probation for event in pole.module_events if hasattr(event, "probation")] == [True, False]


def test_promotion_does_not_hide_a_doubt():
    pole = Exchange(decide=False)
    pole.run(0.0)
    pole.controller.activate([PLAN], probation=True, now=pole.now)
    pole.run(0.0)
    pole.controller.degrade("clock", now=pole.now)
    pole.controller.promote(now=pole.now)
    assert pole.controller.state is State.DEGRADED
    pole.controller.restore("clock", now=pole.now)
    assert pole.controller.state is State.ACTIVE


def test_degraded_ends_with_its_last_reason():
    pole = active()
    for reason in ("clock", "rate"):
        pole.controller.degrade(reason, now=pole.now)
    pole.controller.restore("clock", now=pole.now)
    assert pole.controller.state is State.DEGRADED
    pole.controller.restore("rate", now=pole.now)
    assert pole.controller.state is State.ACTIVE


def test_self_test_and_identify():
    pole = active()
    pole.controller.self_test(now=pole.now)
    pole.controller.identify(3, now=pole.now)
    pole.run(0.0)
    asked = next(event for event in pole.module_events if isinstance(event, SelfTestAsked))
    assert IdentifyAsked(3) in pole.module_events
    pole.module.self_test_result(asked.token, passed=False, detail="lens")
    pole.run(0.0)
    assert pole.of(SelfTestDone) == [SelfTestDone(passed=False, detail="lens")]


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


def test_a_module_that_accepts_another_plan_is_rejected():
    pole = Exchange(decide=False)
    pole.run(0.0)
    pole.controller.activate([PLAN], probation=False, now=0.0)
    say(pole, T.ACTIVATED, pb.Activated(result=pb.ACCEPTED, plans=[pb.Plan(channel=0, rate_mhz=99_000)]))
    assert pole.controller.state is State.REJECTED


def test_lost_module_is_identified_again_when_it_speaks():
    pole = active()
    pole.talks = False
    pole.run_until(State.LOST, 1.0)
    pole.talks = True
    pole.run_until(State.ACTIVE, 1.0)
    assert State.LOST in pole.states


def test_decisions_in_the_wrong_state_are_our_own_fault():
    session = ControllerSession(session_id=1)
    for decide in (
        lambda: session.activate([], probation=False, now=0.0),
        lambda: session.promote(now=0.0),
        lambda: session.degrade("x", now=0.0),
        lambda: session.reject(pb.BUDGET, "x", 1, now=0.0),
    ):
        with pytest.raises(LocalProtocolError):
            decide()
    with pytest.raises(LocalProtocolError):
        ControllerSession(session_id=0)


def test_every_state_has_a_way_in_and_hello_is_heard_in_all():
    assert {target for (source, _), target in TRANSITIONS.items() if source is not target} == set(State)
    assert all((state, Cause.HELLO) in TRANSITIONS for state in State)


def test_the_published_diagram_is_fresh():
    assert (ROOT / "docs/pmi/states.md").read_text(encoding="utf-8") == document(), "run python -m interfaces.states"


FRAMES = st.builds(
    Frame,
    type=st.one_of(st.sampled_from([int(t) for t in MessageType]), st.integers(0, 0xFFFF)),
    payload=st.binary(max_size=60),
    src=st.integers(0, 255),
    dst=st.integers(0, 255),
    session=st.sampled_from([0, 1, 2, 3]),
    seq=st.integers(0, 2**32 - 1),
)


class Unruly(RuleBasedStateMachine):
    """Any weather on the wire, any garbage, any reboot: when it is over the module serves again."""

    def __init__(self):
        super().__init__()
        self.loss = self.double = self.delay = 0.0
        self.pole = Exchange(wire=self.wire, seed=1)

    def wire(self, _frame, rng):
        copies = (rng.random() >= self.loss) + (rng.random() < self.double)
        return tuple(rng.random() * self.delay for _ in range(copies))

    @rule(
        loss=st.sampled_from([0.0, 0.2, 0.9]),
        double=st.sampled_from([0.0, 0.5]),
        delay=st.sampled_from([0.0, 0.02, 0.4]),
    )
    def weather(self, loss, double, delay):
        self.loss, self.double, self.delay = loss, double, delay

    @rule(seconds=st.sampled_from([0.05, 0.3, 2.0, 5.0]))
    def wait(self, seconds):
        self.pole.run(seconds)

    @rule(frame=FRAMES, side=st.sampled_from(["controller", "module"]))
    def garbage(self, frame, side):
        self.pole.throw(side, frame)

    @rule()
    def reboot(self):
        self.pole.reboot()

    @rule()
    def unplug(self):
        self.pole.events += self.pole.controller.link_lost(now=self.pole.now)

    @rule()
    def mute(self):
        self.pole.talks = not self.pole.talks

    @invariant()
    def output_is_bounded(self):
        assert len(self.pole.sent["controller"]) <= 60 + 60 * (self.pole.now + 1)

    def teardown(self):
        self.loss = self.double = self.delay = 0.0
        self.pole.talks = True
        self.pole.run(80.0)
        assert self.pole.controller.state is State.ACTIVE, (self.pole.controller.reason, self.pole.module.state)


Unruly.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestUnruly = Unruly.TestCase


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAMES, max_size=20))
def test_random_frames_never_raise(frames):
    pole = active()
    for frame in frames:
        pole.throw("controller", frame)
        pole.throw("module", frame)
    pole.run(0.5)
