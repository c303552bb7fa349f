"""A run is the pole's own pipeline, repeatable, and its figures are plausible."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from controller.replay import replay
from sim.evaluation.assessment import assess
from sim.evaluation.goals import FIGURES
from sim.evaluation.metrics import MATCH_M
from sim.evaluation.page import page
from sim.evaluation.recording import of_scene
from sim.evaluation.run import RATE_HZ, WARM_UP_S, run
from sim.evaluation.summary import as_json, summary, text
from sim.miscalibration import Miscalibration
from sim.scenario import scenario


@pytest.fixture(scope="module")
def beginning():
    return of_scene(scenario("crossing", 1), 4.0)


def test_what_is_measured_is_what_replay_prints(beginning):
    as_log = dataclasses.replace(beginning, served={})
    printed = [one for one in replay(as_log.config, as_log.site, as_log.messages, RATE_HZ) if one["kind"] == "objects"]
    measured = run(as_log).instants
    assert 0 <= len(printed) - len(measured) <= 3, "the last messages arrive after the truth has ended"
    assert len(measured) > 30
    for theirs, ours in zip(printed, measured, strict=False):
        assert [one["id"] for one in theirs["objects"]] == ours.tracks["id"].tolist()
        np.testing.assert_allclose([one["x"] for one in theirs["objects"]], ours.tracks["x"], atol=1e-4)


def test_the_same_recording_gives_the_same_figures(beginning):
    one, two = (assess(run(beginning)).figures for _ in "ab")
    for key in one.keys() - {"cost_p50_ms", "cost_p99_ms"}:
        assert one[key] == two[key] or math.isnan(one[key]), key


def test_every_figure_is_there_and_plausible(assessment):
    figures = assessment.figures
    assert figures.keys() == FIGURES.keys()
    assert 0.6 < figures["hota"] <= 1.0
    assert 0.02 < figures["location_rmse_m"] < 0.6
    assert 1.0 < figures["place_nees"] < 6.0  # tracks know how wrong they are; here of a bus whose rear nobody sees
    assert 0.6 < figures["velocity_nees"] < 3.0
    assert 0.03 < figures["age_p50_s"] <= figures["age_p95_s"] < 0.5
    assert figures["hota"] == pytest.approx(assessment.over_alpha.over_alpha.mean())
    assert figures["gospa_m"] ** 2 <= sum(figures[f"gospa_{part}_m2"] for part in ("localisation", "missed", "false"))


def test_the_truth_holds_what_the_scene_is_for(assessment):
    must = {one.kind for one in assessment.expected if one.must}
    assert {"person_on_road", "near_miss", "collision_risk", "sudden_braking"} <= must
    assert assessment.hazards["person_on_road"].found == 1
    assert 0.3 <= assessment.hazards["person_on_road"].delays_s[0] <= 2.0


def test_nobody_who_does_not_count_is_missed_or_false(assessment):
    for one in assessment.run.instants:
        counted = assessment.run.recording.counted_at(
            round(one.at_s * 1e9) + assessment.run.recording.truth.times_ns[0]
        )
        assert set(one.frame.truth) <= counted
        assert set(one.frame.tracks) <= set(one.tracks["id"].tolist())


def test_the_track_of_somebody_who_does_not_count_is_not_false_however_far_beside_it_lies():
    scene = scenario("crossing", 1)
    camera = next(one for one in scene.modules if one.slot == "camera")
    astray = dataclasses.replace(camera, wrong=Miscalibration(forward_m=3.0))
    recording = of_scene(dataclasses.replace(scene, modules=(astray,)), 4.0)
    nobody = dataclasses.replace(recording, counted=(frozenset(),) * len(recording.counted))
    aside_m = []
    for one in run(nobody).instants:
        place = {row["id"]: (row["x"], row["y"]) for rows in (one.truth, one.tracks) for row in rows}
        aside_m += [math.dist(place[track], place[name]) for track, name in one.names.items()]
        assert not set(one.frame.tracks) & one.names.keys()
        assert not one.frame.truth
    assert max(aside_m) > MATCH_M, "else nothing was tried"


def test_the_warm_up_is_not_measured(assessment):
    assert assessment.errors[0, 0] == pytest.approx(WARM_UP_S)
    assert len(assessment.run.frames) == len(assessment.errors)


def test_a_summary_adds_counts_and_averages_figures(assessment):
    twice = summary([assessment, assessment])
    once = summary([assessment])
    assert twice.figures["hota"] == pytest.approx(once.figures["hota"])
    assert twice.figures["near_miss_false_per_hour"] == pytest.approx(once.figures["near_miss_false_per_hour"])
    assert twice.hazards["person_on_road"].expected == 2
    assert twice.seconds == pytest.approx(2 * once.seconds)
    told = json.loads(json.dumps(as_json(twice), allow_nan=False))
    assert told["figures"].keys() == FIGURES.keys()
    assert [one["seed"] for one in told["runs"]] == [1, 1]


def test_the_text_fits_a_terminal_and_marks_goals(assessment):
    told = summary([assessment])
    lines = text(told).splitlines()
    assert max(map(len, lines)) <= 130
    row = next(line for line in lines if "HOTA  " in line and "≥" in line)
    assert row[0] == ("✓" if told.figures["hota"] >= 0.945 else "✗")
    assert any("person_on_road" in line for line in lines)


def test_missed_goals_are_named(assessment):
    worse = dataclasses.replace(assessment, figures={**assessment.figures, "hota": 0.1})
    assert any(words.startswith("HOTA 0.100, goal ≥ 0.945") for words in summary([worse]).missed_goals)


def test_a_run_shorter_than_the_warm_up_has_no_figures_but_a_report():
    short = of_scene(scenario("crossing", 1), 1.0)
    told = summary([assess(run(short))])
    assert told.figures["hota"] == 0.0
    assert math.isnan(told.figures["location_rmse_m"])
    assert "–" in text(told)
    assert page(told, "").count("<svg") >= 3
    json.dumps(as_json(told), allow_nan=False)


def test_signals_and_weather_reach_the_pole():
    fog = of_scene(scenario("wrong_way_fog", 1), 4.5)
    assert {one.slot for one in fog.reports} == {"weather"}
    kinds = {hazard.kind for _, _, hazard in run(fog).hazards}
    assert "low_visibility" in kinds
    deaf = dataclasses.replace(fog, reports=())
    assert "low_visibility" not in {hazard.kind for _, _, hazard in run(deaf).hazards}
