"""Wire records to columns in SI units and back: one scale table per format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from interfaces.records import FORMATS, unavailable
from interfaces.spec import ObjectClass
from modules.detection import empty_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

GEODETIC_FORMAT: Final = 4
_CLASSES: Final = np.array(sorted(ObjectClass), np.uint8)

# wire field: (column, SI units per wire unit)
_CENTIDEGREE: Final = np.pi / 18_000
_COMMON: Final = {"confidence": ("confidence", 1 / 254), "sigma_pos": ("sigma_pos", 0.05)}
_PLANE: Final = _COMMON | {
    "x": ("x", 0.01),
    "y": ("y", 0.01),
    "vx": ("vx", 0.01),
    "vy": ("vy", 0.01),
    "length": ("length", 0.1),
    "width": ("width", 0.1),
}
_SPACE: Final = _PLANE | {
    "z": ("z", 0.01),
    "yaw": ("yaw", _CENTIDEGREE),
    "yaw_rate": ("yaw_rate", _CENTIDEGREE),
    "height": ("height", 0.1),
    "sigma_vel": ("sigma_vel", 0.1),
}
_EARTH: Final = _COMMON | {
    "longitude": ("x", 1e-7),
    "latitude": ("y", 1e-7),
    "length": ("length", 0.01),
    "width": ("width", 0.01),
    "height": ("height", 0.1),
    "sigma_vel": ("sigma_vel", 0.1),
}
_SCALES: Final = {1: _PLANE, 2: _SPACE, 3: _SPACE, 4: _EARTH}
_ELEVATION_UNKNOWN: Final = 0xF000
_HEADING: Final = np.radians(0.0125)


def from_records(rec_fmt: int, wire: NDArray[np.void]) -> NDArray[np.void]:
    """OBJECT rows of wire records: module frame for formats 1-3, WGS84 for 4. Unavailable becomes NaN."""
    rows = empty_objects(len(wire))
    rows["id"] = wire["id"]
    rows["object_class"] = np.where(np.isin(wire["object_class"], _CLASSES), wire["object_class"], ObjectClass.UNKNOWN)
    for field, (column, scale) in _SCALES[rec_fmt].items():
        rows[column] = _known(wire[field]) * scale
    rows["confidence"] = np.minimum(rows["confidence"], 1.0)
    if rec_fmt == 3:
        _read_covariance(rows, wire)
    if rec_fmt == GEODETIC_FORMAT:
        _read_motion_over_ground(rows, wire)
    return rows


def to_records(rec_fmt: int, rows: NDArray[np.void]) -> bytes:
    """Wire records of OBJECT rows, saturating; NaN becomes unavailable. Format 4 takes WGS84 rows."""
    wire = np.zeros(len(rows), FORMATS[rec_fmt])
    for field in wire.dtype.names or ():
        wire[field] = 0 if field == "reserved" else unavailable(wire.dtype[field])
    wire["id"] = rows["id"] & 0xFFFF
    wire["object_class"] = rows["object_class"]
    for field, (column, scale) in _SCALES[rec_fmt].items():
        values = np.mod(rows[column], 2 * np.pi) if field == "yaw" else rows[column]
        wire[field] = _quantised(values / scale, wire.dtype[field])
    if rec_fmt == 3:
        _write_covariance(wire, rows)
    if rec_fmt == GEODETIC_FORMAT:
        _write_motion_over_ground(wire, rows)
    return wire.tobytes()


def _known(values: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    found = values.astype(np.float64)
    found[values == unavailable(values.dtype)] = np.nan
    return found


def _quantised(values: NDArray[np.float64], dtype: np.dtype[np.integer[Any]]) -> NDArray[np.int64]:
    limits, none = np.iinfo(dtype), unavailable(dtype)
    low, high = (limits.min, limits.max - 1) if dtype.kind == "u" else (limits.min + 1, limits.max)
    return np.where(np.isnan(values), none, np.clip(np.rint(np.nan_to_num(values)), low, high)).astype(np.int64)


def _read_covariance(rows: NDArray[np.void], wire: NDArray[np.void]) -> None:
    sigma_x, sigma_y = _known(wire["sigma_x"]) * 1e-3, _known(wire["sigma_y"]) * 1e-3
    rho = np.clip(_known(wire["rho_xy"]) / 127, -1, 1)
    rows["cov_xx"], rows["cov_yy"] = sigma_x**2, sigma_y**2
    rows["cov_xy"] = rho * sigma_x * sigma_y


def _write_covariance(wire: NDArray[np.void], rows: NDArray[np.void]) -> None:
    sigma_x, sigma_y = np.sqrt(rows["cov_xx"]), np.sqrt(rows["cov_yy"])
    wire["sigma_x"] = _quantised(sigma_x * 1e3, wire.dtype["sigma_x"])
    wire["sigma_y"] = _quantised(sigma_y * 1e3, wire.dtype["sigma_y"])
    with np.errstate(divide="ignore", invalid="ignore"):
        wire["rho_xy"] = _quantised(rows["cov_xy"] / (sigma_x * sigma_y) * 127, wire.dtype["rho_xy"])


def _read_motion_over_ground(rows: NDArray[np.void], wire: NDArray[np.void]) -> None:
    elevation = wire["elevation"].astype(np.float64)
    elevation[wire["elevation"] > _ELEVATION_UNKNOWN] -= 0x10000
    elevation[wire["elevation"] == _ELEVATION_UNKNOWN] = np.nan
    yaw = np.pi / 2 - _known(wire["heading"]) * _HEADING
    speed = _known(wire["speed"]) * 0.01
    rows["z"] = elevation * 0.1
    rows["yaw"] = np.mod(yaw, 2 * np.pi)
    rows["vx"], rows["vy"] = speed * np.cos(yaw), speed * np.sin(yaw)


def _write_motion_over_ground(wire: NDArray[np.void], rows: NDArray[np.void]) -> None:
    tenths = np.clip(np.rint(np.nan_to_num(rows["z"]) * 10), -4095, 0xEFFF).astype(np.int64)
    wire["elevation"] = np.where(np.isnan(rows["z"]), _ELEVATION_UNKNOWN, tenths & 0xFFFF)
    speed = np.hypot(rows["vx"], rows["vy"])
    course = np.where(np.isnan(rows["yaw"]) & (speed > 0), np.arctan2(rows["vy"], rows["vx"]), rows["yaw"])
    wire["heading"] = _quantised(np.mod(np.pi / 2 - course, 2 * np.pi) / _HEADING, wire.dtype["heading"])
    wire["speed"] = _quantised(speed * 100, wire.dtype["speed"])
