"""Attacks on the handshake of L3: nothing that is done to it on the wire authenticates anybody."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.events import Authenticated
from interfaces.frame import Flag, Frame
from interfaces.spec import MessageType
from interfaces.states import State
from tests.secured import HANDSHAKE, SecuredExchange, active, key_of, secured_module

T = MessageType


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
