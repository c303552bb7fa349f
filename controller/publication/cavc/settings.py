"""The [cavc] part of pole.toml: what only the operator knows, and where documents are sent."""

from __future__ import annotations

from datetime import date  # noqa: TC003 -- pydantic reads it
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

U32 = Annotated[int, Field(ge=0, lt=2**32)]
DeviceId = Annotated[int, Field(ge=0, lt=2**24)]
ApproachId = Annotated[int, Field(ge=1, le=15)]
Text = Annotated[str, Field(max_length=255)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoadsideUnit(_Section):
    """路側機属性情報. Texts left empty and dates left out are missing: the document is not made without them."""

    name: Text = ""  # empty: pole.name
    product_number: Text = ""
    manufacturer: Text = ""  # may stay empty
    customer: Text = ""  # may stay empty
    licensing_info: Text = ""
    initial_registration_date: date | None = None
    power_consumption_kwh: Annotated[int, Field(ge=0, le=65_535)] = 0  # a year, the whole roadside unit
    gross_weight_kg: Annotated[int, Field(ge=0, le=65_535)] = 0
    material: Literal["concrete", "stainless", "steel", "unknown"] = "unknown"
    date_of_installation: date | None = None
    manager: Text = ""
    site_manager: Text = ""
    last_inspection_date: date | None = None
    next_inspection_date: date | None = None


class Approach(_Section):
    """方路: `id` counts clockwise from true north; `heading_deg` is the way traffic comes in, clockwise from north."""

    id: ApproachId
    heading_deg: Annotated[float, Field(ge=0, lt=360)]


class OtherUnit(_Section):
    """Another roadside unit of the same service location."""

    id: U32
    kind: Literal["cooperative", "signal", "unknown"] = "unknown"


class UseCase(_Section):
    """One use case that this pole's targets serve. No slots: all that detect."""

    type: Annotated[int, Field(ge=0, le=255)]
    supported_approach: Annotated[int, Field(ge=0, le=15)] = 0  # 0: none in particular
    supplementary_code: Annotated[int, Field(ge=0, le=3)] = 0
    approaches: tuple[ApproachId, ...] = ()  # that the sensors look at
    slots: tuple[str, ...] = ()


class Upload(_Section):
    """Where and how documents are sent; an empty url sends none. Paths count from the folder of pole.toml."""

    url: str = ""  # https://host[/path] of the 環境情報連携システム
    login_url: str = ""  # https://host/auth/login
    near_miss_url: str = ""  # the whole address that takes nearMissInfoList; empty: near misses are not sent
    api_key_file: str = ""
    account_id_file: str = ""
    password_file: str = ""
    ca_file: str = ""  # PEM; empty: the authorities of this machine
    plain_http: bool = False  # allows http://, for a server on the same machine or a trusted tunnel
    targets_period_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    alive_period_s: Annotated[float, Field(ge=0.5, le=60)] = 1.0
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 10.0


class Cavc(_Section):
    """自動運転支援道: identity of the documents and of the devices in them."""

    data_model_type: Literal["test1", "test2"] = "test1"
    format_version: Annotated[int, Field(ge=0, le=65_535)] = 1
    in_operation: bool = True  # 運用中; false: 調整中
    target_device_id: Annotated[int, Field(ge=0, le=0xFEFFF0)] = 0xD00001  # of the fused targets, and the 15 after it
    device_ids: dict[str, DeviceId] = {}  # by slot; without one the module's own counts
    roadside_unit: RoadsideUnit = RoadsideUnit()
    approach: tuple[Approach, ...] = ()
    other_unit: tuple[OtherUnit, ...] = ()
    use_case: tuple[UseCase, ...] = ()
    upload: Upload = Upload()
