"""The hazards that hold now in an area: NEW, UPDATE, CANCEL, cleared and expired ones as a consumer needs them.

How long a statement holds is the message expiry that the broker counts down, so no clock is compared with the pole's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from interfaces.area import Spot
from interfaces.cover import tiles
from interfaces.reader import Deadlines
from interfaces.topics import HAZARD, covering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interfaces.area import Area
    from interfaces.proto.publication_pb2 import Hazard
    from interfaces.reception import Received

MOST_ENDED: Final = 4096  # hazards remembered after their end, against repeats


class HazardId(NamedTuple):
    """What all statements of one hazard share."""

    service_location_id: int
    roadside_unit_id: int
    action_id: int


class Change(StrEnum):
    """What a statement is to this consumer; NEW: heard of for the first time, whatever its phase."""

    NEW = "new"
    UPDATE = "update"
    OVER = "over"


class End(StrEnum):
    """Why a hazard is over."""

    CANCELLED = "cancelled"  # the pole said so
    CLEARED = "cleared"  # the retained message went, a CANCEL was missed
    EXPIRED = "expired"  # nothing was heard for its validity
    LEFT = "left"  # it moved out of the area


@dataclass(frozen=True, slots=True)
class HazardEvent:
    """A change of one hazard; `hazard` is what the pole said last, `spot` where that is in the area."""

    change: Change
    id: HazardId
    hazard: Hazard
    spot: Spot
    end: End | None = None


class HazardReader:
    """`live` holds what is true now; of an area, None the whole broker."""

    def __init__(self, area: Area | None = None) -> None:
        self.filters = tuple(covering(HAZARD, key) for key in tiles(area))
        self._area = area
        self._live: dict[HazardId, HazardEvent] = {}
        self._newest: dict[HazardId, int] = {}  # sequence numbers, also of those that ended
        self._ends: Deadlines[HazardId] = Deadlines()

    @property
    def live(self) -> Mapping[HazardId, HazardEvent]:
        """The newest event of each hazard that holds."""
        return self._live

    @property
    def next_s(self) -> float | None:
        """As Reader."""
        return self._ends.next_s

    def take(self, one: Received, now_s: float) -> Iterable[HazardEvent]:
        """As Reader."""
        if one.kind != HAZARD.name or one.error:
            return ()
        if one.message is None:
            key = _id_of(one.topic)
            return self._over(key, End.CLEARED) if key is not None else ()
        said: Hazard = one.message
        key = HazardId(*one.pole, said.action_id)
        if said.header.sequence <= self._newest.get(key, -1):
            return ()
        self._remember(key, said.header.sequence)
        if said.phase == said.CANCEL:
            return self._over(key, End.CANCELLED)
        spot = self._area.locate(said.event_position) if self._area else Spot()
        if spot is None:
            return self._over(key, End.LEFT)
        left_s = _left_s(one, said)
        return self._holds(key, said, spot, now_s + left_s) if left_s > 0 else ()

    def due(self, now_s: float) -> Iterable[HazardEvent]:
        """As Reader."""
        return [event for key in self._ends.passed(now_s) for event in self._over(key, End.EXPIRED)]

    def _holds(self, key: HazardId, said: Hazard, spot: Spot, until_s: float) -> Iterable[HazardEvent]:
        change = Change.UPDATE if key in self._live else Change.NEW
        self._live[key] = HazardEvent(change, key, said, spot)
        self._ends.set(key, until_s)
        return (self._live[key],)

    def _over(self, key: HazardId, end: End) -> Iterable[HazardEvent]:
        self._ends.drop(key)
        was = self._live.pop(key, None)
        return (HazardEvent(Change.OVER, key, was.hazard, was.spot, end),) if was is not None else ()

    def _remember(self, key: HazardId, sequence: int) -> None:
        self._newest.pop(key, None)
        self._newest[key] = sequence  # the newest last
        if len(self._newest) > MOST_ENDED:
            del self._newest[next(iter(self._newest))]


def _left_s(one: Received, said: Hazard) -> float:
    """How long it holds. Without expiry it is told late and over already, unless a broker took all properties away.

    A pole on a narrow uplink leaves the other properties out itself.
    """
    if one.left_s is not None:
        return one.left_s
    return 0.0 if one.properties or said.header.narrow else said.validity_s


def _id_of(topic: str) -> HazardId | None:
    levels = topic.split("/")[-3:]
    return HazardId(*map(int, levels)) if all(level.isdecimal() for level in levels) else None
