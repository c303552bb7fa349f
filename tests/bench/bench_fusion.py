"""What fusing costs: milliseconds a frame of three modules, and the memory of its imports."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from controller.fusion.sensor import Sensor
from controller.fusion.tracker import Tracker
from modules.capability import Capability
from modules.detection import Axes, Detections, empty_objects

START_NS = 1_800_000_000_000_000_000
RSS = "import controller.fusion.tracker; print([x.split()[1] for x in open('/proc/self/status') if 'VmRSS' in x][0])"


def run(seconds: float = 5.0) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    rows = []
    for count in (100, 200):
        for late in (False, True):
            took = _frames(count, seconds, late=late)
            name = f"fuse {count} objects x 3 modules, {'late and out of order' if late else 'in order'}"
            rows += [
                (f"{name}, median", float(np.median(took)), "ms"),
                (f"{name}, p99", float(np.percentile(took, 99)), "ms"),
            ]
    memory = subprocess.run([sys.executable, "-c", RSS], capture_output=True, text=True, check=True).stdout
    return [*rows, ("fusion import path", float(memory) / 1024, "MB")]


def _frames(count: int, seconds: float, *, late: bool) -> list[float]:
    square = (((-200.0, -200.0), (200.0, -200.0), (200.0, 200.0), (-200.0, 200.0)),)
    can = Capability(3, 10.0, 255, 0.05, square, ((0.0, 0.3, 0.5),), 0.9, 1.0, frozenset({2}))
    tracker = Tracker({f"s{n}": Sensor(n, can, 0, 0, 6, 0) for n in range(3)}, history_s=1.0, coast_s=1.5, seed=1)
    took = []
    for frame in _arrivals(count, seconds, late=late):
        begun = time.perf_counter()
        for message in frame:
            tracker.add(message)
        tracker.at(max(m.arrived_at_ns for m in frame))
        took.append((time.perf_counter() - begun) * 1e3)
    return took[10:]


def _arrivals(count: int, seconds: float, *, late: bool) -> list[list[Detections]]:
    random = np.random.default_rng(count)
    xy, v = random.uniform(-150, 150, (count, 2)), random.normal(0, 8, (count, 2))
    sent = []
    for k in range(round(seconds * 10)):
        for n in range(3):
            t = k / 10 + n * 0.03
            rows = empty_objects(count)[random.random(count) < 0.9]
            here = (xy + v * t)[: len(rows)]
            rows["x"], rows["y"] = (here + random.normal(0, 0.3, here.shape)).T
            rows["object_class"], rows["confidence"] = 2, 0.8
            stamp = START_NS + round(t * 1e9)
            sent.append(Detections(f"s{n}", stamp, stamp, Axes.ENU, rows, len(rows)))
    if late:
        delay = {"s0": (0.09, 0.15), "s1": (0.055, 0.065), "s2": (0.035, 0.045)}
        sent = [replace(d, arrived_at_ns=d.measured_at_ns + round(random.uniform(*delay[d.slot]) * 1e9)) for d in sent]
    sent.sort(key=lambda d: d.arrived_at_ns)
    return [sent[i : i + 3] for i in range(0, len(sent), 3)]


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:60s} {value:8.2f} {unit}")
