"""How poles are: what they say of themselves, that they are gone, that they say nothing any more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from interfaces.reader import Deadlines
from interfaces.topics import PROFILE, STATUS, covering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interfaces.area import Area
    from interfaces.proto.publication_pb2 import PoleProfile, PoleStatus
    from interfaces.reception import PoleId, Received

SILENT_S: Final = 3.5  # a status comes every second
SILENT_NARROW_S: Final = 25.0  # on a narrow uplink every ten


class Standing(StrEnum):
    """What a pole is good for now."""

    AVAILABLE = "available"  # 可
    DEGRADED = "degraded"  # 縮退
    UNAVAILABLE = "unavailable"  # 不可
    GONE = "gone"  # its will or its farewell: it is known not to be there
    SILENT = "silent"  # nothing was heard for SILENT_S, or SILENT_NARROW_S: the pole, its broker or our own connection


@dataclass(frozen=True, slots=True)
class PoleEvent:
    """A pole's standing or its reasons changed; `status` is the last word of it, `profile` None before it is heard."""

    pole: PoleId
    standing: Standing
    reasons: tuple[str, ...]
    status: PoleStatus
    profile: PoleProfile | None = None


class PoleReader:
    """Poles that stand in an area, None: all on the broker. `known` has the newest event of each."""

    def __init__(self, area: Area | None = None) -> None:
        self.filters = (covering(PROFILE, ""), covering(STATUS, ""))
        self._area = area
        self._known: dict[PoleId, PoleEvent] = {}
        self._profiles: dict[PoleId, PoleProfile] = {}
        self._status: dict[PoleId, PoleStatus] = {}
        self._silence: Deadlines[PoleId] = Deadlines()

    @property
    def known(self) -> Mapping[PoleId, PoleEvent]:
        """The newest event of each pole."""
        return self._known

    @property
    def next_s(self) -> float | None:
        """As Reader."""
        return self._silence.next_s

    def take(self, one: Received, now_s: float) -> Iterable[PoleEvent]:
        """As Reader."""
        if one.message is None or one.kind not in {PROFILE.name, STATUS.name}:
            return ()
        pole = one.pole
        if one.kind == PROFILE.name:
            self._profiles[pole] = one.message
            known, status = self._known.get(pole), self._status.get(pole)
            return self._tell(pole, known.standing if known else _standing(status), status) if status else ()
        status = self._status[pole] = one.message
        if status.alive:
            self._silence.set(pole, now_s + (SILENT_NARROW_S if status.header.narrow else SILENT_S))
        else:
            self._silence.drop(pole)
        return self._tell(pole, _standing(status), status)

    def due(self, now_s: float) -> Iterable[PoleEvent]:
        """As Reader."""
        return [
            event
            for pole in self._silence.passed(now_s)
            for event in self._tell(pole, Standing.SILENT, self._status[pole])
        ]

    def _tell(self, pole: PoleId, standing: Standing, status: PoleStatus) -> Iterable[PoleEvent]:
        profile = self._profiles.get(pole)
        if self._area is not None and (profile is None or self._area.locate(profile.position) is None):
            return ()
        event = PoleEvent(pole, standing, tuple(status.reasons), status, profile)
        before = self._known.get(pole)
        self._known[pole] = event
        same = before is not None and (before.standing, before.reasons) == (standing, event.reasons)
        return () if same else (event,)


def _standing(status: PoleStatus) -> Standing:
    if not status.alive:
        return Standing.GONE
    return (Standing.AVAILABLE, Standing.DEGRADED, Standing.UNAVAILABLE)[min(status.service_availability, 2)]
