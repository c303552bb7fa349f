"""`pole evaluate` as a person runs it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from controller.cli.main import pole
from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass
from sim.scenario import SCENARIOS, scenario


def evaluate(*arguments):
    return CliRunner().invoke(pole, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def own(recording, tmp_path_factory):
    """Four seconds of the run as somebody's own log and truth."""
    folder = tmp_path_factory.mktemp("own")
    end_ns = recording.truth.times_ns[0] + 4 * 10**9
    with (folder / "log.jsonl").open("w") as file:
        for one in (one for one in recording.messages if one.arrived_at_ns < end_ns):
            objects = [
                {
                    name if name != "object_class" else "class": row[name].item()
                    for name in one.objects.dtype.names
                    if np.isfinite(row[name])
                }
                for row in one.objects
            ]
            line = {"module": one.slot, "measured_at_ns": one.measured_at_ns, "arrived_at_ns": one.arrived_at_ns}
            file.write(json.dumps(line | {"objects": objects}) + "\n")
    with (folder / "truth.jsonl").open("w") as file:
        for at_ns, rows in zip(recording.truth.times_ns, recording.truth.frames, strict=True):
            names = ("x", "y", "vx", "vy", "length", "width", "yaw")
            objects = [
                {"id": int(row["id"]), "class": ObjectClass(row["object_class"]).name.lower()}
                | {name: float(row[name]) for name in names}
                for row in rows
            ]
            if at_ns < end_ns:
                file.write(json.dumps({"t_ns": at_ns, "objects": objects}) + "\n")
    scene = scenario("crossing", 1)
    (folder / "pole.toml").write_text(scene.config_text({}))
    (folder / "site.geojson").write_text(scene.site)
    return folder


def test_json_and_page_of_a_scene(tmp_path):
    html, folder = tmp_path / "report.html", tmp_path / "new" / "pictures"
    done = evaluate("--scenario", "crossing", "--seconds", 5, "--json", "--html", html, "--pictures", folder)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["runs"][0]["scenario"] == "crossing"
    assert told["runs"][0]["seconds"] == pytest.approx(4.8, abs=0.2)
    assert 0 < told["figures"]["hota"] <= 1
    assert "crossing #1" in html.read_text(encoding="utf-8")
    assert "見たもの" in (folder / "crossing-1.svg").read_text(encoding="utf-8")


def test_data_of_ones_own(own):
    files = ("--log", own / "log.jsonl", "--truth", own / "truth.jsonl", "--config", own / "pole.toml")
    done = evaluate(*files, "--json")
    assert done.exit_code == 0, done.output
    whole = json.loads(done.stdout)
    assert whole["runs"][0]["scenario"] == "log.jsonl"
    assert whole["figures"]["hota"] > 0.5
    assert whole["figures"]["location_rmse_m"] < 0.8
    blind = json.loads(evaluate(*files, "--json", "--without", "lidar", "--without", "radar").stdout)
    assert blind["figures"] != whole["figures"]
    wrong = evaluate(*files, "--without", "roof")
    assert isinstance(wrong.exception, ConfigError)
    assert "it has camera, lidar, radar, comms" in str(wrong.exception)


def test_strict_names_missed_goals_and_exits_with_1():
    done = evaluate("--scenario", "crossing", "--seconds", 5, "--without", "lidar", "--without", "radar", "--strict")
    assert done.exit_code == 1
    assert "goal" in done.stderr


def test_recorded_traffic_is_measured_and_drawn_from_ones_own_file(tmp_path, monkeypatch):
    rows = (f"{n / 10},{car},car,{n * 1.5 - car},{car},0.0,15.0,4.5,1.8" for n in range(60) for car in (1, 9))
    header = "t_s,road_user_id,type,x_m,y_m,heading_rad,speed_mps,length_m,width_m"
    (tmp_path / "USA_US101-4_1.csv").write_text("\n".join([header, *rows]))
    monkeypatch.setenv("POLE_RECORDINGS", str(tmp_path))
    done = evaluate("--scenario", "ngsim_us101", "--seconds", 5, "--pictures", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["figures"]["hota"] > 0.5
    assert "track-way" in (tmp_path / "ngsim_us101-1.svg").read_text(encoding="utf-8")


def test_scenes_are_listed():
    listed = evaluate("--list").output
    assert all(name in listed for name in (*SCENARIOS, "encounters", "ngsim_us101", "sumo-crossing", "sumo-merge"))


@pytest.mark.parametrize(
    "arguments", [["--log", "a"], ["--truth", "a", "--config", "b"], ["--log", "a", "--scenario", "calm"]]
)
def test_half_of_ones_own_data_is_a_mistake(arguments):
    done = evaluate(*arguments)
    assert done.exit_code == 2
    assert "--log, --truth and --config together" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "crosing"], "did you mean crossing"),
        (["--scenario", "crossing", "--without", "roof"], "it has camera, lidar, radar"),
        (["--scenario", "crossing", "--html", "/nowhere/r.html"], "/nowhere/r.html: cannot be written"),
        (["--scenario", "crossing", "--pictures", "/proc/version/a"], "/proc/version/a: cannot be written"),
        (["--scenario", "ngsim_us101"], "USA_US101-4_1.csv: cannot be read"),
    ],
)
def test_mistakes_are_named_before_the_work(arguments, words):
    done = evaluate(*arguments)
    assert isinstance(done.exception, ConfigError)
    assert words in str(done.exception)
