"""Plots over all runs: a bar for every run, a dot for every time to detect, goals beside them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from sim.evaluation import comparison
from sim.evaluation.events import Score
from sim.evaluation.goals import FIGURES
from sim.evaluation.plots import WIDTH
from sim.evaluation.summary import COLUMNS, summary


@pytest.fixture(scope="module")
def told(assessment):
    return summary([assessment, replace(assessment, figures={**assessment.figures, "hota": 0.5})])


def test_every_figure_has_a_panel_with_a_bar_a_run_and_its_goal(told):
    drawn = ET.fromstring(comparison.figures(told))
    words = ["".join(one.itertext()) for one in drawn.iter("text")]
    for key in COLUMNS:
        assert FIGURES[key].english in words
        assert any(one.startswith(FIGURES[key].japanese) for one in words)
    titles = [one.text for one in drawn.iter("title")]
    assert len(titles) == len(COLUMNS) * 2
    assert any("≥ 0.945" in one for one in words)
    bars = {rect.find("title").text: rect for rect in drawn.iter("rect")}
    assert bars["crossing #1: 0.500"].get("class") == "wrong"
    assert all(float(one.get("height")) >= 0 for one in bars.values())


def test_every_kind_shows_what_was_found_what_was_false_and_every_time(told):
    late = replace(told, hazards={**told.hazards, "animal": Score(3, 2, 2, 0, 4, [0.5, 9.0])})
    drawn = ET.fromstring(comparison.kinds(late))
    words = ["".join(one.itertext()) for one in drawn.iter("text")]
    assert "animal 動物" in words
    assert "2/3" in words
    assert f"{4 * 3600 / told.seconds:.1f}" in words
    times = sum(len(one.delays_s) for one in late.hazards.values()) + len(told.near_misses.delays_s)
    dots = list(drawn.iter("circle"))
    assert len(dots) == times
    assert sum(one.get("class") == "wrong" for one in dots) >= 1
    assert any(one.find("title").text == "9.0 s" for one in dots)
    slow = replace(told, hazards={"low_visibility": Score(1, 1, 1, 0, 0, [45.0])})  # 60 s are allowed
    places = [float(one.get("cx")) for one in ET.fromstring(comparison.kinds(slow)).iter("circle")]
    assert max(places) <= WIDTH, "what is beyond the axis stands at its end"
    assert "speeding" not in " ".join(words), "kinds of which nothing was to tell and nothing told are left out"
