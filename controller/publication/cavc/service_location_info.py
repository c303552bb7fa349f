"""サービス地点情報 serviceLocationInfo: the place, its approaches (方路) and its roadside units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.publication.cavc.field import Field, Kind
from controller.publication.cavc.header import (
    ELEVATION,
    FORMAT,
    LATITUDE,
    LONGITUDE,
    ROADSIDE_UNIT,
    SERVICE_LOCATION,
    UPDATED,
    around,
    enveloped,
)
from controller.publication.cavc.instant import utc

if TYPE_CHECKING:
    from controller.config import Config

KINDS: Final = {"cooperative": 0, "signal": 1, "unknown": 7}
HEADING: Final = Field("方路接続方位", "approachHeading", 0, 239, unit="°", step=1.5)
MAX_UNITS: Final = 15

TABLE: Final = (
    UPDATED,
    FORMAT,
    SERVICE_LOCATION,
    LATITUDE,
    LONGITUDE,
    ELEVATION,
    Field("接続方路数", "approachAttributeSize", 0, 15, counts="approachAttributeInfo"),
    Field(
        "方路識別情報",
        "approachAttributeInfo",
        0,
        15,
        Kind.LIST,
        rows=(Field("方路ID", "approachID", 1, 15, codes="clockwise from true north"), HEADING),
    ),
    Field(
        "設置路側機リスト情報",
        "roadsideUnitList",
        0,
        MAX_UNITS,
        Kind.LIST,
        rows=(
            ROADSIDE_UNIT,
            Field(
                "路側機種別",
                "roadsideUnitClassification",
                0,
                7,
                unknown=7,
                codes="0 路車協調路側機, 1 信号機",
            ),
        ),
    ),
)


def service_location_info(config: Config, updated_at_ns: int) -> dict[str, Any]:
    """The origin of pole.toml as the place; this roadside unit comes first in the list."""
    origin, approaches = config.origin, sorted(config.cavc.approach, key=lambda one: one.id)
    units = [(config.pole.roadside_unit_id, 0), *((one.id, KINDS[one.kind]) for one in config.cavc.other_unit)]
    return enveloped(
        config,
        updateTimeInfo=utc(updated_at_ns),
        formatVersion=config.cavc.format_version,
        serviceLocationID=config.pole.service_location_id,
        latitude=LATITUDE.encode(origin.latitude_deg),
        longitude=LONGITUDE.encode(origin.longitude_deg),
        elevation=ELEVATION.encode(origin.altitude_m),
        approachAttributeSize=len(approaches),
        approachAttributeInfo=[
            {"approachID": one.id, "approachHeading": around(HEADING, [one.heading_deg])[0]} for one in approaches
        ],
        roadsideUnitList=[
            {"roadsideUnitID": unit, "roadsideUnitClassification": kind} for unit, kind in units[:MAX_UNITS]
        ],
    )
