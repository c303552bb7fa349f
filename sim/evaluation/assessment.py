"""A run in figures: one number for each row of goals.FIGURES, a score for each kind of hazard, series for plots."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.evaluation.consistency import nees
from sim.evaluation.events import Said, Score, judge, unjudged
from sim.evaluation.expectations import expectations, kinds_of
from sim.evaluation.frame import best_pairs, distances
from sim.evaluation.goals import NEAR_MISS
from sim.evaluation.metrics import GOSPA_C_M, MATCH_M, clear, gospa, hota, idf1
from sim.evaluation.run import WARM_UP_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from controller.hazard.near_miss import NearMiss
    from sim.evaluation.events import Expected, Judged
    from sim.evaluation.frame import Frame
    from sim.evaluation.metrics import Hota
    from sim.evaluation.run import Instant, Run

TOLD_SEVERITY: Final = 2  # ヒヤリ: from here on a record says that it was a near miss
TWIN_M: Final = 6.0  # a false track so near to somebody real is taken for a second one of theirs
NAMED_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Everything known about one run; `figures` has the keys of goals.FIGURES, NaN where there is nothing to measure.

    `errors`: rows of (s, location error m, velocity error m/s, missed, false), medians over the instant's pairs.
    """

    run: Run
    figures: Mapping[str, float]
    over_alpha: Hota
    hazards: Mapping[str, Score]
    near_misses: Score
    expected: tuple[Expected, ...]
    judged: tuple[Judged, ...]
    unjudged: Mapping[str, int]
    errors: NDArray[np.float64]
    seconds: float

    @property
    def missed(self) -> tuple[Expected, ...]:
        """What had to be told, is of a kind that is judged, and was not."""
        told = {it for one in self.judged for it in one.meant}
        kinds = {*self.hazards, NEAR_MISS}
        return tuple(it for it in self.expected if it.must and it.kind in kinds and it not in told)


def assess(run: Run) -> Assessment:
    """Measure a run."""
    recording, instants = run.recording, [one for one in run.instants if one.at_s >= WARM_UP_S]
    expected = expectations(recording)
    said = [*_hazards_said(run), *_near_misses_said(run)]
    kinds = kinds_of(recording)
    scores, judged = judge(expected, said, [*sorted(kinds), NEAR_MISS])
    near = scores.pop(NEAR_MISS)
    seconds = run.instants[-1].at_s - run.instants[0].at_s if run.instants else 0.0
    overall = hota(run.frames)
    figures = _tracking(run.frames, overall, seconds) | _false(instants) | _times(instants)
    figures |= event_figures(scores, near, seconds)
    figures["place_nees"], figures["velocity_nees"] = nees(instants)
    return Assessment(
        run,
        figures,
        overall,
        scores,
        near,
        tuple(expected),
        tuple(judged),
        unjudged(said, [*kinds, NEAR_MISS]),
        np.array([_errors(one) for one in instants]).reshape(-1, 5),
        seconds,
    )


def event_figures(scores: Mapping[str, Score], near: Score, seconds: float) -> dict[str, float]:
    """The rows of goals.FIGURES that tell of events."""
    together = total(scores.values())
    hours = seconds / 3600 or math.nan
    return {
        "near_miss_recall": near.recall,
        "near_miss_precision": near.precision,
        "near_miss_f1": near.f1,
        "near_miss_false_per_hour": near.false / hours,
        "hazard_recall": together.recall,
        "hazard_false_per_hour": together.false / hours,
    }


def total(scores: Iterable[Score]) -> Score:
    """All together."""
    found = Score()
    for one in scores:
        found = found.plus(one)
    return found


def _tracking(frames: Sequence[Frame], overall: Hota, seconds: float) -> dict[str, float]:
    figures, parts = clear(frames), gospa(frames)
    return {
        "hota": overall.hota,
        "deta": overall.deta,
        "assa": overall.assa,
        "loca": overall.loca,
        "mota": figures.mota,
        "idf1": idf1(frames),
        "switches_per_100_s": figures.switches * 100 / seconds if seconds else math.nan,
        "fragmentations": float(figures.fragmentations),
        "gospa_m": parts.gospa_m,
        "gospa_localisation_m2": parts.localisation_m2,
        "gospa_missed_m2": parts.missed_m2,
        "gospa_false_m2": parts.false_m2,
        "location_rmse_m": figures.rmse_m,
        "velocity_rmse_mps": figures.velocity_rmse_mps,
        "missed_per_instant": figures.misses / max(len(frames), 1),
    }


def _false(instants: Sequence[Instant]) -> dict[str, float]:
    """False tracks by what they may come from."""
    twins = ghosts = 0
    for one in instants:
        away = distances(one.frame)
        alone = set(range(len(one.frame.tracks))) - {j for _, j in best_pairs(1 - away / MATCH_M)}
        everyone = np.stack([one.truth["x"], one.truth["y"]], axis=1)
        for j in alone:
            nearest = np.hypot(*(everyone - one.frame.track_xy[j]).T).min(initial=math.inf)
            twins, ghosts = twins + (nearest <= TWIN_M), ghosts + (nearest > TWIN_M)
    count = max(len(instants), 1)
    return {"twins_per_instant": float(twins / count), "ghosts_per_instant": float(ghosts / count)}


def _times(instants: Sequence[Instant]) -> dict[str, float]:
    ages = list(chain.from_iterable(one.age_s.tolist() for one in instants))
    costs = [one.cost_s * 1e3 for one in instants]
    return {
        "age_p50_s": _percentile(ages, 50),
        "age_p95_s": _percentile(ages, 95),
        "cost_p50_ms": _percentile(costs, 50),
        "cost_p99_ms": _percentile(costs, 99),
    }


def _errors(one: Instant) -> tuple[float, float, float, float, float]:
    away = distances(one.frame)
    pairs = best_pairs(1 - away / GOSPA_C_M)
    frame = one.frame
    place = float(np.median([away[i, j] for i, j in pairs])) if pairs else math.nan
    speed = math.nan
    if pairs and frame.truth_v is not None and frame.track_v is not None:
        speed = float(np.median([np.hypot(*(frame.truth_v[i] - frame.track_v[j])) for i, j in pairs]))
    close = len(best_pairs(1 - away / MATCH_M))
    return one.at_s, place, speed, float(len(frame.truth) - close), float(len(frame.tracks) - close)


def _hazards_said(run: Run) -> list[Said]:
    found = []
    for start_s, end_s, one in run.hazards:
        told = _said(run, one.kind, one.track_ids, (start_s, start_s), start_s)
        found.append(replace(told, end_s=end_s, x=one.x, y=one.y))
    return found


def _near_misses_said(run: Run) -> list[Said]:
    return [_of_near_miss(run, at_s, one) for at_s, one in run.near_misses if one.severity >= TOLD_SEVERITY]


def _of_near_miss(run: Run, at_s: float, one: NearMiss) -> Said:
    span = run.recording.truth.seconds(one.start_ns), run.recording.truth.seconds(one.end_ns)
    told = _said(run, NEAR_MISS, tuple(who.track_id for who in one.participants), span, at_s)
    return replace(told, x=one.x, y=one.y)


def _said(run: Run, kind: str, tracks: Sequence[int], span: tuple[float, float], at_s: float) -> Said:
    votes: dict[int, Counter[int]] = {track: Counter() for track in tracks}
    for one in run.instants:
        if span[0] - NAMED_S <= one.at_s <= span[1] + 1e-6:
            for track in tracks:
                if track in one.names:
                    votes[track][one.names[track]] += 1
    names = {track: count.most_common(1)[0][0] for track, count in votes.items() if count}
    return Said(kind, *span, at_s, frozenset(names.values()), len(votes) - len(names))


def _percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else math.nan
