"""Columns as rows of a message: byte for byte and value for value what protobuf makes of the same numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict, Parse
from hypothesis import given
from hypothesis import strategies as st

from controller.publication.envelope import json_twin
from controller.publication.json_rows import JsonRows
from controller.publication.wire_rows import WireRows
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from tests.published import everything

FIELD = pb.PerceivedObjects.DESCRIPTOR.fields_by_name["objects"]
WIDTH = 10
WIRE, JSON = WireRows(FIELD, {"covariance": WIDTH}), JsonRows(FIELD)
HEAD = pb.PerceivedObjects(header=pb.Header(sequence=2**63, clock_quality=pb.CLOCK_FAIR), total=3)
USUAL = (0.0, -0.0, math.nan, math.inf, -math.inf, 0.1, 16777217.0, 1e300)
EXTREME = (1e-45, 3.5e38, -1e300, 5e-324, 2.0**-96)
ANY = st.one_of(st.sampled_from(USUAL + EXTREME), st.floats(), st.floats(width=32))
READABLE = ANY.filter(lambda one: not 3.4e38 < abs(one) < 3.5e38)  # protobuf cannot read its own greatest float
SAME_DIGITS = st.one_of(
    st.sampled_from(USUAL), st.floats(1e-28, 1e26), st.floats(-1e26, -1e-28), st.integers(-1000, 1000).map(float)
)


def rows(number):
    """Of PerceivedObject, as the keyword arguments of the message."""
    return st.lists(row_of(FIELD.message_type, number), max_size=3)


def row_of(kind, number):
    values = {  # by protobuf's number of the type
        1: number,
        2: number,
        8: st.booleans(),
        9: st.text(max_size=12),
        13: st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1)),
    }
    told = {}
    for field in kind.fields:
        value = row_of(field.message_type, number) if field.message_type else values[field.type]
        told[field.name] = st.lists(value, min_size=WIDTH, max_size=WIDTH) if field.is_repeated else value
    return st.fixed_dictionaries(told)


def columns_of(kind, rows, before=""):
    """The rows turned into columns."""
    told = {}
    for field in kind.fields:
        path, column = f"{before}{field.name}", [row[field.name] for row in rows]
        if field.message_type:
            told |= columns_of(field.message_type, column, f"{path}.")
        else:
            told[path] = [one.encode() for one in column] if field.type == field.TYPE_STRING else array(field, column)
    return told


def array(field, column):
    """As the tracks have it: every number in 64 bits, whatever the message keeps."""
    form = {field.TYPE_BOOL: bool, field.TYPE_UINT32: np.int64}.get(field.type, np.float64)
    return np.array(column, form).reshape((-1, WIDTH) if field.is_repeated else -1)


def as_dict(message):
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def built(rows):
    """The message from protobuf's own constructors."""
    return pb.PerceivedObjects(objects=[pb.PerceivedObject(**row) for row in rows])


def twin_of(columns, count):
    return json_twin(HEAD, objects=JSON(columns, count))


@given(rows(ANY))
def test_records_are_what_protobuf_writes(told):
    columns, expected = columns_of(FIELD.message_type, told), built(told)
    read = pb.PerceivedObjects.FromString(WIRE(columns))
    assert read.SerializeToString() == expected.SerializeToString()


@given(rows(SAME_DIGITS))
def test_json_is_what_protobuf_tells(told):
    columns, expected = columns_of(FIELD.message_type, told), built(told)
    expected.MergeFrom(HEAD)
    assert json.loads(twin_of(columns, len(told))) == as_dict(expected)


@given(rows(READABLE))
def test_json_is_read_as_the_same_message(told):
    columns, expected = columns_of(FIELD.message_type, told), built(told)
    expected.MergeFrom(HEAD)
    assert as_dict(Parse(twin_of(columns, len(told)), pb.PerceivedObjects())) == as_dict(expected)


def test_a_missing_column_is_an_error():
    columns = columns_of(FIELD.message_type, [])
    del columns["position.x_m"]
    with pytest.raises(KeyError, match="x_m"):
        WIRE(columns)


def test_a_text_is_written_whole_or_it_is_an_error():
    zeros = pb.PerceivedObject(covariance=[0.0] * WIDTH, position=pb.Position())
    columns = columns_of(FIELD.message_type, [as_dict(zeros)])
    columns["position.spatial_id"] = ["京".encode() * 5000]
    assert pb.PerceivedObjects.FromString(WIRE(columns)).objects[0].position.spatial_id == "京" * 5000
    columns["position.spatial_id"] = ["京".encode() * 5500]
    with pytest.raises(ValueError, match=r"a row has 16\d{3} B, more than 16383"):
        WIRE(columns)


def test_no_rows_are_an_empty_array():
    columns = columns_of(FIELD.message_type, [])
    assert (WIRE(columns), JSON(columns, 0)) == (b"", b"[]")


@pytest.mark.parametrize("name", everything())
def test_every_twin_has_the_values_that_protobuf_tells(name):
    binary, twin = everything()[name]
    kind = next(row.message for row in topics.TOPICS if row.name == name)
    message = kind.FromString(binary.payload)
    assert json.loads(twin.payload) == as_dict(message)
    assert as_dict(Parse(twin.payload, kind())) == as_dict(message)
