"""`pole site`: exit codes, what is printed, what is drawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.main import main, pole
from tests.controller.site_mistakes import EAST, lane, text

TOP = Path(__file__).parents[2]
SAMPLES = sorted((TOP / "deploy").rglob("*.geojson"))
CONFIGS = sorted((TOP / "deploy" / "sites").glob("*.toml"))


@pytest.fixture
def write(tmp_path):
    def writer(*features):
        path = tmp_path / "town.geojson"
        path.write_text(text(*features), encoding="utf-8")
        return str(path)

    return writer


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_check_finds_nothing_in_the_samples(path):
    result = CliRunner().invoke(pole, ["site", "check", str(path)])
    assert result.exit_code == 0
    assert "good: " in result.output
    assert "warnings: 0" in result.output


def test_check_tells_errors_and_exits_as_check_config_does(write):
    result = CliRunner().invoke(pole, ["site", "check", write(EAST, lane("b", [(0, 0), (9, 0)], "c"))])
    assert result.exit_code == 4
    assert "town.geojson:1: feature 1 (id 'b'): successors: no lane 'c'" in result.output


def test_check_tells_warnings_and_exits_well(write):
    result = CliRunner().invoke(pole, ["site", "check", write(EAST, lane("b", [(100, 3.5), (0, 3.5)]))])
    assert result.exit_code == 0
    assert "warning: feature 0 (id 'a'): has oncoming lane 'b'" in result.output
    assert "2 lanes, 0 areas, 0 stop lines; warnings: 1" in result.output


def test_check_writes_one_json_object(write):
    result = CliRunner().invoke(pole, ["site", "check", write(EAST, lane("b", [(100, 3.5), (0, 3.5)])), "--json"])
    told = json.loads(result.output)
    assert told["ok"] is True
    assert told["findings"][0] == {
        "severity": "warning",
        "file": told["findings"][0]["file"],
        "line": 1,
        "feature": 0,
        "id": "a",
        "text": told["findings"][0]["text"],
    }


def test_check_with_a_config_measures_from_its_origin(write, tmp_path):
    (tmp_path / "pole.toml").write_text(
        "[pole]\nservice_location_id = 1\nroadside_unit_id = 1\n[origin]\nlatitude_deg = 35.0\nlongitude_deg = 139.0\n"
        '[slot.a]\nclass = "lidar"\n'
    )
    result = CliRunner().invoke(pole, ["site", "check", write(EAST), "--config", str(tmp_path / "pole.toml")])
    assert result.exit_code == 4
    assert "km from the origin" in result.output


def test_a_missing_map_is_one_readable_text(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pole", "site", "check", "nowhere.geojson"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 4
    assert capsys.readouterr().err.startswith("nowhere.geojson: the site map cannot be read")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_sample_has_a_pole_that_check_config_accepts(path):
    assert path.with_suffix(".geojson").is_file()
    assert CliRunner().invoke(pole, ["check-config", str(path)]).exit_code == 0


def test_draw_writes_the_picture_and_prints_what_nobody_sees(tmp_path):
    out = tmp_path / "map.svg"
    result = CliRunner().invoke(pole, ["site", "draw", "--config", str(CONFIGS[0]), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(b"<?xml")
    rows = {line.split()[0]: line.split() for line in result.output.splitlines()}
    assert rows["east-3"][1:9] == ["108", "m", "89", "m", "5", "m", "14", "m"]
    assert rows["east-3"][9:] == ["19", "…", "108", "m"]
    assert rows["all"][1] == "443"


def test_draw_tells_the_coverage_as_json_and_draws_a_png(tmp_path):
    out = tmp_path / "map.PNG"
    result = CliRunner().invoke(pole, ["site", "draw", "--config", str(CONFIGS[0]), "-o", str(out), "--json"])
    assert out.read_bytes().startswith(b"\x89PNG")
    told = json.loads(result.stdout)
    assert [one["lane"] for one in told["lanes"]] == ["east-1", "east-2", "bay", "east-3", "west"]
    assert set(told["modules"].values()) == {"class default"}


def test_draw_takes_another_map_and_passes_its_warnings_on(tmp_path, write):
    away = write(EAST, lane("b", [(100, 3.5), (0, 3.5)]))
    command = ["site", "draw", "--config", str(CONFIGS[0]), "--site", away, "-o", str(tmp_path / "map.svg")]
    result = CliRunner().invoke(pole, command)
    assert result.exit_code == 0
    assert "warning: feature 0 (id 'a')" in result.stderr
    assert result.stdout.splitlines()[-1].split()[1] == "200"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-o", "map.pdf"], 2, "draws svg and png"),
        (["-o", "map.svg", "--site", "nowhere.geojson"], 4, "nowhere.geojson: the site map cannot be read"),
        (["-o", "/nowhere/map.svg"], 4, "/nowhere/map.svg: cannot be written: No such file"),
    ],
)
def test_draw_says_what_is_wrong(monkeypatch, capsys, arguments, code, told):
    monkeypatch.setattr(sys, "argv", ["pole", "site", "draw", "--config", str(CONFIGS[0]), *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert told in capsys.readouterr().err


def test_draw_needs_a_map(tmp_path, monkeypatch, capsys):
    bare = tmp_path / "pole.toml"
    bare.write_text(CONFIGS[0].read_text(encoding="utf-8").replace('site = "bus_stop.geojson"', ""), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["pole", "site", "draw", "--config", str(bare), "-o", str(tmp_path / "map.svg")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 4
    assert "pole.site: names no map" in capsys.readouterr().err
