"""Config → PoleProfile: what the pole is and what stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.publication.envelope import header, position, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.config import Config
    from controller.publication.publication import Publication, Sender, Stamp


def profile(config: Config, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """The pole as configured; every slot counts among its modules."""
    message = pb.PoleProfile(
        header=header(sender, stamp, stamp.published_at_ns, (1 << len(sender.slots)) - 1),
        name=config.pole.name,
        position=position(sender, 0.0, 0.0, 0.0),
        vertical_datum=config.origin.vertical_datum,
        sensors=[
            pb.SensorProfile(
                slot=name,
                role=slot.role or str(slot.module_class),
                module_class=str(slot.module_class),
                required=slot.required,
                position=position(sender, slot.mount.east_m, slot.mount.north_m, slot.mount.height_m),
                yaw_deg=slot.mount.yaw_deg,
                pitch_deg=slot.mount.pitch_deg,
                roll_deg=slot.mount.roll_deg,
            )
            for name, slot in config.slot.items()
        ],
        objects_rate_hz=config.publish.objects_rate_hz,
    )
    return publications(topics.PROFILE, topics.name(topics.PROFILE, sender), message, sender, stamp.published_at_ns)
