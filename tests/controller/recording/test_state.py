"""The state codec: what is written comes back, bit for bit and laid out alike; anything else is refused in words."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.bank import STORY, Bank, empty_bank
from controller.fusion.frame import Frame
from controller.hazard.hazard import Phase
from controller.hazard.lane_rules import wrong_way
from controller.hazard.memory import Memory
from controller.recording.state_reader import load
from controller.recording.state_writer import StateError, dump
from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass

KEYS = st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.tuples(st.integers(), st.binary(max_size=4)))
LEAVES = st.one_of(st.none(), KEYS, st.floats(), st.binary(max_size=9), st.sampled_from([Phase.NEW, ObjectClass.CAR]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(st.integers(0, 7)),  # whose order does not depend on how they came in
        st.frozensets(st.integers(0, 7)),
        st.lists(inner, max_size=4).map(lambda values: deque(values, maxlen=3)),
        st.dictionaries(KEYS, st.integers(), max_size=3).map(Counter),
    ),
    max_leaves=25,
)
ARRAYS = {
    "C": np.arange(24.0).reshape(2, 3, 4),
    "Fortran": np.asfortranarray(np.arange(24.0).reshape(4, 6)),
    "swapped axes": np.swapaxes(np.arange(24.0).reshape(2, 3, 4), 0, 2),
    "every second": np.arange(24)[::2],
    "backwards": np.arange(24.0).reshape(4, 6)[::-1, ::-2],
    "broadcast": np.broadcast_to(np.float32(3), (2, 3)),
    "a column of records": np.zeros(3, STORY)["votes"],
    "records": np.zeros(2, STORY),
    "empty": np.zeros((3, 0, 6, 6)),
    "no dimension": np.array(math.nan),
    "flags": np.array([True, False]),
    "large and mostly zero": np.where(np.arange(100_003) % 9973 == 0, 1.5, 0.0),
    "large and full": np.arange(20_000, dtype="<i8") + 1,
}


@settings(deadline=None)
@given(VALUES)
def test_plain_values_come_back(value):
    data = dump(value, {})
    assert dump(load(data, {}), {}) == data
    assert repr(load(data, {})) == repr(value)  # which tells 1 from True, −0.0 from 0.0 and NaN from nothing


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_keeps_its_bits_and_how_it_lies_in_memory(name):
    array = ARRAYS[name]
    back = load(dump(array, {}), {})
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert array.flags.c_contiguous or back.strides == array.strides


def test_a_large_array_of_zeros_costs_next_to_nothing():
    assert len(dump(np.zeros((512, 512), STORY), {})) < 1000


def test_numbers_of_numpy_keep_their_type():
    row = np.zeros(1, STORY)[0]
    back = load(dump([np.float32(1.5), np.uint8(7), np.bool_(True), row], {}), {})
    assert [type(one) for one in back] == [np.float32, np.uint8, np.bool_, np.void]
    assert back[3].tobytes() == row.tobytes()


def test_objects_come_back_without_a_call_of_theirs():
    memory = Memory()
    back = load(
        dump([empty_bank(7), memory, Frame(1, None, np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2, 2)), 0.5)], {}), {}
    )
    assert [type(one) for one in back] == [Bank, Memory, Frame]
    assert back[0].time_ns == 7
    assert back[2].clock_error_s == 0.5


def test_what_is_one_thing_stays_one_thing_even_in_a_circle():
    shared, circle = [1], []
    circle.append(circle)
    one, two, ring = load(dump([shared, shared, circle], {}), {})
    assert one is two
    assert ring[0] is ring


def test_what_both_sides_have_is_only_named():
    site = object()
    back = load(dump({"map": site, "rule": wrong_way}, {"site": site}), {"site": "the other side's"})
    assert back == {"map": "the other side's", "rule": wrong_way}


@dataclass
class Foreign:
    file: object = None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, {"a": Foreign()}], "1.a: .*Foreign is no class or function of"),
        ([open], "builtin"),
        ([lambda: 1], "0: .*lambda"),
        ([np.array([object()])], "0: an array of object is no plain data"),
    ],
)
def test_what_cannot_be_recorded_is_named_with_its_path(value, words):
    with pytest.raises(StateError, match=words):
        dump(value, {})


def test_nesting_has_an_end():
    deep = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(StateError, match="nested too deep"):
        dump(deep, {})


WHOLE = dump([empty_bank(7), Memory(), {"a": deque([1.5], 3)}, Phase.NEW, wrong_way, ARRAYS["every second"]], {})


@settings(deadline=None)
@given(st.data())
def test_forged_bytes_are_refused_and_nothing_else_happens(data):
    place = data.draw(st.integers(0, len(WHOLE) - 1))
    piece = data.draw(st.binary(max_size=6))
    forged = WHOLE[:place] + piece + WHOLE[place + data.draw(st.integers(0, 6)) :]
    try:
        value = load(forged, {})
    except ConfigError:
        return
    assert dump(value, {})  # by chance sound: then it is what can be recorded, and no more


@pytest.mark.parametrize("place", ["os:system", "controller.outbox:Outbox", "controller.fusion.step:np"])
def test_no_class_or_function_of_another_room_can_be_named(place):
    named = b"\0\0\0\0" + len(place).to_bytes(4, "little") + place.encode()
    for tag in (b"f", b"O", b"n", b"e"):
        with pytest.raises(ConfigError, match="unknown here"):
            load(tag + named + b"\0" * 4, {})


@pytest.mark.parametrize("data", [b"U", b"l\1\0\0\0U", b"A\3\0\0\1" + b'"O"', b"A\6\0\0\1" + b'["ab"]', b"R\0\0\0\0"])
def test_what_is_never_written_is_never_read(data):
    with pytest.raises(ConfigError, match="the recorded state cannot be read"):
        load(data, {})


def test_attributes_of_another_version_are_refused():
    data = dump(empty_bank(7), {})
    with pytest.raises(ConfigError, match="another version"):
        load(data.replace(b"time_ns", b"time_ms"), {})
