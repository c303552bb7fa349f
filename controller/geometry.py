"""Local east-north-up metres, WGS84, and the placing of a module's detections where its mount stands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from modules.detection import Axes, Detections

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from controller.config import Mount, Origin

    Floats = NDArray[np.float64]

# WGS84 (NGA.STND.0036)
SEMI_MAJOR_M: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
ECCENTRICITY2: Final = FLATTENING * (2 - FLATTENING)
SEMI_MINOR_M: Final = SEMI_MAJOR_M * (1 - FLATTENING)

MAX_DISTANCE_M: Final = 10_000.0


class LocalFrame:
    """East, north, up in metres on the plane that touches the ellipsoid at one point; `height_m` is ellipsoidal."""

    __slots__ = ("_meridian", "_origin", "_rotation", "height_m", "latitude_deg", "longitude_deg")

    def __init__(self, latitude_deg: float, longitude_deg: float, height_m: float = 0.0) -> None:
        self.latitude_deg, self.longitude_deg, self.height_m = latitude_deg, longitude_deg, height_m
        self._origin = ecef(latitude_deg, longitude_deg, height_m)
        phi, lam = math.radians(latitude_deg), math.radians(longitude_deg)
        sp, cp, sl, cl = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
        self._rotation = np.array([[-sl, cl, 0.0], [-sp * cl, -sp * sl, cp], [cp * cl, cp * sl, sp]])
        self._meridian = sp, cp, float(np.hypot(*self._origin[:2])), float(self._origin[2])

    @classmethod
    def of(cls, origin: Origin) -> Self:
        """The frame of a configured origin: its orthometric altitude plus the geoid's height is ellipsoidal."""
        return cls(origin.latitude_deg, origin.longitude_deg, origin.altitude_m + origin.geoid_height_m)

    def to_enu(
        self, latitude_deg: ArrayLike, longitude_deg: ArrayLike, height_m: ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        """Degrees and ellipsoidal metres to (x, y, z) m, exact through ECEF; shapes broadcast."""
        delta = ecef(latitude_deg, longitude_deg, height_m) - self._origin
        # Written out: a matrix product may round differently with the number of rows.
        x, y, z = (r[0] * delta[..., 0] + r[1] * delta[..., 1] + r[2] * delta[..., 2] for r in self._rotation)
        return x, y, z

    def to_wgs84(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """(x, y, z) m to degrees and ellipsoidal metres; shapes broadcast."""
        east, north, up = (np.asarray(value, np.float64) for value in (x, y, z))
        # In the plane of the origin's meridian: how far from the axis of the earth, and how far along it.
        sin, cos, out_m, along_m = self._meridian
        out = out_m + (cos * up - sin * north)
        along = along_m + (cos * north + sin * up)
        latitude, height = geodetic(np.hypot(out, east), along)
        longitude = self.longitude_deg + np.degrees(np.arctan2(east, out))
        return latitude, longitude - 360.0 * np.rint(longitude / 360.0), height


def ecef(latitude_deg: ArrayLike, longitude_deg: ArrayLike, height_m: ArrayLike) -> Floats:
    """WGS84 degrees and ellipsoidal metres to earth-centred metres, shape (..., 3)."""
    phi, lam = np.radians(np.asarray(latitude_deg, np.float64)), np.radians(np.asarray(longitude_deg, np.float64))
    height = np.asarray(height_m, np.float64)
    normal = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY2 * np.sin(phi) ** 2)
    across = (normal + height) * np.cos(phi)
    z = (normal * (1 - ECCENTRICITY2) + height) * np.sin(phi)
    return np.stack(np.broadcast_arrays(across * np.cos(lam), across * np.sin(lam), z), axis=-1)


def geodetic(across: Floats, along: Floats) -> tuple[Floats, Floats]:
    """Metres from the axis of the earth and along it to latitude in degrees and ellipsoidal height in metres (Bowring
    1976): exact to rounding on the ellipsoid, to 0.3 µm 5 km and to 1 µm 10 km above it.

    Sines and cosines come from the sides of the triangles: an angle on the way would cost as much as all the rest.
    """
    ratio = SEMI_MINOR_M / SEMI_MAJOR_M
    run = ratio * across
    length = np.sqrt(along * along + run * run)
    sin, cos = along / length, run / length  # of the reduced latitude
    up = along + ECCENTRICITY2 / ratio * SEMI_MAJOR_M * (sin * sin * sin)
    out = across - ECCENTRICITY2 * SEMI_MAJOR_M * (cos * cos * cos)
    length = np.sqrt(up * up + out * out)
    sin, cos = up / length, out / length
    # This form of the height is well conditioned at the poles and on the equator alike.
    height = across * cos + along * sin - SEMI_MAJOR_M * np.sqrt(1 - ECCENTRICITY2 * (sin * sin))
    return np.degrees(np.arctan2(up, out)), height


def place(detections: Detections, mount: Mount, frame: LocalFrame) -> tuple[Detections, int]:
    """The same detections in local ENU, and how many rows were dropped: position not finite or beyond 10 km.

    Unknown numbers stay NaN. An object of unknown z is taken to stand on the ground (ENU z = 0) when a tilted
    mount has to be undone. `mount` counts for module axes only; the other axes are absolute.
    """
    rows = detections.objects.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        if detections.axes is Axes.MODULE:
            _from_module(rows, mount)
        elif detections.axes is Axes.WGS84:
            _from_wgs84(rows, frame)
        usable = (np.abs(rows["x"]) <= MAX_DISTANCE_M) & (np.abs(rows["y"]) <= MAX_DISTANCE_M)
    dropped = int(len(rows) - np.count_nonzero(usable))
    return replace(detections, axes=Axes.ENU, objects=rows[usable] if dropped else rows), dropped


def mount_rotation(mount: Mount) -> Floats:
    """3 x 3 matrix from module axes to ENU: yaw about up, then pitch (positive down), then roll about forward."""
    cy, sy = _cos_sin(mount.yaw_deg)
    cp, sp = _cos_sin(mount.pitch_deg)
    cr, sr = _cos_sin(mount.roll_deg)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def heading_deg_from_north(yaw: ArrayLike) -> Floats:
    """Radians counter-clockwise from east to degrees clockwise from north, 0 <= heading < 360; NaN stays."""
    heading = np.mod(90.0 - np.degrees(np.asarray(yaw, np.float64)), 360.0)
    return np.where(heading >= 360.0, 0.0, heading)  # mod of a tiny negative number rounds up to 360


def yaw_from_heading(heading_deg: ArrayLike) -> Floats:
    """Degrees clockwise from north to radians counter-clockwise from east, in (-pi, pi]; NaN stays."""
    return wrap_angle(np.radians(90.0 - np.asarray(heading_deg, np.float64)))


def grounded(z: ArrayLike) -> Floats:
    """Heights with the unknown ones on the ground (ENU z = 0): published places need one."""
    heights = np.asarray(z, np.float64)
    return np.where(np.isnan(heights), 0.0, heights)


def wrap_angle(angle: ArrayLike) -> Floats:
    """Radians to (-pi, pi]; NaN stays."""
    turned: Floats = np.pi - np.mod(np.pi - np.asarray(angle, np.float64), 2 * np.pi)
    return turned


def _cos_sin(angle_deg: float) -> tuple[float, float]:
    angle = math.radians(angle_deg)
    return math.cos(angle), math.sin(angle)


def _from_module(rows: NDArray[np.void], mount: Mount) -> None:
    r = mount_rotation(mount)
    x, y = rows["x"].copy(), rows["y"].copy()
    known = np.isfinite(rows["z"])
    upright = r[2, 2] if abs(r[2, 2]) > 0.1 else math.inf  # a module looking straight down: no ground to meet
    z = np.where(known, rows["z"], (-mount.height_m - r[2, 0] * x - r[2, 1] * y) / upright)
    rows["x"] = r[0, 0] * x + r[0, 1] * y + r[0, 2] * z + mount.east_m
    rows["y"] = r[1, 0] * x + r[1, 1] * y + r[1, 2] * z + mount.north_m
    rows["z"] = np.where(known, r[2, 0] * x + r[2, 1] * y + r[2, 2] * z + mount.height_m, np.nan)
    _turn(rows, r[:2, :2])
    if r[2, 2] < 0:  # mounted upside down
        rows["yaw_rate"] = -rows["yaw_rate"]


def _turn(rows: NDArray[np.void], a: Floats) -> None:
    vx, vy = rows["vx"].copy(), rows["vy"].copy()
    rows["vx"], rows["vy"] = a[0, 0] * vx + a[0, 1] * vy, a[1, 0] * vx + a[1, 1] * vy
    cos, sin = np.cos(rows["yaw"]), np.sin(rows["yaw"])
    rows["yaw"] = np.arctan2(a[1, 0] * cos + a[1, 1] * sin, a[0, 0] * cos + a[0, 1] * sin)
    xx, xy, yy = (rows[name].copy() for name in ("cov_xx", "cov_xy", "cov_yy"))
    rows["cov_xx"] = a[0, 0] ** 2 * xx + 2 * a[0, 0] * a[0, 1] * xy + a[0, 1] ** 2 * yy
    rows["cov_xy"] = a[0, 0] * a[1, 0] * xx + (a[0, 0] * a[1, 1] + a[0, 1] * a[1, 0]) * xy + a[0, 1] * a[1, 1] * yy
    rows["cov_yy"] = a[1, 0] ** 2 * xx + 2 * a[1, 0] * a[1, 1] * xy + a[1, 1] ** 2 * yy


def _from_wgs84(rows: NDArray[np.void], frame: LocalFrame) -> None:
    known = np.isfinite(rows["z"])
    height = np.where(known, rows["z"], frame.height_m)
    x, y, z = frame.to_enu(rows["y"], rows["x"], height)
    rows["x"], rows["y"], rows["z"] = x, y, np.where(known, z, np.nan)
