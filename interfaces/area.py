"""Places that a consumer cares about: a voxel of 空間ID, a polygon, a route.

Points are (latitude, longitude) in degrees; edges are straight in degrees, as GeoJSON has them (RFC 7946 §3.1.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from interfaces.legs import distances, dot, inside, legs, scale
from interfaces.spatial_id import MAX_LATITUDE_DEG, Bounds, Voxel, voxels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from interfaces.proto.publication_pb2 import Position

    Point = tuple[float, float]
    Floats = NDArray[np.float64]

EVENT_ZOOM: Final = 25
METRES_A_DEGREE: Final = 110_000.0  # of latitude, at least


class Spot(NamedTuple):
    """Where in an area something is; NaN in areas that lead nowhere."""

    along_m: float = math.nan
    left_m: float = math.nan  # of the way; negative: to the right


class Area(Protocol):
    """A part of the earth's surface or, of a voxel, of the space above it."""

    def locate(self, place: Position) -> Spot | None:
        """Where in it `place` lies; None outside."""

    def bounds(self) -> Bounds:
        """A box around it."""

    def reached(self, boxes: Floats, margin_m: float) -> NDArray[np.bool_]:
        """Which of boxes (k, 4) west, south, east, north in degrees lie within `margin_m` of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A voxel of 空間ID, "z/f/x/y" with z at most 25: also heights are told apart, save on a narrow uplink."""

    voxel: Voxel

    @classmethod
    def parse(cls, text: str) -> Box:
        """ValueError says what is wrong."""
        found = Voxel.parse(text)
        if found.z > EVENT_ZOOM:
            raise ValueError(f"{text!r}: events are told in voxels of zoom {EVENT_ZOOM}, none is that small")
        return cls(found)

    def locate(self, place: Position) -> Spot | None:
        """As Area."""
        try:
            if place.spatial_id:
                return Spot() if self.voxel.contains(Voxel.parse(place.spatial_id)) else None
            _, x, y = voxels(place.latitude_deg, place.longitude_deg, 0.0, self.voxel.z)
        except ValueError:  # from outside
            return None
        return Spot() if (int(x), int(y)) == (self.voxel.x, self.voxel.y) else None

    def bounds(self) -> Bounds:
        """As Area."""
        return self.voxel.bounds()

    def reached(self, boxes: Floats, margin_m: float) -> NDArray[np.bool_]:
        """As Area."""
        box = self.bounds()
        corners = ((box.south_deg, box.west_deg), (box.south_deg, box.east_deg))
        return Polygon((*corners, (box.north_deg, box.east_deg), (box.north_deg, box.west_deg))).reached(
            boxes, margin_m
        )


@dataclass(frozen=True, slots=True)
class Polygon:
    """What lies inside a ring of at least three points, closed or not."""

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        _check(self.points, 3, "a polygon")

    def locate(self, place: Position) -> Spot | None:
        """As Area."""
        at = np.array([[place.latitude_deg, place.longitude_deg]])
        return Spot() if inside(self._ring(), at)[0] else None

    def bounds(self) -> Bounds:
        """As Area."""
        return _bounds(self.points)

    def reached(self, boxes: Floats, margin_m: float) -> NDArray[np.bool_]:
        """As Area."""
        ring = self._ring()
        middles = np.stack([boxes[:, [1, 3]].mean(axis=1), boxes[:, [0, 2]].mean(axis=1)], axis=1)
        return inside(ring, middles) | (distances(ring, boxes) <= margin_m)

    def _ring(self) -> Floats:
        points = self.points if self.points[0] == self.points[-1] else (*self.points, self.points[0])
        return np.array(points)


@dataclass(frozen=True, slots=True)
class Route:
    """A way from the first of at least two points to the last, `width_m` wide in all."""

    points: tuple[Point, ...]
    width_m: float = 30.0

    def __post_init__(self) -> None:
        _check(self.points, 2, "a route")
        if not 0 < self.width_m < math.inf:
            raise ValueError(f"a route of {self.width_m} m width covers nothing")

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        _, way = legs(np.array(self.points))
        return float(np.hypot(way[:, 0], way[:, 1]).sum())

    def locate(self, place: Position) -> Spot | None:
        """As Area, with metres from the first point along the way."""
        start, way = legs(np.array(self.points))
        length = np.hypot(way[:, 0], way[:, 1])
        at = (np.array([place.latitude_deg, place.longitude_deg]) - start) * scale(np.array(self.points))
        share = np.clip(dot(at, way) / np.where(length, length**2, 1.0), 0.0, 1.0)
        off = at - share[:, None] * way
        nearest = int(np.argmin(np.hypot(off[:, 0], off[:, 1])))
        if math.hypot(*off[nearest]) > self.width_m / 2:
            return None
        north, east = way[nearest]
        left = math.copysign(math.hypot(*off[nearest]), east * off[nearest][0] - north * off[nearest][1])
        return Spot(float(length[:nearest].sum() + share[nearest] * length[nearest]), left)

    def bounds(self) -> Bounds:
        """As Area."""
        return grown(_bounds(self.points), self.width_m / 2)

    def reached(self, boxes: Floats, margin_m: float) -> NDArray[np.bool_]:
        """As Area."""
        return distances(np.array(self.points), boxes) <= margin_m + self.width_m / 2


def grown(box: Bounds, margin_m: float) -> Bounds:
    """The box with at least `margin_m` around it."""
    north = min(margin_m / METRES_A_DEGREE, 1.0)
    east = north / math.cos(math.radians(max(abs(box.south_deg), abs(box.north_deg))))
    return Bounds(
        box.west_deg - east, box.south_deg - north, box.bottom_m, box.east_deg + east, box.north_deg + north, box.top_m
    )


def _check(points: Sequence[Point], least: int, what: str) -> None:
    if len(set(points)) < least:
        raise ValueError(
            f"{what} needs at least {least} different points (latitude, longitude); there are {len(points)}"
        )
    for latitude, longitude in points:
        if not (abs(latitude) <= MAX_LATITUDE_DEG and abs(longitude) <= 180):
            raise ValueError(f"({latitude}, {longitude}) is no (latitude, longitude) in degrees: are they swapped?")


def _bounds(points: Iterable[Point]) -> Bounds:
    latitudes, longitudes = zip(*points, strict=True)
    return Bounds(min(longitudes), min(latitudes), -math.inf, max(longitudes), max(latitudes), math.inf)
