"""The fewest tiles whose topics cover an area: what a consumer subscribes to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.area import grown
from interfaces.spatial_id import MAX_LATITUDE_DEG, Voxel, quadkey_of, voxel
from interfaces.topics import CUTS

if TYPE_CHECKING:
    from interfaces.area import Area

MARGIN_M: Final = 300.0  # a hazard stays on the topic of the tile where it began, and moves as far as its pole sees
MOST_TILES: Final = 32
FINER: Final = dict(CUTS)  # zoom: that of the next cut


def tiles(area: Area | None, *, margin_m: float = MARGIN_M, most: int = MOST_TILES) -> tuple[str, ...]:
    """Quadkeys of 6, 10, 14 or 18 digits that cover the area and `margin_m` around it, at most `most`; "" covers all.

    Coarse ones are split as long as that leaves something out and there is room.
    """
    if area is None:
        return ("",)
    final: list[tuple[int, int, int]] = []
    open_ = _met(area, margin_m, 0, 0, 0, FINER[0])
    if len(open_) > most:
        return ("",)
    while open_ and len(final) + len(open_) < most:
        tile = open_.pop(0)  # the coarsest
        next_zoom = FINER.get(tile[0], 0)
        finer = _met(area, margin_m, *tile, next_zoom) if next_zoom else []
        if 0 < len(finer) < 4 ** (next_zoom - tile[0]) and len(final) + len(open_) + len(finer) <= most:
            open_ += finer
        else:
            final.append(tile)
    return tuple(sorted(quadkey_of(*tile) for tile in final + open_))


def _met(area: Area, margin_m: float, zoom: int, x: int, y: int, finer: int) -> list[tuple[int, int, int]]:
    """The tiles of zoom `finer` inside one tile that the area and its margin meet."""
    box, up = grown(area.bounds(), margin_m), finer - zoom
    low, high = _tile(box.north_deg, box.west_deg, finer), _tile(box.south_deg, box.east_deg, finer)
    columns = range(max(x << up, low.x), min((x + 1 << up) - 1, high.x) + 1)
    rows = range(max(y << up, low.y), min((y + 1 << up) - 1, high.y) + 1)
    found = [(finer, column, row) for row in rows for column in columns]
    if not found:
        return []
    boxes = [Voxel(finer, 0, column, row).bounds() for _, column, row in found]
    edges = np.array([(one.west_deg, one.south_deg, one.east_deg, one.north_deg) for one in boxes])
    return [one for one, met in zip(found, area.reached(edges, margin_m).tolist(), strict=True) if met]


def _tile(latitude: float, longitude: float, zoom: int) -> Voxel:
    limit = MAX_LATITUDE_DEG - 1e-9
    x = min(max(longitude, -180.0), math.nextafter(180.0, 0))
    return voxel(min(max(latitude, -limit), limit), x, 0.0, zoom)
