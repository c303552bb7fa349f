"""Hazard → ETSI decentralised environmental notification (TS 103 831 V2.3.1), UPER."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from controller.geometry import grounded, heading_deg_from_north
from controller.hazard.hazard import Phase
from controller.publication.radio.etsi_quantities import wire
from controller.publication.radio.its_time import timestamp_its
from controller.publication.radio.station import ROADSIDE_UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.hazard.hazard import Hazard
    from controller.publication.radio.station import Station
    from controller.publication.radio.uper import Codec

MESSAGE_ID: Final = 1
NO_PATH: Final[list[list[Any]]] = [[]]  # one trace without a point: from where vehicles come is not said

# CauseCodeChoice: each alternative is named for its cause, the number at its end.
CAUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        6: "adhesion6",
        7: "aquaplaning7",
        10: "hazardousLocation-ObstacleOnTheRoad10",
        11: "hazardousLocation-AnimalOnTheRoad11",
        12: "humanPresenceOnTheRoad12",
        14: "wrongWayDriving14",
        17: "adverseWeatherCondition-Wind17",
        18: "adverseWeatherCondition-Visibility18",
        19: "adverseWeatherCondition-Precipitation19",
        26: "slowVehicle26",
        27: "dangerousEndOfQueue27",
        94: "stationaryVehicle94",
        97: "collisionRisk97",
        98: "signalViolation98",
        99: "dangerousSituation99",
    }
)
OTHER_CAUSE: Final = 99


def denm(hazard: Hazard, station: Station, codec: Codec) -> bytes:
    """One statement about one hazard; a cancelled one is terminated by the station that told of it."""
    management = {
        "actionId": {"originatingStationId": station.station_id, "sequenceNumber": hazard.action_id & 0xFFFF},
        "detectionTime": timestamp_its(hazard.detection_time_ns),
        "referenceTime": timestamp_its(hazard.reference_time_ns),
        "eventPosition": station.position(hazard.x, hazard.y, float(grounded(hazard.z))),
        "validityDuration": wire("DeltaTimeSecond", math.ceil(hazard.validity_s)),
        "stationType": ROADSIDE_UNIT,
    }
    body: dict[str, Any] = {"management": management}
    if hazard.phase is Phase.CANCEL:
        management["termination"] = "isCancellation"
    else:
        body |= {"situation": _situation(hazard), "location": _location(hazard)}
    return codec.encode("DENM", {"header": station.header(MESSAGE_ID), "denm": body})


def _situation(hazard: Hazard) -> dict[str, Any]:
    known = hazard.cause in CAUSES
    cause = CAUSES[hazard.cause if known else OTHER_CAUSE]
    choice = (cause, hazard.subcause if known else 0)
    return {"informationQuality": hazard.information_quality, "eventType": {"ccAndScc": choice}}


def _location(hazard: Hazard) -> dict[str, Any]:
    told: dict[str, Any] = {"detectionZonesToEventPosition": NO_PATH}
    if not math.isnan(hazard.speed):
        told["eventSpeed"] = {"speedValue": wire("SpeedValue", hazard.speed), "speedConfidence": 127}
    if not math.isnan(hazard.heading):
        heading = round(10 * float(heading_deg_from_north(hazard.heading))) % 3600
        told["eventPositionHeading"] = {"value": heading, "confidence": 127}
    return told
