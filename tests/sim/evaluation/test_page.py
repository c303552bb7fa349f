"""The page: whole, on its own, in both languages, well formed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from sim.evaluation.page import page
from sim.evaluation.plots import timeline
from sim.evaluation.summary import summary

VOID = {"meta", "br"}


class Nesting(HTMLParser):
    """Complains about tags that do not close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text(assessment):
    return page(summary([assessment]), "pole evaluate --scenario <crossing>")


def test_it_is_well_formed_and_needs_nothing_from_elsewhere(text):
    parsed = Nesting()
    parsed.feed(text)
    assert parsed.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in parsed.seen}
    assert "http" not in text
    assert "url(" not in text


def test_it_has_both_languages_both_modes_and_the_command(text):
    for words in (
        "評価指標と目標",
        "Figures and goals",
        "見たもの",
        "判定",
        "prefers-color-scheme: dark",
        "--scenario &lt;crossing&gt;",
    ):
        assert words in text


def test_its_plots_show_truth_and_tracks(text, assessment):
    assert text.count("<svg") >= 5
    assert text.count("track-way") > 5
    must, drawn = sum(one.must for one in assessment.expected), timeline(assessment)
    assert drawn in text
    assert len(re.findall(r'<rect class="truth"', drawn)) == must > 0
    assert len(re.findall(r'<rect class="(?:right|wrong|excused)"', drawn)) == len(assessment.judged) > 0
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text).replace("finance", "").lower()
