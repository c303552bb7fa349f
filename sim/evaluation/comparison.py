"""Plots over all runs: each figure run by run beside its goal, and how every kind of event fared."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from sim.evaluation.goals import FIGURES, NEAR_MISS, RULES
from sim.evaluation.plots import WIDTH, Scale, svg
from sim.evaluation.statements import japanese
from sim.evaluation.summary import COLUMNS, number, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.evaluation.events import Score
    from sim.evaluation.summary import Summary

PANELS: Final = 3  # in a row
LONGEST_S: Final = 10.0  # of the axis of times; what is beyond stands at its end
PANEL_H, BAR_TOP = 120.0, 54.0
ROW: Final = 24.0
FROM_ONE: Final = frozenset({"hota", "mota", "idf1", "near_miss_recall", "near_miss_precision", "hazard_recall"})
RECALL, FALSE, DELAYS = (200.0, 280.0), (325.0, 405.0), (475.0, WIDTH - 16)  # columns: from, to px


def figures(told: Summary) -> str:
    """One panel a figure: a bar for each run, the goal as a line."""
    wide = WIDTH / PANELS
    drawn: list[str] = []
    for n, key in enumerate(COLUMNS):
        drawn += _panel(told, key, (n % PANELS * wide, n // PANELS * PANEL_H), wide)
    return svg(WIDTH, math.ceil(len(COLUMNS) / PANELS) * PANEL_H, drawn)


def kinds(told: Summary) -> str:
    """For each kind of event its recall, false statements an hour, and every time to detect with the goal."""
    rows = [(kind, one) for kind, one in [*told.hazards.items(), (NEAR_MISS, told.near_misses)] if _known(one)]
    delays = [delay for _, one in rows for delay in one.delays_s] + [RULES[k].goal_s for k, _ in rows if k in RULES]
    x = Scale(max(min([-2.0, *delays]), -LONGEST_S), max(one for one in [2.0, *delays] if one <= LONGEST_S), *DELAYS)
    rates = [one.false * 3600 / told.seconds if told.seconds else 0.0 for _, one in rows]
    most, foot = max([1.0, *rates]), 26 + ROW * len(rows)
    heads = (
        ("found 再現率", RECALL[0]),
        ("false an hour 毎時誤報", FALSE[0]),
        ("time to detect 検出時間 s, | goal 目標", DELAYS[0]),
    )
    drawn = [f'<text x="{at}" y="16">{words}</text>' for words, at in heads]
    for tick in x.ticks():
        drawn.append(f'<path class="grid" d="M{x(tick):.1f} 24V{foot:.0f}"/>')
        drawn.append(f'<text class="mid" x="{x(tick):.1f}" y="{foot + 16:.0f}">{tick:g}</text>')
    for n, ((kind, one), rate) in enumerate(zip(rows, rates, strict=True)):
        drawn += _kind(kind, one, 26 + ROW * n, (rate, most), x)
    return svg(WIDTH, foot + 24, drawn)


def _known(score: Score) -> bool:
    return bool(score.expected or score.false or score.right)


def _kind(kind: str, score: Score, top: float, rate: tuple[float, float], x: Scale) -> Iterator[str]:
    middle, base = top + ROW / 2, top + ROW / 2 + 4
    yield f'<text class="end ink" x="{RECALL[0] - 12}" y="{base}">{escape(f"{kind} {japanese(kind)}")}</text>'
    if score.expected:
        yield _across(RECALL, score.recall, top, "right" if score.found == score.expected else "excused")
        yield f'<text x="{RECALL[1] + 5}" y="{base}">{score.found}/{score.expected}</text>'
    yield _across(FALSE, rate[0] / rate[1], top, "wrong")
    yield f'<text x="{FALSE[0] + 5 + (FALSE[1] - FALSE[0]) * rate[0] / rate[1]:.1f}" y="{base}">{rate[0]:.1f}</text>'
    goal_s = RULES[kind].goal_s if kind in RULES else math.nan
    if goal_s <= x.high:
        yield f'<path class="stop" d="M{x(goal_s):.1f} {top + 2}v{ROW - 4}"/>'
    for delay in score.delays_s:
        style = "wrong" if delay > goal_s + 1e-6 else "right"
        at = x(min(max(delay, x.low), x.high))
        words = f"<title>{delay:.1f} s</title>"
        yield f'<circle class="{style}" cx="{at:.1f}" cy="{middle}" r="4" opacity=".6">{words}</circle>'


def _across(column: tuple[float, float], share: float, top: float, style: str) -> str:
    long = (column[1] - column[0]) * share
    return f'<rect class="{style}" x="{column[0]}" y="{top + 4}" width="{long:.1f}" height="{ROW - 9}" rx="2"/>'


def _panel(told: Summary, key: str, corner: tuple[float, float], wide: float) -> Iterator[str]:
    left, top = corner[0] + 10, corner[1] + BAR_TOP
    right, base = corner[0] + wide - 10, corner[1] + PANEL_H - 8
    goal, values = FIGURES[key], [one.figures[key] for one in told.runs]
    bounds = [bound for bound in (goal.least, goal.most) if bound is not None]
    known = [one for one in values if not math.isnan(one)]
    y = Scale(*_span(key, [*known, *bounds]), base, top)
    yield f'<text class="ink" x="{left}" y="{corner[1] + 18}">{escape(goal.english)}</text>'
    yield f'<text x="{left}" y="{corner[1] + 32}">{escape(goal.japanese)}</text>'
    reached = escape(number(told.figures[key], goal))
    wanted = f' <tspan class="faint">goal 目標 {escape(goal.words)}</tspan>' if goal.words else ""
    yield f'<text class="ink" x="{left}" y="{corner[1] + 46}">{reached}{wanted}</text>'
    step = (right - left) / len(values)
    for n, (run, value) in enumerate(zip(told.runs, values, strict=True)):
        if not math.isnan(value):
            at = y(min(max(value, y.low), y.high))
            style = {True: "right", False: "wrong", None: "truth"}[goal.met(value)]
            box = f'x="{left + n * step:.1f}" y="{at:.1f}" width="{min(step * 0.8, 40):.1f}" height="{base - at:.1f}"'
            words = escape(f"{title(run)}: {value:.{goal.digits}f}")
            yield f'<rect class="{style}" {box}><title>{words}</title></rect>'
    yield f'<path class="grid" d="M{left} {base}H{right}"/>'
    for bound in bounds:
        yield f'<path class="stop" d="M{left} {y(bound):.1f}H{right}"/>'


def _span(key: str, values: Sequence[float]) -> tuple[float, float]:
    """Shares begin where their differences show, everything else at nothing."""
    if key in FROM_ONE:
        return min([0.9, *(value - 0.02 for value in values)]), 1.0
    return 0.0, max([*values, 1e-3]) * 1.05
