"""物標情報 targetInfo: the fused tracks, a hundred a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.geometry import grounded, heading_deg_from_north
from controller.publication.cavc.confidence import codes, doubts
from controller.publication.cavc.field import U8_MAX, U16_MAX, U32_MAX, Field, Kind, index
from controller.publication.cavc.header import (
    DEVICE,
    ELEVATION,
    HEAD,
    LATITUDE,
    LONGITUDE,
    around,
    degrees_east,
    degrees_north,
    document,
)
from controller.publication.cavc.instant import jst
from controller.publication.confidence import HEADING, POSITION, SPEED
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.publication.publication import Sender

BATCH: Final = 100  # the consumer stores groups of this many
MAX_BATCHES: Final = 16  # one device each, and a roadside unit has at most 16
NOT_IN_A_VEHICLE: Final = 15
RC013_BYTES: Final = 36  # header 8, time 4, position 11, state 9, attributes 4

_CONF_POSITION: Final = "15 ≤ 0.1 m, 14 1 m, 13 2.5 m, 12 5 m, 11 7.5 m, 10 10 m, 9 15 m … 2 100 m, 1 more"
_CONF_SPEED: Final = "7 ≤ 0.05 m/s, 6 0.1, 5 0.5, 4 1, 3 5, 2 10, 1 more"
_CONF_HEADING: Final = "7 ≤ 0.5°, 6 1°, 5 5°, 4 10°, 3 20°, 2 30°, 1 more"
_SIZES: Final = "0 大型, 1 中型, 2 普通, 3 自動二輪, 4 自転車, 5 軽車両, 6 歩行者, 7 路面電車, 15 その他・不明"
_ROLES: Final = "0 自家用, 1 緊急, 2 道路維持作業, 3 旅客, 4 貨物, 5 特殊, 15 その他・不明"
_REST: Final = "0 moving, 1..3599 s, 3600 longer, 3601 never seen moving"


def _optional(name: str, key: str, high: int, unknown: int | None = None, low: int = 0) -> Field:
    return Field(name, key, low, high, unknown=unknown, required=False)


_REQUIRED: Final = (
    Field("共通サービス規格ID", "commonServiceStandardID", 0, 7, codes="0 when roadside sensors see the target"),
    Field("物標メッセージID", "targetMessageID", 0, 3, codes="1 基本メッセージ"),
    Field("物標個別バージョン情報", "targetIndividualVersionInfo", 0, 7, codes="1 Version1"),
    Field("物標ID", "targetID", 0, U32_MAX),
    Field("物標個別インクリメントカウンタ", "targetIndividualIncrementCounter", 0, U8_MAX, codes="0 follows 255"),
    Field("データ長", "dataLength", 0, U8_MAX, unit="B"),
    Field("個別オプションフラグ", "individualOptionFlag", 0, U8_MAX, codes="0: no option of RC-013 follows"),
    Field("うるう秒補正情報", "leapSecondCorrectionInfo", kind=Kind.BOOLEAN),
    Field("時刻", "time", kind=Kind.JST),
    LATITUDE,
    LONGITUDE,
    ELEVATION,
    Field("位置取得情報", "positionConf", 0, 15, unknown=0, codes=_CONF_POSITION),
    Field("高度取得情報", "elevationConf", 0, 15, unknown=0, codes="as positionConf"),
    Field("速度", "speed", 0, U16_MAX, unit="m/s", step=0.01, unknown=U16_MAX),
    Field("方位角", "heading", 0, U16_MAX, unit="°", step=0.0125, unknown=U16_MAX, last=28_799),
    Field("前後加速度", "acceleration", -32_768, 2000, unit="m/s²", step=0.01, unknown=-32_768),
    Field("速度取得情報", "speedConf", 0, 7, unknown=0, codes=_CONF_SPEED),
    Field("方位角取得情報", "headingConf", 0, 7, unknown=0, codes=_CONF_HEADING),
    Field("前後加速度取得情報", "forwardRearAccelerationConf", 0, 7, unknown=0, codes="7 ≤ 0.05 m/s² … 1 more than 5"),
    Field("シフトポジション", "transmissionState", 0, 7, unknown=7),
    Field("ステアリング角度", "steeringWheelAngle", -2048, 2047, unit="°", step=1.5, unknown=-2048),
    Field("サイズ種別", "sizeClassification", 0, 15, unknown=15, codes=_SIZES),
    Field("用途種別", "roleClassification", 0, 15, unknown=15, codes=_ROLES),
    Field("車幅", "vehicleWidth", 1, 1023, unit="m", step=0.01, unknown=1023, codes="歩行者: 1023"),
    Field("車長", "vehicleLength", 1, 16_383, unit="m", step=0.01, unknown=16_383, codes="歩行者: 16383"),
)
_OPTIONAL: Final = (
    _optional("位置情報遅れ時間", "positionDelay", 31, 31, low=1),
    _optional("リビジョンカウンタ", "revisionCounter", 31, 31, low=1),
    _optional("道路施設情報", "roadFacilities", 7, 0),
    _optional("道路区分情報", "roadClassification", 7, 0),
    _optional("位置情報誤差楕円長半径", "semiMajorAxisOfPositionalErrorEllipse", U8_MAX, U8_MAX),
    _optional("位置情報誤差楕円短半径", "semiMinorAxisOfPositionalErrorEllipse", U8_MAX, U8_MAX),
    _optional("位置情報誤差楕円回転角", "semiMajorAxisOrientationOfPositionalErrorEllipse", U16_MAX, U16_MAX),
    _optional("GPS測位モード", "GPSPositioningMode", 3, 0),
    _optional("GPS位置精度低下率", "GPSPDOP", 63, 63),
    _optional("GPS捕捉衛星数", "numberOfGPSSatellitesInUse", 15, 15),
    _optional("GPSマルチパス検出", "GPSMultiPathDetection", 3, 0),
    Field("自律航法機能情報", "deadReckoningAvailability", kind=Kind.BOOLEAN, required=False),
    Field("マップマッチング機能情報", "mapMatchingAvailability", kind=Kind.BOOLEAN, required=False),
    _optional("ヨーレート", "yawRate", 32_767, -32_768, low=-32_768),
    _optional("ブレーキ状態", "brakeAppliedStatus", 63),
    _optional("補助ブレーキ", "auxiliaryBrakeAppliedStatus", 3, 0),
    _optional("アクセルペダル開度", "throttlePosition", U8_MAX, U8_MAX),
    _optional("灯火類状態", "exteriorLights", U8_MAX),
    _optional("ACC作動状態", "adaptiveCruiseControlStatus", 3, 0),
    _optional("C-ACC作動状態", "cooperativeAdaptiveCruiseControlStatus", 3, 0),
    _optional("PCS作動状態", "preCrashSafetyStatus", 3, 0),
    _optional("ABS作動状態", "antilockBrakeStatus", 3, 0),
    _optional("TRC作動状態", "tractionControlStatus", 3, 0),
    _optional("ESC作動状態", "electronicStabilityControlStatus", 3, 0),
    _optional("LKA作動状態", "laneKeepingAssistStatus", 3, 0),
    _optional("LDW作動状態", "laneDepartureWarningStatus", 3, 0),
    _optional("交差点距離取得情報", "intersectionDistanceInformationAvailability", 7, 0),
    _optional("交差点距離", "intersectionDistance", 1023, 1023),
    _optional("交差点位置取得情報", "intersectionPositionInformationAvailability", 7, 0),
    degrees_north("intersectionLatitude", "交差点緯度", required=False),
    degrees_east("intersectionLongitude", "交差点経度", required=False),
    _optional("拡張情報", "extendedInformation", U8_MAX),
    Field("物標個別拡張情報", "targetIndividualExtendedData", 0, 1000, Kind.TEXT, required=False),
    Field("静止状態", "restingState", 0, 3602, unit="s", unknown=3602, last=3600, required=False, codes=_REST),
    Field("存在時間", "existingTime", 0, 36_001, unit="s", step=0.1, unknown=36_001, required=False),
)
TABLE: Final = (
    *HEAD,
    Field("接続機器数", "deviceNum", 0, 16, counts="deviceIndividualInfo"),
    Field(
        "センサ情報",
        "deviceIndividualInfo",
        0,
        16,
        Kind.LIST,
        rows=(
            DEVICE,
            Field("物標数", "targetNum", 0, U16_MAX, counts="targetIndividualInfo"),
            Field("物標個別情報", "targetIndividualInfo", 0, U16_MAX, Kind.LIST, rows=(*_REQUIRED, *_OPTIONAL)),
        ),
    ),
)
_ROW: Final = index(TABLE)
_SENT: Final = (*(row.key for row in _REQUIRED), "existingTime", "restingState")


def target_info(
    tracks: Tracks,
    resting: list[int],
    sender: Sender,
    config: Config,
    updated_at_ns: int,
    *,
    counter: int,
    batches: int = 1,
) -> list[dict[str, Any]]:
    """Documents of at most 100 targets, each for a device of its own: a device's next document replaces its last.

    `resting` as `Resting.column` gives it. At least `batches` documents, empty ones too, so that no old targets stay.
    """
    rows = _targets(tracks, resting, sender, config, counter)
    count = min(max(-(-len(rows) // BATCH), batches, 1), MAX_BATCHES)
    return [
        _batch(
            rows[number * BATCH : (number + 1) * BATCH], config.cavc.target_device_id + number, config, updated_at_ns
        )
        for number in range(count)
    ]


def _batch(rows: list[dict[str, Any]], device_id: int, config: Config, updated_at_ns: int) -> dict[str, Any]:
    device = {"deviceID": device_id, "targetNum": len(rows), "targetIndividualInfo": rows}
    return document(config, updated_at_ns, deviceNum=1, deviceIndividualInfo=[device])


def _targets(tracks: Tracks, resting: list[int], sender: Sender, config: Config, counter: int) -> list[dict[str, Any]]:
    with np.errstate(invalid="ignore", over="ignore"):
        columns = _columns(tracks, sender, config, counter)
    return [dict(zip(_SENT, row, strict=True)) for row in zip(*columns, resting, strict=True)]


def _columns(tracks: Tracks, sender: Sender, config: Config, counter: int) -> tuple[list[Any], ...]:
    rows = tracks.objects
    count = len(rows)
    latitude, longitude, height = sender.frame.to_wgs84(rows["x"], rows["y"], _heights(rows["z"]))
    elevation = np.where(np.isfinite(height), height - sender.geoid_height_m, config.origin.altitude_m)
    vx, vy = rows["vx"], rows["vy"]
    doubt = doubts(rows["cov"], vx, vy)
    forward = rows["ax"] * np.cos(rows["yaw"]) + rows["ay"] * np.sin(rows["yaw"])
    return (
        [0] * count,
        [1] * count,
        [1] * count,
        rows["id"].tolist(),
        [counter % 256] * count,
        [RC013_BYTES] * count,
        [0] * count,
        [True] * count,
        [jst(tracks.valid_at_ns)] * count,
        _ROW["latitude"].column(latitude),
        _ROW["longitude"].column(longitude),
        _ROW["elevation"].column(elevation),
        codes(doubt.position_m, POSITION),
        [0] * count,
        _ROW["speed"].column(np.hypot(vx, vy)),
        around(_ROW["heading"], heading_deg_from_north(rows["yaw"])),
        _ROW["acceleration"].column(forward),
        codes(doubt.speed_mps, SPEED),
        codes(doubt.heading_deg, HEADING),
        [0] * count,
        [7] * count,
        [-2048] * count,
        [code if code <= ObjectClass.TRAM else 15 for code in rows["object_class"].tolist()],
        [NOT_IN_A_VEHICLE] * count,
        _ROW["vehicleWidth"].column(_extent(rows, "width")),
        _ROW["vehicleLength"].column(_extent(rows, "length")),
        _ROW["existingTime"].column(rows["age_s"]),
    )


def _heights(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local heights in metres; what has none that is a number stands on the ground."""
    return grounded(np.where(np.isfinite(z), z, np.nan))


def _extent(rows: NDArray[np.void], name: str) -> NDArray[np.float64]:
    """A side of the body in metres; NaN for people, whose size is never told, and where none is known."""
    known = (rows["object_class"] != ObjectClass.PEDESTRIAN) & (rows[name] > 0)
    side: NDArray[np.float64] = np.where(known, rows[name], np.nan)
    return side
