"""What judging the road costs: conflicts of all pairs, and a whole tick with and without a map."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "controller" / "hazard"))

from scenes import User, road, straight, ticks

from controller.config import Hazards, NearMisses
from controller.hazard.conflict import conflicts
from controller.hazard.stage import HazardStage
from controller.site import Site


def run() -> list[tuple[str, float, str]]:
    """(name, median, unit) rows."""
    rows = []
    for count in (100, 200):
        users = _users(count)
        objects = next(ticks(users, 0)).objects
        rows.append((f"conflicts of all pairs, {count} objects", _median(lambda o=objects: conflicts(o), 40), "ms"))
        for name, site in (("map", road()), ("no map", Site())):
            stage = HazardStage(site, Hazards(), NearMisses())
            spent = []
            for tracks in ticks(users, 4):
                begin = time.perf_counter()
                stage.step(tracks)
                spent.append((time.perf_counter() - begin) * 1e3)
            rows.append((f"one tick, {count} objects, {name}", float(np.median(spent)), "ms"))
            rows.append((f"one tick, {count} objects, {name}, p99", float(np.percentile(spent, 99)), "ms"))
    return rows


def _users(count: int) -> list[User]:
    """Road users on random courses over 300 m: far more conflicts than a real road has."""
    rng = np.random.default_rng(0)
    return [User(straight(*rng.uniform(-150, 150, 2), *rng.uniform(-12, 12, 2))) for _ in range(count)]


def _median(call, times: int) -> float:
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        spent.append((time.perf_counter() - begin) * 1e3)
    return float(np.median(spent))


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:55} {value:12.3f} {unit}")
