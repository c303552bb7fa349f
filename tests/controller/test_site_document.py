"""docs/site-map.md shows what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller import site_file
from controller.cli.main import pole
from controller.site_kinds import KINDS, Form

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "site-map.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["shapes", "plane", "places"])
def test_the_page_shows_what_check_says_of_its_bad_maps(name):
    text = (DOCS / "site-map" / f"{name}.geojson").read_text(encoding="utf-8")
    _, findings = site_file.read(text, site_file.frame_of(text), f"{name}.geojson")
    assert "\n".join(map(str, findings.found)) + "\n" in BLOCKS


def test_the_page_shows_what_draw_prints(tmp_path):
    config = DOCS.parent / "deploy" / "sites" / "bus_stop.toml"
    result = CliRunner().invoke(pole, ["site", "draw", "--config", str(config), "-o", str(tmp_path / "map.svg")])
    assert result.stdout in BLOCKS


def test_the_page_has_every_kind_and_property_with_its_bounds():
    for kind in KINDS.values():
        assert f"| `{kind.name}` |" in PAGE
        for one in kind.properties:
            (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{one.name}` |"))
            assert f"`{kind.name}`" in row
            if one.form in (Form.NUMBER, Form.WHOLE):
                assert f"{one.low:g} to {one.high:g}" in row
