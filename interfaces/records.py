"""Object records on the wire (PMI §1): fixed little-endian structs, read with one `np.frombuffer`.

Unavailable: all ones in an unsigned field, the most negative value in a signed one (all ones there would be -1 cm, a
real value). New fields come only at a record's tail; the stride on the wire is `rec_size`, so that an old reader
reads newer records. Released formats never change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BRIEF: Final = np.dtype(
    [
        ("id", "<u2"),
        ("object_class", "u1"),
        ("confidence", "u1"),  # 1/254
        ("x", "<i2"),  # cm
        ("y", "<i2"),
        ("vx", "<i2"),  # cm/s
        ("vy", "<i2"),
        ("length", "u1"),  # dm
        ("width", "u1"),
        ("sigma_pos", "u1"),  # 5 cm
        ("age", "u1"),  # 2 ms
    ]
)
_STANDARD: Final = [
    ("id", "<u2"),
    ("object_class", "u1"),
    ("confidence", "u1"),  # 1/254
    ("x", "<i2"),  # cm
    ("y", "<i2"),
    ("z", "<i2"),
    ("vx", "<i2"),  # cm/s
    ("vy", "<i2"),
    ("yaw", "<u2"),  # 0.01 deg
    ("yaw_rate", "<i2"),  # 0.01 deg/s
    ("length", "u1"),  # dm
    ("width", "u1"),
    ("height", "u1"),
    ("sigma_pos", "u1"),  # 5 cm
    ("sigma_vel", "u1"),  # 0.1 m/s
    ("age", "u1"),  # 2 ms
]
STANDARD: Final = np.dtype(_STANDARD)
EXTENDED: Final = np.dtype(
    [
        *_STANDARD,
        ("sigma_x", "<u2"),  # mm
        ("sigma_y", "<u2"),
        ("rho_xy", "i1"),  # 1/127
        ("rho_v", "i1"),
        ("sigma_vx", "<u2"),  # mm/s
        ("sigma_vy", "<u2"),
        ("existence", "u1"),  # 1/254
        ("history", "<u4"),  # bit n: seen n frames ago
        ("reserved", "u1"),
    ]
)
GEODETIC: Final = np.dtype(
    [
        ("id", "<u2"),
        ("object_class", "u1"),
        ("confidence", "u1"),  # 1/254
        ("latitude", "<i4"),  # 1e-7 deg
        ("longitude", "<i4"),
        ("elevation", "<u2"),  # 0.1 m; 0xF000 unavailable, 0xF001..0xFFFF = -4095..-1 (RC-013)
        ("speed", "<u2"),  # cm/s
        ("heading", "<u2"),  # 0.0125 deg clockwise from north
        ("acceleration", "<i2"),  # 0.01 m/s2
        ("width", "<u2"),  # cm
        ("length", "<u2"),
        ("height", "u1"),  # dm
        ("sigma_pos", "u1"),  # 5 cm
        ("sigma_vel", "u1"),  # 0.1 m/s
        ("age", "u1"),  # 2 ms
    ]
)
FORMATS: Final = {1: BRIEF, 2: STANDARD, 3: EXTENDED, 4: GEODETIC}
RELEASED_B: Final = {1: 16, 2: 24, 3: 40, 4: 28}  # as each came out first: the shortest stride there is


def unavailable(dtype: np.dtype[np.integer[Any]]) -> int:
    """The wire value that says "not available" in a field of this integer type."""
    limits = np.iinfo(dtype)
    return int(limits.max) if dtype.kind == "u" else int(limits.min)


def read_records(rec_fmt: int, rec_size: int, data: bytes) -> NDArray[np.void] | str:
    """Records of `rec_fmt` at stride `rec_size`, or the reason why these bytes are none."""
    record = FORMATS.get(rec_fmt)
    if record is None:
        return f"rec_fmt: {rec_fmt} is unknown, known are {', '.join(map(str, FORMATS))}"
    if rec_size < RELEASED_B[rec_fmt]:
        return f"rec_size: {rec_size}, format {rec_fmt} has at least {RELEASED_B[rec_fmt]} B"
    if len(data) % rec_size:
        return f"records: {len(data)} B are no whole number of {rec_size}-B records"
    if rec_size < record.itemsize:
        return _read_older(record, rec_size, data)
    names = record.names or ()
    fields = [record.fields[name] for name in names] if record.fields else []
    strided = np.dtype(
        {
            "names": list(names),
            "formats": [field[0] for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": rec_size,
        }
    )
    return np.frombuffer(data, strided)


def _read_older(record: np.dtype[np.void], rec_size: int, data: bytes) -> NDArray[np.void]:
    """Records from before the last fields were added, those fields unavailable."""
    older = np.frombuffer(data, np.uint8).reshape(-1, rec_size)
    raw = np.zeros((len(older), record.itemsize), np.uint8)
    raw[:, :rec_size] = older
    rows = raw.reshape(-1).view(record)
    for name in record.names or ():
        field = record[name]
        if record.fields is not None and record.fields[name][1] + field.itemsize > rec_size:
            rows[name] = unavailable(field)
    return rows
