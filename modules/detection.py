"""Detections: one sensor's estimate of the objects around it, from one measurement (ISO 23150)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

# One row an object. Unknown numbers are NaN. Metres, m/s, radians counter-clockwise, standard deviations 1 sigma.
# x, y, z is the centre of the box's footprint: metres in `module` (x forward, y left, z up) and `enu` frames;
# longitude deg, latitude deg, altitude m above the ellipsoid in `wgs84`. vx, vy and yaw follow the frame's axes
# (east and north for `wgs84`; yaw from x, or from east). range_rate: Doppler, positive away from the sensor.
OBJECT = np.dtype(
    [
        ("id", "<u4"),
        ("object_class", "u1"),
        ("confidence", "<f8"),
        ("x", "<f8"),
        ("y", "<f8"),
        ("z", "<f8"),
        ("vx", "<f8"),
        ("vy", "<f8"),
        ("yaw", "<f8"),
        ("yaw_rate", "<f8"),
        ("length", "<f8"),
        ("width", "<f8"),
        ("height", "<f8"),
        ("sigma_pos", "<f8"),
        ("sigma_vel", "<f8"),
        ("cov_xx", "<f8"),
        ("cov_xy", "<f8"),
        ("cov_yy", "<f8"),
        ("range_rate", "<f8"),
    ]
)


class Axes(StrEnum):
    """The frame the numbers of a detection stand in."""

    MODULE = "module"
    WGS84 = "wgs84"
    ENU = "enu"


@dataclass(frozen=True, slots=True)
class Detections:
    """All objects of one measurement of one slot's module.

    `measured_at_ns` and `arrived_at_ns` are UTC ns on the pole's clock; `clock_error_s` is the 1-sigma doubt of
    the first; `total` counts what the module saw, more than `len(objects)` when it had to truncate.
    """

    slot: str
    measured_at_ns: int
    arrived_at_ns: int
    axes: Axes
    objects: NDArray[np.void]
    total: int
    clock_error_s: float = 0.0


def empty_objects(count: int) -> NDArray[np.void]:
    """`count` rows with every number unknown, id 0 and class 15 (unknown)."""
    rows = np.zeros(count, OBJECT)
    for name in OBJECT.names or ():
        if OBJECT[name].kind == "f":
            rows[name] = np.nan
    rows["object_class"] = ObjectClass.UNKNOWN
    return rows
