"""The serial frame: round trips in any portions, resynchronisation, and no corruption taken for a frame."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.errors import LocalProtocolError
from interfaces.frame import Flag, Frame, FrameReader, cobs_decode, cobs_encode, encode

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "serial_frames.json").read_text(encoding="utf-8"))

bytes_with_zeros = st.binary(max_size=700) | st.lists(st.sampled_from([0, 1, 0xFF]), max_size=600).map(bytes)


@st.composite
def frames(draw):
    flags = Flag(draw(st.integers(0, 15)))
    byte = st.integers(0, 255)
    return Frame(
        type=draw(st.integers(0, 0xFFFF)),
        payload=draw(bytes_with_zeros),
        src=draw(byte),
        dst=draw(byte),
        session=draw(st.integers(0, 0xFFFF)),
        seq=draw(st.integers(0, 2**32 - 1)),
        priority=draw(byte),
        flags=flags,
        tag=draw(st.binary(min_size=8, max_size=8)) if flags & Flag.AUTH else b"",
    )


@given(bytes_with_zeros)
def test_cobs_is_its_own_inverse_and_has_no_zero(data):
    stuffed = cobs_encode(data)
    assert 0 not in stuffed
    assert cobs_decode(stuffed) == data


@given(st.binary(max_size=300))
def test_any_bytes_unstuff_or_are_refused(data):
    plain = cobs_decode(data)
    assert plain is None or len(plain) <= len(data)


@given(st.lists(frames(), max_size=4), st.lists(st.integers(0, 4000), max_size=8))
def test_frames_survive_any_portioning(sent, cuts):
    wire = b"".join(map(encode, sent))
    reader, got, at = FrameReader(), [], 0
    for cut in [*sorted(c for c in cuts if c < len(wire)), len(wire)]:
        got += reader.feed(wire[at:cut])
        at = cut
    assert got == sent
    assert not reader.faults


@given(st.binary(max_size=200), frames(), st.binary(max_size=200))
def test_the_reader_finds_its_way_after_any_noise(before, frame, after):
    reader = FrameReader()
    got = reader.feed(before) + reader.feed(encode(frame)) + reader.feed(after)
    assert got.count(frame) == 1


def test_a_run_without_delimiter_is_dropped_once_and_never_held():
    reader = FrameReader()
    for _ in range(200):
        assert reader.feed(b"\x55" * 1000) == []
        assert len(reader._rest) <= reader._limit
    assert reader.faults == {"oversize": 1}
    assert reader.feed(b"\0" + encode(Frame(1, b"x"))) == [Frame(1, b"x")]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_wire_vectors(case):
    wire = bytes.fromhex(case["wire"])
    reader = FrameReader()
    got = reader.feed(wire)
    if case["valid"]:
        fields = dict(case["frame"])
        fields |= {"payload": bytes.fromhex(fields["payload"]), "tag": bytes.fromhex(fields.get("tag", ""))}
        frame = Frame(**(fields | {"flags": Flag(fields["flags"])}))
        assert got == [frame]
        assert encode(frame) == wire
    else:
        assert got == []
        assert reader.faults == {case["fault"]: 1}


@pytest.mark.parametrize(
    "frame",
    [
        Frame(1, bytes(8193)),
        Frame(0x10000, b""),
        Frame(1, b"", src=256),
        Frame(1, b"", seq=-1),
        Frame(1, b"", tag=b"12345678"),
        Frame(1, b"", flags=Flag.AUTH),
    ],
)
def test_a_frame_that_does_not_fit_is_our_own_error(frame):
    with pytest.raises(LocalProtocolError):
        encode(frame)


def _corrupted(rng: random.Random, wire: bytes) -> bytes:
    body = bytearray(wire[1:-1])
    at = rng.randrange(len(body))
    match rng.randrange(5):
        case 0:
            body[at] ^= 1 << rng.randrange(8)
        case 1:
            for offset in range(min(rng.randrange(2, 9), len(body) - at)):
                body[at + offset] = rng.randrange(256)
        case 2:
            del body[at:]
        case 3:
            body[at:at] = rng.randbytes(rng.randrange(1, 4))
        case _:
            del body[at : at + rng.randrange(1, 4)]
    return b"\0" + bytes(body) + b"\0"


def test_of_200_000_corruptions_none_is_taken_for_a_frame():
    rng = random.Random(20261123)
    frames = [Frame(0x40, rng.randbytes(size), 2, 1, 7, 9) for size in (0, 3, 24, 120, 500)]
    wires = [encode(frame) for frame in frames]
    false = 0
    for index in range(200_000):
        frame, wire = frames[index % 5], wires[index % 5]
        false += any(got != frame for got in FrameReader().feed(_corrupted(rng, wire)))
    assert false == 0
