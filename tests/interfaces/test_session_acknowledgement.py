"""Orders are said until they are acknowledged, and what a module says is acknowledged every time."""

from __future__ import annotations

from interfaces.events import Fault, Said, SelfTestDone
from interfaces.frame import Flag, Frame
from interfaces.module_events import IdentifyAsked, Rejected, SelfTestAsked
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import Exchange, active, types

T = MessageType


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
