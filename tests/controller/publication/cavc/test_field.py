"""Real values stay in range and never say unknown; what is no number always does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.field import Kind

ANY = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e6, 1e6)


def measured(table):
    """Every integer of a table that stands for a quantity, lists inside included."""
    for row in table:
        if row.kind is Kind.INTEGER and row.unknown is not None:
            yield row
        yield from measured(row.rows)


FIELDS = [(name, row) for name, one in DOCUMENTS.items() for row in measured(one.table)]
ALIKE = list({(row.low, row.high, row.step, row.unknown, row.real): (name, row) for name, row in FIELDS}.values())


@pytest.mark.parametrize(("name", "row"), ALIKE, ids=lambda part: getattr(part, "key", part))
@settings(max_examples=50)
@given(values=st.lists(ANY, max_size=20))
def test_no_real_value_equals_the_unknown_and_none_leaves_the_range(name, row, values):
    for value, number in zip(values, row.column(values), strict=True):
        assert type(number) is int
        assert row.low <= number <= row.high
        assert (number == row.unknown) is not math.isfinite(value)


@pytest.mark.parametrize(("name", "row"), ALIKE, ids=lambda part: getattr(part, "key", part))
def test_values_beyond_the_range_saturate_beside_the_unknown(name, row):
    low, high = row.real
    assert row.column([-1e300, 1e300]) == [low, high]
    assert row.unknown not in range(low, high + 1)


@pytest.mark.parametrize(("name", "row"), ALIKE, ids=lambda part: getattr(part, "key", part))
@settings(max_examples=30)
@given(part=st.floats(0, 1))
def test_a_value_in_range_is_off_by_half_a_count_at_most(name, row, part):
    low, high = row.real
    value = (low + part * (high - low)) * row.step
    assert abs(row.encode(value) * row.step - value) <= row.step * 0.5001


def test_the_unknowns_are_those_that_were_published():
    unknown = {row.key: row.unknown for name, row in FIELDS if name == "targetInfo"}
    assert unknown["latitude"] == unknown["longitude"] == -2_147_483_648
    assert (unknown["elevation"], unknown["speed"], unknown["heading"]) == (61_440, 65_535, 65_535)
    assert (unknown["acceleration"], unknown["steeringWheelAngle"], unknown["transmissionState"]) == (-32_768, -2048, 7)
    assert (unknown["vehicleWidth"], unknown["vehicleLength"]) == (1023, 16_383)
    assert (unknown["restingState"], unknown["existingTime"]) == (3602, 36_001)
