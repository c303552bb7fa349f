"""One message ready for the broker, and what every encoder needs to know of its sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.geometry import LocalFrame

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Publication:
    """One MQTT message. Durable ones pass the outbox; `expires_at_ns` (UTC, 0 never) bounds their use to receivers.

    `key` names the statement: a repeat after a broken connection carries the same key (user property `id`).
    `urgent` ones leave the outbox before all others while they have not expired.
    """

    topic: str
    payload: bytes
    content_type: str
    qos: int
    retain: bool
    expiry_s: float | None
    user_properties: tuple[tuple[str, str], ...]
    key: str
    durable: bool = False
    urgent: bool = False
    expires_at_ns: int = 0

    def left_s(self, now_ns: int) -> float | None:
        """Seconds of use to receivers left, 0 when expired, None for ever; a clock set back never makes it longer."""
        if not self.expires_at_ns:
            return None if self.durable else self.expiry_s
        left = max(0.0, (self.expires_at_ns - now_ns) / NS_PER_S)
        return left if self.expiry_s is None else min(left, self.expiry_s)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who publishes: identifiers, slot names in the order of pole.toml, where ENU lies, and the topic root.

    `cooperative`: bit mask of the slots whose detections are what vehicles say of themselves.
    """

    service_location_id: int
    roadside_unit_id: int
    slots: tuple[str, ...]
    frame: LocalFrame
    geoid_height_m: float = 0.0
    root: str = "smartpole/v1"
    json_twins: bool = True
    cooperative: int = 0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What differs from message to message: sequence number, publication time (UTC ns), clock doubt (1 sigma)."""

    sequence: int
    published_at_ns: int
    clock_error_s: float = 0.0
