"""Tracks → 物標 of the ITS FORUM formats: RC-013 common areas, and the compact objects of a CSMA message."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.geometry import grounded, heading_deg_from_north
from controller.publication import confidence
from controller.publication.radio.common_area import CommonArea
from controller.publication.radio.its_time import time_of_day
from controller.publication.radio.vehicle import ATTRIBUTES, POSITION, STATE
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fusion.track import Tracks
    from controller.publication.radio.station import Station

RECOGNISED: Final = {"service_id": 0, "message_id": 1, "version": 1}
OTHER: Final = 15  # 物標種別 その他・不明
_OURS: Final = frozenset({ObjectClass.ANIMAL, ObjectClass.OBSTACLE})  # in the range that the standard reserves


def common_areas(tracks: Tracks, order: Any, station: Station, counter: int) -> tuple[CommonArea, ...]:
    """RC-013 frames of the rows in `order`, all at the time for which the tracks are valid."""
    time = time_of_day(tracks.valid_at_ns)
    return tuple(
        CommonArea(
            {**RECOGNISED, "vehicle_id": one["id"], "counter": counter % 256},
            time,
            {
                **_place(one),
                "elevation": POSITION["elevation"].to_wire(one["elevation"]),
                "position_confidence": confidence.code(confidence.POSITION, one["sigma_pos"]),
                "elevation_confidence": 0,
            },
            {
                **_motion(one),
                "speed_confidence": confidence.code(confidence.SPEED, one["sigma_speed"]),
                "heading_confidence": 0,
                "acceleration_confidence": 0,
            },
            {
                "size_class": size_class(one["object_class"]),
                "width": ATTRIBUTES["width"].to_wire(one["width"] or math.nan),
                "length": ATTRIBUTES["length"].to_wire(one["length"] or math.nan),
            },
        )
        for one in _columns(tracks, order, station)
    )


def csma_objects(tracks: Tracks, order: Any, station: Station) -> tuple[dict[str, int], ...]:
    """RC-016 CSMA objects of the rows in `order`; ids are the lowest 8 bits."""
    return tuple(
        {
            "object_id": one["id"] & 0xFF,
            **_place(one),
            **_motion(one),
            "object_type": size_class(one["object_class"]),
        }
        for one in _columns(tracks, order, station)
    )


def size_class(object_class: int) -> int:
    """DE_車両サイズ種別: our classes are its codes, but for animals and obstacles, which it does not know."""
    return OTHER if object_class in _OURS else object_class


def _place(one: dict[str, Any]) -> dict[str, int]:
    return {name: POSITION[name].to_wire(one[name]) for name in ("latitude", "longitude")}


def _motion(one: dict[str, Any]) -> dict[str, int]:
    heading = round(one["heading"] / STATE["heading"].step) % 28_800 if math.isfinite(one["heading"]) else 65_535
    return {
        "speed": STATE["speed"].to_wire(one["speed"]),
        "heading": heading,
        "acceleration": STATE["acceleration"].to_wire(one["acceleration"]),
    }


def _columns(tracks: Tracks, order: Any, station: Station) -> Iterator[dict[str, Any]]:
    rows = tracks.objects[order]
    latitude, longitude, altitude = station.frame.to_wgs84(rows["x"], rows["y"], grounded(rows["z"]))
    variance = rows["cov"].diagonal(axis1=1, axis2=2).clip(min=0.0)
    columns = {
        "id": rows["id"],
        "object_class": rows["object_class"],
        "latitude": latitude,
        "longitude": longitude,
        "elevation": altitude - station.geoid_height_m,  # 標高
        "speed": np.hypot(rows["vx"], rows["vy"]),
        "heading": heading_deg_from_north(rows["yaw"]),
        "acceleration": rows["ax"] * np.cos(rows["yaw"]) + rows["ay"] * np.sin(rows["yaw"]),
        "sigma_pos": np.sqrt(variance[:, :2].max(1, initial=0.0)),
        "sigma_speed": np.sqrt(variance[:, 2:].max(1, initial=0.0)),
        "width": rows["width"],
        "length": rows["length"],
    }
    lists = [column.tolist() for column in columns.values()]
    for values in zip(*lists, strict=True):
        yield dict(zip(columns, values, strict=True))
