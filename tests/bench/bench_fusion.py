"""What fusing costs: milliseconds of CPU a frame of three modules, how that grows, and the memory of its imports.

With `--against stonesoup` the same roads run through Stone Soup too, and the errors of both are told.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from controller.fusion.sensor import Sensor
from controller.fusion.tracker import Tracker
from modules.capability import Capability
from modules.detection import Axes, Detections, empty_objects
from sim.evaluation.frame import Frame
from sim.evaluation.metrics import clear, gospa

if TYPE_CHECKING:
    from controller.fusion.track import Tracks

START_NS = 1_800_000_000_000_000_000
COUNTS = (20, 50, 100, 200, 400)
SIGMA_M, PROBABILITY, FALSE_PER_FRAME = 0.3, 0.9, 1.0
SETTLING = 10  # frames
RSS = "import controller.fusion.tracker; print([x.split()[1] for x in open('/proc/self/status') if 'VmRSS' in x][0])"


@dataclass(frozen=True)
class Road:
    """Cars at constant velocities over 300 m x 300 m, and what three modules say of them at 10 Hz."""

    xy: np.ndarray
    v: np.ndarray
    frames: list[list[Detections]]

    def truth(self, stamp_ns: int) -> np.ndarray:
        return self.xy + self.v * ((stamp_ns - START_NS) / 1e9)


def run(seconds: float = 5.0) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    rows = []
    for late in (False, True):
        medians = []
        for count in COUNTS:
            took = ours(road(count, seconds, late=late))[0]
            medians.append(float(np.median(took)))
            name = f"fuse {count} objects x 3 modules, {'late and out of order' if late else 'in order'}"
            rows += [(f"{name}, median", medians[-1], "ms"), (f"{name}, p99", float(np.percentile(took, 99)), "ms")]
        name = f"cost grows as objects to the power of, {'late' if late else 'in order'}"
        rows += [(name, exponent(COUNTS, medians), "")]
    memory = subprocess.run([sys.executable, "-c", RSS], capture_output=True, text=True, check=True).stdout
    return [*rows, ("fusion import path", float(memory) / 1024, "MB")]


def against_stonesoup(counts: tuple[int, ...] = (20, 50, 100, 200), seconds: float = 3.0) -> None:
    """Print both, side by side, from one run."""
    from stonesoup_tracker import VARIANTS, stonesoup

    print(f"{'objects':>7} {'tracker':24} {'ms a frame':>10} {'p99':>8} {'GOSPA m':>8} {'RMSE m':>7} {'switches':>8}")
    for count in counts:
        one = road(count, seconds, late=False)
        trackers = {"smartpole": ours} | {f"Stone Soup, {name}": stonesoup(name) for name in VARIANTS}
        for name, tracker in trackers.items():
            took, frames = tracker(one)
            error, paired = gospa(frames), clear(frames)
            figures = (
                f"{np.median(took):10.2f} {np.percentile(took, 99):8.2f} {error.gospa_m:8.3f} {paired.rmse_m:7.3f}"
            )
            print(f"{count:7} {name:22} {figures} {paired.switches:8}")


def ours(one: Road) -> tuple[list[float], list[Frame]]:
    """ms of CPU of every frame but the first, and truth and tracks at their ends."""
    tracker, took, seen = three_modules(), [], []
    for messages in one.frames:
        begun = time.thread_time()
        tracks = fused(tracker, messages)
        took.append((time.thread_time() - begun) * 1e3)
        rows = tracks.objects
        place = np.stack((rows["x"], rows["y"]), 1)
        seen.append(Frame(range(len(one.xy)), one.truth(tracks.valid_at_ns), rows["id"].tolist(), place))
    return took[SETTLING:], seen[SETTLING:]


def three_modules() -> Tracker:
    """That see the whole road."""
    square = (((-200.0, -200.0), (200.0, -200.0), (200.0, 200.0), (-200.0, 200.0)),)
    declared = ((0.0, SIGMA_M, 0.5),)
    can = Capability(3, 10.0, 255, 0.05, square, declared, PROBABILITY, FALSE_PER_FRAME, frozenset({2}))
    return Tracker({f"s{n}": Sensor(n, can, 0, 0, 6, 0) for n in range(3)}, history_s=1.0, coast_s=1.5, seed=1)


def fused(tracker: Tracker, messages: list[Detections]) -> Tracks:
    """As it stands when the last of them has arrived."""
    for message in messages:
        tracker.add(message)
    return tracker.at(max(m.arrived_at_ns for m in messages))


def road(count: int, seconds: float, *, late: bool) -> Road:
    random = np.random.default_rng(count)
    one = Road(random.uniform(-150, 150, (count, 2)), random.normal(0, 8, (count, 2)), [])
    sent = []
    for k in range(round(seconds * 10)):
        for n in range(3):
            stamp = START_NS + round((k / 10 + n * 0.03) * 1e9)
            seen = one.truth(stamp)[random.random(count) < PROBABILITY]
            seen = seen + random.normal(0, SIGMA_M, seen.shape)
            here = np.concatenate((seen, random.uniform(-150, 150, (random.poisson(FALSE_PER_FRAME), 2))))
            rows = empty_objects(len(here))
            rows["x"], rows["y"] = here.T
            rows["object_class"], rows["confidence"] = 2, 0.8
            sent.append(Detections(f"s{n}", stamp, stamp, Axes.ENU, rows, len(rows)))
    if late:
        delay = {"s0": (0.09, 0.15), "s1": (0.055, 0.065), "s2": (0.035, 0.045)}
        sent = [replace(d, arrived_at_ns=d.measured_at_ns + round(random.uniform(*delay[d.slot]) * 1e9)) for d in sent]
    sent.sort(key=lambda d: d.arrived_at_ns)
    one.frames.extend(sent[i : i + 3] for i in range(0, len(sent), 3))
    return one


def exponent(counts: tuple[int, ...], costs: list[float]) -> float:
    """The slope of costs over counts on a log-log scale, from the first to the last."""
    return float(np.log(costs[-1] / costs[0]) / np.log(counts[-1] / counts[0]))


if __name__ == "__main__":
    if sys.argv[1:] == ["--against", "stonesoup"]:
        against_stonesoup()
    else:
        for name, value, unit in run():
            print(f"{name:62s} {value:8.2f} {unit}")
