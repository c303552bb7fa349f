"""The live picture: every kind of publication is drawn, road users move, and what is over disappears."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from controller.picture import MARKED_S, Picture
from controller.plan_view import Mark, Plan
from controller.publication.slots import slot_status
from interfaces.object_reader import STALE_S
from interfaces.pole_reader import SILENT_S
from interfaces.reception import decode
from interfaces.topics import ROOT
from tests.published import SENDER, SLOT, Phase, danger, everything, gone, road, stamp, state


def taken(*batches, now_s=0.0, picture=None):
    picture = picture or Picture()
    for publication in (one for batch in batches for one in batch):
        one = decode(
            publication.topic, publication.payload, ROOT, dict(publication.user_properties), publication.expiry_s
        )
        if one is not None:
            picture.take(one, now_s)
    return picture


def text_of(picture, now_s=0.0, width=140):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 -- rich closes it
    with console.file:
        console.print(picture.draw(now_s))
        return console.export_text()


def shown(*batches, now_s=0.0, width=140):
    return text_of(taken(*batches), now_s, width)


def map_of(text):
    """The lines between the map's borders."""
    return [line.split("│")[1] for line in text.splitlines() if line.startswith("│ ") and line.count("│") >= 2][:21]


def test_it_waits_for_the_first_status():
    text = shown()
    assert "waiting for the first pole" in text
    assert "no place is known yet" in text


@pytest.mark.parametrize("width", [80, 140, 200])
def test_every_kind_of_publication_is_drawn(width):
    text = shown(*everything().values(), width=width)
    for word in ("degraded 縮退", "required slot cam is LOST", "p99 12.0", "LiDAR", "7/9 見本"):
        assert word in text
    for word in ("wrong_way", "14/2", "5/7", "25/", "crossing", "中", "0.9", "–"):
        assert word in text
    for word in ("visibility 視程 800 m", "rain 雨 4 mm/h", "wet 濡"):
        assert word in " ".join(text.split())
    drawn = "".join(map_of(text))
    assert [drawn.count(letter) for letter in "c+▲×"] == [2, 1, 1, 1]
    assert drawn.count("→") == 2, "both cars drive east"
    assert all(len(line) <= width for line in text.splitlines())


def test_road_users_leave_a_trail():
    picture = Picture()
    for step in range(12):
        taken(road((step * 5.0, 20.0), sequence=step + 1), picture=picture)
    (line,) = (line for line in map_of(text_of(picture)) if "c→" in line)
    assert 2 <= line.count("·") <= 4
    assert line.index("·") < line.index("c")


def test_a_stale_picture_is_not_shown_as_the_road():
    picture = taken(road((30.0, 40.0)))
    assert "c→" in text_of(picture, STALE_S - 0.1)
    assert "c→" not in text_of(picture, STALE_S + 0.1)


def test_a_hazard_disappears_when_it_is_cancelled_or_nothing_is_heard_of_it():
    assert "▲" in "".join(map_of(shown(danger())))
    text = shown(danger(), danger(Phase.CANCEL, sequence=2))
    assert "▲" not in "".join(map_of(text))
    assert "wrong_way: cancelled" in text
    assert "wrong_way: expired" in shown(danger(), now_s=6.0)


def test_a_near_miss_stays_on_the_map_for_a_while_and_in_the_table():
    picture = taken(everything()["nearmiss"])
    assert "×" in "".join(map_of(text_of(picture, MARKED_S - 1)))
    late = text_of(picture, MARKED_S + 1)
    assert "×" not in "".join(map_of(late))
    assert "crossing" in late


def test_a_change_of_state_is_told():
    lost = replace(SLOT, state="LOST", reason="unplugged")
    text = shown(slot_status(SLOT, SENDER, stamp()), slot_status(lost, SENDER, stamp(2)))
    assert "lidar: LOST — unplugged" in text


def test_a_pole_that_is_gone_or_silent_is_told():
    assert "gone 停止" in shown(state(), [gone()])
    text = shown(state(), now_s=SILENT_S)
    assert "silent 応答なし" in text
    assert "pole 7/9: silent" in text


def test_what_cannot_be_read_is_told():
    one = danger()[0]
    newer = replace(one, user_properties=(*one.user_properties, ("spec", "2.0")))
    assert "hazard: written in version 2.0" in shown([newer])


@pytest.mark.parametrize(
    ("degrees", "arrow"), [(0, "→"), (44, "↗"), (90, "↑"), (180, "←"), (-179, "←"), (-90, "↓"), (-45, "↘")]
)
def test_arrows_show_the_way(degrees, arrow):
    mark = Mark(35.6, 139.7, "c", heading_rad=math.radians(degrees))
    lines = Plan(35.6, 139.7, 60.0).draw([mark], 21, 11).plain.split("\n")
    (row,) = (row for row, line in enumerate(lines) if arrow in line)
    assert lines[5][10] == "c"
    assert (row - 5, lines[row].index(arrow) - 10) == (
        -round(math.sin(math.radians(degrees))),
        round(math.cos(math.radians(degrees))),
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=5))
def test_any_places_are_drawn(places):
    marks = [Mark(*place, "c", heading_rad=1.0) for place in places]
    lines = Plan.of(marks, marks, 61, 21).draw(marks, 61, 21).plain.split("\n")
    assert [len(line) for line in lines] == [61] * 21
