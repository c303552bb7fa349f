"""Every state of a session reached by its cause, and left again: silence, doubt, probation, reboot, goodbye."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.errors import LocalProtocolError
from interfaces.events import DataMessage, Said, StateChanged
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import TRANSITIONS, Cause, State, document
from tests.exchange import PLAN, Exchange, active, say, types

T = MessageType
ROOT = Path(__file__).parents[2]


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
