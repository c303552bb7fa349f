"""Seeded roads with known truth, and what camera, LiDAR and radar would have said of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from controller.fusion.sensor import Sensor
from interfaces.spec import ObjectClass
from modules.capability import Capability
from modules.detection import Axes, Detections, empty_objects
from sim.evaluation.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from controller.fusion.tracker import Tracker

START_NS = 1_800_000_000_000_000_000
CAR, PERSON = int(ObjectClass.CAR), int(ObjectClass.PEDESTRIAN)


@dataclass(frozen=True)
class Road:
    """Truth on a 50 Hz grid: arrays (time, object); x is NaN while an object is away."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    classes: NDArray[np.int64]
    rate: float = 50.0

    @property
    def seconds(self) -> float:
        return (len(self.x) - 1) / self.rate

    def at(self, t: float) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """(indices present, xy, velocity) at t s."""
        k = min(max(t * self.rate, 0.0), len(self.x) - 1.001)
        i, f = int(k), k - int(k)
        x = self.x[i] * (1 - f) + self.x[i + 1] * f
        y = self.y[i] * (1 - f) + self.y[i + 1] * f
        here = np.flatnonzero(np.isfinite(x))
        v = np.stack((self.x[i + 1] - self.x[i], self.y[i + 1] - self.y[i]), 1) * self.rate
        return here, np.stack((x, y), 1)[here], v[here]


def intersection(seconds: float = 40.0, vehicles: int = 16, people: int = 8, seed: int = 1) -> Road:
    """Cars on four approaches that brake, wait and turn; people on the crossings."""
    random = np.random.default_rng(seed)
    steps = int(seconds * 50) + 1
    count = vehicles + people
    x, y = np.full((steps, count), np.nan), np.full((steps, count), np.nan)
    t = np.arange(steps) / 50
    for n in range(vehicles):
        arm, turn = n % 4, random.integers(0, 3)
        lane = 2.0 + 3.5 * (n // 4 % 2)
        cruise, wait = random.uniform(5, 7) if turn else random.uniform(7, 14), random.choice([0.0, 0.0, 4.0, 8.0])
        speed = np.full(steps, cruise)
        start = random.uniform(-0.2, 0.8) * 60 - (n // 8) * 45
        s = np.cumsum(speed) / 50 + start - 60
        stop = int(np.argmax(s > -18 - 7 * (n // 8))) if (s > -18).any() else steps
        if wait and 0 < stop < steps:
            brake, go = cruise / 2.5, cruise / 2.0
            since = t - t[stop] + brake
            speed = np.clip(cruise - 2.5 * np.clip(since, 0, brake), 0, None)
            speed = np.where(since > brake + wait, np.minimum((since - brake - wait) / go, 1) * cruise, speed)
            s = np.cumsum(speed) / 50 + start - 60
        angle = np.array([0.0, math.pi / 2, -math.pi / 2])[turn] * np.clip((s + 5) / 16, 0, 1)
        step_x, step_y = np.cos(angle) * speed / 50, np.sin(angle) * speed / 50
        px, py = np.cumsum(step_x) + s[0], np.cumsum(step_y) - lane
        a = arm * math.pi / 2
        x[:, n], y[:, n] = px * math.cos(a) - py * math.sin(a), px * math.sin(a) + py * math.cos(a)
    for n in range(vehicles, count):
        pace, side = random.uniform(0.9, 1.6), random.choice([-1, 1])
        along = random.uniform(-14, -8) + pace * t - random.uniform(0, 8)
        px = side * along
        py = side * (11 + random.uniform(-1.2, 1.2)) + 0.2 * np.sin(t + n)
        a = (n % 4) * math.pi / 2
        x[:, n], y[:, n] = px * math.cos(a) - py * math.sin(a), px * math.sin(a) + py * math.cos(a)
    away = (np.abs(x) > 60) | (np.abs(y) > 60)
    x[away] = y[away] = np.nan
    return Road(x, y, np.array([CAR] * vehicles + [PERSON] * people))


def expressway(seconds: float = 30.0, vehicles: int = 24, speed: float = 30.0, seed: int = 2) -> Road:
    """Three lanes, spread speeds, some change lanes; 300 m."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * 50) + 1) / 50
    x, y = np.empty((len(t), vehicles)), np.empty((len(t), vehicles))
    for n in range(vehicles):
        lane = n % 3
        x[:, n] = -150 + (speed + 2 * lane + random.uniform(-0.5, 0.5)) * (t - (n // 3) * 2.5 - random.uniform(0, 0.5))
        change = random.choice([0, 0, 1]) / (1 + np.exp(-(x[:, n] - random.uniform(-80, 80)) / 18))
        y[:, n] = 3.6 * (lane - 1) + change * 3.6 * (1 if lane == 0 else -1) * 0.9
    away = np.abs(x) > 150
    x[away] = y[away] = np.nan
    return Road(x, y, np.full(vehicles, CAR))


def square(reach: float) -> tuple[tuple[tuple[float, float], ...], ...]:
    return (((-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)),)


def sensor(
    index: int, *, sigma: float = 0.3, pd: float = 0.92, clutter: float = 0.3, reach: float = 160.0, **more: object
) -> Sensor:
    capability = Capability(
        2,
        10.0,
        255,
        0.05,
        square(reach),
        ((0.0, sigma, 0.5), (300.0, sigma, 0.5)),
        pd,
        clutter,
        frozenset({CAR, PERSON}),
    )
    fields = {name: getattr(capability, name) for name in capability.__slots__} | more
    return Sensor(index, Capability(**fields), 0.0, -12.0, 6.0, 0.0)


MODEL = {  # latency s, jitter s, sigma m, sigma velocity (None: none), detection probability, clutter a frame
    "camera": (0.120, 0.030, 0.45, None, 0.90, 0.3),
    "lidar": (0.060, 0.005, 0.20, None, 0.95, 0.3),
    "radar": (0.040, 0.005, 0.50, 0.3, 0.90, 0.5),
}


def sensors() -> dict[str, Sensor]:
    return {
        name: sensor(i, sigma=m[2], pd=m[4], clutter=m[5], has_doppler=name == "radar")
        for i, (name, m) in enumerate(MODEL.items())
    }


def messages(
    road: Road, slots: Iterable[str] = MODEL, *, rate: float = 10.0, seed: int = 7, reach: float = 60.0
) -> list[Detections]:
    """What the modules send, in order of arrival."""
    out = []
    for n, slot in enumerate(slots):
        random = np.random.default_rng((seed, n))
        latency, jitter, sigma, sigma_v, pd, clutter = MODEL[slot]
        for k in range(int((road.seconds - 0.3) * rate)):
            t = k / rate + 0.013 * n + 0.05
            here, xy, v = road.at(t)
            seen = random.random(len(here)) < pd
            here, xy, v = here[seen], xy[seen], v[seen]
            false = random.poisson(clutter)
            rows = empty_objects(len(here) + false)
            noisy = xy + random.normal(0, sigma, xy.shape)
            ghosts = random.uniform(-reach, reach, (false, 2))
            rows["x"], rows["y"] = np.concatenate((noisy, ghosts)).T
            rows["confidence"] = np.concatenate((random.uniform(0.6, 0.95, len(here)), random.uniform(0.3, 0.7, false)))
            rows["sigma_pos"] = sigma
            if slot != "radar":
                rows["object_class"][: len(here)] = road.classes[here]
            if sigma_v is not None:
                rows["vx"][: len(here)], rows["vy"][: len(here)] = (v + random.normal(0, sigma_v, v.shape)).T
                rows["sigma_vel"] = sigma_v
            rows = rows[random.permutation(len(rows))]
            stamp = START_NS + round(t * 1e9)
            late = max(0.005, latency + random.uniform(-jitter, jitter))
            out.append(Detections(slot, stamp, stamp + round(late * 1e9), Axes.ENU, rows, len(rows)))
    return sorted(out, key=lambda d: (d.arrived_at_ns, d.slot))


def run(
    tracker: Tracker, road: Road, sent: list[Detections], *, rate: float = 10.0, warm_up_s: float = 1.0
) -> tuple[list[tuple], list[float]]:
    """Frames for the metrics, from tracks read on fixed ticks as they would be published, and speed errors squared."""
    frames, speed_errors = [], []
    queue = iter(sent)
    pending = next(queue, None)
    for k in range(int(road.seconds * rate)):
        now = START_NS + round((k + 0.5) / rate * 1e9)
        while pending is not None and pending.arrived_at_ns <= now:
            tracker.add(pending)
            pending = next(queue, None)
        if k / rate < warm_up_s:
            continue
        here, xy, v = road.at((now - START_NS) / 1e9)
        objects = tracker.at(now).objects
        inside = np.stack((objects["x"], objects["y"]), 1)
        frames.append(Frame(here.tolist(), xy, objects["id"].tolist(), inside))
        if len(here) and len(objects):
            d = np.hypot(xy[:, None, 0] - inside[None, :, 0], xy[:, None, 1] - inside[None, :, 1])
            for i, j in enumerate(d.argmin(1)):
                if d[i, j] < 2:
                    speed_errors.append((objects["vx"][j] - v[i, 0]) ** 2 + (objects["vy"][j] - v[i, 1]) ** 2)
    return frames, speed_errors
