"""Hazard → its-client DENM 2.2.0: the notification of TS 103 831 as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from controller.geometry import grounded, heading_deg_from_north
from controller.hazard.hazard import Phase
from controller.publication.profiles.its_client import reference_position
from controller.publication.radio.denm import CAUSES, OTHER_CAUSE
from controller.publication.radio.etsi_quantities import wire
from controller.publication.radio.its_time import timestamp_its
from controller.publication.radio.station import PROTOCOL, ROADSIDE_UNIT

if TYPE_CHECKING:
    from controller.hazard.hazard import Hazard
    from controller.publication.profiles.its_client import Source
    from controller.publication.radio.station import Station

VERSION: Final = "2.2.0"
IS_CANCELLATION: Final = 0


def its_denm(hazard: Hazard, station: Station, source: Source, number: int) -> bytes:
    """One statement about one hazard; `number` 0..65535 is that hazard's among the pole's."""
    position = station.position(hazard.x, hazard.y, float(grounded(hazard.z)))
    management: dict[str, Any] = {
        "action_id": {"originating_station_id": station.station_id, "sequence_number": number},
        "detection_time": timestamp_its(hazard.detection_time_ns),
        "reference_time": timestamp_its(hazard.reference_time_ns),
        "event_position": reference_position(position),
        "validity_duration": wire("DeltaTimeSecond", math.ceil(hazard.validity_s)),
        "station_type": ROADSIDE_UNIT,
    }
    message: dict[str, Any] = {
        "protocol_version": PROTOCOL,
        "station_id": station.station_id,
        "management": management,
    }
    if hazard.phase is Phase.CANCEL:
        management["termination"] = IS_CANCELLATION
    else:
        message |= {"situation": _situation(hazard)} | ({"location": told} if (told := _location(hazard)) else {})
    whole = source.envelope("denm", VERSION, hazard.reference_time_ns) | {"message": message}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def _situation(hazard: Hazard) -> dict[str, Any]:
    known = hazard.cause in CAUSES
    event = {"cause": hazard.cause, "subcause": hazard.subcause} if known else {"cause": OTHER_CAUSE, "subcause": 0}
    return {"information_quality": hazard.information_quality, "event_type": event}


def _location(hazard: Hazard) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if not math.isnan(hazard.speed):
        told["event_speed"] = {"value": wire("SpeedValue", hazard.speed), "confidence": 127}
    if not math.isnan(hazard.heading):
        heading = round(10 * float(heading_deg_from_north(hazard.heading))) % 3600
        told["event_position_heading"] = {"value": heading, "confidence": 127}
    return told
