"""Tracks → SAE J3224 sensor data sharing message as a JSON-shaped structure, in the standard's names and wire units.

Its ASN.1 has to be bought, so no bytes are made: who has it can encode this structure as it stands.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.geometry import grounded, heading_deg_from_north
from controller.publication.radio.bits import Field
from controller.publication.radio.urgency import by_urgency
from interfaces.spec import VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.fusion.track import Tracks
    from controller.publication.radio.station import Station

RSU: Final = 1  # equipmentType
OBJECTS_MAX: Final = 256
UNKNOWN, VEHICLE, VRU, ANIMAL = range(4)  # objType
VRU_KINDS: Final[Mapping[int, int]] = MappingProxyType(  # basicType: 1 pedestrian, 2 pedal cyclist, 0 other
    {ObjectClass.PEDESTRIAN: 1, ObjectClass.BICYCLE: 2, ObjectClass.LIGHT_VEHICLE: 0}
)
_NO_VEHICLE: Final = frozenset({ObjectClass.OBSTACLE, ObjectClass.UNKNOWN})

QUANTITIES: Final[Mapping[str, Field]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Field("lat", 31, 1e-7, "°", -900_000_000, 900_000_000, 900_000_001),
            Field("long", 32, 1e-7, "°", -1_799_999_999, 1_800_000_000, 1_800_000_001),
            Field("elevation", 16, 0.1, "m", -4095, 61_439, -4096),
            Field("objTypeCfd", 7, 0.01, "", 0, 100, 101),
            Field("offset", 16, 0.1, "m", -32_767, 32_767),
            Field("speed", 13, 0.02, "m/s", 0, 8190, 8191),
            Field("heading", 15, 0.0125, "° from north, clockwise", 0, 28_799, 28_800),
            Field("accel", 12, 0.01, "m/s²", -2000, 2000, 2001),
            Field("vert", 8, 0.1962, "m/s²", -126, 127, -127),
            Field("yaw", 16, 0.01, "°/s clockwise", -32_767, 32_767),
            Field("width", 10, 0.01, "m", 1, 1023, 0),
            Field("length", 12, 0.01, "m", 1, 4095, 0),
            Field("height", 7, 0.05, "m", 1, 127, 0),
            Field("semiMajor", 8, 0.05, "m", 0, 254, 255),
        )
    }
)


def sdsm(tracks: Tracks, station: Station, counter: int) -> dict[str, Any]:
    """The message of one picture: the most urgent 256 objects; `counter` numbers messages, modulo 128."""
    frame = station.frame
    return {
        "msgCnt": counter % 128,
        "sourceID": station.station_id.to_bytes(4, "big").hex(),
        "equipmentType": RSU,
        "sDSMTimeStamp": _date_time(tracks.valid_at_ns),
        "refPos": {
            "lat": _wire("lat", frame.latitude_deg),
            "long": _wire("long", frame.longitude_deg),
            "elevation": _wire("elevation", frame.height_m),
        },
        "refPosXYConf": {"semiMajor": 255, "semiMinor": 255, "orientation": 65_535},
        "objects": _objects(tracks),
    }


def object_type(kind: int) -> int:
    """objType of one of our classes."""
    if kind in VULNERABLE:
        return VRU
    if kind == ObjectClass.ANIMAL:
        return ANIMAL
    return UNKNOWN if kind in _NO_VEHICLE else VEHICLE


def _objects(tracks: Tracks) -> list[dict[str, Any]]:
    rows = tracks.objects[by_urgency(tracks)[:OBJECTS_MAX]]
    up = grounded(rows["z"])
    heading = heading_deg_from_north(np.where(_moving(rows), np.arctan2(rows["vy"], rows["vx"]), rows["yaw"]))
    forward = rows["ax"] * np.cos(rows["yaw"]) + rows["ay"] * np.sin(rows["yaw"])
    left = rows["ay"] * np.cos(rows["yaw"]) - rows["ax"] * np.sin(rows["yaw"])
    columns = zip(rows, up.tolist(), heading.tolist(), forward.tolist(), left.tolist(), strict=True)
    return [_object(row, *rest) for row, *rest in columns]


def _moving(rows: Any) -> Any:
    return np.hypot(rows["vx"], rows["vy"]) > 0.5


def _object(row: Any, up: float, heading_deg: float, forward: float, left: float) -> dict[str, Any]:
    kind = int(row["object_class"])
    common = {
        "objType": object_type(kind),
        "objTypeCfd": _wire("objTypeCfd", float(row["class_confidence"])),
        "objectID": int(row["id"]) & 0xFFFF,
        "measurementTime": 0,  # ms after sDSMTimeStamp: the estimate is for that instant
        "pos": {
            "offsetX": _wire("offset", float(row["x"])),
            "offsetY": _wire("offset", float(row["y"])),
            "offsetZ": _wire("offset", up),
        },
        "speed": _wire("speed", math.hypot(row["vx"], row["vy"])),
        "heading": _wire("heading", heading_deg),
        "accel4way": {
            "long": _wire("accel", forward),
            "lat": _wire("accel", -left),
            "vert": _wire("vert", math.nan),
            "yaw": _wire("yaw", -math.degrees(row["yaw_rate"])),
        },
    }
    detail = _detail(kind, row)
    return {"detObjCommon": common} | ({"detObjOptData": detail} if detail else {})


def _detail(kind: int, row: Any) -> dict[str, Any]:
    if kind in VRU_KINDS:
        return {"detVRU": {"basicType": VRU_KINDS[ObjectClass(kind)]}}
    if object_type(kind) != VEHICLE:
        return {}
    size = {"width": _wire("width", _known(row["width"])), "length": _wire("length", _known(row["length"]))}
    return {"detVeh": {"size": size, "height": _wire("height", _known(row["height"]))}}


def _known(metres: float) -> float:
    return float(metres) if metres > 0 else math.nan


def _date_time(utc_ns: int) -> dict[str, int]:
    """DDateTime; `second` counts milliseconds, `offset` minutes from UTC."""
    at = datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC)
    return {
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
        "second": at.second * 1000 + utc_ns // 1_000_000 % 1000,
        "offset": 0,
    }


def _wire(name: str, quantity: float) -> int:
    return QUANTITIES[name].to_wire(quantity)
