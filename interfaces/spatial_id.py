"""空間ID: voxels `z/f/x/y` of the 4次元時空間情報利活用のための空間IDガイドライン, and the quadkeys of their columns.

n = 2^z; f = floor(n h / 2^25); x, y are Web Mercator tiles. Heights are orthometric (標高).
At z = 25 a voxel is 1 m high.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
import orjson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MAX_LATITUDE_DEG: Final = 85.0511287798
MAX_ZOOM: Final = 35
HEIGHT_RANGE_M: Final = float(2**25)
# By row: height in m, longitude in degrees, northing of Web Mercator in half turns, to the south (latitude in degrees
# as far as the limit goes).
_LIMITS: Final = np.array([[HEIGHT_RANGE_M], [180.0], [MAX_LATITUDE_DEG]])
_BEGIN: Final = np.array([[0.0], [180.0], [1.0]])
_SPAN: Final = np.array([[HEIGHT_RANGE_M], [360.0], [2.0]])
_LOWEST: Final = np.array([[-1.0], [0.0], [0.0]])  # of n
_HIGHEST: Final = np.array([[-1.0], [0.0], [-1.0]])  # beside n
_FORM: Final = re.compile(r"/?(\d{1,2})/(-?\d{1,11})/(\d{1,11})/(\d{1,11})", re.ASCII)


class Bounds(NamedTuple):
    """The box of a voxel: degrees and orthometric metres."""

    west_deg: float
    south_deg: float
    bottom_m: float
    east_deg: float
    north_deg: float
    top_m: float


class Voxel(NamedTuple):
    """One voxel; `str` is its 空間ID."""

    z: int
    f: int
    x: int
    y: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The voxel of "z/f/x/y" (a leading slash is allowed); ValueError says what is wrong."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a spatial id: write z/f/x/y, for example 25/3/29803304/13212456")
        voxel = cls(*(int(part) for part in match.groups()))
        if voxel.z > MAX_ZOOM:
            raise ValueError(f"{text!r}: zoom {voxel.z} is above {MAX_ZOOM}")
        n = 1 << voxel.z
        if not (-n <= voxel.f < n and voxel.x < n and voxel.y < n):
            raise ValueError(f"{text!r}: at zoom {voxel.z} x and y lie in 0..{n - 1}, f in {-n}..{n - 1}")
        return voxel

    def __str__(self) -> str:
        return f"{self.z}/{self.f}/{self.x}/{self.y}"

    def parent(self, levels: int = 1) -> Voxel:
        """The voxel that holds this one `levels` zooms further out."""
        if not 0 <= levels <= self.z:
            raise ValueError(f"{self} has no parent {levels} levels up: 0..{self.z}")
        return Voxel(self.z - levels, self.f >> levels, self.x >> levels, self.y >> levels)

    def shifted(self, dx: int, dy: int, df: int) -> Voxel:
        """The voxel so many steps east, south and up; x and y go round as in the reference, f stops at its limits."""
        n = 1 << self.z
        return Voxel(self.z, min(max(self.f + df, -n), n - 1), (self.x + dx) % n, (self.y + dy) % n)

    def bounds(self) -> Bounds:
        """The box this voxel fills."""
        n = 1 << self.z
        step = HEIGHT_RANGE_M / n
        return Bounds(
            self.x / n * 360 - 180,
            _latitude(self.y + 1, n),
            self.f * step,
            (self.x + 1) / n * 360 - 180,
            _latitude(self.y, n),
            (self.f + 1) * step,
        )

    def center(self) -> tuple[float, float, float]:
        """Latitude deg, longitude deg, altitude m of the middle."""
        n = 1 << self.z
        return _latitude(self.y + 0.5, n), (self.x + 0.5) / n * 360 - 180, (self.f + 0.5) * HEIGHT_RANGE_M / n

    def contains(self, other: Voxel) -> bool:
        """Whether `other` is this voxel or lies inside it."""
        return other.z >= self.z and other.parent(other.z - self.z) == self


def voxel(latitude_deg: float, longitude_deg: float, altitude_m: float, zoom: int) -> Voxel:
    """The voxel of one point; ValueError outside ±85.0511287798°, ±180°, ±2^25 m or zoom 0..35."""
    f, x, y = voxels(latitude_deg, longitude_deg, altitude_m, zoom)
    return Voxel(zoom, int(f), int(x), int(y))


def spatial_id(latitude_deg: float, longitude_deg: float, altitude_m: float, zoom: int) -> str:
    """The 空間ID "z/f/x/y" of one point; errors as `voxel`."""
    return str(voxel(latitude_deg, longitude_deg, altitude_m, zoom))


def spatial_ids(latitude_deg: ArrayLike, longitude_deg: ArrayLike, altitude_m: ArrayLike, zoom: int) -> list[bytes]:
    """The 空間IDs of arrays of points, in ASCII; errors as `voxel`."""
    cells = voxels(latitude_deg, longitude_deg, altitude_m, zoom)
    if not cells.size:
        return []
    rows = np.empty((cells[0].size, 4), np.int64)
    rows[:, 0], rows[:, 1:] = zoom, cells.reshape(3, -1).T
    text = orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)  # no faster way to so many digits
    return text[2:-2].replace(b",", b"/").split(b"]/[")


def voxels(latitude_deg: ArrayLike, longitude_deg: ArrayLike, altitude_m: ArrayLike, zoom: int) -> NDArray[np.int64]:
    """f, x and y of arrays of points, shapes broadcast, in one array (3, ...); errors as `voxel`."""
    if not 0 <= zoom <= MAX_ZOOM:
        raise ValueError(f"zoom {zoom} is outside 0..{MAX_ZOOM}")
    # All in one array, and in place: few calls, for they cost more than the numbers.
    points = np.empty((3, *np.broadcast(latitude_deg, longitude_deg, altitude_m).shape))
    points[0], points[1], points[2] = altitude_m, longitude_deg, latitude_deg
    shape, points = points.shape, points.reshape(3, -1)
    northing = points[2]
    northing *= 1e10
    np.trunc(northing, out=northing)  # the reference keeps ten decimals, cut toward zero
    northing /= 1e10
    _check(points)
    phi = np.radians(northing)
    np.divide(np.log(np.tan(phi) + 1 / np.cos(phi)), -np.pi, out=northing)
    n = 1 << zoom
    points += _BEGIN
    points /= _SPAN
    points *= n
    np.floor(points, out=points)
    np.maximum(points, n * _LOWEST, out=points)
    np.minimum(points, n + _HIGHEST, out=points)
    cells = points.astype(np.int64)
    cells[1] &= n - 1  # 180° east is 180° west
    return cells.reshape(shape)


def quadkey(latitude_deg: float, longitude_deg: float, zoom: int) -> str:
    """The quadkey of one point's tile, `zoom` digits 0..3; errors as `voxel`."""
    tile = voxel(latitude_deg, longitude_deg, 0.0, zoom)
    return quadkey_of(zoom, tile.x, tile.y)


def quadkey_of(zoom: int, x: int, y: int) -> str:
    """The quadkey of a tile: a digit a zoom, 1 for east, 2 for south, 3 for both."""
    return "".join(str((x >> i & 1) + 2 * (y >> i & 1)) for i in range(zoom - 1, -1, -1))


def _latitude(y: float, n: int) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / n))))


def _check(points: NDArray[np.float64]) -> None:
    good = np.abs(points) <= _LIMITS
    if np.count_nonzero(good) < good.size:
        axis, place = np.argwhere(~good)[0]
        name, limit = ("altitude", "longitude", "latitude")[axis], _LIMITS[axis, 0]
        raise ValueError(f"{name} {points[axis, place]} is outside ±{limit}")
