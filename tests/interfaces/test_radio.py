"""Radio over PMI: payloads to a module that serves and has a radio, what it heard back in its plan."""

from __future__ import annotations

import pytest

from interfaces.events import DataMessage
from interfaces.frame import Flag, Frame
from interfaces.module_events import RadioAsked
from interfaces.module_session import ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MAX_PAYLOAD, MessageType
from interfaces.states import State
from tests.exchange import PLAN, Exchange, good_sheet
from tests.secured import SecuredExchange, key_of, secured_module, secured_sheet

SEND = pb.RadioSend(
    stream=1, radio=pb.RADIO_5_9_GHZ, format=pb.ETSI_CPM, priority=2, lifetime_ms=100, payload=bytes(1100)
)


def radio_sheet():
    sheet = good_sheet(classes=[pb.RADAR])
    sheet.channels.add(channel=1, message_type=MessageType.RADIO_RECEIVED, max_rate_mhz=10_000, max_objects=16)
    return sheet


def serving(sheet, *, probation=False):
    pole = Exchange(sheet=sheet, decide=False)
    pole.run(0.1)
    plans = [PLAN, pb.Plan(channel=1, rate_mhz=10_000, max_objects=16)][: len(sheet.channels)]
    pole._heard(pole.controller.activate(plans, probation=probation, now=pole.now))
    pole.run_until(State.PROBATION if probation else State.ACTIVE, 1.0)
    return pole


def test_a_serving_module_with_a_radio_gets_the_payload():
    pole = serving(radio_sheet())
    assert pole.controller.has_radio
    assert pole.controller.send_radio(SEND, now=pole.now)
    (frame,) = pole.controller.take_frames()
    assert len(frame.payload) < MAX_PAYLOAD
    assert pole.module.receive(frame, pole.now, 1) == [RadioAsked(SEND)]


def test_a_module_without_a_radio_gets_none():
    pole = serving(good_sheet())
    assert not pole.controller.has_radio
    assert not pole.controller.send_radio(SEND, now=pole.now)
    assert pole.controller.take_frames() == []


def test_a_module_on_probation_gets_none():
    pole = serving(radio_sheet(), probation=True)
    assert not pole.controller.send_radio(SEND, now=pole.now)
    pole._heard(pole.controller.promote(now=pole.now))
    assert pole.controller.send_radio(SEND, now=pole.now)


def test_nobody_there_gets_none():
    pole = serving(radio_sheet())
    pole.controller.link_lost(now=pole.now)
    assert not pole.controller.send_radio(SEND, now=pole.now)


def test_a_module_that_does_not_run_counts_it():
    pole = serving(radio_sheet())
    pole.controller.send_radio(SEND, now=pole.now)
    (frame,) = pole.controller.take_frames()
    pole.module.state = ModuleState.ASSIGNED
    assert pole.module.receive(frame, pole.now, 1) == []
    assert pole.module.counters["unexpected"] == 1


@pytest.mark.parametrize("channel", [0, 1])
def test_what_was_heard_comes_on_its_own_channel_only(channel):
    pole = serving(radio_sheet())
    body = pb.RadioReceived(t_us=5, seq=1, channel=channel, payloads=[pb.RadioPayload(payload=b"x")])
    before = len(pole.of(DataMessage))
    seq = pole.controller._last_seq + 1
    payload = body.SerializeToString()
    frame = Frame(MessageType.RADIO_RECEIVED, payload, 2, 1, pole.controller.session_id, seq)
    pole.throw("controller", frame)
    assert len(pole.of(DataMessage)) - before == channel
    assert pole.controller.counters["plan_violation"] == 1 - channel


def test_in_a_secured_session_a_payload_needs_its_tag():
    sheet = secured_sheet(key_of("device"))
    sheet.channels.add(channel=1, message_type=MessageType.RADIO_RECEIVED, max_rate_mhz=10_000, max_objects=16)
    pole = SecuredExchange(secured_module(sheet=sheet))
    pole.run_until(State.ACTIVE, 1.0)
    assert pole.controller.send_radio(SEND, now=pole.now)
    (frame,) = pole.controller.take_frames()
    assert frame.flags & Flag.AUTH
    assert pole.module.receive(frame._replace(payload=frame.payload[:-1] + b"!"), pole.now, 1) == []
    assert pole.module.receive(frame, pole.now, 1) == [RadioAsked(SEND)]
    assert pole.module.receive(frame, pole.now, 1) == [], "said twice"
