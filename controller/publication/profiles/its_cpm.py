"""Tracks → its-client CPM 2.1.1: the collective perception message of TS 103 324 as JSON.

The same numbers as in `publication.radio.cpm`, in one message: JSON over MQTT need not be cut.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.geometry import grounded
from controller.publication.profiles.its_client import reference_position
from controller.publication.radio.cpm import AGE_MAX_MS, CLASSES, OBJECTS_MAX, SENSOR_TYPES, UNKNOWN_DIMENSION
from controller.publication.radio.etsi_quantities import CONFIDENCE, QUANTITIES
from controller.publication.radio.its_time import timestamp_its
from controller.publication.radio.station import PROTOCOL
from controller.publication.radio.urgency import by_urgency
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from controller.fusion.track import Tracks
    from controller.publication.profiles.its_client import Source
    from controller.publication.radio.station import Station

VERSION: Final = "2.1.1"
_VRU: Final = {  # one is misspelt in the schema
    "pedestrian": "pedestrian",
    "motorcyclist": "motorcylist",
    "bicyclistAndLightVruVehicle": "bicyclist_and_light_vru_vehicle",
    "animal": "animal",
}
# Written out: a few hundred dictionaries a picture would set off collections of garbage, pauses for everybody.
_OBJECT: Final = (
    '{"object_id":%d,"measurement_delta_time":0,"position":{"x_coordinate":{"value":%d,"confidence":%d},'
    '"y_coordinate":{"value":%d,"confidence":%d},"z_coordinate":{"value":%d,"confidence":4096}},'
    '"velocity":{"cartesian_velocity":{"x_velocity":{"value":%d,"confidence":%d},'
    '"y_velocity":{"value":%d,"confidence":%d}}},'
    '"acceleration":{"cartesian_acceleration":{"x_acceleration":{"value":%d,"confidence":102},'
    '"y_acceleration":{"value":%d,"confidence":102}}},'
    '"angles":{"z_angle":{"value":%d,"confidence":127}},"z_angular_velocity":{"value":%d,"confidence":7},'
    '"object_age":%d,"object_perception_quality":%d,"classification":[{"object_class":%s,"confidence":%d}]%s%s}'
)


def its_cpm(tracks: Tracks, station: Station, source: Source, sensors: Sequence[tuple[int, str]] = ()) -> bytes:
    """One picture, its most urgent 255 objects. `sensors` are (number in `sources`, module class)."""
    message: dict[str, Any] = {
        "protocol_version": PROTOCOL,
        "station_id": station.station_id,
        "management_container": {
            "reference_time": timestamp_its(tracks.valid_at_ns),
            "reference_position": reference_position(station.position()),
        },
    }
    if sensors:
        message["sensor_information_container"] = [_sensor(*one) for one in sensors]
    whole = source.envelope("cpm", VERSION, tracks.valid_at_ns) | {"message": message}
    head = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    objects = ",".join(_objects(tracks))
    return f'{head[:-2]},"perceived_object_container":[{objects}]}}}}'.encode()


def _sensor(number: int, module_class: str) -> dict[str, Any]:
    return {
        "sensor_id": number,
        "sensor_type": SENSOR_TYPES.get(module_class, 0),
        "shadowing_applies": module_class in {"radar", "lidar", "camera"},
    }


def _objects(tracks: Tracks) -> list[str]:
    rows = tracks.objects[by_urgency(tracks)[:OBJECTS_MAX]]
    sigma = CONFIDENCE * rows["cov"].diagonal(axis1=1, axis2=2).clip(min=0.0) ** 0.5
    up = grounded(rows["z"]) + grounded(rows["height"]) / 2
    numbers = (
        rows["id"] & 0xFFFF,
        _steps("CartesianCoordinateLarge", rows["x"]),
        _steps("CoordinateConfidence", sigma[:, 0]),
        _steps("CartesianCoordinateLarge", rows["y"]),
        _steps("CoordinateConfidence", sigma[:, 1]),
        _steps("CartesianCoordinateLarge", up),
        _steps("VelocityComponentValue", rows["vx"]),
        _steps("SpeedConfidence", sigma[:, 2]),
        _steps("VelocityComponentValue", rows["vy"]),
        _steps("SpeedConfidence", sigma[:, 3]),
        _steps("AccelerationValue", rows["ax"]),
        _steps("AccelerationValue", rows["ay"]),
        _angles(rows["yaw"]),
        _steps("CartesianAngularVelocityComponentValue", np.degrees(rows["yaw_rate"])),
        np.minimum(np.rint(1000 * rows["age_s"]), AGE_MAX_MS),
        _steps("ObjectPerceptionQuality", rows["existence"]),
    )
    kinds = [_KINDS.get(kind, _UNKNOWN) for kind in rows["object_class"].tolist()]
    trust = _steps("ConfidenceLevel", rows["class_confidence"])
    columns = zip(*(one.tolist() for one in numbers), kinds, trust.tolist(), _sizes(rows), _seen(rows), strict=True)
    return [_OBJECT % row for row in columns]


def _steps(name: str, quantity: ArrayLike) -> NDArray[np.float64]:
    """`QUANTITIES[name].to_wire` of a column."""
    row, values = QUANTITIES[name], np.asarray(quantity, np.float64)
    low, high = row.range
    unknown = row.low if row.unknown is None else row.unknown
    return np.where(np.isfinite(values), np.rint(np.clip(values / row.step, low, high)), unknown)


def _angles(yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    turned = np.degrees(np.mod(np.where(np.isfinite(yaw), yaw, 0.0), 2 * np.pi))
    return np.where(np.isfinite(yaw), np.rint(10 * turned) % 3600, 3601)


def _sizes(rows: NDArray[np.void]) -> list[str]:
    sides = [np.where(rows[side] > 0, _steps("ObjectDimensionValue", rows[side]), 0) for side in _SIDES.values()]
    return [
        "".join(
            f',"object_dimension_{axis}":{{"value":{value:.0f},"confidence":{UNKNOWN_DIMENSION}}}'
            for axis, value in zip(_SIDES, one, strict=True)
            if value
        )
        for one in zip(*(side.tolist() for side in sides), strict=True)
    ]


def _seen(rows: NDArray[np.void]) -> list[str]:
    masks = rows["sources"].tolist()
    words = {mask: _sensor_list(mask) for mask in set(masks)}
    return [words[mask] for mask in masks]


def _sensor_list(mask: int) -> str:
    bits = ",".join(str(bit) for bit in range(32) if mask >> bit & 1)
    return f',"sensor_id_list":[{bits}]' if bits else ""


def _kind(kind: str, value: Any) -> str:
    if kind == "vruSubClass":
        return json.dumps({"vru": {_VRU[value[0]]: value[1]}}, separators=(",", ":"))
    return json.dumps({kind.removesuffix("SubClass"): value}, separators=(",", ":"))


_SIDES: Final = {"z": "height", "y": "width", "x": "length"}
_KINDS: Final[Mapping[int, str]] = {int(kind): _kind(*choice) for kind, choice in CLASSES.items()}
_UNKNOWN: Final = _KINDS[ObjectClass.UNKNOWN]
