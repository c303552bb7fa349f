"""The data frames (DF) that ITS FORUM RC-013 1.1 and RC-016 1.0 share, as tables (RC-013 §6.1-§6.11)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from controller.publication.radio.bits import Field, Structure, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGEMENT: Final = Structure(
    "management",
    "DF_共通領域管理情報",
    Field("service_id", 3),
    Field("message_id", 2),
    Field("version", 3),
    Field("vehicle_id", 32),
    Field("counter", 8),
    Field("data_length", 8, unit="B"),
    Field("option_flags", 8),
)
TIME: Final = Structure(
    "time",
    "DF_時刻情報",
    Field("leap_second_corrected", 1),
    Field("hour", 7, 1, "h JST", 0, 23, 127),
    Field("minute", 8, 1, "min", 0, 59, 255),
    Field("millisecond", 16, 1, "ms", 0, 60999, 65535),
)
POSITION: Final = Structure(
    "position",
    "DF_位置情報",
    Field("latitude", 32, 1e-7, "°", -900_000_000, 900_000_000, -(1 << 31), signed(32)),
    Field("longitude", 32, 1e-7, "°", -1_800_000_000, 1_800_000_000, -(1 << 31), signed(32)),
    Field("elevation", 16, 0.1, "m", -4095, 61439, 0xF000, 0xF001),
    Field("position_confidence", 4),
    Field("elevation_confidence", 4),
)
STATE: Final = Structure(
    "state",
    "DF_車両状態情報",
    Field("speed", 16, 0.01, "m/s", 0, 16383, 65535),
    Field("heading", 16, 0.0125, "° from north, clockwise", 0, 28799, 65535),
    Field("acceleration", 16, 0.01, "m/s²", -2000, 2000, -(1 << 15), signed(16)),
    Field("speed_confidence", 3),
    Field("heading_confidence", 3),
    Field("acceleration_confidence", 3),
    Field("transmission", 3, unknown=7),
    Field("steering_wheel_angle", 12, 1.5, "° clockwise", -2047, 2047, -2048, signed(12)),
)
ATTRIBUTES: Final = Structure(
    "attributes",
    "DF_車両属性情報",
    Field("size_class", 4, unknown=15),
    Field("role_class", 4, unknown=15),
    Field("width", 10, 0.01, "m", 1, 1022, 1023),
    Field("length", 14, 0.01, "m", 1, 16382, 16383),
)
COMMON: Final = (TIME, POSITION, STATE, ATTRIBUTES)
COMMON_SIZE: Final = sum(one.size for one in COMMON)

# Options that follow the common frames in this order, each behind its bit of `option_flags`.
OPTIONS: Final[Mapping[int, Structure]] = MappingProxyType(
    {
        0x80: Structure(
            "position_option",
            "DF_位置オプション情報",
            Field("delay", 5, 0.1, "s", 1, 30, 31),
            Field("revision", 5, unknown=31),
            Field("road_facilities", 3, unknown=7),
            Field("road_class", 3, unknown=7),
        ),
        0x40: Structure(
            "gps_status",
            "DF_GPS状態オプション情報",
            Field("semi_major_axis", 8, 0.5, "m", 0, 254, 255),
            Field("semi_minor_axis", 8, 0.5, "m", 0, 254, 255),
            Field("orientation", 16, 0.0125, "° from north, clockwise", 0, 28799, 65535),
        ),
        0x20: Structure(
            "acquisition",
            "DF_位置取得オプション情報",
            Field("mode", 2),
            Field("pdop", 6),
            Field("satellites", 4),
            Field("multipath", 2),
            Field("dead_reckoning", 1),
            Field("map_matching", 1),
        ),
        0x10: Structure(
            "state_option",
            "DF_車両状態オプション情報",
            Field("yaw_rate", 16, 0.01, "°/s clockwise", -32767, 32767, -(1 << 15), signed(16)),
            Field("brakes", 6),
            Field("auxiliary_brakes", 2),
            Field("throttle", 8, 0.5, "%", 0, 200, 255),
            Field("lights", 8),
            Field("acc", 2),
            Field("cacc", 2),
            Field("pcs", 2),
            Field("abs", 2),
            Field("trc", 2),
            Field("esc", 2),
            Field("lka", 2),
            Field("ldw", 2),
        ),
        0x08: Structure(
            "intersection",
            "DF_交差点情報",
            Field("distance_source", 3),
            Field("distance", 10, 1, "m", 0, 1000, 1023),
            Field("position_source", 3),
            Field("latitude", 32, 1e-7, "°", -900_000_000, 900_000_000, -(1 << 31), signed(32)),
            Field("longitude", 32, 1e-7, "°", -1_800_000_000, 1_800_000_000, -(1 << 31), signed(32)),
        ),
        0x04: Structure("extension", "DF_拡張情報", Field("upper", 4), Field("status", 4)),
    }
)
EXTENDED: Final = 0x02  # options of later versions stand between those known and the end that data_length gives
FREE: Final = 0x01  # a free area follows the common area
