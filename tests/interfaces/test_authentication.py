"""Level L3 end to end: who gets in, what is dropped, what survives loss; nothing a wire does authenticates anybody."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.datasheet import to_bytes
from interfaces.errors import LocalProtocolError
from interfaces.events import Authenticated, AuthenticationFailed, DataMessage
from interfaces.frame import Flag, Frame
from interfaces.link import MemoryLink
from interfaces.message import Message, encode
from interfaces.module_events import Rejected
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import PLAN, WALL_NS, Exchange, frame_of, good_hello
from tests.secured import SecuredExchange, entropy_of, key_of, secured_module, secured_sheet

T = MessageType
HANDSHAKE = {T.AUTH_START, T.AUTH_REPLY, T.AUTH_FINISH, T.AUTH_DONE}


def active(module=None, **arguments):
    pole = SecuredExchange(module, **arguments)
    pole.run_until(State.ACTIVE, 2.0)
    pole.run(1.05)
    return pole


def after_authentication(frames):
    kinds = [frame.type for frame in frames]
    first = next(kinds.index(kind) for kind in (T.AUTH_FINISH, T.AUTH_DONE) if kind in kinds)
    return frames[first:]


def test_both_sides_prove_themselves_before_a_plan_is_granted():
    pole = active()
    assert pole.controller.authenticated
    assert pole.module.authentication.authenticated
    assert [event.device_key for event in pole.of(Authenticated)] == [key_of("device").public_key().public_bytes_raw()]
    sent = [frame.type for frame in pole.sent["controller"]]
    assert sent.index(T.AUTH_START) < sent.index(T.AUTH_FINISH) < sent.index(T.ACTIVATE)
    assert len(pole.of(DataMessage)) > 5


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
    pole.throw("controller", own._replace(seq=own.seq + 10**6))
    assert pole.controller.counters["bad_tag"] == 1


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
    pole.module = secured_module(hello=good_hello(level=3, boot_id=8))
    pole.run(2.0)
    assert pole.controller.counters["authenticated"] == 2
    before = len(pole.of(DataMessage))
    for frame in old:
        pole.throw("controller", frame)
        pole.throw("controller", frame._replace(session=pole.controller.session_id, seq=frame.seq + 10**6))
    assert len(pole.of(DataMessage)) == before


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


class StolenName:
    """Signs with one key and shows the public half of another."""

    def __init__(self, key, shown):
        self.sign, self.public_key = key.sign, shown.public_key


def test_a_controller_must_hold_the_key_that_it_names():
    pole = SecuredExchange()
    pole.credentials = replace(pole.credentials, key=StolenName(key_of("thief"), key_of("pole")))
    pole.run_until(State.REJECTED, 1.0)
    assert "AUTH_FINISH is not signed by controller_key" in pole.controller.reason
    assert pole.module.authentication.controller_key is None, "nobody is pinned by it"


def test_a_finish_without_its_tag_is_no_finish():
    def untagged(frame, _rng):
        return () if frame.type == T.AUTH_FINISH else (0.0,)

    pole = SecuredExchange(wire=untagged)
    pole.run(0.05)
    finish = next(frame for frame in pole.sent["controller"] if frame.type == T.AUTH_FINISH)
    pole.throw("module", finish._replace(flags=Flag.NONE, tag=b""))
    assert not pole.module.authentication.authenticated
    pole.throw("module", finish)
    assert pole.module.authentication.authenticated


def test_a_done_without_its_tag_is_no_done():
    pole = SecuredExchange(wire=lambda frame, _rng: () if frame.type == T.AUTH_DONE else (0.0,))
    pole.run(0.05)
    done = next(frame for frame in pole.sent["module"] if frame.type == T.AUTH_DONE)
    pole.throw("controller", done._replace(flags=Flag.NONE, tag=b""))
    assert not pole.controller.authenticated
    pole.throw("controller", done)
    assert pole.controller.authenticated


def recorded():
    """The handshake frames of a good run, and the session they belong to."""
    pole = active()
    return [frame for side in pole.sent.values() for frame in side if frame.type in HANDSHAKE]


RECORDED = recorded()


def flip(frame, bit):
    payload = bytearray(frame.payload)
    payload[bit // 8 % len(payload)] ^= 1 << bit % 8
    return frame._replace(payload=bytes(payload))


junk = st.builds(
    Frame,
    st.sampled_from(sorted(HANDSHAKE)),
    st.binary(max_size=140),
    session=st.just(RECORDED[0].session),
    seq=st.integers(0, 2**32 - 1),
    flags=st.sampled_from([Flag.NONE, Flag.AUTH, Flag.ACK, Flag.AUTH | Flag.ACK]),
    tag=st.binary(min_size=8, max_size=8) | st.just(b""),
)
replayed = st.sampled_from(RECORDED)
flipped = st.builds(flip, replayed, st.integers(0, 8 * 140))


def test_the_recorded_handshake_is_a_good_one():
    """What the property below throws would authenticate if both sides drew the same random bytes again."""
    module = secured_module()
    again = SecuredExchange(module, wire=lambda frame, _rng: () if frame.type in HANDSHAKE else (0.0,))
    again.run(0.05)
    for frame in RECORDED:
        again.throw("module" if frame.src == 1 else "controller", frame)
        again.run(0.0)
    assert module.authentication.authenticated


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["controller", "module"]), junk | replayed | flipped), max_size=15))
def test_no_handshake_of_another_run_authenticates(thrown):
    """Fresh entropy on both sides, the same keys and session id, an attacker with every old frame in hand."""
    fresh = SecuredExchange(
        secured_module(entropy="fresh module"),
        wire=lambda frame, _rng: () if frame.type in HANDSHAKE else (0.0,),
    )
    fresh.credentials = replace(fresh.credentials, entropy=random.Random("fresh").randbytes)
    fresh.run(0.05)
    assert fresh.controller.session_id == RECORDED[0].session
    for side, frame in thrown:
        fresh.throw(side, frame)
        fresh.run(0.01)
        assert not fresh.controller.authenticated
        assert not fresh.module.authentication.authenticated
    assert not fresh.of(Authenticated)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_flipped_bits_never_authenticate(rng):
    """Each handshake frame is spoilt on its way, each time in another place."""

    def wire(frame, _rng):
        return () if frame.type in HANDSHAKE else (0.0,)

    pole = SecuredExchange(wire=wire)
    launch = pole._launch

    def spoil(to, frames):
        launch(to, frames)
        for frame in frames:
            if frame.type in HANDSHAKE and frame.payload:
                pole.throw(to, flip(frame, rng.randrange(8 * len(frame.payload))))

    pole._launch = spoil
    pole.run(3.0)
    assert not pole.of(Authenticated)
    assert pole.controller.state is not State.ACTIVE


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_reordered_frames_end_in_a_good_session_or_none(seed):
    pole = SecuredExchange(seed=seed, wire=lambda _f, rng: (rng.uniform(0, 0.15),))
    pole.run(15.0)
    assert pole.of(Authenticated), "some attempt gets through"
    if pole.controller.state is State.ACTIVE:
        assert pole.controller.authenticated
        assert pole.module.authentication.authenticated


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
    assert entropy_of("a")(4) == entropy_of("a")(4)
