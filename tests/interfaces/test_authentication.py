"""Level L3 end to end: who gets in, who is refused and why, what survives loss, what is shown of the secrets."""

from __future__ import annotations

import asyncio
import random

import pytest

from interfaces.datasheet import to_bytes
from interfaces.errors import LocalProtocolError
from interfaces.events import Authenticated, AuthenticationFailed, DataMessage
from interfaces.link import MemoryLink
from interfaces.module_events import Rejected
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import PLAN, WALL_NS, Exchange, frame_of, good_hello
from tests.secured import SecuredExchange, active, key_of, secured_module, secured_sheet

T = MessageType


def test_both_sides_prove_themselves_before_a_plan_is_granted():
    pole = active()
    assert pole.controller.authenticated
    assert pole.module.authentication.authenticated
    assert [event.device_key for event in pole.of(Authenticated)] == [key_of("device").public_key().public_bytes_raw()]
    sent = [frame.type for frame in pole.sent["controller"]]
    assert sent.index(T.AUTH_START) < sent.index(T.AUTH_FINISH) < sent.index(T.ACTIVATE)
    assert len(pole.of(DataMessage)) > 5


def test_lost_and_doubled_frames_do_not_stop_the_handshake():
    for seed in range(30):
        pole = SecuredExchange(
            seed=seed, wire=lambda _f, rng: () if rng.random() < 0.15 else (0.001,) * rng.choice((1, 1, 2))
        )
        pole.run(12.0)
        assert pole.controller.counters["authenticated"], seed
        assert len(pole.of(DataMessage)) > 10, seed


def test_a_module_of_another_key_is_refused():
    impostor = secured_module("impostor")
    impostor._sheet_bytes = to_bytes(secured_sheet(key_of("device")))
    impostor.hello.sheet_hash = secured_module().hello.sheet_hash
    impostor.hello.sheet_size = len(impostor._sheet_bytes)
    pole = SecuredExchange(impostor)
    pole.run_until(State.REJECTED, 1.0)
    assert "not signed by the key of the data sheet" in pole.of(AuthenticationFailed)[0].text
    assert [event.reason for event in pole.module_events if isinstance(event, Rejected)] == [pb.NOT_TRUSTED]


def test_a_module_without_the_level_answers_unsupported_and_is_refused():
    pole = SecuredExchange(
        ModuleSession(good_hello(level=3), to_bytes(secured_sheet(key_of("device"))), rng=random.Random(0))
    )
    pole.run_until(State.REJECTED, 0.1)
    assert "UNSUPPORTED" in pole.controller.reason


def test_a_module_that_does_not_answer_is_refused():
    pole = SecuredExchange(wire=lambda frame, _rng: () if frame.type == T.AUTH_REPLY else (0.0,))
    assert pole.run_until(State.REJECTED, 1.0) == pytest.approx(0.4, abs=0.01)
    assert "no good answer to 4 AUTH_START" in pole.controller.reason


def test_a_module_obeys_the_first_controller_and_no_other():
    module = secured_module()
    pole = active(module)
    assert module.authentication.controller_key == pole.credentials.key.public_key().public_bytes_raw()
    other = SecuredExchange(module, controller="another pole")
    other.controller = ControllerSession(session_id=4000, sheet_lookup=other.cache.get)
    other.now = pole.now
    other.run_until(State.REJECTED, 5.0)
    assert "obeys another controller" in other.controller.reason


def test_a_given_pin_is_obeyed_from_the_start():
    pin = key_of("pole").public_key().public_bytes_raw()
    assert active(secured_module(controller_key=pin)).controller.authenticated
    stranger = SecuredExchange(secured_module(controller_key=pin), controller="stranger")
    stranger.run_until(State.REJECTED, 1.0)
    assert "obeys another controller" in stranger.controller.reason


def test_a_module_that_requires_authentication_takes_no_plan_without():
    pole = Exchange()
    pole.module = secured_module(required=True)
    pole.run_until(State.REJECTED, 1.0)
    assert "authenticates" in pole.controller.reason
    assert active(secured_module(required=True)).controller.authenticated


def test_a_data_sheet_with_another_key_is_noticed_at_home():
    with pytest.raises(LocalProtocolError, match="public_key"):
        secured_module("device", sheet=secured_sheet(key_of("other")))


def test_authenticate_at_the_wrong_time_is_a_mistake_of_the_owner():
    session = ControllerSession(session_id=1)
    credentials = SecuredExchange().credentials
    with pytest.raises(LocalProtocolError):
        session.authenticate(credentials, now=0.0)
    pole = Exchange(decide=False)
    pole.run(0.2)
    with pytest.raises(LocalProtocolError, match="no public key"):
        pole.controller.authenticate(credentials, now=pole.now)
    pole = SecuredExchange(wire=lambda frame, _rng: () if frame.type == T.AUTH_REPLY else (0.0,))
    pole.run(0.1)
    with pytest.raises(LocalProtocolError, match="being authenticated"):
        pole.controller.activate([PLAN], probation=False, now=pole.now)


async def test_over_a_link_with_both_sessions():
    """Two tasks, one wire in memory, wall time from the loop."""
    here, there = MemoryLink.pair()
    module = secured_module()
    pole = SecuredExchange(module)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    async def controller_side():
        while True:
            for frame in await here.receive():
                pole.now = loop.time()
                pole._heard(pole.controller.receive(frame, pole.now, WALL_NS))
                for out in pole.controller.take_frames():
                    here.send(out)
                if pole.of(DataMessage):
                    done.set()

    async def module_side():
        module.tick(loop.time(), 0)
        while True:
            for out in module.take_frames():
                there.send(out)
            for frame in await there.receive():
                module.receive(frame, loop.time(), 0)
            if module.state is ModuleState.RUNNING:
                module.send_data(T.DETECTIONS, frame_of(1), loop.time())

    tasks = [asyncio.create_task(controller_side()), asyncio.create_task(module_side())]
    async with asyncio.timeout(5):
        await done.wait()
    assert pole.controller.authenticated
    assert pole.of(DataMessage)[0].frame.tag
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await here.close()


def test_secrets_are_in_no_repr():
    pole = active()
    device, controller = key_of("device"), key_of("pole")
    things = [
        pole.credentials,
        pole.module.authentication._credentials,
        pole.module.authentication._handshake,
        pole.module.authentication._handshake.channel,
        pole.controller._channel,
        *pole.events,
        *pole.module_events,
    ]
    channel = pole.controller._channel
    secrets = [device.private_bytes_raw(), controller.private_bytes_raw(), channel._sending, channel._receiving]
    for thing in things:
        for secret in secrets:
            for shown in (repr(thing), str(thing)):
                assert secret.hex() not in shown.lower()
                assert repr(secret)[2:-1] not in shown
