"""A road that lives: vehicles that follow, turn and give way, people on foot, and actors that play a script.

Deterministic: the same routes, scripts and seed give the same world, step by step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.driving import BODY, Driver, Route, Script, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from interfaces.spec import ObjectClass
    from sim.signals import Signals

# One row a road user. Local ENU, m, m/s, m/s2, rad counter-clockwise from east; x, y: centre of the footprint.
TRUTH: Final = np.dtype(
    [("id", "<u4"), ("object_class", "u1")]
    + [(name, "<f8") for name in ("x", "y", "vx", "vy", "ax", "ay", "yaw", "yaw_rate", "length", "width", "height")]
)

REACTION_S: Final = 0.1  # drivers think again so often; between, they go on as they do
_FIRST_SCRIPT_ID: Final = 1_000_000


class World:
    """The road at `now_s`; `step` moves it on. It begins full: traffic ran for `warm_up_s` before time 0.

    With `period_s` the scripts and quiet spans begin anew every period, with new ids.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        scripts: Sequence[Script] = (),
        *,
        seed: int = 1,
        warm_up_s: float = 25.0,
        period_s: float = math.inf,
        signals: Signals | None = None,
    ) -> None:
        self.now_s = -warm_up_s
        self.signals = signals
        self._routes = tuple(routes)
        self._scripts = tuple(scripts)
        self._rng = np.random.default_rng(seed)
        self._period_s = period_s
        self._users: list[User] = []
        self._actors: dict[int, User] = {}
        self._next_id = 1
        self._decide_s = self.now_s
        self._driver = Driver(signals)
        self._due = [self.now_s + self._pause(route) for route in self._routes]
        while self.now_s < -1e-9:
            self.step(0.1)
        self.now_s = 0.0
        self._play()

    def script_id(self, key: str) -> int:
        """The id in the truth of the scripted actor `key` in the present period."""
        number = [script.key for script in self._scripts].index(key)
        return _FIRST_SCRIPT_ID + self._cycle() * 1000 + number

    def step(self, dt: float) -> None:
        """Move everything on by `dt` s."""
        if self.now_s >= self._decide_s - 1e-9:
            self._decide_s = self.now_s + REACTION_S
            everyone = [*self._users, *self._actors.values()]
            for user in self._users:
                user.acceleration = self._driver.acceleration(user, everyone, self.now_s)
            for actor in self._heeding():
                told = (actor.wish_mps - actor.speed) / REACTION_S
                actor.wish_mps = max(actor.wish_mps, actor.speed, 0.1)
                actor.acceleration = min(told, self._driver.acceleration(actor, everyone, self.now_s))
        for user in [*self._users, *self._heeding()]:
            user.move(dt)
        self.now_s = round(self.now_s + dt, 9)
        self._users = [user for user in self._users if user.along_m < user.path.length_m]
        self._play()
        self._arrive()

    def truth(self) -> NDArray[np.void]:
        """TRUTH rows of everyone on the road, ordered by id."""
        everyone = sorted([*self._users, *self._actors.values()], key=lambda user: user.id)
        rows = np.zeros(len(everyone), TRUTH)
        for i, user in enumerate(everyone):
            pose, v, a = user.pose, user.speed, user.acceleration
            cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
            aside = v * v * pose.curvature
            motion = (v * cos, v * sin, a * cos - aside * sin, a * sin + aside * cos)
            yaw = math.remainder(pose.yaw, 2 * math.pi)
            rate = v * pose.curvature
            rows[i] = (user.id, int(user.object_class), pose.x, pose.y, *motion, yaw, rate, *user.body)
        return rows

    # ------------------------------------------------------------------------------------------- coming and going

    def _pause(self, route: Route) -> float:
        return float(self._rng.exponential(60 / route.per_minute)) if route.per_minute else math.inf

    def _cycle(self) -> int:
        return int(max(self.now_s, 0.0) // self._period_s) if math.isfinite(self._period_s) else 0

    def _arrive(self) -> None:
        for i, route in enumerate(self._routes):
            if self.now_s >= self._due[i] and (self._quiet(route) or self._enter(route)):
                self._due[i] = self.now_s + self._pause(route)

    def _quiet(self, route: Route) -> bool:
        """Whether nobody arrives now; what is quiet before second 0 is so before every period."""
        since_s = self.now_s - self._cycle() * self._period_s if self._cycle() else self.now_s
        return any(start <= at < end for at in (since_s, since_s - self._period_s) for start, end in route.quiet)

    def _enter(self, route: Route) -> bool:
        """Put a newcomer at the route's beginning; False while there is no room."""
        room = min((gap for gap, _ in self._driver.ahead(route.path, 0.0, 1.0, self._users)), default=math.inf)
        if room < 8.0 + 2.5 * route.speed_mps:
            return False
        classes, shares = zip(*route.mix, strict=True)
        kind = classes[int(self._rng.choice(len(classes), p=np.asarray(shares) / sum(shares)))]
        wish = route.speed_mps * float(np.clip(self._rng.normal(0.97, 0.06), 0.82, 1.08))
        user = User(self._next_id, kind, route.path, self._body(kind), 0.0, wish, 0.0, wish, route, zips=route.zips)
        self._next_id += 1
        self._users.append(user)
        return True

    def _body(self, kind: ObjectClass) -> tuple[float, float, float]:
        length, width, height, spread = BODY[kind]
        a, b, c = np.clip(self._rng.normal(1.0, spread, 3), 1 - 2 * spread, 1 + 2 * spread)
        return length * float(a), width * float(b), height * float(c)

    def _play(self) -> None:
        """Put the scripted actors where they are now."""
        cycle = self._cycle()
        now_s = self.now_s - cycle * self._period_s if cycle else self.now_s
        actors: dict[int, User] = {}
        for number, script in enumerate(self._scripts):
            state = script.at(now_s)
            if state is None:
                continue
            along, speed, rate = state
            body = script.body or BODY[script.object_class][:3]
            actor = _FIRST_SCRIPT_ID + cycle * 1000 + number
            user = self._actors.get(actor)
            if user is None or script.heeding is None:
                user = User(actor, script.object_class, script.path, body, along, speed, rate, zips=script.zips)
            user.route, user.wish_mps = script.heeding, speed
            if script.heeding is None or user.along_m < user.path.length_m:
                actors[actor] = user
        self._actors = actors

    def _heeding(self) -> list[User]:
        """Actors that take care not to run into anybody."""
        return [actor for actor in self._actors.values() if actor.route is not None]
