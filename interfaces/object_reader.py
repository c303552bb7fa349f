"""Road users that poles see now, newest picture only, and that a picture has grown stale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from interfaces.reader import Deadlines
from interfaces.topics import OBJECTS, covering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interfaces.area import Area
    from interfaces.proto.publication_pb2 import Header, PerceivedObject
    from interfaces.reception import PoleId, Received

STALE_S: Final = 1.0  # ten pictures are missing
STALE_NARROW_S: Final = 3.0  # on a narrow uplink a picture comes every second or two


@dataclass(frozen=True, slots=True)
class Picture:
    """What one pole sees in the area; `stale`: no newer picture came in time, the objects have moved on.

    `left_out`: how many more it sees anywhere that a narrow uplink had no room for.
    """

    pole: PoleId
    header: Header
    objects: tuple[PerceivedObject, ...]
    stale: bool = False
    left_out: int = 0


class ObjectReader:
    """Of the poles named, none named: all; in an area, None: everywhere."""

    def __init__(self, poles: Iterable[PoleId] = (), area: Area | None = None) -> None:
        self._poles, self._area = frozenset(poles), area
        named = (f"pole/{sl}/{rsu}/objects" for sl, rsu in sorted(self._poles))
        self.filters = tuple(named) or (covering(OBJECTS, ""),)
        self._newest: dict[PoleId, Picture] = {}
        self._ends: Deadlines[PoleId] = Deadlines()

    @property
    def newest(self) -> Mapping[PoleId, Picture]:
        """The last picture of each pole."""
        return self._newest

    @property
    def next_s(self) -> float | None:
        """As Reader."""
        return self._ends.next_s

    def take(self, one: Received, now_s: float) -> Iterable[Picture]:
        """As Reader."""
        if one.kind != OBJECTS.name or one.message is None or (self._poles and one.pole not in self._poles):
            return ()
        pole, before = one.pole, self._newest.get(one.pole)
        if before is not None and one.message.header.sequence <= before.header.sequence:
            return ()
        inside = (seen for seen in one.message.objects if self._area is None or self._area.locate(seen.position))
        left_out = max(0, one.message.total - len(one.message.objects))
        self._newest[pole] = Picture(pole, one.message.header, tuple(inside), left_out=left_out)
        self._ends.set(pole, now_s + (STALE_NARROW_S if one.message.header.narrow else STALE_S))
        return (self._newest[pole],)

    def due(self, now_s: float) -> Iterable[Picture]:
        """As Reader."""
        late = self._ends.passed(now_s)
        for pole in late:
            self._newest[pole] = replace(self._newest[pole], stale=True)
        return [self._newest[pole] for pole in late]
