"""What really happens on a simulated road, read from its truth by plain definitions: what a pole could have told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.fusion.track import empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.conflict import conflicts
from controller.hazard.pet import FootprintGrid
from controller.site_file import load
from interfaces.spec import VEHICLES, VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from controller.site import LaneMatch, Site
    from sim.scene import Scenario

    Sign = tuple[str, tuple[int, ...]]

STEP_S: Final = 0.1
# For how long (s) it has to be so before it counts, and after how long a pause it is over.
LASTING: Final = {
    "wrong_way": (1.0, 0.5),
    "stationary_vehicle": (5.0, 0.5),
    "slow_vehicle": (3.0, 1.0),
    "speeding": (2.0, 1.0),
    "queue_tail": (1.0, 3.0),
    "person_on_road": (0.5, 0.5),
    "animal": (0.5, 0.5),
    "fallen_object": (3.0, 0.5),
    "sudden_braking": (0.3, 0.3),
    "near_miss": (0.0, 2.0),
}
HARD_MPS2: Final = 3.0  # who brakes so hard within EVASION_S of a short time to collision avoided one
EVASION_S: Final = 1.0
TTC_S, PET_S, VULNERABLE_PET_S = 1.5, 1.5, 2.0
_VEHICLES: Final = [int(c) for c in VEHICLES]
_WEAK: Final = [int(c) for c in VULNERABLE]


class Happening(NamedTuple):
    """`kind` is a hazard's rule name or `near_miss`; `ids` those of the truth; s of the scene."""

    kind: str
    start_s: float
    end_s: float
    ids: tuple[int, ...]


def happenings(scene: Scenario, seconds: float | None = None) -> list[Happening]:
    """Everything worth telling that happens in the scene, by its beginning."""
    site = load(scene.site, LocalFrame.of(scene.origin), scene.name)
    length_s = scene.duration_s if seconds is None else seconds
    return observed(site, _frames(scene, length_s))


def observed(site: Site, frames: Iterable[tuple[float, NDArray[np.void]]]) -> list[Happening]:
    """Everything worth telling in (s, TRUTH rows) about STEP_S apart, by its beginning."""
    watch, run = _Watch(site), _Runs()
    for now_s, truth in frames:
        run.take(now_s, watch.signs(truth, now_s))
    return sorted(run.ended(math.inf), key=lambda one: (one.start_s, one.kind, one.ids))


def _frames(scene: Scenario, length_s: float) -> Iterator[tuple[float, NDArray[np.void]]]:
    world = scene.world()
    for _ in range(round(length_s / STEP_S)):
        yield world.now_s, world.truth()
        world.step(STEP_S)


class _Runs:
    """Joins what is so at single instants to spans."""

    def __init__(self) -> None:
        self._open: dict[Sign, tuple[float, float]] = {}
        self._done: list[Happening] = []

    def take(self, now_s: float, signs: Iterator[Sign]) -> None:
        for sign in signs:
            start_s, _ = self._open.get(sign, (now_s, now_s))
            self._open[sign] = start_s, now_s
        self.ended(now_s)

    def ended(self, now_s: float) -> list[Happening]:
        for sign, (start_s, last_s) in list(self._open.items()):
            least_s, pause_s = LASTING[sign[0]]
            if now_s - last_s > pause_s:
                del self._open[sign]
                if last_s - start_s >= least_s - 1e-6:
                    self._done.append(Happening(sign[0], start_s, last_s, sign[1]))
        return self._done


class _Watch:
    """The signs of one instant after another."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._grid = FootprintGrid(VULNERABLE_PET_S)
        self._hard_s: dict[int, float] = {}  # when each braked hard last
        self._queues: set[int] = set()
        self._close: dict[tuple[int, int], float] = {}  # when each pair was last on course to touch soon

    def signs(self, truth: NDArray[np.void], now_s: float) -> Iterator[Sign]:
        points, speed = np.stack([truth["x"], truth["y"]], 1), np.hypot(truth["vx"], truth["vy"])
        course = np.where(speed > 0.5, np.arctan2(truth["vy"], truth["vx"]), truth["yaw"])
        match = self._site.lane_of(points, course)
        yield from self._in_lanes(truth, match, speed)
        yield from self._on_the_road(truth, points, speed)
        yield from self._braking(truth, now_s)
        yield from self._near_misses(truth, now_s)

    def _in_lanes(self, truth: NDArray[np.void], match: LaneMatch, speed: NDArray[np.float64]) -> Iterator[Sign]:
        limits = np.array([lane.speed_limit_mps for lane in self._site.lanes] + [math.nan])[match.lane]
        along = truth["vx"] * np.cos(match.direction) + truth["vy"] * np.sin(match.direction)
        vehicle = np.isin(truth["object_class"], _VEHICLES) & (match.lane >= 0)
        for i in np.flatnonzero(vehicle):
            who = (int(truth["id"][i]),)
            if along[i] < -2.0:
                yield "wrong_way", who
            if along[i] > limits[i] + 20 / 3.6:
                yield "speeding", who
            if speed[i] < 0.5 and not self._waits(truth, match, speed, int(i)):
                yield "stationary_vehicle", who
            slow = 1.0 < speed[i] < min(50 / 3.6, limits[i] / 2) and limits[i] > 79 / 3.6
            if slow and not self._held_up(truth, match, speed, int(i)):
                yield "slow_vehicle", who
        for lane in np.unique(match.lane[vehicle & (limits > 59 / 3.6)]):
            here = vehicle & (match.lane == lane)
            queue = np.flatnonzero(here & (speed < 10 / 3.6))
            tail = queue[np.argmin(match.along_m[queue])] if len(queue) else 0
            coming = here & (speed > 50 / 3.6) & (match.along_m < match.along_m[tail])
            if len(queue) >= 3 and (coming.any() or int(lane) in self._queues):
                self._queues.add(int(lane))  # whom the first one coming has begun lasts as long as the queue
                yield "queue_tail", (int(lane),)
            else:
                self._queues.discard(int(lane))

    def _held_up(self, truth: NDArray[np.void], match: LaneMatch, speed: NDArray[np.float64], i: int) -> bool:
        """Whether a body that is as slow stands close ahead in the lane."""
        ahead = match.along_m - match.along_m[i]
        room = max(25.0, 3.0 * float(speed[i])) + truth["length"][i] / 2
        same = (match.lane == match.lane[i]) & (ahead > 0.1) & (ahead < room)
        return bool((same & (speed < max(3.0, speed[i] + 2.0)) & np.isin(truth["object_class"], _VEHICLES)).any())

    def _waits(self, truth: NDArray[np.void], match: LaneMatch, speed: NDArray[np.float64], i: int) -> bool:
        """Whether one stands where one may: behind others, before a stop line, crossing or junction, or inside one."""
        direction = float(match.direction[i])
        here = np.array([truth["x"][i], truth["y"][i]])
        ahead = np.arange(0.0, 15.0 + truth["length"][i] / 2, 0.5)
        path = here + ahead[:, None] * np.array([math.cos(direction), math.sin(direction)])
        lines = [line.points.mean(0) for line in self._site.stop_lines]
        near = any(np.hypot(*(path - line).T).min() < 2.5 for line in lines)
        inside = self._site.in_crossing(path).any() or self._site.inside("conflict_area", path).any()
        return bool(near or inside or self._held_up(truth, match, speed, i))

    def _on_the_road(
        self, truth: NDArray[np.void], points: NDArray[np.float64], speed: NDArray[np.float64]
    ) -> Iterator[Sign]:
        inside = self._site.in_carriageway(points)
        crossing = self._site.in_crossing(points)
        for i in np.flatnonzero(inside):
            who, kind = (int(truth["id"][i]),), truth["object_class"][i]
            if kind == ObjectClass.PEDESTRIAN and not crossing[i]:
                yield "person_on_road", who
            elif kind == ObjectClass.ANIMAL:
                yield "animal", who
            elif kind == ObjectClass.OBSTACLE and speed[i] < 0.5:
                yield "fallen_object", who

    def _braking(self, truth: NDArray[np.void], now_s: float) -> Iterator[Sign]:
        speed = np.maximum(np.hypot(truth["vx"], truth["vy"]), 1e-6)
        along = (truth["ax"] * truth["vx"] + truth["ay"] * truth["vy"]) / speed
        for i in np.flatnonzero((along < -HARD_MPS2) & (speed > 0.5)):
            who = int(truth["id"][i])
            self._hard_s[who] = now_s
            if along[i] < -4.0 and truth["object_class"][i] in _VEHICLES:
                yield "sudden_braking", (who,)

    def _near_misses(self, truth: NDArray[np.void], now_s: float) -> Iterator[Sign]:
        tracks = empty_tracks(len(truth))
        for name in truth.dtype.names or ():
            tracks[name] = truth[name]
        weak = {int(one) for one in truth["id"][np.isin(truth["object_class"], _WEAK)]}
        for passed in self._grid.update(tracks, round(now_s * 1e9)):
            pair = passed.first, passed.second
            if passed.pet_s < _encroaching_s(weak, pair):
                yield "near_miss", (min(pair), max(pair))
        self._look_ahead(tracks, truth, weak, now_s)
        for pair, at_s in list(self._close.items()):
            if now_s - at_s > EVASION_S:
                del self._close[pair]
            elif any(now_s - self._hard_s.get(who, -math.inf) <= EVASION_S for who in pair):
                yield "near_miss", pair

    def _look_ahead(self, tracks: NDArray[np.void], truth: NDArray[np.void], weak: set[int], now_s: float) -> None:
        for one in conflicts(tracks):
            first, second = (int(truth["id"][one[name]]) for name in ("first", "second"))
            if one["ttc_s"] < TTC_S and not weak.issuperset((first, second)):
                self._close[min(first, second), max(first, second)] = now_s


def _encroaching_s(weak: set[int], pair: tuple[int, int]) -> float:
    """The post-encroachment time below which the pair nearly met; two of the weak are no danger to each other."""
    parties = len(weak & set(pair))
    return (PET_S, VULNERABLE_PET_S, 0.0)[parties]
