"""Near misses of an area, each once; and everything below some filters, as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.cover import tiles
from interfaces.reception import Once
from interfaces.topics import HAZARD, NEAR_MISS, WEATHER, covering, matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interfaces.area import Area
    from interfaces.proto.publication_pb2 import NearMiss
    from interfaces.reception import Received


PLACES: Final = {HAZARD.name: "event_position", NEAR_MISS.name: "event_position", WEATHER.name: "position"}


def events_of(area: Area) -> tuple[str, ...]:
    """Filters for all that is told of an area: hazards, near misses, weather."""
    return tuple(covering(row, key) for row in (HAZARD, NEAR_MISS, WEATHER) for key in tiles(area))


class NearMissReader:
    """Of an area, None the whole broker."""

    next_s = None

    def __init__(self, area: Area | None = None) -> None:
        self.filters = tuple(covering(NEAR_MISS, key) for key in tiles(area))
        self._area, self._once = area, Once()

    def take(self, one: Received, now_s: float) -> Iterable[NearMiss]:  # noqa: ARG002 -- as Reader
        """As Reader."""
        if one.kind != NEAR_MISS.name or one.message is None:
            return ()
        if self._area is not None and self._area.locate(one.message.event_position) is None:
            return ()
        return (one.message,) if self._once.first((one.pole, one.message.encounter_id)) else ()

    def due(self, now_s: float) -> Iterable[NearMiss]:  # noqa: ARG002 -- as Reader
        """As Reader."""
        return ()


class FilterReader:
    """All publications that some filters below the root cover; events of other places than the area are left out."""

    next_s = None

    def __init__(self, filters: Iterable[str] = ("#",), area: Area | None = None) -> None:
        self.filters, self._area = tuple(filters), area

    def take(self, one: Received, now_s: float) -> Iterable[Received]:  # noqa: ARG002 -- as Reader
        """As Reader."""
        wanted = any(matches(pattern, one.below) for pattern in self.filters)
        return (one,) if wanted and not self._elsewhere(one) else ()

    def _elsewhere(self, one: Received) -> bool:
        place = PLACES.get(one.kind)
        if self._area is None or place is None or one.message is None:
            return False
        return self._area.locate(getattr(one.message, place)) is None

    def due(self, now_s: float) -> Iterable[Received]:  # noqa: ARG002 -- as Reader
        """As Reader."""
        return ()
