"""Plots over all runs: a bar for every run, a dot for every time to detect, goals beside them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from sim.evaluation import comparison
from sim.evaluation.events import Score
from sim.evaluation.summary import COLUMNS, summary


@pytest.fixture(scope="module")
def told(assessment):
    return summary([assessment, replace(assessment, figures={**assessment.figures, "hota": 0.5})])


def test_every_figure_has_a_panel_with_a_bar_a_run_and_its_goal(told):
    drawn = ET.fromstring(comparison.figures(told))
    words = ["".join(one.itertext()) for one in drawn.iter("text")]
    assert all(any(one.startswith(name) for one in words) for name in COLUMNS.values())
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
    assert "speeding" not in " ".join(words), "kinds of which nothing was to tell and nothing told are left out"
