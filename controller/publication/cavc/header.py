"""What every document begins with, and the fields that several of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.cavc.field import U16_MAX, U24_MAX, U32_MAX, Field, Kind
from controller.publication.cavc.instant import utc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from controller.config import Config

UNKNOWN_DEGREES: Final = -2_147_483_648
UNKNOWN_ELEVATION: Final = 61_440
DEGREE_STEP: Final = 1e-7
MODEL_TYPES: Final = ("test1", "test2")

SERVICE_LOCATION: Final = Field("サービス地点ID", "serviceLocationID", 0, U32_MAX)
ROADSIDE_UNIT: Final = Field("路側機ID", "roadsideUnitID", 0, U32_MAX)
UPDATED: Final = Field("更新時刻情報", "updateTimeInfo", kind=Kind.UTC)
FORMAT: Final = Field("フォーマットバージョン", "formatVersion", 0, U16_MAX)
HEAD: Final = (SERVICE_LOCATION, ROADSIDE_UNIT, UPDATED, FORMAT)
DEVICE: Final = Field("機器識別ID", "deviceID", 0, U24_MAX, codes="8 bit 機器タイプ, 8 bit メーカ, 8 bit 固有番号")


def degrees_north(key: str, name: str = "緯度", *, required: bool = True) -> Field:
    """A latitude of WGS84."""
    most, nothing = 900_000_000, UNKNOWN_DEGREES
    return Field(name, key, nothing, most, unit="°", step=DEGREE_STEP, unknown=nothing, first=-most, required=required)


def degrees_east(key: str, name: str = "経度", *, required: bool = True) -> Field:
    """A longitude of WGS84."""
    most, nothing = 1_800_000_000, UNKNOWN_DEGREES
    return Field(name, key, nothing, most, unit="°", step=DEGREE_STEP, unknown=nothing, first=-most, required=required)


LATITUDE: Final = degrees_north("latitude")
LONGITUDE: Final = degrees_east("longitude")
# The consumer takes the unknown height for 6,144 m: a real one (標高) is always sent.
ELEVATION: Final = Field("高度", "elevation", -4095, 61_440, unit="m", step=0.1, unknown=UNKNOWN_ELEVATION)


def around(row: Field, degrees: ArrayLike) -> list[int]:
    """Angles as integers of `row`, a full turn being none: what rounds up to 360° is 0."""
    turned = np.mod(np.rint(np.asarray(degrees, np.float64) / row.step), round(360 / row.step))
    return row.column(turned * row.step)


def document(config: Config, updated_at_ns: int, **rest: Any) -> dict[str, Any]:
    """A document of this roadside unit: header, then what follows."""
    return enveloped(
        config,
        serviceLocationID=config.pole.service_location_id,
        roadsideUnitID=config.pole.roadside_unit_id,
        updateTimeInfo=utc(updated_at_ns),
        formatVersion=config.cavc.format_version,
        **rest,
    )


def enveloped(config: Config, **attribute: Any) -> dict[str, Any]:
    """What every document lies in."""
    return {"dataModelType": config.cavc.data_model_type, "attribute": attribute}
