"""Scenes for the hazard tests: road users on given courses as Tracks, exact or with the noise of fused tracks."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from controller.config import Hazards, NearMisses
from controller.fusion.track import Tracks, empty_tracks
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.stage import HazardStage
from controller.site import Area, Lane, Merge, Site, StopLine
from controller.site_shapes import at, length
from interfaces.spec import ObjectClass
from modules.environment import POSSIBLE, EnvironmentReading
from modules.signal import SignalGroupReading, SignalReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from controller.hazard.near_miss import NearMiss

START_NS = 1_800_000_000_000_000_000
BOX = {
    ObjectClass.CAR: (4.5, 1.8, 1.5),
    ObjectClass.LARGE_VEHICLE: (12.0, 2.5, 3.5),
    ObjectClass.MOTORCYCLE: (2.2, 0.8, 1.5),
    ObjectClass.BICYCLE: (1.8, 0.6, 1.6),
    ObjectClass.PEDESTRIAN: (0.5, 0.5, 1.7),
    ObjectClass.ANIMAL: (1.0, 0.4, 0.6),
    ObjectClass.OBSTACLE: (0.8, 0.6, 0.5),
    ObjectClass.UNKNOWN: (1.0, 1.0, 1.0),
}


@dataclass(frozen=True)
class User:
    """A road user: `at(t)` gives its (x, y) at t seconds; velocity and acceleration are its differences."""

    at: Callable[[float], tuple[float, float]]
    kind: ObjectClass = ObjectClass.CAR
    yaw: float | None = None
    ids: Callable[[float], int] | None = None
    begin: float = 0.0
    end: float = 1e9
    sources: int = 3
    box: tuple[float, float, float] | None = None
    extra: dict[str, float] = field(default_factory=dict)
    late: Callable[[float], dict[str, int]] = lambda _: {}


def straight(x: float, y: float, vx: float = 0.0, vy: float = 0.0) -> Callable[[float], tuple[float, float]]:
    return lambda t: (x + vx * t, y + vy * t)


def braking(x: float, v: float, begin: float, rate: float, y: float = 0.0) -> Callable[[float], tuple[float, float]]:
    """Along +x at v, from `begin` slowing down at `rate` to a stop."""

    def at(t: float) -> tuple[float, float]:
        slow = min(max(t - begin, 0.0), v / rate)
        return x + v * min(t, begin) + v * slow - 0.5 * rate * slow * slow, y

    return at


def arc(radius: float, speed: float, phase: float, sense: int = 1) -> Callable[[float], tuple[float, float]]:
    return lambda t: (
        radius * math.cos(phase + sense * speed / radius * t),
        radius * math.sin(phase + sense * speed / radius * t),
    )


def ticks(
    users: list[User], seconds: float, rate_hz: float = 10.0, seed: int | None = None, times: list[float] | None = None
) -> Iterator[Tracks]:
    """Tracks at a fixed rate or at `times`; with `seed` noisy as fused tracks are: correlated over about half a second.

    Position sigma 0.2 m, velocity sigma 0.3 m/s, as fused tracks have them.
    """
    rng = np.random.default_rng(seed)
    errors = {i: rng.normal(size=4) for i in range(len(users))}
    last = 0.0
    for t in times or [i / rate_hz for i in range(int(seconds * rate_hz) + 1)]:
        there = [(i, user) for i, user in enumerate(users) if user.begin <= t <= user.end]
        rows = empty_tracks(len(there))
        keep = math.exp(-(t - last) / 0.25)
        last = t
        errors = {i: keep * old + math.sqrt(1 - keep * keep) * rng.normal(size=4) for i, old in errors.items()}
        for row, (i, user) in enumerate(there):
            _fill(rows[row : row + 1], i, user, t, errors[i] if seed is not None else None)
        yield Tracks(START_NS + round(t * 1e9), rows)


def _fill(row: np.ndarray, index: int, user: User, t: float, error: np.ndarray | None) -> None:
    h = 0.02
    (x0, y0), (x, y), (x1, y1) = user.at(t - h), user.at(t), user.at(t + h)
    vx, vy = (x1 - x0) / (2 * h), (y1 - y0) / (2 * h)
    speed = math.hypot(vx, vy)
    yaw = user.yaw if user.yaw is not None else math.atan2(vy, vx) if speed > 0.1 else 0.0
    row["ax"], row["ay"] = (x1 - 2 * x + x0) / h**2, (y1 - 2 * y + y0) / h**2
    sigma = (0.05, 0.05, 0.06, 0.06)
    if error is not None:
        standing = 0.3 if speed < 0.3 else 1.0
        sigma = (0.2, 0.2, 0.3 * standing, 0.3 * standing)
        x, y, vx, vy = (
            x + sigma[0] * error[0],
            y + sigma[1] * error[1],
            vx + sigma[2] * error[2],
            vy + sigma[3] * error[3],
        )
        if speed > 2:
            yaw = math.atan2(vy, vx)
    row["x"], row["y"], row["vx"], row["vy"], row["yaw"] = x, y, vx, vy, yaw
    row["cov"] = np.diag(np.square(sigma))
    row["id"] = user.ids(t) if user.ids else index + 1
    row["object_class"], row["class_confidence"], row["existence"] = user.kind, 0.9, 0.99
    row["length"], row["width"], row["height"] = user.box or BOX[user.kind]
    row["stationary"] = 1.0 if math.hypot(vx, vy) < 0.5 else 0.0
    row["age_s"], row["sources"] = 2.0 + t - user.begin, user.sources
    row["measured_at_ns"] = START_NS + round(t * 1e9)
    for name, value in (user.extra | user.late(t)).items():
        row[name] = value


def run(
    users: list[User],
    seconds: float,
    site: Site | None = None,
    *,
    rate_hz: float = 10.0,
    seed: int | None = None,
    told: Sequence[tuple[float, int, object]] = (),
    lacking: Callable[[float], tuple[str, ...]] = lambda _: (),
    config: Hazards | None = None,
) -> tuple[list[Hazard], list[NearMiss]]:
    """Everything a fresh stage says of a scene, and of five empty seconds after it.

    `told`: (t, slot, reading) of modules that detect nothing, in order.
    """
    stage = HazardStage(site or Site(), config or Hazards(), NearMisses())
    waiting = deque(told)
    hazards: list[Hazard] = []
    near_misses: list[NearMiss] = []
    for tracks in ticks(users, seconds, rate_hz, seed):
        t = (tracks.valid_at_ns - START_NS) / 1e9
        while waiting and waiting[0][0] <= t + 1e-9:
            at, slot, reading = waiting.popleft()
            stage.tell(slot, reading, START_NS + round(at * 1e9))
        said = stage.step(tracks, lacking(t))
        hazards += said[0]
        near_misses += said[1]
        end = tracks.valid_at_ns
    for i in range(1, 51):
        said = stage.step(Tracks(end + i * 100_000_000, empty_tracks(0)))
        hazards += said[0]
        near_misses += said[1]
    return hazards, near_misses


def new(hazards: list[Hazard], kind: str) -> list[Hazard]:
    return [one for one in hazards if one.kind == kind and one.phase is Phase.NEW]


def delay_s(hazard: Hazard, since_s: float) -> float:
    return (hazard.reference_time_ns - START_NS) / 1e9 - since_s


def lane(name: str, x0: float, y0: float, x1: float, y1: float, limit_kmh: float = 60.0, kind: str = "driving") -> Lane:
    return Lane(name, np.array([[x0, y0], [x1, y1]]), 3.25, limit_kmh / 3.6, kind)


def polygon(kind: str, *points: tuple[float, float]) -> Area:
    ring = np.array([*points, points[0]])
    return Area(kind, kind, np.hstack([ring[:-1], ring[1:]]))


def road(limit_kmh: float = 60.0) -> Site:
    """A two-way road along x, keep left: eastward at y = +1.6, westward at y = −1.6, a crossing at x = 90 to 94.

    North is left of an eastward driver, so eastward traffic keeps to y > 0.
    """
    return Site(
        (lane("east", -300, 1.6, 300, 1.6, limit_kmh), lane("west", 300, -1.6, -300, -1.6, limit_kmh)),
        (
            polygon("carriageway", (-300, -3.3), (300, -3.3), (300, 3.3), (-300, 3.3)),
            polygon("crossing", (90, -4), (94, -4), (94, 4), (90, 4)),
        ),
        (StopLine("stop", np.array([[88.0, 0.0], [88.0, 3.3]])),),
    )


def weather(**known: float) -> EnvironmentReading:
    """A reading of which only `known` is known."""
    return EnvironmentReading(0, **{name: known.get(name) for name in POSSIBLE})


def steady(reading: object, seconds: float, slot: int = 0, begin: float = 0.0) -> list[tuple[float, int, object]]:
    """The same reading once a second."""
    return [(begin + t, slot, reading) for t in range(int(seconds) + 1)]


def lights(*spans: tuple[float, int], until: float, group: int = 1, slot: int = 4) -> list[tuple[float, int, object]]:
    """A signal module's reports at 5 Hz: (from when, colour) in order, until the scene's end; it tells what remains."""
    ends = [begin for begin, _ in spans[1:]] + [until]
    told: list[tuple[float, int, object]] = []
    for (begin, colour), end in zip(spans, ends, strict=True):
        steps = round((end - begin) * 5)
        for i in range(steps):
            reading = SignalReading(0, (SignalGroupReading(group, colour, round((end - begin - i / 5) * 10)),))
            told.append((begin + i / 5, slot, reading))
    return told


def crossroads(*, signals: bool = False, conflict: bool = True) -> Site:
    """Two one-way lanes, east along y = 0 and north along x = 0, that cross in the origin; stop lines 6 m before."""
    lanes = (lane("e", -150, 0, 150, 0, 50), lane("n", 0, -150, 0, 150, 50))
    areas = (polygon("conflict_area", (-4, -4), (4, -4), (4, 4), (-4, 4)),) if conflict else ()
    lines = (
        StopLine("se", np.array([[-6.0, -2.0], [-6.0, 2.0]]), (0,), 1 if signals else None),
        StopLine("sn", np.array([[-2.0, -6.0], [2.0, -6.0]]), (1,), 2 if signals else None),
    )
    return Site(lanes, areas, lines)


def junction() -> Site:
    """A mainline along x at 100 km/h and a ramp that joins it in the origin from the south-west."""
    mainline = Lane("m", np.array([[-300.0, 0.0], [300.0, 0.0]]), 3.5, 100 / 3.6)
    ramp = Lane("r", np.array([[-200.0, -40.0], [-50.0, -10.0], [0.0, 0.0]]), 3.5, 60 / 3.6, "ramp", ("m",))
    return Site((mainline, ramp), (), (), (Merge("merge", 1, 0, np.zeros(2), length(ramp.points), 300.0),))


def along(points: list[tuple[float, float]], start: float, speed: float) -> Callable[[float], tuple[float, float]]:
    """At `speed` along a line from `start` metres; straight on beyond its end."""
    line = np.array(points)
    longer = np.vstack([line, line[-1] + 1000 * (line[-1] - line[-2]) / np.hypot(*(line[-1] - line[-2]))])

    def at_(t: float) -> tuple[float, float]:
        x, y = at(longer, np.array([start + speed * t]))[0]
        return float(x), float(y)

    return at_
