"""The table of messages and the published vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from interfaces.frame import Flag, Frame
from interfaces.message import KINDS, BadMessage, Direction, Message, decode, encode, is_data, is_vendor
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "messages.json").read_text(encoding="utf-8"))


def test_every_type_has_exactly_one_row():
    assert set(KINDS) == {int(t) for t in MessageType}
    assert all(number == kind.type for number, kind in KINDS.items())
    bodies = [kind.body for kind in KINDS.values()]
    assert len(bodies) == len(set(bodies))


def test_replies_travel_against_their_requests():
    for kind in KINDS.values():
        if kind.reply is not None:
            assert not KINDS[kind.reply].direction & kind.direction


def test_data_types_come_from_modules():
    data = [kind for kind in KINDS.values() if is_data(kind.type)]
    assert len(data) == 6
    assert {kind.direction for kind in data} == {Direction.TO_CONTROLLER}
    assert is_vendor(0xC0)
    assert not is_vendor(0x44)


def test_round_trip_keeps_everything():
    message = Message(MessageType.PING, pb.Ping(token=9), src=1, dst=2, session=3, seq=4, flags=Flag.ACK_REQ)
    frame = encode(message)
    assert frame.priority == KINDS[MessageType.PING].priority
    assert decode(frame) == message


def test_a_body_of_another_type_is_refused():
    with pytest.raises(ValueError, match="PING carries Ping, not Pong"):
        encode(Message(MessageType.PING, pb.Pong()))


def test_too_long_a_body_is_refused():
    with pytest.raises(ValueError, match="exceeds"):
        encode(Message(MessageType.SHEET_CHUNK, pb.SheetChunk(data=bytes(9000))))


def test_unknown_types_are_told_from_broken_payloads():
    assert decode(Frame(0x3E, b"")).unknown
    broken = decode(Frame(MessageType.PING, b"\xff\xff"))
    assert isinstance(broken, BadMessage)
    assert not broken.unknown
    assert "PING" in broken.reason


def test_fields_of_a_later_version_are_ignored():
    later = pb.Ping(token=1).SerializeToString() + bytes([15 << 3, 7])
    assert decode(Frame(MessageType.PING, later)).body.token == 1


@given(st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_decoding_never_raises(number, payload):
    assert isinstance(decode(Frame(number, payload)), (Message, BadMessage))


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_vectors(vector):
    kind = KINDS[vector["type"]]
    body = json_format.ParseDict(vector["body"], kind.body())
    assert kind.type.name == vector["name"].split(":")[0]
    assert body.SerializeToString(deterministic=True).hex() == vector["payload"]
    assert kind.body.FromString(bytes.fromhex(vector["payload"])) == body


def test_vectors_cover_every_type():
    assert {vector["type"] for vector in VECTORS["messages"]} == set(KINDS)
