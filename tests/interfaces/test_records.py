"""Record formats: sizes never change, longer records are read, bad bytes are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.records import FORMATS, read_records, unavailable


@pytest.mark.parametrize(("rec_fmt", "size"), [(1, 16), (2, 24), (3, 40), (4, 28)])
def test_released_sizes(rec_fmt, size):
    assert FORMATS[rec_fmt].itemsize == size


@pytest.mark.parametrize("rec_fmt", FORMATS)
@pytest.mark.parametrize("tail", [0, 1, 7])
def test_an_old_reader_reads_longer_records(rec_fmt, tail):
    rows = np.arange(3 * FORMATS[rec_fmt].itemsize, dtype=np.uint8).view(FORMATS[rec_fmt])
    data = b"".join(row.tobytes() + b"\xee" * tail for row in rows)
    got = read_records(rec_fmt, FORMATS[rec_fmt].itemsize + tail, data)
    for name in rows.dtype.names:
        assert (got[name] == rows[name]).all()


@given(st.integers(-1, 6), st.integers(-3, 60), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_the_field_named(rec_fmt, rec_size, data):
    got = read_records(rec_fmt, rec_size, data)
    if isinstance(got, str):
        assert got.startswith(("rec_fmt:", "rec_size:", "records:"))
    else:
        assert len(got) * rec_size == len(data)


def test_unavailable_is_all_ones_or_the_most_negative():
    assert unavailable(np.dtype("u1")) == 0xFF
    assert unavailable(np.dtype("<u2")) == 0xFFFF
    assert unavailable(np.dtype("<i2")) == -0x8000
