"""Draws the site map (GeoJSON) of a simulated place, as a road operator would draw it in QGIS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from controller.geometry import LocalFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.config import Origin

    Points = Sequence[tuple[float, float]]


class SiteMap:
    """Features drawn in local ENU metres; `text` is the file that `controller.site_file.load` reads."""

    def __init__(self, origin: Origin, name: str) -> None:
        self._frame = LocalFrame.of(origin)
        self._name = name
        self._features: list[dict[str, Any]] = []

    def lane(
        self,
        key: str,
        points: Points,
        limit_kmh: float,
        successors: Sequence[str] = (),
        kind: str = "driving",
        width_m: float = 3.25,
    ) -> None:
        """A lane in driving direction."""
        properties = {"width_m": width_m, "speed_limit_kmh": limit_kmh, "type": kind, "successors": list(successors)}
        self._add("lane", key, "LineString", self._degrees(points), properties)

    def area(self, kind: str, key: str, ring: Points, signal_group: int | None = None) -> None:
        """A polygon of `kind`; the ring is closed here."""
        self._add(kind, key, "Polygon", [self._degrees([*ring, ring[0]])], _signalled(signal_group))

    def box(self, kind: str, key: str, corner: tuple[float, float], opposite: tuple[float, float]) -> None:
        """A rectangle along the axes."""
        (x0, y0), (x1, y1) = corner, opposite
        self.area(kind, key, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    def stop_line(self, key: str, points: Points, signal_group: int | None = None) -> None:
        """A stop line."""
        self._add("stop_line", key, "LineString", self._degrees(points), _signalled(signal_group))

    def text(self) -> str:
        """The GeoJSON file."""
        return json.dumps(
            {"type": "FeatureCollection", "name": self._name, "features": self._features}, ensure_ascii=False
        )

    def _degrees(self, points: Points) -> list[list[float]]:
        x, y = np.asarray(points, float).T
        latitude, longitude, _ = self._frame.to_wgs84(x, y, np.zeros(len(x)))
        return [[round(float(a), 8), round(float(b), 8)] for a, b in zip(longitude, latitude, strict=True)]

    def _add(self, kind: str, key: str, geometry: str, coordinates: Any, more: dict[str, Any] | None = None) -> None:
        properties = {"kind": kind, "id": key} | (more or {})
        self._features.append(
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": geometry, "coordinates": coordinates},
            }
        )


def _signalled(group: int | None) -> dict[str, Any]:
    return {} if group is None else {"signal_group": group}
