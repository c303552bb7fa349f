"""pole.toml: the sample loads, and every mistake is named with its line and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import Config
from controller.config_file import _check_text, check, key_lines, load
from interfaces.errors import ConfigError

SAMPLE = Path(__file__).parents[2] / "deploy" / "pole.toml"
TEXT = SAMPLE.read_text(encoding="utf-8")


def problems_of(text):
    return _check_text(text, "pole.toml", SAMPLE.parent)[1]


def test_the_sample_is_good_and_shows_every_key():
    assert load(SAMPLE).slot["camera"].mount.yaw_deg == 90
    for section, field in Config.model_fields.items():
        for key in getattr(field.annotation, "model_fields", {}):
            assert f"{key} = " in TEXT, (section, key)


@pytest.mark.parametrize(
    ("old", "new", "line_of", "words"),
    [
        ("keepalive_s = 10", "keepaliv_s = 10", "keepaliv_s", ["mqtt.keepaliv_s", "did you mean keepalive_s?"]),
        ("latitude_deg = 36.6", "latitude_deg = 95", "latitude_deg = 95", ["is 95", "less than or equal to 85"]),
        ('class = "lidar"', 'class = "lidr"', '"lidr"', ["slot.lidar.class", "'lidr'", "'camera'"]),
        ('name = "sample"', "name = 7", "name = 7", ["pole.name", "is 7", "string"]),
        ("height_m = 4.0", "heigth_m = 4.0", "heigth_m", ["slot.lidar.mount.heigth_m", "did you mean height_m?"]),
        ("[fusion]", "[fussion]", "[fussion]", ["fussion", "did you mean fusion?"]),
        ("usb-0:1.2", "usb-0:1.1", "[slot.lidar]", ["slot.lidar.port", "slot camera has already"]),
    ],
)
def test_a_mistake_is_named_with_its_line(old, new, line_of, words):
    text = TEXT.replace(old, new, 1)
    (problem,) = problems_of(text)
    shown = str(problem)
    for word in words:
        assert word in shown
    if line_of.startswith("[slot"):
        assert 'port = "serial' in text.splitlines()[problem.line - 1]
    else:
        assert line_of in text.splitlines()[problem.line - 1]


def test_a_mistake_in_the_site_map_is_told_in_its_own_lines(tmp_path):
    (tmp_path / "pole.toml").write_text(TEXT)
    text = (SAMPLE.parent / "site.geojson").read_text()
    at = text[: text.index('"speed_limit_kmh"')].count("\n") + 1
    (tmp_path / "site.geojson").write_text(text.replace('"speed_limit_kmh": ', '"speed_limit_kmh": "fast", "was": ', 1))
    (problem, *_) = check(tmp_path / "pole.toml")[1]
    assert problem.file.endswith("site.geojson")
    assert 0 < problem.line <= at
    assert "speed_limit_kmh" in problem.text
    (tmp_path / "site.geojson").write_bytes(b"\xff")
    (problem,) = check(tmp_path / "pole.toml")[1]
    assert "cannot be read" in str(problem)


def test_a_site_map_that_is_not_there_is_a_mistake():
    assert "no such file" in str(problems_of(TEXT.replace('"site.geojson"', '"sight.geojson"'))[0])


def test_all_mistakes_come_at_once_in_order():
    text = TEXT.replace("keepalive_s = 10", "keepalive_s = 1").replace("coast_s = 1.5", "coast_s = 99")
    keys = [problem.key for problem in problems_of(text)]
    assert keys == ["mqtt.keepalive_s", "fusion.coast_s"]


def test_missing_and_broken_files(tmp_path):
    assert "cannot be read" in str(check(tmp_path / "none.toml")[1][0])
    broken = tmp_path / "broken.toml"
    broken.write_text("[pole\n")
    assert check(broken)[1][0].line == 1
    broken.write_bytes(b"a = 1\n\xff")
    assert "not UTF-8" in str(check(broken)[1][0])
    with pytest.raises(ConfigError, match=r"broken\.toml:2"):
        load(broken)


@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=12))
def test_any_edit_is_good_or_named_with_a_real_line(at, cut, put):
    text = TEXT[:at] + put + TEXT[at + cut :]
    config, problems = _check_text(text, "pole.toml", Path("/nowhere"))
    assert (config is None) == bool(problems)
    assert all(0 <= problem.line <= text.count("\n") + 2 for problem in problems)


def test_lines_of_inline_tables_and_dotted_keys():
    lines = key_lines('a.b = 1\n[t."x y"]\nk = { u = 1, v = 2 }\n')
    assert lines == {
        ("a",): 1,
        ("a", "b"): 1,
        ("t", "x y"): 2,
        ("t", "x y", "k"): 3,
        ("t", "x y", "k", "u"): 3,
        ("t", "x y", "k", "v"): 3,
    }


TWO = """
[pole]
service_location_id = 1
roadside_unit_id = 2
[origin]
latitude_deg = 36.0
longitude_deg = 140.0
[slot.a]
port = "{a}"
class = "radar"
level = "{level}"
[slot.b]
port = "{b}"
class = "lidar"
"""


@pytest.mark.parametrize(
    ("a", "b", "level", "words"),
    [
        ("modbus+rtu:///dev/x", "", "L2", "carries at most L1; the slot asks L2"),
        ("modbus+tcp://h:502", "", "L3", "carries at most L2; the slot asks L3"),
        ("rs485:///dev/x?baud=921600", "rs485:///dev/x", "L1", "write it the same way"),
        ("serial:///dev/x", "tcp://nowhere", "L1", "names no place; write tcp://"),
        ("tcp://h:1", "tcp://h:1", "L1", "which slot a has already"),
        ("can://socketcan/can0?address=7", "can://socketcan/can0?address=7", "L1", "which slot a has already"),
    ],
)
def test_ports_that_cannot_be(a, b, level, words):
    (problem,) = problems_of(TWO.format(a=a, b=b, level=level))
    assert words in str(problem)
    assert problem.line in {9, 13}


def test_slots_share_a_bus():
    assert problems_of(TWO.format(a="can://socketcan/can0?fd=1", b="can://socketcan/can0?fd=1", level="L3")) == []
