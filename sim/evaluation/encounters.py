"""Near misses (ヒヤリハット) by the exact truth and a naive reckoning, which shares nothing with that of the pole.

Boxes are moved on in small steps and looked at for overlap: straight on, at the present rate of turn, and along the
way that was really gone, at the present speed. Post-encroachment time is the least difference of two times at which
the two boxes covered the same ground. What is sure is by a margin worse than the thresholds of severity 2, every way of
moving on and with smaller boxes; what is by a margin better than them, one way, is possible: to tell it or not is both
right. Who leaves a lane or brakes hard may do so to get out of the way: what came of it says nothing against it then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.site import Site
from sim.box import overlapping
from sim.evaluation.encroachments import Table
from sim.evaluation.sign import Sign, ids_of, pairs
from sim.evaluation.ways import STEP_S, swerves, ways_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.evaluation.truth import Truth

    Floats = NDArray[np.float64]

AHEAD_S: Final = np.arange(0.0, 3.51, 0.05)
SURE_TTC_S, POSSIBLE_TTC_S, RISK_TTC_S = 1.35, 1.8, 3.5
LEAD_TTC_S: Final = 1.5  # until then a risk of collision has to be told
SURE_DRAC_MPS2, POSSIBLE_DRAC_MPS2 = 3.8, 3.1
ONCOMING_COS: Final = math.cos(math.radians(130))
HARD_MPS2, EVASION_S = 4.0, 1.5
LASTING_S: Final = 0.3
PAUSE_S: Final = 2.0  # signs less far apart belong to one encounter
NARROW_M: Final = 0.2  # a side
LEAST_CLOSING_MPS, SURE_CLOSING_MPS = 1.0, 2.5  # who creeps comes close all the time


@dataclass(slots=True)
class Encounter:
    """Two road users, ids ascending, who came close from `start_s` to `end_s`; x, y m where it was worst.

    `sure`: a near miss beyond doubt, from the seconds `near_s` (start, end) on. `risk`: they were on course to touch;
    `lead_s`: when that was LEAD_TTC_S ahead, infinite if never.
    """

    ids: tuple[int, int]
    start_s: float
    end_s: float
    x: float = math.nan
    y: float = math.nan
    ttc_s: float = math.inf
    pet_s: float = math.inf
    drac_mps2: float = 0.0
    sure: bool = False
    risk: bool = False
    near_s: tuple[float, float] = (math.inf, -math.inf)
    lead_s: float = math.inf


def encounters(truth: Truth, site: Site | None = None) -> list[Encounter]:
    """All of them, sure and possible, by their beginning."""
    span_s = truth.seconds(truth.times_ns[-1])
    table, gone = Table(), _Gone(truth, site or Site())
    met: dict[tuple[int, int], _Met] = {}
    for n in range(int(span_s / STEP_S) + 1):
        rows = truth.at(truth.times_ns[0] + round(n * STEP_S * 1e9))
        if rows is None:
            continue
        table.take(n, rows)
        for sign in _approaching(rows, n * STEP_S, gone):
            met.setdefault(sign.ids, _Met(sign.ids)).take(sign)
    for sign in table.encroachments():
        met.setdefault(sign.ids, _Met(sign.ids)).take(sign)
    found = [one for pair in met.values() for one in pair.joined()]
    return sorted(found, key=lambda one: (one.start_s, one.ids))


@dataclass(slots=True)
class _Met:
    """All moments of a pair."""

    ids: tuple[int, int]
    signs: list[Sign] = field(default_factory=list)

    def take(self, sign: Sign) -> None:
        self.signs.append(sign)

    def joined(self) -> Iterator[Encounter]:
        group: list[Sign] = []
        for sign in sorted(self.signs, key=lambda one: one.at_s):
            if group and sign.at_s - group[-1].at_s > PAUSE_S:
                yield _encounter(group)
                group = []
            group.append(sign)
        yield _encounter(group)


def _encounter(signs: list[Sign]) -> Encounter:
    worst = max(signs, key=lambda one: (one.level, -min(one.ttc_s, one.pet_s)))
    found = Encounter(signs[0].ids, signs[0].at_s, signs[-1].at_s, worst.x, worst.y)
    found.ttc_s, found.pet_s = min(one.ttc_s for one in signs), min(one.pet_s for one in signs)
    found.drac_mps2 = max(one.drac_mps2 for one in signs)
    found.lead_s = min((one.at_s for one in signs if one.ttc_s < LEAD_TTC_S), default=math.inf)
    sure = [one for one in signs if one.level == 2]
    course = [one for one in sure if math.isfinite(one.ttc_s)]
    found.risk = len(course) * STEP_S >= LASTING_S - 1e-9
    found.sure = found.risk or any(math.isfinite(one.pet_s) for one in sure)
    if found.sure:
        found.near_s = sure[0].at_s, sure[-1].at_s
    elif worst.level == 0:
        found.near_s = math.inf, -math.inf
    else:
        close = [one.at_s for one in signs if one.level]
        found.near_s = close[0], close[-1]
    return found


class _Gone:
    """The ways that were really gone, and when somebody left a lane."""

    def __init__(self, truth: Truth, site: Site) -> None:
        self._ways = {way.who: way for way in ways_of(truth)}
        self._left_s = {who: swerves(way, site) for who, way in self._ways.items()}

    def ahead(self, row: np.void, at_s: float) -> Floats:
        """x, y, course (steps, 3) of one at AHEAD_S along its way, at the present speed."""
        way = self._ways.get(int(row["id"]))
        on_m = math.hypot(row["vx"], row["vy"]) * AHEAD_S
        if way is not None:
            return way.ahead(at_s, on_m)
        cos, sin = math.cos(row["yaw"]), math.sin(row["yaw"])
        return np.stack([row["x"] + on_m * cos, row["y"] + on_m * sin, row["yaw"] + 0 * on_m], axis=1)

    def swerves(self, row: np.void, at_s: float) -> bool:
        """Whether it is about to leave its lane, or does so."""
        left = self._left_s.get(int(row["id"]), np.zeros(0))
        return bool(((left > at_s - 0.5) & (left < at_s + AHEAD_S[-1])).any())

    def brakes(self, row: np.void, at_s: float) -> bool:
        """Whether it brakes hard, now or soon."""
        way = self._ways.get(int(row["id"]))
        soon = (way.at_s > at_s - 0.15) & (way.at_s < at_s + EVASION_S) if way is not None else np.zeros(0, bool)
        return way is not None and bool((way.along_mps2[soon] < -HARD_MPS2).any())


def _approaching(rows: NDArray[np.void], at_s: float, gone: _Gone) -> Iterator[Sign]:
    """Pairs whose boxes touch within the horizon when they go on as they do now."""
    first, second = pairs(rows)
    dv = np.stack([rows["vx"][second] - rows["vx"][first], rows["vy"][second] - rows["vy"][first]])
    closing = np.hypot(*dv)
    away = np.hypot(rows["x"][second] - rows["x"][first], rows["y"][second] - rows["y"][first])
    # Turning, they come at most as near as both their speeds allow.
    speed = np.hypot(rows["vx"], rows["vy"])
    reach = (rows["length"][first] + rows["length"][second]) / 2 + 2
    near = (away - reach < (speed[first] + speed[second]) * AHEAD_S[-1]) & (closing > LEAST_CLOSING_MPS)
    first, second, closing = first[near], second[near], closing[near]
    if not len(first):
        return
    courses = [_ahead(rows, turning=0), _ahead(rows, turning=1), np.stack([gone.ahead(row, at_s) for row in rows])]
    full = np.stack([_first_touch(_boxes(rows, course, slim=0), first, second) for course in courses])
    narrow = [_boxes(rows, course, slim=1) for course in courses]
    slim = np.stack([_first_touch(boxes, first, second) for boxes in narrow])
    swerving = np.array([gone.swerves(row, at_s) for row in rows])
    evading = swerving | np.array([gone.brakes(row, at_s) for row in rows])
    evaded = evading[first] | evading[second]
    for k in np.flatnonzero(evaded).tolist():  # who brakes keeps to its way all the same
        i, j = first[k], second[k]
        if swerving[i] or swerving[j] or _cross(narrow[2][i], narrow[2][j]):
            slim[2, k] = 0.0
    first_met = np.full(len(rows), math.inf)
    for side in (first, second):
        np.minimum.at(first_met, side, full.min(0))
    for k in np.flatnonzero(full.min(0) <= RISK_TTC_S).tolist():
        best, worst = float(full[:, k].min()), float(slim[:, k].max())
        drac = [float(closing[k]) / (2 * max(one, 0.05)) for one in (best, worst)]
        i, j = int(first[k]), int(second[k])
        # One that turns off or waits soon needs no hard braking, though all of both their speeds would have to go.
        calm = _oncoming(rows[[i, j]]) and not evaded[k]
        sure = worst < SURE_TTC_S or (drac[1] > SURE_DRAC_MPS2 and not calm)
        # Who stands behind another is met later, if ever.
        sure &= closing[k] > SURE_CLOSING_MPS and best <= min(first_met[i], first_met[j])
        level = 2 if sure else int(best < POSSIBLE_TTC_S or drac[0] > POSSIBLE_DRAC_MPS2)
        x, y = (float(rows[name][[i, j]].mean()) for name in "xy")
        yield Sign(ids_of(rows, i, j), at_s, level, x, y, best, drac_mps2=drac[0])


def _oncoming(two: NDArray[np.void]) -> bool:
    """Whether two come towards each other."""
    speed = np.hypot(two["vx"], two["vy"])
    return bool(speed.min() > 1.0 and two["vx"].prod() + two["vy"].prod() < ONCOMING_COS * speed.prod())


def _ahead(rows: NDArray[np.void], *, turning: int) -> Floats:
    """x, y, yaw (n, steps, 3) of everyone at AHEAD_S."""
    t = AHEAD_S[None]
    rate = np.where(np.abs(rows["yaw_rate"]) > 1e-3, rows["yaw_rate"], 1e-3)[:, None] if turning else None
    vx, vy, yaw = (rows[name][:, None] for name in ("vx", "vy", "yaw"))
    if rate is None:
        dx, dy, turned = vx * t, vy * t, yaw + 0 * t
    else:
        sin, cos = np.sin(rate * t) / rate, (1 - np.cos(rate * t)) / rate
        dx, dy, turned = vx * sin - vy * cos, vx * cos + vy * sin, yaw + rate * t
    return np.stack([rows["x"][:, None] + dx, rows["y"][:, None] + dy, turned], axis=-1)


def _boxes(rows: NDArray[np.void], course: Floats, *, slim: int) -> Floats:
    """Boxes (n, steps, 5) along a course (n, steps, 3)."""
    less = [np.maximum(rows[name] - 2 * NARROW_M * slim, rows[name] / 2) for name in ("length", "width")]
    size = [np.broadcast_to(one[:, None, None], (*course.shape[:2], 1)) for one in less]
    return np.concatenate([course, *size], axis=-1)


def _cross(one: Floats, two: Floats) -> bool:
    """Whether two ways (steps, 5) lead over the same ground, at whatever times."""
    here, there = np.repeat(one, len(two), axis=0), np.tile(two, (len(one), 1))
    reach = np.hypot(here[:, 3], here[:, 4]) / 2 + np.hypot(there[:, 3], there[:, 4]) / 2
    near = np.hypot(here[:, 0] - there[:, 0], here[:, 1] - there[:, 1]) <= reach
    return bool(overlapping(here[near], there[near]).any())


def _first_touch(paths: Floats, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """Seconds until the boxes of each pair overlap; inf if they do not within the horizon."""
    found = np.full(len(first), math.inf)
    one, two = paths[first], paths[second]
    reach = np.hypot(one[..., 3], one[..., 4]) / 2 + np.hypot(two[..., 3], two[..., 4]) / 2
    near = np.hypot(one[..., 0] - two[..., 0], one[..., 1] - two[..., 1]) <= reach
    pair, step = np.nonzero(near)
    if len(pair):
        touch = overlapping(one[pair, step], two[pair, step])
        np.minimum.at(found, pair[touch], AHEAD_S[step[touch]])
    return found
