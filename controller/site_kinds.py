"""What a site map may hold: the one table of kinds and properties that validator, schema and drawing read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Form(StrEnum):
    """How a property's value is written."""

    NUMBER = "number"
    WHOLE = "whole number"
    CHOICE = "choice"
    LANE = "lane id"
    LANES = "lane ids"


@dataclass(frozen=True, slots=True)
class Property:
    """One property: `low` to `high` bound numbers, `choices` a choice; `default` None: absent means unknown."""

    name: str
    form: Form
    en: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    default: float | str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of feature; `needs_id`: others refer to it, in the file or in what is published."""

    name: str
    geometry: str
    en: str
    ja: str
    properties: tuple[Property, ...] = ()
    needs_id: bool = False


LANE_TYPES: Final = ("driving", "ramp", "shoulder", "bus", "bicycle")
CARRIED: Final = ("driving", "ramp", "bus")  # lane types whose area is carriageway when no polygon says so
MAX_SIGNAL_GROUP: Final = 255

_SIGNAL_GROUP: Final = Property(
    "signal_group", Form.WHOLE, "group of the signal module that holds here", 0, MAX_SIGNAL_GROUP
)
_TABLE: Final = (
    Kind(
        "lane",
        "LineString",
        "lane",
        "車線",
        (
            Property("width_m", Form.NUMBER, "width", 1.0, 20.0, default=3.25),
            Property("speed_limit_kmh", Form.NUMBER, "speed limit", 5.0, 140.0),
            Property("type", Form.CHOICE, "what drives on it", choices=LANE_TYPES, default="driving"),
            Property("successors", Form.LANES, "lanes on which one drives on"),
        ),
        needs_id=True,
    ),
    Kind("carriageway", "Polygon", "carriageway", "車道"),
    Kind("crossing", "Polygon", "crossing", "横断歩道", (_SIGNAL_GROUP,)),
    Kind("conflict_area", "Polygon", "conflict area", "交錯区域", needs_id=True),
    Kind(
        "stop_line",
        "LineString",
        "stop line",
        "停止線",
        (Property("lanes", Form.LANES, "lanes that stop here; absent: those it crosses"), _SIGNAL_GROUP),
    ),
    Kind(
        "merge_area",
        "Polygon",
        "merge area",
        "合流区域",
        (
            Property("ramp", Form.LANE, "lane that ends here; absent: the ramp whose end lies inside"),
            Property("mainline", Form.LANE, "lane that it joins; absent: the ramp's successor"),
        ),
        needs_id=True,
    ),
    Kind("blind_area", "Polygon", "blind area", "除外区域 (ブラック)"),
    Kind("interest_area", "Polygon", "interest area", "対象区域 (ホワイト)"),
)
KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _TABLE})
PROPERTY_NAMES: Final = ("kind", "id", *dict.fromkeys(one.name for kind in _TABLE for one in kind.properties))
MAX_FEATURES: Final = 5000
MAX_POSITIONS: Final = 5000
LONGITUDE_MAX: Final = 180.0
LATITUDE_MAX: Final = 86.0
