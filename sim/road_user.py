"""Who is on the road: bodies, manners, the routes traffic takes, the scripts actors play, and one road user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from sim.path import Path, Pose

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
TRAFFIC: Final[tuple[tuple[ObjectClass, float], ...]] = (
    (ObjectClass.CAR, 0.78),
    (ObjectClass.MEDIUM_VEHICLE, 0.1),
    (ObjectClass.LARGE_VEHICLE, 0.06),
    (ObjectClass.MOTORCYCLE, 0.06),
)
WALKERS: Final = ((ObjectClass.PEDESTRIAN, 1.0),)
CYCLISTS: Final = ((ObjectClass.BICYCLE, 1.0),)


@dataclass(frozen=True, slots=True)
class Manner:
    """How someone moves: IDM's parameters (m/s2, s, m) and the gap in s left to others where paths meet."""

    accelerate: float = 1.4
    brake: float = 1.2
    headway_s: float = 1.6
    standstill_m: float = 2.5
    gap_s: float = 3.2
    wary: bool = False  # does not step in front of somebody who cannot stop any more, whoever goes first


DRIVER: Final = Manner()
WALKER: Final = Manner(accelerate=1.0, brake=1.0, headway_s=0.5, standstill_m=0.6, gap_s=3.5, wary=True)


@dataclass(frozen=True, eq=False)
class Route:
    """A path that traffic takes: `per_minute` arrivals, by chance; whose `priority` is higher goes first.

    `stop_at_m`: everybody halts there once (一時停止). `signals`: (stop line m, group) along it, in order.
    `zips`: where it joins another way its traffic takes turns with theirs (ファスナー合流) instead of giving way.
    `quiet`: spans (start, end) in s without arrivals; before second 0 it is the warm-up, and the end of a period.
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
    signals: tuple[tuple[float, int], ...] = ()
    zips: bool = False


@dataclass(frozen=True, eq=False)
class Script:
    """An actor that does as told: along `path` from `start_m` with speed linear between (time s, m/s) points.

    It exists from the first time to the last. `zips`: who drives where it joins takes turns with it. With `heeding` it
    does as told as far as the others let it, by the manners and rights of that route's traffic, until its path ends.
    """

    key: str
    object_class: ObjectClass
    path: Path
    speeds: tuple[tuple[float, float], ...]
    start_m: float = 0.0
    body: tuple[float, float, float] | None = None
    zips: bool = False
    heeding: Route | None = None

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
    zips: bool = False
    pose: Pose = field(init=False)

    def __post_init__(self) -> None:
        self.pose = self.path.at(self.along_m)

    @property
    def priority(self) -> int:
        """Whose is higher goes first."""
        return self.route.priority if self.route else 99

    @property
    def nose_m(self) -> float:
        """Where its front is on its path."""
        return self.along_m + self.body[0] / 2

    def move(self, dt: float) -> None:
        """Go on for `dt` s with the present acceleration; nobody drives backwards."""
        speed = max(self.speed + self.acceleration * dt, 0.0)
        self.along_m += (self.speed + speed) / 2 * dt
        self.acceleration = (speed - self.speed) / dt
        self.speed = speed
        self.pose = self.path.at(self.along_m)
