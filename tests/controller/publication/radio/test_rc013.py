"""RC-013: the golden vectors to the bit, every table round trip, and bytes from outside."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.publication.radio import free_area, rc013
from controller.publication.radio.bits import Field, Structure
from controller.publication.radio.free_area import FreeEntry
from controller.publication.radio.vehicle import COMMON, MANAGEMENT, OPTIONS, POSITION, STATE
from tests.controller.publication.radio.areas import areas, said

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "radio_rc013.json").read_text(encoding="utf-8"))[
    "messages"
]
TABLES = (MANAGEMENT, *COMMON, *OPTIONS.values())
QUANTITIES = [(one, field) for one in TABLES for field in one.fields if field.step]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_messages_decode_to_their_values_and_back_to_their_bytes(vector):
    data = bytes.fromhex(vector["hex"])
    message = rc013.decode(data)
    told = {"management": message.management, "time": message.time, "position": message.position,
            "state": message.state, "attributes": message.attributes, **message.options}  # fmt: skip
    assert {name: told[name] for name in vector["values"]} == vector["values"]
    assert [(one.service_id, one.gap.hex(), one.data.hex()) for one in message.free] == [
        tuple(one) for one in vector["free"]
    ]
    assert rc013.encode(message) == data


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_shorter_prefix_and_a_longer_one_are_refused(vector):
    data = bytes.fromhex(vector["hex"])
    for size in range(len(data)):
        assert isinstance(rc013.decode(data[:size]), str)
    assert "1 B too many" in rc013.decode(data + b"\0")


@given(areas(**rc013.BASIC))
def test_what_goes_out_comes_back(message):
    try:
        data = rc013.encode(message)
    except ValueError as error:
        assert "at most 100" in str(error)  # noqa: PT017 -- the only reason there can be
        return
    back = rc013.decode(data)
    assert said(back) == said(message)
    assert rc013.encode(back) == data


@given(st.one_of(st.binary(max_size=110), st.binary(max_size=70).map(lambda tail: b"\x29\1\2\3\4\5\x1c" + tail)))
def test_bytes_from_outside_are_understood_whole_or_not_at_all(data):
    message = rc013.decode(data)
    assert isinstance(message, str) or rc013.encode(message) == data


@pytest.mark.parametrize(("structure", "field"), QUANTITIES, ids=lambda one: getattr(one, "name", ""))
@given(quantity=st.floats())
def test_a_real_quantity_never_reads_as_unknown(structure, field, quantity):
    value = field.to_wire(quantity)
    back = structure.unpack(structure.pack({field.name: value}))
    assert back[field.name] == value
    if math.isfinite(quantity):
        low, high = field.range
        assert low <= value <= high
        assert value != field.unknown
        inside = low * field.step <= quantity <= high * field.step
        assert not inside or field.to_real(value) == pytest.approx(quantity, abs=0.51 * field.step)
    else:
        assert value == field.unknown
        assert math.isnan(field.to_real(value))


@pytest.mark.parametrize(
    ("metres", "wire"),
    [(0.0, 0x0000), (-0.1, 0xFFFF), (-409.5, 0xF001), (6143.9, 0xEFFF), (9000.0, 0xEFFF), (-500.0, 0xF001)],
)
def test_an_elevation_below_zero_stands_above_its_sentinel(metres, wire):
    assert POSITION.pack({"elevation": POSITION["elevation"].to_wire(metres)})[8:10] == wire.to_bytes(2, "big")


def test_what_is_not_given_is_unknown():
    assert STATE.pack({}).hex() == "ffffffff8000007800"
    assert POSITION.pack({}).hex() == "8000000080000000f00000"


def test_values_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"state\.speed: 65536 does not fit 16 bits"):
        STATE.pack({"speed": 65536})
    with pytest.raises(ValueError, match="9 bits are no whole number of bytes"):
        Structure("odd", "", Field("odd", 9))


@pytest.mark.parametrize(
    "entries",
    [[], [FreeEntry(1, b"x")] * 8, [FreeEntry(1, b"")], [FreeEntry(1, bytes(61))], [FreeEntry(1, b"x", bytes(60))]],
)
def test_a_free_area_that_cannot_be_said_is_refused(entries):
    with pytest.raises(ValueError, match="free area"):
        free_area.encode(entries)


@pytest.mark.parametrize(("place", "value"), [(62, 0x32), (62, 0x00), (67, 2), (64, 60), (65, 0), (65, 61), (68, 60)])
def test_a_free_area_that_does_not_agree_with_itself_is_refused(place, value):
    data = bytearray.fromhex(next(one["hex"] for one in VECTORS if one["free"]))
    data[place] = value
    assert "free area" in rc013.decode(bytes(data))
