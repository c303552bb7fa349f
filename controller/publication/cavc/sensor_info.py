"""センサ情報 sensorInfo: where the sensors stand, what they see and how surely."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from controller.publication.cavc.device import MAX_SENSORS, sensors
from controller.publication.cavc.field import U16_MAX, Field, Kind
from controller.publication.cavc.header import (
    DEVICE,
    ELEVATION,
    HEAD,
    LATITUDE,
    LONGITUDE,
    degrees_east,
    degrees_north,
    document,
)
from controller.publication.detection_area import MAX_VERTICES, corners
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.config import Config, Mount
    from controller.publication.cavc.device import Device
    from controller.publication.publication import Sender
    from interfaces.proto import pmi_pb2 as pb

MAX_RANGES: Final = 16
BETTER_THAN_ALL: Final = 101
_TYPES: Final = "bits: 0 四輪車, 1 列車, 2 自動二輪, 3 軽車両, 4 人, 5 動物, 6 非固定物体, 7 固定物体"
_RELIABILITY: Final = "n: p ≤ 1 − 10^(−n/10); 101 more than 100 says"

TABLE: Final = (
    *HEAD,
    Field("対応センサ数", "sensorNum", 0, MAX_SENSORS, counts="sensorAttributeInfo"),
    Field(
        "センサ別属性情報",
        "sensorAttributeInfo",
        0,
        MAX_SENSORS,
        Kind.LIST,
        rows=(
            DEVICE,
            LATITUDE,
            LONGITUDE,
            ELEVATION,
            Field("センサ検知範囲数", "sensorDetectionRanges", 1, MAX_RANGES, counts="sensorDetectionRangeInfo"),
            Field(
                "センサ検知範囲別属性情報",
                "sensorDetectionRangeInfo",
                1,
                MAX_RANGES,
                Kind.LIST,
                required=False,
                rows=(
                    Field("検出範囲ID", "detectionRangeID", 1, 16),
                    Field("未検出率", "undetectableRate", 1, 255, required=False),
                    Field("頂点数", "vertices", 1, MAX_VERTICES, counts="verticesPos"),
                    Field(
                        "頂点位置",
                        "verticesPos",
                        1,
                        MAX_VERTICES,
                        Kind.LIST,
                        rows=(degrees_north("verticesLat"), degrees_east("verticesLon")),
                    ),
                    Field("検知可能物標種別", "detectableObjectType", 0, 255, codes=_TYPES),
                    Field("検知信頼度", "detectionReliability", 0, 101, unknown=0, codes=_RELIABILITY),
                    Field(
                        "検知限界物標サイズ",
                        "detectionLimitObjectSize",
                        0,
                        U16_MAX,
                        unit="m",
                        step=0.01,
                        unknown=U16_MAX,
                        first=1,
                    ),
                ),
            ),
        ),
    ),
)
_LIMIT: Final = TABLE[-1].rows[-1].rows[-1]


def reliability(probability: float) -> int:
    """The class of a probability of detection: the least n with p ≤ 1 − 10^(−n/10); 0 when it is none, 101 beyond."""
    if not 0 < probability <= 1:
        return 0
    if probability > 1 - 10.0 ** (-100 / 10):
        return BETTER_THAN_ALL
    least = max(1, math.floor(-10 * math.log10(1 - probability)))
    return least if probability <= 1 - 10 ** (-least / 10) else least + 1


def sensor_info(
    config: Config,
    sender: Sender,
    updated_at_ns: int,
    devices: Sequence[Device],
    ranges: Mapping[str, Sequence[pb.DetectionRange]],
) -> dict[str, Any]:
    """Every detecting slot; `ranges` are those of the data sheets, by slot, in module axes.

    A sensor that does not serve in full has an unknown reliability: that is the change that has this document re-sent.
    """
    listed = [_sensor(one, config.slot[one.slot].mount, sender, ranges.get(one.slot, ())) for one in sensors(devices)]
    return document(config, updated_at_ns, sensorNum=len(listed), sensorAttributeInfo=listed)


def _sensor(one: Device, mount: Mount, sender: Sender, ranges: Sequence[pb.DetectionRange]) -> dict[str, Any]:
    at = (mount.east_m, mount.north_m, mount.height_m)
    latitude, longitude, height = (float(value) for value in sender.frame.to_wgs84(*at))
    known = one.state == State.ACTIVE
    told = [_range(number, area, mount, sender, known=known) for number, area in enumerate(ranges[:MAX_RANGES], 1)]
    listed = told or [_nothing_known(latitude, longitude)]
    return {
        "deviceID": one.device_id,
        "latitude": LATITUDE.encode(latitude),
        "longitude": LONGITUDE.encode(longitude),
        "elevation": ELEVATION.encode(height - sender.geoid_height_m),
        "sensorDetectionRanges": len(listed),
        "sensorDetectionRangeInfo": listed,
    }


def _range(number: int, area: pb.DetectionRange, mount: Mount, sender: Sender, *, known: bool) -> dict[str, Any]:
    latitude, longitude, _ = sender.frame.to_wgs84(*corners(area, mount), 0.0)
    places = zip(LATITUDE.column(latitude), LONGITUDE.column(longitude), strict=True)
    return _area(
        number,
        [{"verticesLat": lat, "verticesLon": lon} for lat, lon in places],
        area.detectable_types & 255,
        min(area.reliability, BETTER_THAN_ALL) if known else 0,
        _LIMIT.encode(area.limit_size_m if area.limit_size_m > 0 else math.nan),
    )


def _nothing_known(latitude: float, longitude: float) -> dict[str, Any]:
    """One range is the least the document allows: a point where the sensor stands, everything about it unknown."""
    here = {"verticesLat": LATITUDE.encode(latitude), "verticesLon": LONGITUDE.encode(longitude)}
    return _area(1, [here], 0, 0, U16_MAX)


def _area(number: int, corners: list[dict[str, int]], types: int, sure: int, limit: int) -> dict[str, Any]:
    return {
        "detectionRangeID": number,
        "vertices": len(corners),
        "verticesPos": corners,
        "detectableObjectType": types,
        "detectionReliability": sure,
        "detectionLimitObjectSize": limit,
    }
