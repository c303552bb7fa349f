"""What a run looks like from above: every statement in its place, numbered and judged, as one file of its own."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.evaluation.marks import RADIUS, placed
from sim.evaluation.picture import picture
from sim.evaluation.sheet import Sheet
from sim.evaluation.statements import WORDS, counted, japanese, missed, statements

SVG = "{http://www.w3.org/2000/svg}"
SIZE = (700.0, 250.0)


@pytest.fixture(scope="module")
def drawn(assessment):
    return ET.fromstring(picture(assessment))


def texts(drawn):
    return ["".join(one.itertext()) for one in drawn.iter(f"{SVG}text")]


def test_statements_are_numbered_in_the_order_of_their_telling_and_name_who_plays_a_part(assessment):
    said = statements(assessment)
    assert [one.number for one in said] == list(range(1, len(assessment.judged) + 1))
    assert [one.at_s for one in said] == sorted(one.at_s for one in said)
    (person,) = (one for one in said if one.kind == "person_on_road")
    assert (person.who, person.verdict) == ("stepping-out", "right")
    assert math.hypot(person.x, person.y) < 60


def test_each_statement_stands_in_the_list_in_both_languages_with_its_judgement(assessment, drawn):
    words = " ".join(texts(drawn))
    for one in statements(assessment):
        assert f"{japanese(one.kind)} {one.kind} {one.who}" in words
        assert f"{one.at_s:.1f} s" in words
    assert all(one in words for one in (*WORDS.values(), "tracks 追跡", "20 m"))


def test_each_place_on_the_sheet_has_its_disc(assessment, drawn):
    sheet = Sheet(assessment, 960.0)
    shown = [one for one in statements(assessment) if sheet.shows(one.x, one.y)]
    assert len(shown) == len(assessment.judged) > 2
    discs = [
        one for one in drawn.iter(f"{SVG}circle") if one.get("class", "").startswith("disc ") and one.get("r") == "9"
    ]
    assert len(discs) == len(shown) + len(assessment.judged)  # above, and in the list
    assert {one.get("class") for one in discs} == {f"disc {one.verdict}" for one in shown}


def test_what_was_not_told_and_what_was_wrong_are_there(assessment):
    silent = replace(assessment, judged=())
    assert {it.kind for it in silent.missed} >= {"person_on_road", "near_miss"}
    assert any("person_on_road stepping-out" in words for words in missed(silent))
    assert f"not said 未発報: {missed(silent)[0]}" in texts(ET.fromstring(picture(silent)))
    assert assessment.missed == ()
    wrong = replace(assessment, judged=(replace(assessment.judged[0], so=False),))
    assert 'class="disc wrong" cx' in picture(wrong)


def test_it_needs_nothing_from_elsewhere_and_knows_light_and_dark(assessment):
    text = picture(assessment)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text
    assert "script" not in text
    assert "prefers-color-scheme: dark" in text
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_who_had_to_be_told_of_and_what_modules_see_are_drawn(assessment, drawn):
    ways = [one.get("class") for one in drawn.iter(f"{SVG}path")]
    assert ways.count("view") == len(assessment.run.recording.sight.sensors)
    assert {"way truth-way", "way part-way", "way track-way", "lane", "walk"} <= set(ways)


@given(st.lists(st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1])), max_size=24))
def test_discs_never_lie_upon_each_other_nor_beyond_the_sheet(anchors):
    places = placed(anchors, SIZE)
    for n, one in enumerate(places):
        assert all(RADIUS <= at <= most - RADIUS for at, most in zip(one, SIZE, strict=True))
        assert all(math.dist(one, other) >= 2 * RADIUS for other in places[:n])


@pytest.mark.parametrize(("kinds", "words"), [((), "nothing"), (("b", "a", "b"), "1 `a`, 2 `b`"), (("a",), "1 `a`")])
def test_counts_in_words(kinds, words):
    assert counted(kinds) == words
