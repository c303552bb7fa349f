"""Who speaks on the radio and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from controller.geometry import LocalFrame
from controller.publication.radio.etsi_quantities import wire

if TYPE_CHECKING:
    from controller.config import Config

ROADSIDE_UNIT: Final = 15  # TrafficParticipantType infrastructure
PROTOCOL: Final = 2  # release 2 of the facilities
SURVEYED: Final = {"semiMajorConfidence": 4095, "semiMinorConfidence": 4095, "semiMajorOrientation": 3601}


@dataclass(frozen=True, slots=True)
class Station:
    """A roadside unit: its number, the frame that its metres are told in, and the geoid's height there."""

    station_id: int
    frame: LocalFrame
    geoid_height_m: float = 0.0

    @classmethod
    def of(cls, config: Config) -> Self:
        """The pole as configured."""
        return cls(config.pole.roadside_unit_id, LocalFrame.of(config.origin), config.origin.geoid_height_m)

    def header(self, message_id: int) -> dict[str, int]:
        """ItsPduHeader."""
        return {"protocolVersion": PROTOCOL, "messageId": message_id, "stationId": self.station_id}

    def position(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> dict[str, Any]:
        """ReferencePosition of a point in the station's metres; how well it is known is not said."""
        latitude, longitude, altitude = (float(one) for one in self.frame.to_wgs84(x, y, z))
        return {
            "latitude": wire("Latitude", latitude),
            "longitude": wire("Longitude", longitude),
            "positionConfidenceEllipse": SURVEYED,
            "altitude": {"altitudeValue": wire("AltitudeValue", altitude), "altitudeConfidence": "unavailable"},
        }
