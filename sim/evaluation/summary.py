"""Several runs together: as figures, as text for a terminal, as one JSON object."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sim.evaluation.assessment import Assessment, event_figures, total
from sim.evaluation.goals import FIGURES, RULES, Goal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.evaluation.events import Score

MARKS: Final = {True: "✓", False: "✗", None: " "}
COLUMNS: Final = {
    "hota": "HOTA",
    "mota": "MOTA",
    "idf1": "IDF1",
    "switches_per_100_s": "IDSW",
    "gospa_m": "GOSPA",
    "location_rmse_m": "xy m",
    "velocity_rmse_mps": "v m/s",
    "age_p95_s": "age s",
    "cost_p99_ms": "cost ms",
    "near_miss_recall": "NM rec.",
    "near_miss_precision": "NM prec.",
    "hazard_recall": "hazards",
}


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """`figures`: tracking and times as means over the runs, events from all runs' counts together."""

    runs: tuple[Assessment, ...]
    figures: Mapping[str, float]
    hazards: Mapping[str, Score]
    near_misses: Score
    seconds: float

    @property
    def missed_goals(self) -> list[str]:
        """What is not as good as wanted, in words."""
        missed = [
            f"{goal.english} {number(self.figures[key], goal)}, goal {goal.words}"
            for key, goal in FIGURES.items()
            if goal.met(self.figures[key]) is False
        ]
        for kind, score in self.hazards.items():
            if score.expected > score.found:
                missed.append(f"{kind}: {score.found} of {score.expected} told")
            elif late(kind, score):
                missed.append(f"{kind}: told after {max(score.delays_s):.1f} s, goal ≤ {RULES[kind].goal_s:g} s")
        return missed


def summary(runs: Sequence[Assessment]) -> Summary:
    """All of `runs`, at least one."""
    kinds = sorted({kind for one in runs for kind in one.hazards}, key=_by_rule)
    hazards = {kind: total(one.hazards[kind] for one in runs if kind in one.hazards) for kind in kinds}
    near, seconds = total(one.near_misses for one in runs), sum(one.seconds for one in runs)
    figures = {key: _mean([one.figures[key] for one in runs]) for key in FIGURES}
    return Summary(tuple(runs), figures | event_figures(hazards, near, seconds), hazards, near, seconds)


def late(kind: str, score: Score) -> bool | None:
    """Whether one of this kind was told later than it has to be; None where nothing is wanted or was told."""
    return max(score.delays_s) > RULES[kind].goal_s + 1e-6 if kind in RULES and score.delays_s else None


def within(kind: str) -> str:
    """How soon a kind has to be told, as people write it; empty where nothing is wanted."""
    if kind not in RULES:
        return ""
    return f"≤ {RULES[kind].goal_s:g}" if RULES[kind].goal_s > 0 else "before"


def number(value: float, goal: Goal) -> str:
    """A figure as people read it."""
    return "–" if math.isnan(value) else f"{value:.{goal.digits}f}" + (f" {goal.unit}" if goal.unit else "")


def title(one: Assessment) -> str:
    """Which run it is."""
    recording = one.run.recording
    return recording.name if recording.seed is None else f"{recording.name} #{recording.seed}"


def text(told: Summary) -> str:
    """Tables for a terminal, at most 120 columns wide."""
    return "\n".join([*_runs(told), "", *_goals(told), "", *_hazards(told)])


def as_json(told: Summary) -> dict[str, Any]:
    """Everything, with unknown numbers as null."""
    return {
        "seconds": round(told.seconds, 3),
        "figures": _plain(told.figures),
        "near_misses": _score("near_miss", told.near_misses, told.seconds),
        "hazards": [_score(kind, score, told.seconds) for kind, score in told.hazards.items()],
        "goals": {key: {"goal": goal.words, "met": goal.met(told.figures[key])} for key, goal in _with_goals()},
        "runs": [
            {
                "scenario": one.run.recording.name,
                "seed": one.run.recording.seed,
                "seconds": round(one.seconds, 3),
                "figures": _plain(one.figures),
                "near_misses": _score("near_miss", one.near_misses, one.seconds),
                "hazards": [_score(kind, score, one.seconds) for kind, score in one.hazards.items()],
                "unjudged": dict(one.unjudged),
            }
            for one in told.runs
        ],
    }


def delays(score: Score) -> tuple[float, float]:
    """Median and longest time to detect, s; NaN when nothing was found."""
    return (statistics.median(score.delays_s), max(score.delays_s)) if score.delays_s else (math.nan, math.nan)


def _runs(told: Summary) -> Iterator[str]:
    wide = max(len(title(one)) for one in told.runs) + 2
    yield f"{'':{wide}}" + "".join(f"{name:>9}" for name in COLUMNS.values())
    for name, figures in [*((title(one), one.figures) for one in told.runs), ("all", told.figures)]:
        cells = [_cell(figures[key], FIGURES[key]) for key in COLUMNS]
        yield f"{name:{wide}}" + "".join(f"{cell:>9}" for cell in cells)


def _goals(told: Summary) -> Iterator[str]:
    for key, goal in FIGURES.items():
        value = told.figures[key]
        yield f"{MARKS[goal.met(value)]} {goal.english:45} {number(value, goal):>12}   {goal.words}".rstrip()


def _hazards(told: Summary) -> Iterator[str]:
    yield f"  {'':22} {'to tell':>8} {'told':>6} {'false':>6} {'false/h':>8} {'after s':>8} {'at most':>8} {'goal':>7}"
    for kind, score in [*told.hazards.items(), ("near_miss", told.near_misses)]:
        if not (score.expected or score.false or score.right):
            continue
        median, most = (f"{one:.1f}" if not math.isnan(one) else "–" for one in delays(score))
        so = None if (is_late := late(kind, score)) is None else not is_late and score.found == score.expected
        mark = MARKS[False if score.found < score.expected and kind in RULES else so]
        rate = score.false * 3600 / told.seconds if told.seconds else math.nan
        counts = f"{score.expected:8} {score.found:6} {score.false:6} {rate:8.1f}"
        yield f"{mark} {kind:22} {counts} {median:>8} {most:>8} {within(kind):>7}".rstrip()


def _cell(value: float, goal: Goal) -> str:
    return "–" if math.isnan(value) else f"{value:.{goal.digits}f}"


def _score(kind: str, score: Score, seconds: float) -> dict[str, Any]:
    median, most = delays(score)
    return {
        "kind": kind,
        "expected": score.expected,
        "found": score.found,
        "right": score.right,
        "excused": score.excused,
        "false": score.false,
    } | _plain(
        {
            "recall": score.recall,
            "precision": score.precision,
            "false_per_hour": score.false * 3600 / seconds if seconds else math.nan,
            "time_to_detect_median_s": median,
            "time_to_detect_max_s": most,
        }
    )


def _with_goals() -> list[tuple[str, Goal]]:
    return [(key, goal) for key, goal in FIGURES.items() if goal.words]


def _plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else round(float(value), 6) for key, value in figures.items()}


def _mean(values: list[float]) -> float:
    known = [one for one in values if not math.isnan(one)]
    return statistics.fmean(known) if known else math.nan


def _by_rule(kind: str) -> tuple[int, str]:
    return (list(RULES).index(kind), kind) if kind in RULES else (len(RULES), kind)
