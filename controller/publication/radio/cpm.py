"""Tracks → ETSI collective perception messages (TS 103 324 V2.1.1), UPER, one or more segments of one picture.

Objects stand in the pole's east, north and up about the reference position, as box centres at the reference time: they
are estimates for that instant, so measurementDeltaTime is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from controller.geometry import grounded
from controller.publication.radio.etsi_quantities import CONFIDENCE, wire
from controller.publication.radio.its_time import timestamp_its
from controller.publication.radio.urgency import by_urgency
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.fusion.track import Tracks
    from controller.publication.radio.station import Station
    from controller.publication.radio.uper import Codec

MESSAGE_ID: Final = 14
RSU_CONTAINER, SENSOR_CONTAINER, OBJECT_CONTAINER = 2, 3, 5
SEGMENTS_MAX: Final = 8
OBJECTS_MAX: Final = 255
AGE_MAX_MS: Final = 1500  # stands for longer, too
UNKNOWN_DIMENSION: Final = 32
TYPICAL_B: Final = 45  # of an object with everything in it: where to begin cutting

_NAMES: Final = (
    *("id", "object_class", "class_confidence", "x", "y", "vx", "vy", "ax", "ay", "yaw", "yaw_rate"),
    *("length", "width", "height", "existence", "age_s", "sources"),
)

# Object classes as ObjectClass of the common data dictionary.
CLASSES: Final[Mapping[int, tuple[str, Any]]] = MappingProxyType(
    {
        ObjectClass.LARGE_VEHICLE: ("vehicleSubClass", 8),  # heavyTruck
        ObjectClass.MEDIUM_VEHICLE: ("vehicleSubClass", 7),  # lightTruck
        ObjectClass.CAR: ("vehicleSubClass", 5),
        ObjectClass.MOTORCYCLE: ("vruSubClass", ("motorcyclist", 0)),
        ObjectClass.BICYCLE: ("vruSubClass", ("bicyclistAndLightVruVehicle", 1)),
        ObjectClass.LIGHT_VEHICLE: ("vruSubClass", ("bicyclistAndLightVruVehicle", 0)),
        ObjectClass.PEDESTRIAN: ("vruSubClass", ("pedestrian", 0)),
        ObjectClass.TRAM: ("vehicleSubClass", 11),
        ObjectClass.ANIMAL: ("vruSubClass", ("animal", 0)),
        ObjectClass.OBSTACLE: ("otherSubClass", 1),  # singleObject
        ObjectClass.UNKNOWN: ("otherSubClass", 0),
    }
)
# Module classes as SensorType.
SENSOR_TYPES: Final[Mapping[str, int]] = MappingProxyType({"radar": 1, "lidar": 2, "camera": 3, "comms": 13})


@dataclass(frozen=True, slots=True)
class CpmSensor:
    """One slot as CPM describes it: its number in `sources`, its module class, its field of view in local ENU m."""

    slot_index: int
    module_class: str
    region: tuple[tuple[float, float], ...] = ()


def cpm(
    tracks: Tracks, station: Station, codec: Codec, *, sensors: Sequence[CpmSensor] = (), limit_b: int = 1100
) -> tuple[bytes, ...]:
    """The messages of one picture, each at most `limit_b` long; what 8 segments cannot hold is the least urgent."""
    order = by_urgency(tracks)[:OBJECTS_MAX]
    objects = _objects(tracks, order)
    others: list[tuple[int, str, Any]] = [(RSU_CONTAINER, "OriginatingRsuContainer", {})]
    if sensors:
        told = [_sensor(one) for one in sensors]
        others.append((SENSOR_CONTAINER, "SensorInformationContainer", told))
    fixed = [_wrapped(codec, *one) for one in others]
    management = {"referenceTime": timestamp_its(tracks.valid_at_ns), "referencePosition": station.position()}
    header = station.header(MESSAGE_ID)

    def message(part: list[Any], containers: list[Any], **segment: Any) -> bytes:
        body = {"numberOfPerceivedObjects": min(len(tracks.objects), OBJECTS_MAX), "perceivedObjects": part}
        containers = [*containers, _wrapped(codec, OBJECT_CONTAINER, "PerceivedObjectContainer", body)]
        payload = {"managementContainer": {**management, **segment}, "cpmContainers": containers}
        return codec.encode("CollectivePerceptionMessage", {"header": header, "payload": payload})

    return _segments(objects, fixed, message, limit_b)


def _segments(objects: list[Any], fixed: list[Any], message: Any, limit_b: int) -> tuple[bytes, ...]:
    """Equal parts, the first with all containers: as few as fit, at last with objects left out."""
    count = math.ceil(len(objects) * TYPICAL_B / limit_b) or 1
    while True:
        count = min(count, SEGMENTS_MAX)
        size = max(1, math.ceil(len(objects) / count))
        parts = [objects[at : at + size] for at in range(0, len(objects), size)] or [[]]
        made = tuple(
            message(part, fixed if index == 0 else fixed[:1], **_segment(index, len(parts)))
            for index, part in enumerate(parts)
        )
        if max(map(len, made)) <= limit_b:
            return made
        if count == SEGMENTS_MAX or size == 1:
            if not objects:
                return ()
            objects = objects[: len(objects) * 9 // 10]
        else:
            count += 1


def _segment(index: int, count: int) -> dict[str, Any]:
    return {"segmentationInfo": {"totalMsgNo": count, "thisMsgNo": index + 1}} if count > 1 else {}


def _wrapped(codec: Codec, container: int, name: str, value: Any) -> dict[str, Any]:
    return {"containerId": container, "containerData": codec.encode(name, value)}


def _sensor(sensor: CpmSensor) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sensorId": sensor.slot_index,
        "sensorType": SENSOR_TYPES.get(sensor.module_class, 0),
        "shadowingApplies": sensor.module_class in {"radar", "lidar", "camera"},
    }
    if 3 <= len(sensor.region) <= 16:
        corners = [
            {"xCoordinate": wire("CartesianCoordinate", x), "yCoordinate": wire("CartesianCoordinate", y)}
            for x, y in sensor.region
        ]
        told["perceptionRegionShape"] = ("polygonal", {"polygon": corners})
    return told


def _objects(tracks: Tracks, order: Any) -> list[dict[str, Any]]:
    rows = tracks.objects[order]
    heights = (grounded(rows["z"]) + grounded(rows["height"]) / 2).tolist()
    sigma = CONFIDENCE * _sigmas(rows)
    columns = [rows[name].tolist() for name in _NAMES]
    return [
        _object(dict(zip(_NAMES, row, strict=True)), up, *doubt)
        for row, up, doubt in zip(zip(*columns, strict=True), heights, sigma.tolist(), strict=True)
    ]


def _sigmas(rows: Any) -> Any:
    """Standard deviations (n, 4) of x, y, vx, vy."""
    return rows["cov"].diagonal(axis1=1, axis2=2).clip(min=0.0) ** 0.5


def _object(row: dict[str, Any], up: float, sx: float, sy: float, svx: float, svy: float) -> dict[str, Any]:
    kind = CLASSES.get(row["object_class"], CLASSES[ObjectClass.UNKNOWN])
    told: dict[str, Any] = {
        "objectId": row["id"] & 0xFFFF,
        "measurementDeltaTime": 0,
        "position": {
            "xCoordinate": _coordinate(row["x"], sx),
            "yCoordinate": _coordinate(row["y"], sy),
            "zCoordinate": _coordinate(up, math.nan),
        },
        "velocity": (
            "cartesianVelocity",
            {"xVelocity": _velocity(row["vx"], svx), "yVelocity": _velocity(row["vy"], svy)},
        ),
        "acceleration": (
            "cartesianAcceleration",
            {"xAcceleration": _acceleration(row["ax"]), "yAcceleration": _acceleration(row["ay"])},
        ),
        "angles": {"zAngle": {"value": _angle(row["yaw"]), "confidence": 127}},
        "zAngularVelocity": {
            "value": wire("CartesianAngularVelocityComponentValue", math.degrees(row["yaw_rate"])),
            "confidence": "unavailable",
        },
        "objectAge": min(round(row["age_s"] * 1000), AGE_MAX_MS),
        "objectPerceptionQuality": wire("ObjectPerceptionQuality", row["existence"]),
        "classification": [{"objectClass": kind, "confidence": wire("ConfidenceLevel", row["class_confidence"])}],
    }
    for name, side in (("objectDimensionZ", "height"), ("objectDimensionY", "width"), ("objectDimensionX", "length")):
        if row[side] > 0:
            told[name] = {"value": wire("ObjectDimensionValue", row[side]), "confidence": UNKNOWN_DIMENSION}
    if row["sources"]:
        told["sensorIdList"] = [bit for bit in range(32) if row["sources"] >> bit & 1]
    return told


def _coordinate(metres: float, confidence_m: float) -> dict[str, int]:
    return {
        "value": wire("CartesianCoordinateLarge", metres),
        "confidence": wire("CoordinateConfidence", confidence_m),
    }


def _velocity(mps: float, confidence_mps: float) -> dict[str, int]:
    return {"value": wire("VelocityComponentValue", mps), "confidence": wire("SpeedConfidence", confidence_mps)}


def _acceleration(mps2: float) -> dict[str, int]:
    return {"value": wire("AccelerationValue", mps2), "confidence": 102}


def _angle(radians: float) -> int:
    return round(10 * math.degrees(radians)) % 3600 if math.isfinite(radians) else 3601
