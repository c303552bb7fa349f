"""What the pole says of the road, in order: the daemon and a replayed recording say it through this same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from controller.geometry import LocalFrame
from controller.hazard.hazard import Phase
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.objects import objects
from controller.publication.publication import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.pipeline import Picture
    from controller.publication.publication import Publication, Stamp


def sender_of(config: Config) -> Sender:
    """Who publishes, by its configuration."""
    return Sender(
        config.pole.service_location_id,
        config.pole.roadside_unit_id,
        tuple(config.slot),
        LocalFrame.of(config.origin),
        config.origin.geoid_height_m,
        config.publish.root,
        config.publish.json_twins,
        cooperative_slots(config),
    )


def cooperative_slots(config: Config) -> int:
    """Bit mask of the slots whose detections are what vehicles say of themselves."""
    return sum(1 << bit for bit, slot in enumerate(config.slot.values()) if slot.module_class == "comms")


class Statement(NamedTuple):
    """Publications that share one stamp."""

    stamp: Stamp
    publications: tuple[Publication, ...]


class Voice:
    """Keeps every hazard on the topic where it began; `stamp` gives each statement its number and time."""

    def __init__(self, sender: Sender, stamp: Callable[[], Stamp]) -> None:
        self.homes: dict[int, tuple[float, float]] = {}  # x, y of each active hazard when it was new
        self._sender, self._stamp = sender, stamp

    def objects(self, tracks: Tracks) -> Iterator[Statement]:
        """The fused picture; its JSON twin, which can wait until the events are said."""
        stamp = self._stamp()
        for one in objects(tracks, self._sender, stamp):
            yield Statement(stamp, (one,))

    def events(self, picture: Picture) -> Iterator[Statement]:
        """Hazards, then near misses."""
        for seen in picture.hazards:
            if seen.phase is Phase.NEW:
                self.homes[seen.action_id] = (seen.x, seen.y)
            stamp = self._stamp()
            yield Statement(stamp, hazard(seen, self._sender, stamp, at=self.homes.get(seen.action_id)))
            if seen.phase is Phase.CANCEL:
                self.homes.pop(seen.action_id, None)
        for met in picture.near_misses:
            stamp = self._stamp()
            yield Statement(stamp, near_miss(met, self._sender, stamp))
