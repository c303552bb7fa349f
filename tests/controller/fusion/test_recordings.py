"""Recordings nobody here made up; skipped when they do not stand beside the checkout."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import scene

from controller.config import Mount
from controller.fusion.tracker import Tracker
from controller.geometry import LocalFrame, place
from modules.detection import Axes, Detections, empty_objects
from sim.evaluation.metrics import clear, hota

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.recording,
    pytest.mark.skipif(not DATA.is_dir(), reason="no recordings beside the checkout (../shared/data)"),
]


def road(name: str) -> scene.Road:
    with (DATA / "ngsim" / name).open() as file:
        rows = list(csv.DictReader(file))
    ids = sorted({int(row["road_user_id"]) for row in rows})
    steps = round(max(float(row["t_s"]) for row in rows) * 10) + 1
    x, y = np.full((steps, len(ids)), np.nan), np.full((steps, len(ids)), np.nan)
    for row in rows:
        at = round(float(row["t_s"]) * 10), ids.index(int(row["road_user_id"]))
        x[at], y[at] = float(row["x_m"]), float(row["y_m"])
    return scene.Road(x, y, np.full(len(ids), scene.CAR), rate=10.0)


@pytest.mark.parametrize("name", ["USA_US101-4_1.csv", "USA_Lanker-1_1.csv"])
def test_ngsim_truth_is_followed(name: str) -> None:
    truth = road(name)
    tracks = Tracker(scene.sensors(), history_s=1.0, coast_s=1.5, seed=3)
    frames, speeds = scene.run(tracks, truth, scene.messages(truth, seed=5, reach=100))
    figures = clear(frames)
    print(name, figures, "speed", np.sqrt(np.mean(speeds)), "hota", hota(frames).hota)
    assert figures.rmse_m < 0.3
    assert figures.switches <= 3
    assert np.sqrt(np.mean(speeds)) < 1.2


def test_a_real_detector_without_velocities_gives_plausible_tracks() -> None:
    with (DATA / "msight_geddes_huron" / "detections.csv").open() as file:
        recorded = list(csv.DictReader(file))
    frame = LocalFrame(42.2776, -83.6990, 250.0)
    tracks = Tracker(
        {"camera": scene.sensor(0, sigma=0.5, pd=0.85, reach=200.0, rate_hz=5.0)}, history_s=1.0, coast_s=1.5, seed=3
    )
    speeds, lives = [], {}
    for stamp in sorted({row["time_local"] for row in recorded}):
        group = [row for row in recorded if row["time_local"] == stamp]
        rows = empty_objects(len(group))
        for name, column in (("x", "lon_deg"), ("y", "lat_deg"), ("confidence", "confidence"), ("length", "length_m")):
            rows[name] = [float(row[column]) for row in group]
        rows["object_class"] = scene.CAR
        at = round(dt.datetime.fromisoformat(stamp + "+00:00").timestamp() * 1e6) * 1000
        placed, dropped = place(Detections("camera", at, at, Axes.WGS84, rows, len(rows)), Mount(), frame)
        assert dropped == 0
        tracks.add(placed)
        for row in tracks.at(at).objects:
            speeds.append(float(np.hypot(row["vx"], row["vy"])))
            lives.setdefault(int(row["id"]), []).append(at)
    print(len(lives), np.percentile(speeds, [50, 95, 99, 100]), sorted(len(v) for v in lives.values()))
    assert np.percentile(speeds, 99) < 25
    assert len(speeds) > 0.75 * len(recorded)
    assert len(lives) < 90
