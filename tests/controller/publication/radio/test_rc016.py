"""RC-016 1.0: roadside and CSMA messages to the bit, round trips, and bytes from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.publication.radio import rc016, rc016_csma
from controller.publication.radio.rc016 import Roadside
from controller.publication.radio.rc016_csma import Csma
from tests.controller.publication.radio.areas import areas, chosen, said, values_of

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "radio_rc016.json").read_text(encoding="utf-8"))
ROADSIDE, CSMA = VECTORS["roadside"], VECTORS["csma"]
NAMED = {"ids": lambda vector: vector["name"]}


@st.composite
def roadsides(draw):
    header = draw(values_of(rc016.HEADER))
    if not draw(st.booleans()):
        return Roadside(header, (), valid=False)
    status = st.sampled_from([0, 0, 1, 0x7FFF])
    sensor = st.tuples(values_of(rc016.SENSOR), status).map(lambda pair: {**pair[0], "status": pair[1]})
    sensors = tuple(draw(st.lists(sensor, max_size=3)))
    count = sum(one["status"] == 0 for one in sensors) if sensors else 1
    groups = tuple(tuple(draw(st.lists(areas(), max_size=2))) for _ in range(count))
    return Roadside(header, groups, sensors)


@pytest.mark.parametrize("vector", ROADSIDE, **NAMED)
def test_golden_roadside_messages_to_the_bit(vector):
    data = bytes.fromhex(vector["hex"])
    message = rc016.decode(data)
    assert message.header == vector["header"]
    assert list(message.sensors) == vector["sensors"]
    assert [len(group) for group in message.groups] == vector["groups"]
    if vector["object"]:
        first = message.groups[0][0]
        assert {name: getattr(first, name) for name in vector["object"]} == vector["object"]
        assert [(one.service_id, one.gap.hex(), one.data.hex()) for one in first.free] == [
            tuple(one) for one in vector["free"]
        ]
    assert rc016.encode(message) == data


@pytest.mark.parametrize("vector", CSMA, **NAMED)
def test_golden_csma_messages_to_the_bit(vector):
    data = bytes.fromhex(vector["hex"])
    message = rc016_csma.decode(data)
    assert message == Csma(vector["header"], tuple(vector["objects"]))
    assert rc016_csma.encode(message) == data


@pytest.mark.parametrize(("codec", "vector"), [(rc016, one) for one in ROADSIDE] + [(rc016_csma, one) for one in CSMA])
def test_every_shorter_prefix_and_a_longer_one_are_refused(codec, vector):
    data = bytes.fromhex(vector["hex"])
    for size in range(len(data)):
        assert isinstance(codec.decode(data[:size]), str)
    assert isinstance(codec.decode(data + b"\0"), str)


@given(roadsides())
def test_a_roadside_message_comes_back(message):
    data = rc016.encode(message)
    back = rc016.decode(data)
    assert chosen(back.header) == chosen(message.header)
    assert (back.valid, back.sensors) == (message.valid, message.sensors)
    assert [[said(one) for one in group] for group in back.groups] == [
        [said(one) for one in group] for group in message.groups
    ]
    assert rc016.encode(back) == data


@given(st.builds(Csma, values_of(rc016_csma.HEADER), st.lists(values_of(rc016_csma.OBJECT), max_size=5).map(tuple)))
def test_a_csma_message_comes_back(message):
    data = rc016_csma.encode(message)
    assert len(data) == 20 + 16 * len(message.objects)
    back = rc016_csma.decode(data)
    assert (chosen(back.header), back.objects) == (chosen(message.header), message.objects)


@given(st.sampled_from(ROADSIDE + CSMA), st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4))
def test_damaged_bytes_are_understood_whole_or_not_at_all(vector, damage):
    data = bytearray.fromhex(vector["hex"])
    for place, value in damage:
        if place < len(data):
            data[place] = value
    for codec in (rc016, rc016_csma):
        message = codec.decode(bytes(data))
        assert isinstance(message, str) or codec.encode(message) == data


def test_what_does_not_agree_is_refused():
    with pytest.raises(ValueError, match="2 groups for 1 active sensors"):
        rc016.encode(Roadside({}, ((), ())))
    with pytest.raises(ValueError, match="256 objects, at most 255"):
        rc016.encode(Roadside({}, (((rc016.decode(bytes.fromhex(ROADSIDE[0]["hex"])).groups[0][0],) * 256),)))
    with pytest.raises(ValueError, match="6 objects, at most 5"):
        rc016_csma.encode(Csma({}, ({},) * 6))


def test_255_objects_fit_one_message():
    one = rc016.decode(bytes.fromhex(ROADSIDE[0]["hex"])).groups[0][0]
    data = rc016.encode(Roadside(ROADSIDE[0]["header"], ((one,) * 255,)))
    assert len(data) == 19 + 36 * 255
    assert len(rc016.decode(data).groups[0]) == 255
