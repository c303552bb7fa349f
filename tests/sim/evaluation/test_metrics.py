"""The measures: perfection, single mistakes by hand, an independent brute force, and two other libraries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from frames import frames
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.evaluation.frame import Frame, best_pairs, distances
from sim.evaluation.metrics import ALPHAS, MATCH_M, ZERO_M, clear, gospa, hota, idf1

XY = np.array([[0.0, 0.0], [10.0, 0.0]])
PERFECT = [Frame([1, 2], XY, [5, 6], XY, XY, XY)] * 10


def test_perfection():
    assert hota(PERFECT).hota == hota(PERFECT).loca == idf1(PERFECT) == clear(PERFECT).mota == 1.0
    assert gospa(PERFECT).gospa_m == clear(PERFECT).rmse_m == clear(PERFECT).velocity_rmse_mps == 0.0


def test_one_swap_of_two():
    swapped = PERFECT[:5] + [Frame([1, 2], XY, [6, 5], XY)] * 5
    figures = clear(swapped)
    assert (figures.switches, figures.fragmentations) == (2, 0)
    assert figures.mota == pytest.approx(0.9)
    assert idf1(swapped) == 0.5
    assert hota(swapped).hota == pytest.approx(math.sqrt(1 / 3))
    assert hota(swapped).deta == 1.0


def test_a_gap_is_a_fragmentation_and_misses_but_no_switch():
    gap = [*PERFECT[:3], Frame([1, 2], XY, [6], XY[1:]), *PERFECT[:3]]
    figures = clear(gap)
    assert (figures.fragmentations, figures.switches, figures.misses, figures.false) == (1, 0, 1, 0)


def test_the_parts_of_gospa():
    missed, false = Frame([1, 2], XY, [5], XY[:1]), Frame([1], XY[:1], [5, 6], XY)
    assert gospa([missed]).gospa_m == pytest.approx(math.sqrt(8))
    assert (gospa([missed]).missed_m2, gospa([missed]).false_m2) == (8.0, 0.0)
    assert (gospa([false]).missed_m2, gospa([false]).false_m2) == (0.0, 8.0)
    assert gospa([Frame([1], XY[:1], [5], XY[:1] + 3)]).gospa_m == pytest.approx(4.0), (
        "beyond c: a miss and a false one"
    )


def test_gospa_leaves_one_alone_where_that_is_cheaper_than_two_bad_pairs():
    frame = Frame([1, 2], np.array([[0.0, 0.0], [3.9, 0.0]]), [5, 6], np.array([[-3.9, 0.0], [0.0, 0.0]]))
    assert gospa([frame]).gospa_m == pytest.approx(4.0)


def test_nothing_is_no_error():
    empty = Frame([], np.empty((0, 2)), [], np.empty((0, 2)))
    assert hota([empty]).hota == 0.0
    assert math.isnan(clear([empty]).rmse_m)
    assert gospa([empty]).gospa_m == 0.0
    assert idf1([]) == 0.0


def test_a_pair_is_kept_although_another_track_comes_nearer():
    there = np.array([[0.0, 0.0]])
    nearer = Frame([1], there, [5, 6], np.array([[1.0, 0.0], [0.1, 0.0]]))
    assert clear([Frame([1], there, [5], there), nearer]).switches == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 10_000))
def test_no_choice_of_pairs_gains_more(rows, columns, seed):
    gain = np.random.default_rng(seed).uniform(-1, 1, (rows, columns))
    chosen = best_pairs(gain)
    assert len({i for i, _ in chosen}) == len({j for _, j in chosen}) == len(chosen)
    wide = gain if rows <= columns else gain.T
    best = max(
        sum(max(wide[i, j], 0.0) for i, j in enumerate(order))
        for order in itertools.permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert sum(gain[i, j] for i, j in chosen) == pytest.approx(best)


def relabelled(seed):
    """The same frames as trackeval wants them: ids from 0, similarities."""
    data = frames(seed)
    truth = {one: k for k, one in enumerate(sorted({i for f in data for i in f.truth}))}
    tracks = {one: k for k, one in enumerate(sorted({i for f in data for i in f.tracks}))}
    return data, {
        "num_timesteps": len(data),
        "num_gt_ids": len(truth),
        "num_tracker_ids": len(tracks),
        "num_gt_dets": sum(len(f.truth) for f in data),
        "num_tracker_dets": sum(len(f.tracks) for f in data),
        "gt_ids": [np.array([truth[i] for i in f.truth], int) for f in data],
        "tracker_ids": [np.array([tracks[i] for i in f.tracks], int) for f in data],
        "similarity_scores": [np.maximum(0, 1 - distances(f) / ZERO_M) for f in data],
    }


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_trackeval_says_the_same(seed):
    metrics = pytest.importorskip("trackeval.metrics", reason="trackeval: make oracle-test")
    data, given = relabelled(seed)
    theirs, ours = metrics.HOTA().eval_sequence(given), hota(data)
    for name, values in (("HOTA", ours.over_alpha), ("DetA", ours.detection), ("AssA", ours.association)):
        np.testing.assert_allclose(values, theirs[name], atol=1e-9, err_msg=name)
    np.testing.assert_allclose(ours.localisation, theirs["LocA"], atol=1e-9)
    assert len(ALPHAS) == len(theirs["HOTA"])
    half = {"THRESHOLD": 1 - MATCH_M / ZERO_M, "PRINT_CONFIG": False}
    theirs, figures = metrics.CLEAR(half).eval_sequence(given), clear(data)
    assert (figures.switches, figures.misses, figures.false) == (theirs["IDSW"], theirs["CLR_FN"], theirs["CLR_FP"])
    assert figures.fragmentations == theirs["Frag"]
    assert figures.mota == pytest.approx(theirs["MOTA"])
    assert 1 - figures.motp_m / ZERO_M == pytest.approx(theirs["MOTP"])
    theirs = metrics.Identity(half).eval_sequence(given)
    assert idf1(data) == pytest.approx(theirs["IDF1"])


def test_stone_soup_says_the_same():
    pytest.importorskip("stonesoup", reason="stonesoup: make oracle-test")
    from stonesoup.metricgenerator.ospametric import GOSPAMetric
    from stonesoup.types.state import State

    theirs = GOSPAMetric(c=4.0, p=2)
    for frame in frames(5):
        rows = [[State(one[:, None]) for one in np.reshape(xy, (-1, 2))] for xy in (frame.track_xy, frame.truth_xy)]
        if not all(rows):
            continue
        told = theirs.compute_gospa_metric(*rows)[0].value
        ours = gospa([frame])
        assert ours.gospa_m == pytest.approx(told["distance"], abs=1e-9)
        assert ours.localisation_m2 == pytest.approx(told["localisation"], abs=1e-9)
        assert ours.missed_m2 == pytest.approx(told["missed"])
        assert ours.false_m2 == pytest.approx(told["false"])
