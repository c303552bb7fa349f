"""The documents by name: where each goes and which field table it obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.publication.cavc import (
    alive_monitoring_info,
    near_miss_info_list,
    roadside_unit_info,
    sensor_info,
    service_location_info,
    target_info,
    use_case_info,
)

if TYPE_CHECKING:
    from controller.publication.cavc.field import Field


@dataclass(frozen=True, slots=True)
class Document:
    """One kind. `table` describes the attribute, or with `many` each of its elements; `when` it is sent, for people."""

    name: str
    title: str
    path: str
    table: tuple[Field, ...]
    when: str
    many: bool = False


_ALL: Final = (
    Document("targetInfo", "物標情報", "/targetInfo", target_info.TABLE, "every second, newest only"),
    Document(
        "aliveMonitoringInfo",
        "死活監視情報",
        "/aliveMonitoringInfo",
        alive_monitoring_info.TABLE,
        "every second and on change",
    ),
    Document("roadsideUnitInfo", "路側機属性情報", "/roadsideUnitInfo", roadside_unit_info.TABLE, "on change, hourly"),
    Document("sensorInfo", "センサ情報", "/sensorInfo", sensor_info.TABLE, "on change, hourly"),
    Document(
        "serviceLocationInfo",
        "サービス地点情報",
        "/serviceLocationInfo",
        service_location_info.TABLE,
        "on change, hourly",
    ),
    Document("useCaseInfo", "ユースケース情報", "/useCaseInfo", use_case_info.TABLE, "on change, hourly"),
    Document(
        "nearMissInfoList",
        "ヒヤリハット情報リスト",
        "",
        near_miss_info_list.TABLE,
        "each event, kept until taken",
        many=True,
    ),
)
DOCUMENTS: Final = {one.name: one for one in _ALL}
