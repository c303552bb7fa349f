"""The topic layout and the envelope of Orange's its-client: ETSI's messages as JSON over MQTT, by tile.

Topic: `{root}/{queue}/v2x/{message}/{source uuid}/` and the 22 digits of the quadkey, a level each. Stations write to
`inQueue`, clients read from `outQueue`; a service of the operator's copies between them, where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from interfaces.spatial_id import quadkey

if TYPE_CHECKING:
    from controller.config import Config

ZOOM: Final = 22
NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """Who speaks and where: `uuid` names the pole among all senders, `root` and `queue` begin its topics."""

    uuid: str
    root: str = "smartpole"
    queue: str = "outQueue"

    @classmethod
    def of(cls, config: Config) -> Source:
        """As configured; a pole without a name of its own is named by its two numbers."""
        own = f"pole-{config.pole.service_location_id}-{config.pole.roadside_unit_id}"
        return cls(config.its_client.source_uuid or own, config.its_client.root, config.its_client.queue)

    @property
    def filter(self) -> str:
        """What covers all of its topics."""
        return f"{self.root}/{self.queue}/v2x/+/{self.uuid}/#"

    def topic(self, message: str, latitude_deg: float, longitude_deg: float) -> str:
        """Where a message about a point goes."""
        tile = "/".join(quadkey(latitude_deg, longitude_deg, ZOOM))
        return f"{self.root}/{self.queue}/v2x/{message}/{self.uuid}/{tile}"

    def envelope(self, message: str, version: str, at_ns: int) -> dict[str, Any]:
        """What stands around every message; `at_ns` UTC is told in ms since 1970."""
        return {
            "message_type": message,
            "source_uuid": self.uuid,
            "timestamp": at_ns // NS_PER_MS,
            "version": version,
        }


def reference_position(position: dict[str, Any]) -> dict[str, Any]:
    """ETSI's ReferencePosition in their words; altitude confidence 15 is "unavailable"."""
    ellipse = position["positionConfidenceEllipse"]
    return {
        "latitude": position["latitude"],
        "longitude": position["longitude"],
        "position_confidence_ellipse": {
            "semi_major": ellipse["semiMajorConfidence"],
            "semi_minor": ellipse["semiMinorConfidence"],
            "semi_major_orientation": ellipse["semiMajorOrientation"],
        },
        "altitude": {"value": position["altitude"]["altitudeValue"], "confidence": 15},
    }
