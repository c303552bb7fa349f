"""How road users drive: Intelligent Driver Model (Treiber, Hennecke, Helbing 2000), gap acceptance where paths meet."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from interfaces.spec import ObjectClass
from sim.path import Path, Pose, Shadow

if TYPE_CHECKING:
    from sim.path import Meeting

# length, width, height in m and how much single ones differ
BODY: Final = {
    ObjectClass.CAR: (4.4, 1.75, 1.5, 0.06),
    ObjectClass.LARGE_VEHICLE: (10.5, 2.45, 3.1, 0.05),
    ObjectClass.MEDIUM_VEHICLE: (6.2, 2.1, 2.6, 0.06),
    ObjectClass.MOTORCYCLE: (2.1, 0.8, 1.5, 0.05),
    ObjectClass.BICYCLE: (1.8, 0.6, 1.7, 0.05),
    ObjectClass.PEDESTRIAN: (0.5, 0.5, 1.68, 0.06),
    ObjectClass.ANIMAL: (1.0, 0.4, 0.7, 0.1),
    ObjectClass.OBSTACLE: (0.9, 0.6, 0.5, 0.1),
}
TRAFFIC: Final = (
    (ObjectClass.CAR, 0.78),
    (ObjectClass.MEDIUM_VEHICLE, 0.1),
    (ObjectClass.LARGE_VEHICLE, 0.06),
    (ObjectClass.MOTORCYCLE, 0.06),
)
WALKERS: Final = ((ObjectClass.PEDESTRIAN, 1.0),)
CYCLISTS: Final = ((ObjectClass.BICYCLE, 1.0),)

HARDEST_MPS2: Final = 8.0
_STOPPED_MPS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Manner:
    """How someone moves: IDM's parameters (m/s2, s, m) and the gap in s left to others where paths meet."""

    accelerate: float = 1.4
    brake: float = 1.2
    headway_s: float = 1.6
    standstill_m: float = 2.5
    gap_s: float = 3.2


DRIVER: Final = Manner()
WALKER: Final = Manner(accelerate=1.0, brake=1.0, headway_s=0.5, standstill_m=0.6, gap_s=3.5)


@dataclass(frozen=True, eq=False)
class Route:
    """A path that traffic takes: `per_minute` arrivals, by chance; whose `priority` is higher goes first.

    `stop_at_m`: everybody halts there once (一時停止). `quiet`: spans (start, end) in s without arrivals.
    """

    path: Path
    speed_mps: float
    per_minute: float
    mix: tuple[tuple[ObjectClass, float], ...] = TRAFFIC
    priority: int = 1
    stop_at_m: float | None = None
    give_way_m: float = 4.0
    manner: Manner = DRIVER
    quiet: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Script:
    """An actor that does as told: along `path` from `start_m` with speed linear between (time s, m/s) points.

    It exists from the first time to the last.
    """

    key: str
    object_class: ObjectClass
    path: Path
    speeds: tuple[tuple[float, float], ...]
    start_m: float = 0.0
    body: tuple[float, float, float] | None = None

    def at(self, now_s: float) -> tuple[float, float, float] | None:
        """(along m, m/s, m/s2) at `now_s`, None before and after."""
        if not self.speeds[0][0] <= now_s < self.speeds[-1][0]:
            return None
        along = self.start_m
        for (t0, v0), (t1, v1) in zip(self.speeds[:-1], self.speeds[1:], strict=True):
            rate = (v1 - v0) / (t1 - t0)
            if now_s < t1:
                dt = now_s - t0
                return along + v0 * dt + rate * dt * dt / 2, v0 + rate * dt, rate
            along += (v0 + v1) / 2 * (t1 - t0)
        return None


@dataclass(slots=True, eq=False)
class User:
    """One road user; `route` is None for an actor that plays a script."""

    id: int
    object_class: ObjectClass
    path: Path
    body: tuple[float, float, float]
    along_m: float
    speed: float
    acceleration: float = 0.0
    wish_mps: float = 0.0
    route: Route | None = None
    halted: bool = False
    pose: Pose = field(init=False)

    def __post_init__(self) -> None:
        self.pose = self.path.at(self.along_m)

    @property
    def priority(self) -> int:
        """Whose is higher goes first."""
        return self.route.priority if self.route else 99

    def move(self, dt: float) -> None:
        """Go on for `dt` s with the present acceleration; nobody drives backwards."""
        speed = max(self.speed + self.acceleration * dt, 0.0)
        self.along_m += (self.speed + speed) / 2 * dt
        self.acceleration = (speed - self.speed) / dt
        self.speed = speed
        self.pose = self.path.at(self.along_m)


class Driver:
    """Decides for every road user; remembers how the paths lie to each other."""

    def __init__(self) -> None:
        self._shadows: dict[tuple[Path, Path], Shadow] = {}

    def acceleration(self, user: User, everyone: list[User]) -> float:
        """What `user` does now, m/s2, seeing `everyone`."""
        route = user.route
        assert route is not None  # noqa: S101 -- only users of routes drive by themselves
        near = [other for other in everyone if other is not user and _apart(user, other) < 130.0]
        manner = route.manner
        free = min(user.wish_mps, float(user.path.comfortable_mps[_index(user)]))
        result = manner.accelerate * (1 - (user.speed / max(free, 0.1)) ** 4)
        nose = user.along_m + user.body[0] / 2
        for gap, speed in self.ahead(user.path, nose, user.body[1], near):
            result = min(result, _follow(user.speed, free, gap, speed, manner))
        stop = self._stop_m(user, route, nose, near)
        if stop is not None:
            line = Manner(manner.accelerate, manner.brake, manner.headway_s * 0.4, 0.4)
            result = min(result, _follow(user.speed, free, stop - nose, 0.0, line))
        return max(result, -HARDEST_MPS2)

    def ahead(self, path: Path, nose: float, width: float, others: list[User]) -> list[tuple[float, float]]:
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
                found.append((along - reach - nose, other.speed * math.cos(turn)))
        return found

    def _stop_m(self, user: User, route: Route, nose: float, near: list[User]) -> float | None:
        """Where `user` has to stop now: its stop line until it halted once, or before a meeting that is not free."""
        line = route.stop_at_m if route.stop_at_m is not None and nose <= route.stop_at_m + 0.5 else None
        if line is not None:
            user.halted |= user.speed < _STOPPED_MPS and nose > line - 2.5
            if not user.halted:
                return line
        stops = []
        for other in near:
            if other.priority <= user.priority:
                continue
            for meeting in self._shadow(user.path, other.path).meetings:
                stop = meeting.enter_m - route.give_way_m
                if line is not None and meeting.enter_m > line:
                    stop = line
                if _can_stop(user, stop - nose) and _contested(user, other, meeting, route.manner.gap_s):
                    stops.append(stop)
        return min(stops, default=None)

    def _shadow(self, own: Path, other: Path) -> Shadow:
        key = (own, other)
        if key not in self._shadows:
            self._shadows[key] = Shadow(own, other)
        return self._shadows[key]


def _follow(speed: float, free: float, gap: float, leader: float, manner: Manner) -> float:
    """IDM's acceleration behind a leader, m/s2."""
    closing = speed * (speed - leader) / (2 * math.sqrt(manner.accelerate * manner.brake))
    wanted = manner.standstill_m + max(speed * manner.headway_s + closing, 0.0)
    return manner.accelerate * (1 - (speed / max(free, 0.1)) ** 4 - (wanted / max(gap, 0.1)) ** 2)


def _contested(user: User, other: User, meeting: Meeting, gap_s: float) -> bool:
    """Whether the other would be there from `gap_s` before `user` comes to `gap_s` after it has gone."""
    if other.along_m - other.body[0] / 2 > meeting.other_leave_m:
        return False
    pace = min(user.wish_mps, float(user.path.comfortable_mps[_index(user)]) + 2.0)
    arrive = _time_to(meeting.enter_m - user.along_m - user.body[0] / 2, user.speed, pace, user.route)
    # In a merge one need not clear the rest of the way, only be up to speed on it.
    leave_m = min(meeting.leave_m, meeting.enter_m + 15.0)
    leave = _time_to(leave_m - user.along_m + user.body[0] / 2, user.speed, pace, user.route)
    other_pace = max(other.speed, 0.7 * other.wish_mps, 0.1)
    comes = (meeting.other_enter_m - other.along_m - other.body[0] / 2) / other_pace
    goes_m = min(meeting.other_leave_m, meeting.other_enter_m + 15.0)
    goes = (goes_m - other.along_m + other.body[0] / 2) / max(other.speed, 0.5)
    return comes < leave + gap_s and goes > arrive - gap_s * 0.6


def _can_stop(user: User, room_m: float) -> bool:
    return room_m > -0.5 and user.speed**2 / (2 * 3.0) <= max(room_m, 0.0) + 0.5


def _time_to(distance: float, speed: float, pace: float, route: Route | None) -> float:
    """Seconds for `distance` when speeding up from `speed` to `pace`."""
    if distance <= 0:
        return 0.0
    rate = 0.7 * (route.manner.accelerate if route else 1.0)
    pace = max(pace, speed, 0.1)
    ramp = (pace * pace - speed * speed) / (2 * rate)
    if distance <= ramp:
        return (math.sqrt(speed * speed + 2 * rate * distance) - speed) / rate
    return (pace - speed) / rate + (distance - ramp) / pace


def _apart(one: User, other: User) -> float:
    return math.hypot(one.pose.x - other.pose.x, one.pose.y - other.pose.y)


def _index(user: User) -> int:
    return min(int(user.along_m * 2), len(user.path.points) - 1)
