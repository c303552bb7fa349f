"""Cyphal/CAN transfers: byte for byte those of an independent implementation, and whole again from any frames."""

from __future__ import annotations

import json
import random
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycyphal2._api import Instant
from pycyphal2.can import _reassembly as peer_reassembly
from pycyphal2.can import _wire as peer

from interfaces.errors import LocalProtocolError
from interfaces.transfer import MTU_CLASSIC, MTU_FD, Kind, Reassembler, Transfer, segment

PEER_KIND = {
    Kind.MESSAGE: peer.TransferKind.MESSAGE_13,
    Kind.REQUEST: peer.TransferKind.REQUEST,
    Kind.RESPONSE: peer.TransferKind.RESPONSE,
}


@st.composite
def transfers(draw, shortest=0, longest=300):
    kind = draw(st.sampled_from(list(Kind)))
    source = draw(st.integers(0, 127))
    destination = None
    if kind is not Kind.MESSAGE:
        destination = draw(st.integers(0, 127).filter(lambda node: node != source))
    port = draw(st.integers(0, 8191 if kind is Kind.MESSAGE else 511))
    return Transfer(
        kind,
        port,
        draw(st.binary(min_size=shortest, max_size=longest)),
        source,
        destination,
        draw(st.integers(0, 7)),
        draw(st.integers(0, 31)),
    )


def a_random_transfer(rng):
    kind = rng.choice(list(Kind))
    source, destination = rng.sample(range(128), 2)
    port = rng.randrange(8192 if kind is Kind.MESSAGE else 512)
    payload = rng.randbytes(rng.choice([rng.randrange(10), rng.randrange(70), rng.randrange(2500)]))
    return Transfer(
        kind, port, payload, source, None if kind is Kind.MESSAGE else destination, rng.randrange(8), rng.randrange(32)
    )


def test_frames_are_those_of_the_independent_implementation():
    rng = random.Random(1)
    for _ in range(1500):
        one, mtu = a_random_transfer(rng), rng.choice([MTU_CLASSIC, MTU_FD])
        theirs = peer.serialize_transfer(
            PEER_KIND[one.kind],
            one.priority,
            one.port,
            one.source,
            one.payload,
            one.transfer_id,
            destination_id=one.destination,
            fd=mtu == MTU_FD,
        )
        ours = segment(one, mtu)
        assert [frame.data for frame in ours] == theirs[1]
        assert {frame.id for frame in ours} == {theirs[0]}


def test_the_independent_implementation_reads_ours():
    rng = random.Random(2)
    for _ in range(1000):
        one, mtu = a_random_transfer(rng), rng.choice([MTU_CLASSIC, MTU_FD])
        heard = []
        endpoint = peer_reassembly.Endpoint(
            PEER_KIND[one.kind], one.port, lambda *args, heard=heard: heard.append(args)
        )
        for frame in segment(one, mtu):
            parsed = peer.parse_frame(frame.id, frame.data, mtu=mtu)
            peer_reassembly.Reassembler.ingest(endpoint, 0, Instant(ns=10**9), parsed)
        ((_, source, priority, payload),) = heard
        assert (source, int(priority)) == (one.source, one.priority)
        assert payload[: len(one.payload)] == one.payload
        assert not any(payload[len(one.payload) :])  # CAN FD pads with zeros


@given(st.lists(transfers(), min_size=1, max_size=4, unique_by=lambda one: (one.kind, one.port, one.source)), st.data())
def test_interleaved_transfers_come_back_whole(sent, data):
    mtu = data.draw(st.sampled_from([MTU_CLASSIC, MTU_FD]))
    streams = [segment(one, mtu) for one in sent]
    reader, heard = Reassembler(), []
    while any(streams):
        stream = data.draw(st.sampled_from([stream for stream in streams if stream]))
        frame = stream.pop(0)
        whole = reader.feed(frame.id, frame.data, 1.0)
        if whole is not None:
            heard.append(whole)
    assert len(heard) == len(sent)
    for one in heard:
        (twin,) = [
            other for other in sent if (other.kind, other.port, other.source) == (one.kind, one.port, one.source)
        ]
        assert one.payload[: len(twin.payload)] == twin.payload
        assert not any(one.payload[len(twin.payload) :])
        assert (one.destination, one.priority, one.transfer_id) == (twin.destination, twin.priority, twin.transfer_id)
    assert not reader.faults


@given(st.lists(st.tuples(st.integers(0, (1 << 30) - 1), st.binary(max_size=64)), max_size=60))
def test_noise_never_raises(frames):
    reader = Reassembler()
    for identifier, data in frames:
        reader.feed(identifier, data, 0.0)


@given(transfers(shortest=8, longest=100), st.data())
def test_a_damaged_transfer_is_never_believed(one, data):
    frames = segment(one, MTU_CLASSIC)
    at = data.draw(st.integers(0, len(frames) - 1))
    deed = data.draw(st.sampled_from(["lose", "double", "flip"]))
    hurt = list(frames)
    if deed == "lose":
        del hurt[at]
    elif deed == "double":
        hurt.insert(at, hurt[at])
    else:
        byte, bit = data.draw(st.integers(0, max(0, len(hurt[at].data) - 2))), data.draw(st.integers(0, 7))
        changed = bytearray(hurt[at].data)
        changed[byte] ^= 1 << bit
        hurt[at] = hurt[at]._replace(data=bytes(changed))
    reader = Reassembler()
    heard = [whole for frame in hurt if (whole := reader.feed(frame.id, frame.data, 0.0)) is not None]
    if deed == "double" and at == 0:
        assert [whole.payload for whole in heard] == [one.payload]  # the second start is the same transfer again
    elif deed != "double":
        assert heard == []


def test_a_repeated_transfer_id_is_the_same_transfer_for_two_seconds():
    (frame,) = segment(Transfer(Kind.MESSAGE, 7509, b"alive", 9, transfer_id=3))
    reader = Reassembler()
    assert reader.feed(frame.id, frame.data, 0.0) is not None
    assert reader.feed(frame.id, frame.data, 1.9) is None
    assert reader.feed(frame.id, frame.data, 2.1) is not None


def test_anonymous_messages_fit_one_frame():
    (frame,) = segment(Transfer(Kind.MESSAGE, 8166, b"1234567", None))
    whole = Reassembler().feed(frame.id, frame.data, 0.0)
    assert whole.source is None
    assert whole.payload == b"1234567"
    with pytest.raises(LocalProtocolError, match="anonymous transfer of 8 B"):
        segment(Transfer(Kind.MESSAGE, 8166, b"12345678", None))


@pytest.mark.parametrize(
    "wrong",
    [
        Transfer(Kind.MESSAGE, 8192, b"", 1),
        Transfer(Kind.REQUEST, 512, b"", 1, 2),
        Transfer(Kind.REQUEST, 1, b"", 1, 1),
        Transfer(Kind.REQUEST, 1, b"", None, 1),
        Transfer(Kind.MESSAGE, 1, b"", 128),
        Transfer(Kind.MESSAGE, 1, b"", 1, priority=8),
    ],
)
def test_what_cannot_be_sent_is_our_own_error(wrong):
    with pytest.raises(LocalProtocolError):
        segment(wrong)


def test_an_endless_transfer_is_cut():
    reader = Reassembler()
    start = segment(Transfer(Kind.MESSAGE, 4100, bytes(7000), 9), MTU_FD)
    toggle = True
    for index in range(400):
        tail = (0x80 if index == 0 else 0) | (0x20 if toggle else 0)
        reader.feed(start[0].id, bytes(63) + bytes((tail,)), 0.0)
        toggle = not toggle
    assert reader.faults["can_oversize"] == 1


def test_a_node_that_left_is_forgotten():
    frames = segment(Transfer(Kind.MESSAGE, 4100, bytes(30), 9))
    reader = Reassembler()
    reader.feed(frames[0].id, frames[0].data, 0.0)
    reader.drop_node(9)
    assert all(reader.feed(frame.id, frame.data, 0.0) is None for frame in frames[1:])


def test_the_published_vectors_are_what_the_code_says():
    folder = Path(__file__).parents[1] / "vectors"
    published = json.loads((folder / "can_transfers.json").read_text())
    assert runpy.run_path(str(folder / "generate_can_transfers.py"))["vectors"]() == published
    for row in published["vectors"]:
        for identifier, data in row["frames"]:
            assert peer.parse_frame(int(identifier, 16), bytes.fromhex(data), mtu=64 if row["fd"] else 8) is not None
