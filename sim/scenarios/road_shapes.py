"""Places by chance: stretches of road, straight or bent, of one or several lanes, and junctions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.driving import CYCLISTS, TRAFFIC, WALKER, WALKERS, Manner, Route
from sim.path import Path
from sim.scene import ORIGIN
from sim.site_map import SiteMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ARM_M: Final = 150.0  # of a road to either side of the middle
TURN_RAD: Final = math.radians(5)  # from point to point of a lane as it is drawn
LORRY_M: Final = 3.2  # two of them pass each other in lanes wider than that
WALK_MPS, RIDE_MPS = 1.3, 4.2
KERB_M, PAVEMENT_M = 0.5, 1.6  # from the edge of the carriageway to who rides and who walks beside it


class Turned(NamedTuple):
    """How a place lies: places are planned keep left with their middle at 0, 0, then mirrored or not, and turned."""

    keeps_left: bool
    angle: float

    def __call__(self, points: Floats | list[tuple[float, float]]) -> Floats:
        """Where planned points (n, 2) lie."""
        x, y = np.asarray(points, float).T
        y = y if self.keeps_left else -y
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)


class Lane(NamedTuple):
    """A lane that incidents may happen in: its whole way, where on it the middle of the place is, and the limit."""

    path: Path
    middle_m: float
    limit_mps: float


@dataclass(slots=True)
class Place:
    """A place as it is drawn, its traffic, and what incidents need to know."""

    words: str
    drawn: SiteMap
    lies: Turned
    routes: list[Route] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    edge_m: float = 0.0  # from the middle to the edge of the road, where modules and people stand
    across: Path | None = None  # over the road, off any crossing
    fast: bool = False  # an expressway


def stretch(random: np.random.Generator, lies: Turned) -> Place:
    """A road of a town with traffic both ways: bends, one or two lanes each way, walkers and cyclists beside it."""
    lanes, width = int(random.choice([1, 1, 2])), float(random.uniform(2.75, 3.5))
    limit_kmh = float(random.choice([30, 40, 50, 60]))
    turn, sharp_m = float(random.choice([0, 0, 30, 60, 100])) * random.choice([-1, 1]), float(random.uniform(20, 60))
    middle = _bent(turn, sharp_m)
    words = f"{2 * lanes} lanes of {width:.2f} m, {limit_kmh:.0f} km/h, a bend of {abs(turn):.0f}°"
    place = Place(words, SiteMap(ORIGIN, words), lies, edge_m=lanes * width)
    busy = float(random.uniform(4, 14))
    speed = limit_kmh, 0.95
    for way, word in ((1, "there"), (-1, "back")):
        for n in range(lanes):
            _lane(place, f"{word}-{n}", _beside_of(middle[::way], (n + 0.5) * width), width, speed, busy)
    _road(place, "road", middle, -lanes * width, lanes * width)
    _beside(random, place, middle)
    place.across = _over(middle, place, 12.0)
    return place


def expressway(random: np.random.Generator, lies: Turned) -> Place:
    """One direction of an expressway, straight or in a wide bend; the other one beside it or not."""
    lanes, limit_kmh = int(random.choice([2, 2, 3])), float(random.choice([80, 100]))
    turn, width = float(random.choice([0, 20, 40])) * random.choice([-1, 1]), 3.5
    middle = _bent(turn, 140.0, 300.0)
    other = bool(random.random() < 0.5)
    words = f"expressway, {lanes} lanes {'each' if other else 'one'} way, {limit_kmh:.0f} km/h, {abs(turn):.0f}°"
    place = Place(words, SiteMap(ORIGIN, words), lies, edge_m=lanes * width + 2.0, fast=True)
    for way, word in ((1, "down"), (-1, "up"))[: 1 + other]:
        for n in range(lanes):
            line = _beside_of(middle[::way], 1.5 + (n + 0.5) * width)
            speed = limit_kmh, 1.04 - 0.08 * n  # the outermost is the slow one
            _lane(place, f"{word}-{n}", line, width, speed, float(random.uniform(6, 16)))
        _road(place, word, middle, *sorted((way * 1.0, way * (2.0 + lanes * width))))
    place.across = _over(middle, place, 15.0)
    return place


def junction(random: np.random.Generator, lies: Turned) -> Place:
    """Three or four legs at any angles; the road that goes on has priority, the others have to stop."""
    width = float(random.uniform(2.75, 3.5))
    main_kmh, side_kmh = float(random.choice([40, 50, 60])), float(random.choice([20, 30, 40]))
    bend, skew = random.uniform(-25, 25), random.uniform(-35, 35)
    angles = [0.0, 90.0 + skew, 180.0 + bend, 270.0 + skew]
    if random.random() < 0.5:
        angles.pop(int(random.choice([1, 3])))
    legs_at = ", ".join(f"{one:.0f}°" for one in angles)
    words = f"{len(angles)} legs at {legs_at}, {main_kmh:.0f} and {side_kmh:.0f} km/h"
    place = Place(words, SiteMap(ORIGIN, words), lies, edge_m=width + 3.0)
    legs = [_Leg(f"leg-{n}", math.radians(one), n == 0 or abs(one - 180) <= 30) for n, one in enumerate(angles)]
    gaps = [math.radians((after - before) % 360) for before, after in pairwise([*angles, angles[0]])]
    stop_m = max(width / math.tan(min(gap, math.pi / 2) / 2) for gap in gaps) + 6.0
    busy = float(random.uniform(4, 9)), float(random.uniform(0.6, 2.0))
    for leg in legs:
        _leg(random, place, leg, legs, stop_m, width, main_kmh if leg.main else side_kmh)
    for come in legs:
        for go in legs:
            if come is not go:
                _turn(place, come, go, stop_m, width, (main_kmh, side_kmh), busy)
    inner = stop_m - 5.5
    ring = [point for leg in legs for point in (leg.on(inner, -width), leg.on(inner, width))]
    place.drawn.area("conflict_area", "centre", _tuples(lies(ring)))
    place.drawn.area("carriageway", "middle", _tuples(lies(ring)))
    place.across = _path(lies, [legs[0].on(stop_m + 22, -width - 6), legs[0].on(stop_m + 20, width + 6)])
    return place


SHAPES: Final = (stretch, junction, expressway)


# ------------------------------------------------------------------------------------------------------ along a road


def _bent(turn_deg: float, sharp_m: float, arm_m: float = ARM_M) -> Floats:
    """The middle of a road that comes from the west and turns; 0, 0 is the middle of the bend."""
    turn = math.radians(turn_deg)
    come, corner, go = (-arm_m, 0.0), (0.0, 0.0), (arm_m * math.cos(turn), arm_m * math.sin(turn))
    points = Path.through([come, corner, go], sharp_m).points
    return np.asarray(points - points[np.argmin(np.hypot(*points.T))])


def _beside_of(middle: Floats, aside_m: float) -> Floats:
    """The line `aside_m` to the left of a line."""
    steps = np.gradient(middle, axis=0)
    left = np.stack([-steps[:, 1], steps[:, 0]], axis=1) / np.hypot(*steps.T)[:, None]
    return np.asarray(middle + aside_m * left)


def _path(lies: Turned, points: Floats | list[tuple[float, float]]) -> Path:
    return Path.along(lies(points))


def _tuples(points: Floats) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


def _drawn(path: Path) -> list[tuple[float, float]]:
    """A path as somebody draws it: its ends, and a point wherever it has turned a little."""
    turned = np.floor((path.headings - path.headings[0]) / TURN_RAD + 0.5)
    kept = np.flatnonzero(np.diff(turned)) + 1
    return _tuples(path.points[np.unique([0, *kept.tolist(), len(path.points) - 1])])


def _lane(place: Place, key: str, line: Floats, width_m: float, speed: tuple[float, float], busy: float) -> None:
    """A lane along a line with its traffic; `speed`: the limit in km/h, and the share of it that most drive at."""
    path, limit_kmh = _path(place.lies, line), speed[0]
    place.drawn.lane(key, _drawn(path), limit_kmh, width_m=width_m)
    mix = TRAFFIC if width_m > LORRY_M else TRAFFIC[:2] + TRAFFIC[3:]
    place.routes.append(Route(path, limit_kmh / 3.6 * speed[1], busy, mix, 5))
    place.lanes.append(Lane(path, _nearest_m(path), limit_kmh / 3.6))


def _nearest_m(path: Path) -> float:
    return float(np.argmin(np.hypot(*path.points.T)) * path.length_m / (len(path.points) - 1))


def _road(place: Place, key: str, middle: Floats, right_m: float, left_m: float) -> None:
    sides = _beside_of(middle, left_m)[::8], _beside_of(middle, right_m)[::-8]
    place.drawn.area("carriageway", key, _tuples(place.lies(np.concatenate(sides))))


def _beside(random: np.random.Generator, place: Place, middle: Floats) -> None:
    """Walkers on both pavements, both ways, and cyclists along the kerb, with the traffic of their side."""
    busy, half = float(random.choice([1.0, 3.0, 8.0])), len(middle) // 2
    near = middle[max(0, half - 140) : half + 140]
    for way in (1, -1):
        for n, aside_m in enumerate((PAVEMENT_M, PAVEMENT_M + 1.2)):
            line = _beside_of(near[::way], place.edge_m + aside_m)[:: (1, -1)[n]]
            place.routes.append(Route(_path(place.lies, line), WALK_MPS, busy / 2, WALKERS, 9, None, 1.2, WALKER))
        line = _beside_of(middle[::way], place.edge_m + KERB_M)
        place.routes.append(Route(_path(place.lies, line), RIDE_MPS, 1.0, CYCLISTS, 9, None, 1.6, WALKER))


def _over(middle: Floats, place: Place, at_m: float) -> Path:
    steps, half = np.gradient(middle, axis=0), len(middle) // 2 + round(at_m / 0.5)
    here, ahead = middle[half], steps[half] / np.hypot(*steps[half])
    left, far = np.array([-ahead[1], ahead[0]]), place.edge_m + 5.0
    return _path(place.lies, np.stack([here + far * left, here - far * left]))


# -------------------------------------------------------------------------------------------------------- at junctions


class _Leg(NamedTuple):
    key: str
    angle: float
    main: bool

    def on(self, out_m: float, left_m: float) -> tuple[float, float]:
        """The point `out_m` along it, `left_m` to the left as seen going out."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * out_m - sin * left_m, sin * out_m + cos * left_m


def _leg(
    random: np.random.Generator, place: Place, leg: _Leg, legs: list[_Leg], stop_m: float, width: float, kmh: float
) -> None:
    lies, half, drawn = place.lies, width / 2, place.drawn
    successors = [f"{leg.key}-to-{other.key}" for other in legs if other is not leg]
    come = [leg.on(ARM_M, -half), leg.on(stop_m, -half)]
    drawn.lane(f"{leg.key}-in", _tuples(lies(come)), kmh, successors, width_m=width)
    go = [leg.on(stop_m, half), leg.on(ARM_M, half)]
    drawn.lane(f"{leg.key}-out", _tuples(lies(go)), kmh, width_m=width)
    ring = [leg.on(stop_m - 6, -width), leg.on(ARM_M, -width), leg.on(ARM_M, width), leg.on(stop_m - 6, width)]
    drawn.area("carriageway", f"{leg.key}-road", _tuples(lies(ring)))
    if not leg.main:
        drawn.stop_line(f"{leg.key}-stop", _tuples(lies([leg.on(stop_m, -width), leg.on(stop_m, 0.0)])))
    if random.random() < 0.5:
        near, far, wide = stop_m - 5.0, stop_m - 2.0, width + 1.5
        ring = [leg.on(near, -wide), leg.on(far, -wide), leg.on(far, wide), leg.on(near, wide)]
        drawn.area("crossing", f"{leg.key}-crossing", _tuples(lies(ring)))
        for way, out_m in ((1, near + 0.9), (-1, far - 0.9)):
            over = _path(lies, [leg.on(out_m, -way * (width + 5)), leg.on(out_m, way * (width + 5))])
            place.routes.append(Route(over, WALK_MPS, 1.0, WALKERS, 9, None, 1.2, WALKER))


def _turn(
    place: Place, come: _Leg, go: _Leg, stop_m: float, width: float, kmh: tuple[float, float],
    busy: tuple[float, float],
) -> None:  # fmt: skip
    """One way through: its lane in the middle, and its traffic."""
    half = width / 2
    begin, end = np.array(come.on(stop_m, -half)), np.array(go.on(stop_m, half))
    inner = _eased(begin, -np.array(come.on(1, 0)), end, np.array(go.on(1, 0)))
    turned = math.remainder(go.angle - come.angle - math.pi, 2 * math.pi)
    straight = abs(turned) < math.radians(40)
    main = come.main and go.main
    limit_kmh = (kmh[0] if main else kmh[1]) if straight else 30.0
    path = _path(place.lies, np.concatenate([[come.on(ARM_M, -half)], inner, [go.on(ARM_M, half)]]))
    key = f"{come.key}-to-{go.key}"
    place.drawn.lane(key, _drawn(_path(place.lies, inner)), limit_kmh, [f"{go.key}-out"], width_m=width)
    left = turned > 0  # planned keep left
    rank = (5 if main else 4 if left else 3) if come.main else (2 if straight or left else 1)
    per_minute = busy[0] if main else busy[1]
    speed = (kmh[0] if main else min(kmh[0], kmh[1] + 12)) / 3.6 * 0.95
    line = None if come.main else ARM_M - stop_m - 0.5
    place.routes.append(Route(path, speed, per_minute, TRAFFIC[:1] + TRAFFIC[3:], rank, line, manner=Manner(gap_s=3.6)))
    if main:
        place.lanes.append(Lane(path, _nearest_m(path), limit_kmh / 3.6))


def _eased(begin: Floats, into: Floats, end: Floats, out: Floats) -> Floats:
    """A smooth way from one place and direction to another (a cubic of Bézier)."""
    reach = 0.39 * float(np.hypot(*(end - begin)))
    t = np.linspace(0, 1, 61)[:, None]
    first, second = begin + reach * into, end - reach * out
    return np.asarray((1 - t) ** 3 * begin + 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3 * end)
