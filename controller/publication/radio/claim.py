"""What a vehicle says of itself by radio, from RC-013 and from ETSI's CAM: unauthenticated, so no more than a claim."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from controller.publication import confidence
from controller.publication.radio import rc013
from controller.publication.radio.etsi_quantities import CONFIDENCE, real
from controller.publication.radio.its_time import nearest_generation_ns, nearest_utc_ns
from controller.publication.radio.vehicle import ATTRIBUTES, POSITION, STATE
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.publication.radio.uper import Codec

CAM_MESSAGE_ID: Final = 2
ROADSIDE_UNIT: Final = 15
# StationType as object class; who is not in it is unknown.
STATION_TYPES: Final[Mapping[int, int]] = MappingProxyType(
    {
        1: ObjectClass.PEDESTRIAN,
        2: ObjectClass.BICYCLE,
        3: ObjectClass.MOTORCYCLE,
        4: ObjectClass.MOTORCYCLE,
        5: ObjectClass.CAR,
        6: ObjectClass.LARGE_VEHICLE,
        7: ObjectClass.MEDIUM_VEHICLE,
        8: ObjectClass.LARGE_VEHICLE,
        11: ObjectClass.TRAM,
        12: ObjectClass.LIGHT_VEHICLE,
    }
)


@dataclass(frozen=True, slots=True)
class Claim:
    """SI units and degrees; NaN where the vehicle does not say. `back_m`: from the told point to the box's centre.

    `height_m` is above the ellipsoid when `ellipsoidal`, else above sea level (標高). `heading_deg`: clockwise from
    north.
    """

    station: int
    time_ns: int
    latitude_deg: float
    longitude_deg: float
    height_m: float
    ellipsoidal: bool
    speed_mps: float
    heading_deg: float
    object_class: int
    length_m: float
    width_m: float
    sigma_position_m: float
    sigma_speed_mps: float
    back_m: float = 0.0


def from_rc013(data: bytes, now_ns: int) -> Claim | str:
    """The claim in an RC-013 message that arrived at `now_ns` (UTC), or why there is none. Never raises."""
    message = rc013.decode(data)
    if isinstance(message, str):
        return message
    position, state, attributes = message.position, message.state, message.attributes
    told = {name: message.time[name] for name in ("hour", "minute", "millisecond")}
    time_ns = nearest_utc_ns(**told, now_ns=now_ns)
    if time_ns is None:
        return "RC-013: without a time"
    size = attributes["size_class"]
    return Claim(
        station=message.management["vehicle_id"],
        time_ns=time_ns,
        **{f"{name}_deg": POSITION[name].to_real(position[name]) for name in ("latitude", "longitude")},
        height_m=POSITION["elevation"].to_real(position["elevation"]),
        ellipsoidal=False,
        speed_mps=STATE["speed"].to_real(state["speed"]),
        heading_deg=STATE["heading"].to_real(state["heading"]),
        object_class=size if size <= ObjectClass.TRAM else ObjectClass.UNKNOWN,
        length_m=ATTRIBUTES["length"].to_real(attributes["length"]),
        width_m=ATTRIBUTES["width"].to_real(attributes["width"]),
        sigma_position_m=confidence.sigma(confidence.POSITION, position["position_confidence"]),
        sigma_speed_mps=confidence.sigma(confidence.SPEED, state["speed_confidence"]),
    )


def from_cam(data: bytes, now_ns: int, codec: Codec) -> Claim | str:
    """The claim in a CAM (TS 103 900) that arrived at `now_ns` (UTC), or why there is none. Never raises."""
    try:
        message = codec.decode("CAM", data)
    except Exception as error:  # noqa: BLE001 -- whatever a decoder makes of bytes from outside
        return f"CAM: {type(error).__name__}"
    header, body = message["header"], message["cam"]
    basic = body["camParameters"]["basicContainer"]
    kind, moving = body["camParameters"]["highFrequencyContainer"]
    if header["messageId"] != CAM_MESSAGE_ID or basic["stationType"] == ROADSIDE_UNIT:
        return "CAM: not of a vehicle"
    if kind != "basicVehicleContainerHighFrequency":
        return "CAM: without a vehicle's motion"
    return _cam(header["stationId"], nearest_generation_ns(body["generationDeltaTime"], now_ns), basic, moving)


def _cam(station: int, time_ns: int, basic: Any, moving: Any) -> Claim:
    place = basic["referencePosition"]
    length_m = real("VehicleLengthValue", moving["vehicleLength"]["vehicleLengthValue"])
    doubt = real("SemiAxisLength", place["positionConfidenceEllipse"]["semiMajorAxisLength"])
    return Claim(
        station=station,
        time_ns=time_ns,
        latitude_deg=real("Latitude", place["latitude"]),
        longitude_deg=real("Longitude", place["longitude"]),
        height_m=real("AltitudeValue", place["altitude"]["altitudeValue"]),
        ellipsoidal=True,
        speed_mps=real("SpeedValue", moving["speed"]["speedValue"]),
        heading_deg=real("Wgs84AngleValue", moving["heading"]["headingValue"]),
        object_class=STATION_TYPES.get(basic["stationType"], ObjectClass.UNKNOWN),
        length_m=length_m,
        width_m=real("VehicleWidth", moving["vehicleWidth"]),
        sigma_position_m=doubt / CONFIDENCE,
        sigma_speed_mps=real("SpeedConfidence", moving["speed"]["speedConfidence"]) / CONFIDENCE,
        back_m=0.0 if math.isnan(length_m) else length_m / 2,  # a CAM tells the middle of the vehicle's front
    )
