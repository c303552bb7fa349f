"""nearMissInfoList: near misses as the ヒヤリハット管理システム lists them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from controller.publication.cavc.field import Field, Kind
from controller.publication.cavc.instant import utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from controller.config import Config
    from interfaces.proto import publication_pb2 as pb

MANY: Final = 2_147_483_647
HIGHEST_M: Final = 1e7
NAMESPACE: Final = UUID("6f2d6c2e-8c0f-5d0c-9a57-6d0f6e0b7a11")  # ours, for the ids below
CATEGORIES: Final = {"rear_end": "追突", "lateral": "側方接近", "crossing": "出会い頭", "vru": "横断者"}
SEVERITIES: Final = {1: "注意", 2: "ヒヤリ", 3: "ハット", 4: "接触"}
MEASURES: Final = (
    "ttc_s",
    "pet_s",
    "drac_mps2",
    "mttc_s",
    "sct_s",
    "probability",
    "closing_speed_mps",
    "distance_m",
)
OF_PARTICIPANT: Final = ("speed_mps", "heading_rad", "length_m", "width_m", "max_deceleration_mps2")


def _text(name: str, key: str, least: int, *, required: bool = False) -> Field:
    return Field(name, key, least, 4096, Kind.TEXT, required=required)


def _number(name: str, key: str, most: float, unit: str, *, required: bool = True) -> Field:
    return Field(name, key, -most, most, Kind.NUMBER, unit, required=required)


TABLE: Final = (
    Field("データID", "id", kind=Kind.UUID),
    _text("データフォルダURI", "uri", 1),
    _text("名称", "name", 1),
    _text("分類", "category", 0),
    _text("要約", "summary", 0),
    Field("発生時刻", "timestamp", kind=Kind.UTC, required=False),
    Field(
        "発生地点",
        "coordinates",
        0,
        MANY,
        Kind.LIST,
        required=False,
        rows=(
            _number("緯度", "lat", 90, "°"),
            _number("経度", "lon", 180, "°"),
            _number("標高", "alt", HIGHEST_M, "m", required=False),
        ),
    ),
    Field(
        "ヒヤリハット属性リスト",
        "attributes",
        0,
        MANY,
        Kind.LIST,
        required=False,
        rows=(_text("キー", "key", 1, required=True), Field("値", "value", 1, MANY, Kind.TEXT)),
    ),
    Field(
        "ファイル",
        "files",
        0,
        MANY,
        Kind.LIST,
        required=False,
        rows=(
            _text("ファイル種別", "type", 0, required=True),
            Field("ファイルサイズ", "size", 0, MANY, unit="B"),
            _text("ファイルURI", "uri", 0, required=True),
        ),
    ),
)


def near_miss_info_list(config: Config, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document of these records."""
    return {"dataModelType": config.cavc.data_model_type, "attribute": list(records)}


def record(seen: pb.NearMiss, config: Config) -> dict[str, Any]:
    """One near miss; the same encounter always gets the same id, so that a repeat replaces it."""
    pole, at = config.pole, seen.event_position
    category = CATEGORIES.get(seen.conflict, "その他")
    severity = SEVERITIES.get(seen.severity, "不明")
    key = f"{pole.service_location_id}/{pole.roadside_unit_id}/{seen.encounter_id}/{seen.start_ns}"
    known = all(math.isfinite(value) for value in (at.latitude_deg, at.longitude_deg, at.altitude_m))
    return {
        "id": str(uuid5(NAMESPACE, key)),
        "name": f"{pole.name} {category} {severity}",
        "category": category,
        "summary": _summary(seen, category, severity),
        "timestamp": utc(seen.peak_ns),
        "coordinates": [_place(at, config)] if known else [],
        "attributes": [{"key": name, "value": value} for name, value in _attributes(seen, config) if value],
        "files": [],
    }


def _summary(seen: pb.NearMiss, category: str, severity: str) -> str:
    nedo = f"、NEDOニアミス区分{seen.nedo_level}" if seen.nedo_level else ""
    ttc = f"、最小TTC {seen.ttc_s:.2f} s" if math.isfinite(seen.ttc_s) else ""
    pet = f"、PET {seen.pet_s:.2f} s" if math.isfinite(seen.pet_s) else ""
    return f"{category}の{severity}{nedo}{ttc}{pet}(参考情報)"


def _place(at: pb.Position, config: Config) -> dict[str, float]:
    altitude = round(at.altitude_m - config.origin.geoid_height_m, 3)
    return {"lat": at.latitude_deg, "lon": at.longitude_deg, "alt": max(-HIGHEST_M, min(altitude, HIGHEST_M))}


def _attributes(seen: pb.NearMiss, config: Config) -> Iterator[tuple[str, str]]:
    """Everything the record has no key for, as texts; empty ones are left out."""
    yield "service_location_id", str(config.pole.service_location_id)
    yield "roadside_unit_id", str(config.pole.roadside_unit_id)
    yield "reference_only", "true"
    yield "severity", str(seen.severity)
    yield "nedo_level", seen.nedo_level
    yield "conflict", seen.conflict
    yield "spatial_id", seen.event_position.spatial_id
    yield "started_at", utc(seen.start_ns)
    yield "ended_at", utc(seen.end_ns)
    yield "information_quality", str(seen.header.information_quality)
    yield "modules", ",".join(seen.header.modules)
    for name in MEASURES:
        yield name, _figure(getattr(seen, name))
    for number, one in enumerate(seen.participants, 1):
        yield f"participant_{number}_track_id", str(one.track_id)
        yield f"participant_{number}_class", str(one.object_class)
        for name in OF_PARTICIPANT:
            yield f"participant_{number}_{name}", _figure(getattr(one, name))


def _figure(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
