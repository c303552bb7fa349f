"""路側機属性情報 roadsideUnitInfo: what the operator says of the roadside unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.publication.cavc.field import U16_MAX, Field, Kind
from controller.publication.cavc.header import HEAD, LATITUDE, LONGITUDE, document

if TYPE_CHECKING:
    from controller.config import Config

MATERIALS: Final = {"concrete": 0, "stainless": 1, "steel": 2, "unknown": 15}


def _text(name: str, key: str, *, required: bool = True) -> Field:
    return Field(name, key, 1, 255, Kind.TEXT, required=required)


def _date(name: str, key: str) -> Field:
    return Field(name, key, kind=Kind.DATE)


TABLE: Final = (
    *HEAD,
    _text("路側機名称", "roadsideUnitName"),
    _text("路側機型番", "productNumber"),
    _text("路側機製造者", "manufacturer", required=False),
    _text("路側機発注者", "customer", required=False),
    _text("認可関連情報", "licensingInfo"),
    _date("初期登録日", "initialRegistrationDate"),
    Field("路側機消費電力", "powerConsumption", 0, U16_MAX, unit="kWh/year"),
    Field("路側機重量", "grossWeight", 0, U16_MAX, unit="kg"),
    Field("路側機設置種別", "materialType", 0, 15, unknown=15, codes="0 コンクリート柱, 1 ステンレス鋼柱, 2 鋼管柱"),
    _date("路側機設置年月日", "dateOfInstallation"),
    LATITUDE,
    LONGITUDE,
    _text("路側機管理者", "roadsideUnitManager"),
    _text("設置地管理者", "installationSiteManager"),
    _date("最終点検日", "lastInspectionDate"),
    _date("次回点検日", "nextInspectionDate"),
)
NEEDED: Final = (
    "product_number",
    "licensing_info",
    "initial_registration_date",
    "date_of_installation",
    "manager",
    "site_manager",
    "last_inspection_date",
    "next_inspection_date",
)


def missing(config: Config) -> tuple[str, ...]:
    """Keys of [cavc.roadside_unit] without which there is no document."""
    return tuple(key for key in NEEDED if not getattr(config.cavc.roadside_unit, key))


def roadside_unit_info(config: Config, updated_at_ns: int) -> dict[str, Any] | None:
    """The operator's words; None while some are `missing`."""
    unit = config.cavc.roadside_unit
    if missing(config):
        return None
    optional = {"manufacturer": unit.manufacturer, "customer": unit.customer}
    return document(
        config,
        updated_at_ns,
        roadsideUnitName=unit.name or config.pole.name,
        productNumber=unit.product_number,
        **{key: text for key, text in optional.items() if text},
        licensingInfo=unit.licensing_info,
        initialRegistrationDate=str(unit.initial_registration_date),
        powerConsumption=unit.power_consumption_kwh,
        grossWeight=unit.gross_weight_kg,
        materialType=MATERIALS[unit.material],
        dateOfInstallation=str(unit.date_of_installation),
        latitude=LATITUDE.encode(config.origin.latitude_deg),
        longitude=LONGITUDE.encode(config.origin.longitude_deg),
        roadsideUnitManager=unit.manager,
        installationSiteManager=unit.site_manager,
        lastInspectionDate=str(unit.last_inspection_date),
        nextInspectionDate=str(unit.next_inspection_date),
    )
