"""A wrong module is wrong from its time on, in the way its fault says, and believes itself right."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis.strategies import floats

from controller.cli.sim import command
from controller.config import Mount
from interfaces.errors import ConfigError
from modules.detection import empty_objects
from sim.miscalibration import WRONG, Miscalibrated, Miscalibration, miscalibrated, wrong
from sim.road import TRUTH
from sim.sensing import MODELS, Sensor


def seen():
    rows = empty_objects(1)
    for name, value in {
        "x": 10.0,
        "y": 2.0,
        "vx": 3.0,
        "vy": -1.0,
        "yaw": 0.5,
        "length": 4.0,
        "range_rate": 2.0,
    }.items():
        rows[name] = value
    return rows


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("shift", "x", 10.8),
        ("shift", "y", 0.8),
        ("mirrored", "y", -2.0),
        ("mirrored", "vy", 1.0),
        ("mirrored", "yaw", -0.5),
        ("feet", "x", 32.8084),
        ("feet", "length", 13.12336),
        ("centimetres", "y", 200.0),
        ("kmh", "vx", 10.8),
        ("far", "x", 11.0),
        ("far", "range_rate", 2.0),
        ("kmh", "x", 10.0),
        ("kmh", "range_rate", 7.2),
    ],
)
def test_each_fault_changes_what_it_says(kind, column, value):
    rows = seen()
    assert miscalibrated(rows, WRONG[kind])[column][0] == pytest.approx(value, abs=1e-4)
    assert rows[column][0] == seen()[column][0]  # a copy


def test_a_turned_module_turns_places_and_courses():
    rows = miscalibrated(seen(), Miscalibration(yaw_deg=90.0))
    np.testing.assert_allclose([rows[name][0] for name in ("x", "y", "vx", "vy")], [-2, 10, 1, 3], atol=1e-9)
    assert rows["yaw"][0] == pytest.approx(0.5 + np.pi / 2)


def on_the_ground(x, y, vx=0.0, vy=0.0, height=6.0):
    rows = empty_objects(1)
    rows["x"], rows["y"], rows["z"], rows["vx"], rows["vy"] = x, y, -height, vx, vy
    return rows


def told(rows):
    return np.array([rows[name][0] for name in ("x", "y", "vx", "vy")])


def test_a_tilted_module_places_things_where_its_lines_of_sight_meet_the_ground():
    rows = miscalibrated(on_the_ground(20.0, 0.0), WRONG["tilt"])
    steep = np.arctan2(6.0, 20.0) - np.radians(0.5)
    assert rows["x"][0] == pytest.approx(6.0 / np.tan(steep))
    assert miscalibrated(on_the_ground(20.0, 0.0), Miscalibration(tilt_deg=-0.5))["x"][0] < 20.0


@given(x=floats(2.0, 60.0), y=floats(-20.0, 20.0), vx=floats(-30.0, 30.0), vy=floats(-30.0, 30.0), tilt=floats(-3, 3))
def test_what_a_tilted_module_sees_moves_as_it_tells(x, y, vx, vy, tilt):
    fault, step = Miscalibration(tilt_deg=tilt), 1e-5
    rows = miscalibrated(on_the_ground(x, y, vx, vy), fault)
    if not len(rows):
        assert np.arctan2(6.0, x) < np.radians(tilt) + 0.1  # it nearly looks level
        return
    seen, later = told(rows), miscalibrated(on_the_ground(x + vx * step, y + vy * step), fault)
    if len(later):
        np.testing.assert_allclose((told(later)[:2] - seen[:2]) / step, seen[2:], rtol=1e-2, atol=1e-2)
    back = miscalibrated(rows, Miscalibration(tilt_deg=-tilt))
    np.testing.assert_allclose(told(back), (x, y, vx, vy), atol=1e-6)


def test_what_a_tilted_module_would_see_beyond_the_horizon_it_does_not_tell():
    assert len(miscalibrated(on_the_ground(60.0, 0.0), Miscalibration(tilt_deg=8.0))) == 0


def test_it_begins_at_its_time_and_the_data_sheet_does_not_change():
    truth = np.zeros(1, TRUTH)
    truth["id"], truth["x"], truth["length"], truth["width"], truth["height"] = 1, 20.0, 4.4, 1.8, 1.5
    now = [0.0]
    sensor = Sensor(MODELS["lidar"], Mount(), np.random.default_rng(1))
    module = Miscalibrated(sensor, wrong("shift@10", "lidar"), lambda: now[0])

    def mean():
        return np.median(np.concatenate([module.observe(truth)["x"] for _ in range(50)]))

    before = mean()
    now[0] = 10.0
    assert mean() - before == pytest.approx(0.8, abs=0.1)
    assert module.model is MODELS["lidar"]


def test_a_late_clock_stamps_too_new_and_leaves_the_figures():
    sensor = Sensor(MODELS["lidar"], Mount(), np.random.default_rng(1))
    module = Miscalibrated(sensor, wrong("late@5", "lidar"), lambda: 6.0)
    assert module.age_s == -0.25
    assert miscalibrated(seen(), WRONG["late"]).tobytes() == seen().tobytes()


@pytest.mark.parametrize("text", ["yawn", "yaw@soon", "yaw@-1", ""])
def test_an_unknown_fault_is_refused(text):
    with pytest.raises(ConfigError, match="miscalibration"):
        wrong(text, "lidar")


def test_who_measures_distances_is_not_wrong_about_them_by_a_tilt():
    assert wrong("tilt@3", "camera").from_s == 3.0
    with pytest.raises(ConfigError, match="'tilt' is one of cameras, not of a radar module"):
        wrong("tilt", "radar")


def test_pole_sim_makes_the_named_module_wrong_and_refuses_unknown_ones(tmp_path):
    def run(*words):
        return CliRunner().invoke(command, ["--folder", str(tmp_path), "--seconds", "0.1", *words])

    assert run("--wrong", "lidar=yaw@20").exit_code == 0
    assert "known: camera, lidar" in run("--wrong", "lidr=yaw").output
    assert "known: yaw" in str(run("--wrong", "lidar=yawn").exception)
