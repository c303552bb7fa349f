"""The drawn site map: everything is there by name, in SVG and PNG, with and without Japanese letters."""

from __future__ import annotations

import builtins
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from controller import site_coverage, site_drawing
from controller.config_file import load, load_site
from controller.site import Lane, Site
from controller.site_drawing import extent_of, render
from controller.site_sheet import Words, printable
from interfaces.errors import ConfigError

SITES = Path(__file__).parents[2] / "deploy" / "sites"
PICTURES = Path(__file__).parents[2] / "docs" / "site-map"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(name, form="svg"):
    config = load(SITES / f"{name}.toml")
    site = load_site(config, SITES)
    watching = site_coverage.views(config, {})
    return site, watching, render(site, watching, site_coverage.lane_coverage(site, watching), form, config.pole.name)


def ids(picture):
    return [element.get("id", "") for element in ET.fromstring(picture).iter()]


@pytest.fixture(scope="module", params=["intersection", "merge", "bus_stop"])
def picture(request):
    return request.param, *drawn(request.param)


def test_every_feature_and_module_is_drawn_once_by_name(picture):
    _, site, watching, svg = picture
    found = ids(svg)
    wanted = [f"lane:{lane.id}" for lane in site.lanes]
    wanted += [f"{area.kind}:{area.id}" for area in site.areas]
    wanted += [f"stop_line:{line.id}" for line in site.stop_lines]
    wanted += [f"module:{view.slot}" for view in watching]
    wanted += [f"{mark}:{view.slot}" for view in watching if view.outlines for mark in ("view", "seen")]
    wanted += ["scale-bar", "north-arrow", "totals"]
    assert {name: found.count(name) for name in wanted} == dict.fromkeys(wanted, 1)
    assert sum(name.startswith("lane:") for name in found) == len(site.lanes)


def test_what_nobody_sees_is_marked(picture):
    _, site, watching, svg = picture
    coverage = site_coverage.lane_coverage(site, watching)
    marked = sum(name.startswith("unseen:") for name in ids(svg))
    assert marked == sum(len(one.unseen) for one in coverage) > 0


def test_the_legend_is_english_and_japanese_and_limits_stand_on_signs(picture):
    _, site, _, svg = picture
    texts = ["".join(element.itertext()).strip() for element in ET.fromstring(svg).iter(f"{SVG}text")]
    assert "lane 車線" in texts
    assert "lane that nobody sees 不可視区間" in texts
    limits = {f"{lane.speed_limit_mps * 3.6:.0f}" for lane in site.lanes}
    assert limits & set(texts)
    assert any(re.fullmatch(r"\d+ m", text) for text in texts)


def test_the_picture_is_small_and_the_same_again(picture):
    name, _, _, svg = picture
    assert len(svg) < 150_000
    assert drawn(name)[2] == svg


def test_the_documents_show_every_sample(picture):
    shown = (PICTURES / f"{picture[0]}.svg").read_bytes()
    assert len(shown) < 150_000
    wanted = {name for name in ids(picture[3]) if ":" in name and not name.startswith("unseen")}
    assert wanted <= set(ids(shown)), "draw it again with pole site draw"


def test_a_png_is_a_png():
    assert drawn("bus_stop", "png")[2].startswith(b"\x89PNG\r\n\x1a\n")


def test_without_a_japanese_font_a_png_has_only_letters_that_can_be_shown(monkeypatch):
    monkeypatch.setattr(site_drawing, "japanese_font", lambda: None)
    site = Site((Lane("東行き$a$", np.array([[-90.0, 0], [90, 0]]), 3.0, 11.0),))
    watching = site_coverage.views(load(SITES / "bus_stop.toml"), {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = render(site, watching, site_coverage.lane_coverage(site, watching), "png", "バス停")
    assert png.startswith(b"\x89PNG")


def test_a_japanese_font_is_known_by_its_letters(monkeypatch):
    from matplotlib import font_manager

    latin = next(font for font in font_manager.fontManager.ttflist if font.name == site_drawing.LATIN_FONT)
    liar = font_manager.FontEntry(fname=latin.fname, name=site_drawing.JAPANESE_FONTS[0])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [latin, liar])
    assert site_drawing.japanese_font() is None
    monkeypatch.setattr(font_manager, "get_font", lambda _: type("Font", (), {"get_char_index": staticmethod(int)}))
    assert site_drawing.japanese_font() == site_drawing.JAPANESE_FONTS[0]


def test_words_fall_back_to_english():
    assert Words(japanese=True)("lane", "車線") == "lane 車線"
    assert Words(japanese=False)("lane", "車線") == "lane"
    assert Words(japanese=False).name("東a") == "?a"
    assert Words(japanese=True).name("東\x00\ud800") == "東??" == printable("東\x00\ud800")


@pytest.mark.parametrize("points", [[[0, 0], [0, 300]], [[0, 0], [300, 0]], [[0, 0], [0.1, 0]]])
def test_a_map_of_one_lane_is_neither_too_tall_nor_too_flat(points):
    extent = extent_of(Site((Lane("a", np.array(points, float), 3.0),)), ())
    assert 1 / 13 < extent.height / extent.width < 2.1


def test_strange_names_and_hairpins_are_drawn():
    hairpin = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 0.0], [0.0, 0.1], [0.0, 0.0]])
    site = Site((Lane('<&">\x00', hairpin, 3.0), Lane("_", np.array([[0.0, 9.0], [1.0, 9.0]]), 3.0)))
    svg = render(site, (), site_coverage.lane_coverage(site, ()), "svg")
    assert 'lane:<&">?' in ids(svg)


def test_an_empty_map_can_be_drawn():
    assert "totals" in ids(render(Site(), (), (), "svg"))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=r"pip install 'smartpole\[plots\]'"):
        render(Site(), (), (), "svg")
