"""What each driver or walker does about the others (see sim.gap), about signals and about what lies ahead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.gap import can_stop, contested, follow
from sim.path import Path, Shadow
from sim.road_user import (
    BODY,
    CYCLISTS,
    DRIVER,
    TRAFFIC,
    WALKER,
    WALKERS,
    Manner,
    Route,
    Script,
    User,
)
from sim.signals import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.path import Meeting
    from sim.signals import Signals

__all__ = [
    "BODY",
    "CYCLISTS",
    "DRIVER",
    "HARDEST_MPS2",
    "TRAFFIC",
    "WALKER",
    "WALKERS",
    "Driver",
    "Manner",
    "Route",
    "Script",
    "User",
]

HARDEST_MPS2: Final = 8.0
_STOPPED_MPS: Final = 0.3
_WARY_GAP_S: Final = 2.5
_LAST_M: Final = 1.5
_SIGHT_M: Final = 130.0
_ZIP_M: Final = 120.0  # how far before a merge both look for their place between the others
_MAINLINE_M: Final = 2.0  # the main line's advantage
_COURTESY_MPS2: Final = 1.2


class Driver:
    """Decides for every road user; remembers how the paths lie to each other."""

    def __init__(self, signals: Signals | None = None) -> None:
        self._signals = signals
        self._shadows: dict[tuple[Path, Path], Shadow] = {}

    def acceleration(self, user: User, everyone: Sequence[User], now_s: float) -> float:
        """What `user` does now, m/s2, seeing `everyone`."""
        route = user.route
        assert route is not None  # noqa: S101 -- only users of routes drive by themselves
        near = [other for other in everyone if other is not user and self._matters(user, other)]
        manner = route.manner
        free = min(user.wish_mps, user.path.comfortable_at(user.along_m))
        result = manner.accelerate * (1 - (user.speed / max(free, 0.1)) ** 4)
        for gap, speed in self.ahead(user.path, user.nose_m, user.body[1], near):
            result = min(result, follow(user.speed, free, gap, speed, manner))
        for gap, speed in self._zipped(user, [other for other in near if user.zips or other.zips]):
            closer = Manner(manner.accelerate, manner.brake, manner.headway_s * 0.6)
            result = min(result, max(follow(user.speed, free, gap, speed, closer), -_COURTESY_MPS2))
        stop = self._stop_m(user, route, near, now_s)
        if stop is not None:
            line = Manner(manner.accelerate, manner.brake, manner.headway_s * 0.4, 0.4)
            needed = user.speed**2 / (
                2 * max(stop - user.nose_m, 0.5)
            )  # who decides late brakes no harder than he must
            result = min(result, max(follow(user.speed, free, stop - user.nose_m, 0.0, line), -1.2 * needed - 0.3))
        return max(result, -HARDEST_MPS2)

    def ahead(self, path: Path, nose: float, width: float, others: Sequence[User]) -> list[tuple[float, float]]:
        """(gap m, speed along the path m/s) of every body that stands or moves in the way ahead."""
        found = []
        for other in others:
            along, aside, turn = self._shadow(path, other.path).at(other.along_m)
            if not math.isfinite(aside) or along < nose - other.body[0] / 2:
                continue
            cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
            reach = (other.body[0] * cos + other.body[1] * sin) / 2
            span = (other.body[0] * sin + other.body[1] * cos) / 2
            if aside < width / 2 + span + 0.4 and along > nose - reach:
                found.append((along - reach - nose, max(other.speed * math.cos(turn), 0.0)))
        return found

    def _zipped(self, user: User, near: list[User]) -> list[tuple[float, float]]:
        """(gap m, m/s) behind those who come before `user` where they take turns, as if both were in one lane."""
        found = []
        for other in near:
            for meeting in self._shadow(user.path, other.path).meetings:
                own_m, other_m = meeting.enter_m - user.nose_m, meeting.other_enter_m - other.nose_m
                lead_m = own_m - other_m + (_MAINLINE_M if other.priority > user.priority else -_MAINLINE_M)
                if meeting.joins and lead_m > 0 and max(own_m, other_m) < _ZIP_M:
                    found.append((max(own_m - other_m - other.body[0], 1.0), other.speed))
        return found

    def _matters(self, user: User, other: User) -> bool:
        dx, dy = user.pose.x - other.pose.x, user.pose.y - other.pose.y
        return dx * dx + dy * dy < _SIGHT_M**2 and self._shadow(user.path, other.path).touches

    def _stop_m(self, user: User, route: Route, near: list[User], now_s: float) -> float | None:
        """Where `user` has to stop now: at a red signal, its stop line until it halted once, before a meeting."""
        nose = user.nose_m
        stops = [stop for stop, _ in self._holding(user, now_s)]
        line = route.stop_at_m if route.stop_at_m is not None and nose <= route.stop_at_m + 0.5 else None
        if line is not None:
            user.halted |= user.speed < _STOPPED_MPS and nose > line - 2.5
            if not user.halted:
                return min([line, *stops])
        wary, priority = route.manner.wary, user.priority
        for other in near:
            if other.priority == priority or not (wary or other.priority > priority):
                continue
            for meeting in self._shadow(user.path, other.path).meetings:
                if meeting.joins and (user.zips or other.zips):
                    continue
                stop = line if line is not None and meeting.enter_m > line else self._place(user, other, meeting)
                if can_stop(user, stop - nose) and self._goes_first(other, user, meeting, now_s):
                    stops.append(stop)
        return min(stops, default=None)

    def _place(self, user: User, other: User, meeting: Meeting) -> float:
        """Where one stops before a meeting; who is too far for manners still stops for somebody on foot."""
        assert user.route is not None  # noqa: S101 -- only users of routes drive by themselves
        manners_m = user.route.give_way_m
        if user.nose_m > meeting.enter_m - manners_m and other.route is not None and other.route.manner.wary:
            manners_m = min(_LAST_M, manners_m)
        return meeting.enter_m - manners_m

    def _goes_first(self, other: User, user: User, meeting: Meeting, now_s: float) -> bool:
        """Whether `user` has to let `other` pass where their ways meet."""
        route = user.route
        assert route is not None  # noqa: S101 -- only users of routes drive by themselves
        if other.priority > user.priority:
            begun = route.stop_at_m is not None and user.nose_m > route.stop_at_m + 0.5  # no dithering half-way
            if not contested(user, other, meeting, route.manner.gap_s * (0.5 if begun else 1.0)):
                return False
            return not any(stop < meeting.other_leave_m for stop, _ in self._holding(other, now_s))
        room_m = meeting.other_enter_m - other.nose_m
        return not can_stop(other, room_m) and contested(user, other, meeting, _WARY_GAP_S)

    def _holding(self, user: User, now_s: float) -> list[tuple[float, int]]:
        """The (stop line m, group) ahead of `user` that do not let it pass now."""
        if self._signals is None or user.route is None:
            return []
        return [
            (stop, group)
            for stop, group in user.route.signals
            if user.nose_m <= stop + 0.5 and self._stops(user, stop - user.nose_m, self._signals.colour(group, now_s))
        ]

    def _stops(self, user: User, room_m: float, colour: Colour) -> bool:
        return colour is Colour.RED or (colour is Colour.YELLOW and can_stop(user, room_m))

    def _shadow(self, own: Path, other: Path) -> Shadow:
        shadow = self._shadows.get((own, other))
        if shadow is None:
            shadow = self._shadows[own, other] = Shadow(own, other)
        return shadow
