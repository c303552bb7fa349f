"""`pole site`: exit codes, what is printed, what is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.main import pole
from tests.controller.site_mistakes import EAST, lane, text

TOP = Path(__file__).parents[2]
SAMPLES = sorted((TOP / "deploy").rglob("*.geojson"))


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
    assert "good." in result.output
    assert "0 warnings" in result.output


def test_check_tells_errors_and_exits_as_check_config_does(write):
    result = CliRunner().invoke(pole, ["site", "check", write(EAST, lane("b", [(0, 0), (9, 0)], "c"))])
    assert result.exit_code == 4
    assert "town.geojson:1: feature 1 (id 'b'): successors: no lane 'c'" in result.output


def test_check_tells_warnings_and_exits_well(write):
    result = CliRunner().invoke(pole, ["site", "check", write(EAST, lane("b", [(100, 3.5), (0, 3.5)]))])
    assert result.exit_code == 0
    assert "warning: feature 0 (id 'a'): has oncoming lane 'b'" in result.output
    assert "2 lanes, 0 areas, 0 stop lines, 1 warnings" in result.output


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


def test_a_missing_map_is_one_readable_text():
    code = "import sys; from controller.cli.main import main; sys.argv[0] = 'pole'; main()"
    command = [sys.executable, "-c", code, "site", "check", "nowhere.geojson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("nowhere.geojson: the site map cannot be read")
    assert "Traceback" not in done.stderr
