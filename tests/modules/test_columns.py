"""Columns: round trips within half a unit, sentinels never met by real values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.records import FORMATS, read_records, unavailable
from modules.columns import _SCALES, from_records, to_records
from modules.detection import empty_objects

metres = st.none() | st.floats(-327, 327)
speeds = st.none() | st.floats(-320, 320)
sizes = st.none() | st.floats(0, 25)


def there_and_back(rec_fmt, rows):
    return from_records(rec_fmt, read_records(rec_fmt, FORMATS[rec_fmt].itemsize, to_records(rec_fmt, rows)))


def close(got, want, half_unit):
    return bool((np.isnan(got) & np.isnan(want) | (np.abs(got - want) <= half_unit * 1.001 + 1e-9)).all())


@given(metres, metres, metres, speeds, speeds, sizes, sizes, st.none() | st.floats(0, 6.28))
def test_plane_and_space_records(x, y, z, vx, vy, length, width, yaw):
    rows = empty_objects(1)
    given_values = {"x": x, "y": y, "z": z, "vx": vx, "vy": vy, "length": length, "width": width, "yaw": yaw}
    for name, value in given_values.items():
        rows[name] = np.nan if value is None else value
    for rec_fmt in (1, 2, 3):
        got = there_and_back(rec_fmt, rows)
        for field, (column, scale) in _SCALES[rec_fmt].items():
            if field in given_values:
                assert close(got[column], rows[column], scale / 2), (rec_fmt, field)


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.none() | st.floats(-409, 6000),
    st.floats(0.5, 300),
    st.floats(0, 6.2831),
)
def test_geodetic_records(lat, lon, height, speed, yaw):
    rows = empty_objects(1)
    rows["x"], rows["y"], rows["z"] = lon, lat, np.nan if height is None else height
    rows["vx"], rows["vy"], rows["yaw"] = speed * np.cos(yaw), speed * np.sin(yaw), yaw
    got = there_and_back(4, rows)
    assert close(got["x"], rows["x"], 0.5e-7)
    assert close(got["y"], rows["y"], 0.5e-7)
    assert close(got["z"], rows["z"], 0.05)
    turn = np.angle(np.exp(1j * (got["yaw"] - yaw)))
    assert abs(turn[0]) <= np.radians(0.0125) / 2 * 1.001
    assert close(np.hypot(got["vx"], got["vy"]), np.array([speed]), 0.005)


@pytest.mark.parametrize("rec_fmt", FORMATS)
@given(value=st.floats(allow_nan=False))
def test_no_real_value_becomes_a_sentinel(rec_fmt, value):
    rows = empty_objects(1)
    for column, _ in _SCALES[rec_fmt].values():
        rows[column] = np.clip(value, -1e9, 1e9)
    wire = read_records(rec_fmt, FORMATS[rec_fmt].itemsize, to_records(rec_fmt, rows))
    for field in _SCALES[rec_fmt]:
        assert wire[field][0] != unavailable(wire.dtype[field]), field


@pytest.mark.parametrize("rec_fmt", FORMATS)
@given(data=st.binary(min_size=40, max_size=40))
def test_any_record_gives_finite_or_unknown_numbers(rec_fmt, data):
    rows = from_records(rec_fmt, read_records(rec_fmt, FORMATS[rec_fmt].itemsize, data[: FORMATS[rec_fmt].itemsize]))
    for name in rows.dtype.names:
        assert not np.isinf(rows[name]).any()
    assert rows["object_class"][0] in {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15}


def test_covariance_travels_in_the_long_record():
    rows = empty_objects(1)
    rows["cov_xx"], rows["cov_yy"], rows["cov_xy"] = 0.25, 0.04, 0.05
    got = there_and_back(3, rows)
    assert got["cov_xx"][0] == pytest.approx(0.25, rel=0.01)
    assert got["cov_xy"][0] == pytest.approx(0.05, rel=0.02)
