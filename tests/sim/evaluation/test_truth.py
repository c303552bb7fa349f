"""Truth that people bring: what is derived, what is refused and how."""

from __future__ import annotations

import json
import math

import pytest

from interfaces.errors import ConfigError
from sim.evaluation.truth import read

START = 1_764_000_000_000_000_000


def line(n, *objects):
    return json.dumps({"t_ns": START + n * 100_000_000, "objects": list(objects)})


def car(x, **more):
    return {"id": 4, "class": "car", "x": x, "y": 2.0} | more


def test_what_is_not_given_comes_from_the_neighbours_and_the_class():
    truth, events = read([line(n, car(1.2 * n)) for n in range(5)])
    row = truth.frames[2][0]
    assert (row["vx"], row["vy"], row["ax"], row["yaw"]) == pytest.approx((12.0, 0.0, 0.0, 0.0))
    assert 3.5 < row["length"] < 5.5
    assert row["id"] == 4
    assert events == ()


def test_the_rate_of_turn_of_a_bend_is_that_of_its_course():
    bend = [(20 * math.sin(0.4 * t), 20 * (1 - math.cos(0.4 * t))) for t in (0.1 * n for n in range(20))]
    truth, _ = read([line(n, {"id": 4, "x": x, "y": y}) for n, (x, y) in enumerate(bend)])
    for n in range(3, 17):
        (row,) = truth.frames[n]
        assert row["yaw_rate"] == pytest.approx(0.4, rel=0.02)
        assert row["yaw"] == pytest.approx(0.04 * n, abs=0.001)
    assert all(rows[0]["yaw_rate"] > 0.2 for rows in truth.frames)


def test_who_stops_keeps_its_course():
    stop = [(0.0, 0.5 * n) for n in range(5)] + [(0.0, 2.0)] * 5
    truth, _ = read([line(n, {"id": 4, "x": x, "y": y}) for n, (x, y) in enumerate(stop)])
    assert truth.frames[-1][0]["yaw"] == pytest.approx(math.pi / 2)
    assert [rows[0]["yaw_rate"] for rows in truth.frames] == pytest.approx([0.0] * 10)
    alone, _ = read([line(0, {"id": 4, "x": 1.0, "y": 1.0})])
    assert (alone.frames[0][0]["yaw"], alone.frames[0][0]["yaw_rate"]) == (0.0, 0.0)


def test_given_numbers_stay():
    truth, _ = read([line(n, car(n, vx=3.0, vy=4.0, yaw=1.0, length=7.0, width=2.0)) for n in range(3)])
    row = truth.frames[1][0]
    assert [row[name] for name in ("vx", "vy", "yaw", "length", "width")] == [3.0, 4.0, 1.0, 7.0, 2.0]


def test_between_two_instants_lines_and_nobody_who_is_in_one_alone():
    truth, _ = read([line(0, car(0.0, yaw=3.0), car(9.0, id=5)), line(1, car(1.0, yaw=-3.0))])
    (row,) = truth.at(START + 25_000_000)
    assert row["x"] == pytest.approx(0.25)
    assert abs(math.remainder(row["yaw"] - (3.0 + 0.25 * (2 * math.pi - 6.0)), 2 * math.pi)) < 1e-9
    assert len(truth.at(START)) == 2
    assert truth.at(START - 1) is None
    assert truth.at(START + 100_000_001) is None


def test_a_long_gap_is_not_joined():
    truth, _ = read([line(0, car(0.0)), line(30, car(1.0))])
    assert truth.at(START + 500_000_000) is None


def test_events():
    told = {"event": "wrong_way", "start_ns": START + 10**9, "end_ns": START + 3 * 10**9, "ids": [4]}
    _, (event,) = read([line(0, car(0.0)), json.dumps(told)])
    assert (event.kind, event.start_s, event.end_s, event.ids) == ("wrong_way", 1.0, 3.0, (4,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ":1: no JSON"),
        ("[]", ":1: a line has t_ns"),
        ('{"t_ns": 1.5, "objects": []}', ":1: t_ns: 1.5"),
        ('{"t_ns": 1}', ":1: objects: a list"),
        (line(0, {"id": 1, "x": 0}), "objects[0].y: None is no finite number"),
        (line(0, car(0.0, vz=1)), "objects[0].vz: unknown key"),
        (line(0, car(0.0, **{"class": "cat"})), "objects[0].class: 'cat' is none of"),
        (line(0, car(0.0), car(1.0)), "an id stands there twice"),
        (line(0, "car"), "objects[0].'car' is no object"),
        (line(1) + "\n" + line(0), ":2: t_ns: is not later"),
        ('{"event": "x", "start_ns": 1}', ":1: end_ns"),
        ("", "holds no instant"),
    ],
)
def test_mistakes_are_named(text, words):
    with pytest.raises(ConfigError) as caught:
        read(text.splitlines(), "truth.jsonl")
    assert words in str(caught.value)
    assert str(caught.value).startswith("truth.jsonl")
