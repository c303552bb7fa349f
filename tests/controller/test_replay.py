"""A detection log through the whole pole: what comes out is right, and the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.config_file import load
from controller.detection_log import read
from controller.replay import as_line, replay
from controller.site import Site
from interfaces.errors import ConfigError

CONFIG = load(Path(__file__).parents[2] / "deploy" / "pole.toml")
START_NS = 1_764_000_000_000_000_000


def line(step, objects, module="lidar", late_ms=60, **extra):
    measured = START_NS + step * 100_000_000
    message = {"module": module, "measured_at_ns": measured, "arrived_at_ns": measured + late_ms * 1_000_000}
    return json.dumps(message | {"frame": "enu", "objects": objects} | extra)


def car(identity, x, y, vx, vy):
    at = {"id": identity, "class": "car", "confidence": 0.9, "x": x, "y": y, "vx": vx, "vy": vy}
    return at | {"yaw": 0.0 if vx else 1.5708, "length": 4.5, "width": 1.8, "sigma_pos": 0.2, "sigma_vel": 0.3}


def crossing_cars():
    """Two cars at 10 m/s on courses that meet at the origin after 4 s, both braking hard 1 s before."""
    lines = []
    for step in range(60):
        t = step / 10
        gone = 10 * min(t, 3) + (0 if t <= 3 else max(0.0, 10 * min(t - 3, 1.43) - 3.5 * min(t - 3, 1.43) ** 2))
        speed = 10 if t <= 3 else max(0.0, 10 - 7 * (t - 3))
        lines.append(line(step, [car(1, -40 + gone, 0, speed, 0), car(2, 0, -40 + gone, 0, speed)]))
    return lines


def run(lines, rate_hz=10):
    return list(replay(CONFIG, Site(), read(lines, CONFIG.slot), rate_hz))


def test_a_crossing_course_is_tracked_and_warned_of():
    records = run(crossing_cars())
    last_moving = [r for r in records if r["kind"] == "objects" and len(r["objects"]) == 2][10]
    speeds = sorted(round((o["vx"] ** 2 + o["vy"] ** 2) ** 0.5) for o in last_moving["objects"])
    assert speeds == [10, 10]
    hazards = [r for r in records if r["kind"] == "hazard"]
    assert {h["cause"] for h in hazards if h["rule"] == "collision_risk"} == {97}
    assert len({o["id"] for r in records if r["kind"] == "objects" for o in r["objects"]}) == 2


def test_the_same_log_gives_the_same_bytes():
    first, second = (list(map(as_line, run(crossing_cars()))) for _ in range(2))
    assert first == second


def test_ticks_are_whole_multiples_of_the_period_and_gaps_are_skipped():
    ticks = [r["valid_at_ns"] for r in run([line(0, []), line(5, []), line(36_000, [])], 20) if r["kind"] == "objects"]
    assert all(tick % 50_000_000 == 0 for tick in ticks)
    assert len(ticks) < 300
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "a line is an object"),
        (line(0, [], module="lidr"), "'lidr' is no slot"),
        (line(0, [], frame="utm"), "'utm' is none of"),
        (line(0, [], extra=1), "extra: unknown key"),
        (line(0, None), "objects: a list is needed"),
        (line(0, [{"class": "boat"}]), r"objects\[0\]\.class: 'boat'"),
        (line(0, [{"x": "far"}]), r"objects\[0\]\.x: 'far'"),
        (line(0, [{"lat": 36.0}]), r"objects\[0\]\.lat: unknown key in frame enu"),
        (line(0, [], total=-1), "total: -1"),
        ('{"module": "lidar", "measured_at_ns": 1.5, "objects": []}', "measured_at_ns: 1.5"),
    ],
)
def test_a_mistake_in_a_log_is_named_with_its_line(text, words):
    with pytest.raises(ConfigError, match=f"log:2: .*{words}|log:2: {words}"):
        list(read([line(0, []), text], CONFIG.slot))


def test_positions_on_the_globe_become_local_ones():
    at = {"id": 1, "class": 2, "lat": 36.6, "lon": 140.6, "alt": 70.0, "confidence": 0.9}
    records = run([line(step, [at], frame="wgs84") for step in range(12)])
    (seen,) = records[-1]["objects"]
    assert abs(seen["x"]) < 0.5
    assert abs(seen["lat"] - 36.6) < 1e-5
    assert seen["alt"] == pytest.approx(30.0, abs=0.5)
