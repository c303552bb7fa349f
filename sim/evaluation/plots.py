"""Plots as SVG, drawn with the page's own colours so that they fit light and dark: classes, no numbers of colour."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.evaluation.metrics import ALPHAS, MATCH_M

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.evaluation.assessment import Assessment

    Floats = NDArray[np.float64]

WIDTH: Final = 760.0
LEFT, RIGHT, TOP, BOTTOM = 140.0, 12.0, 10.0, 30.0
ROW: Final = 22.0


class Scale(NamedTuple):
    """Values from `low` to `high` over the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, about six."""
        rough = (self.high - self.low) / 6 or 1.0
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


class Line(NamedTuple):
    """A curve: its CSS class, its name, x and y (n,); NaN breaks it."""

    style: str
    name: str
    x: Floats
    y: Floats


def over_alpha(one: Assessment) -> str:
    """HOTA, DetA and AssA by threshold."""
    parts = one.over_alpha
    lines = [
        Line("a", "HOTA", ALPHAS, parts.over_alpha),
        Line("b", "DetA", ALPHAS, parts.detection),
        Line("c", "AssA", ALPHAS, parts.association),
    ]
    return lines_plot(lines, 180, (0.0, 1.0), "alpha", "")


def errors(one: Assessment) -> str:
    """Errors of place and velocity over time, and below how many are missed and false."""
    table = one.errors
    if not len(table):
        return ""
    upper = [
        Line("a", "location m 位置", table[:, 0], table[:, 1]),
        Line("b", "velocity m/s 速度", table[:, 0], table[:, 2]),
    ]
    lower = [Line("c", "missed 見逃し", table[:, 0], table[:, 3]), Line("d", "false 誤検出", table[:, 0], table[:, 4])]
    most = float(np.nanmax(table[:, 1:3], initial=0.1))
    count = float(table[:, 3:5].max(initial=1.0))
    above = lines_plot(upper, 150, (0.0, min(most * 1.05, MATCH_M)), "", "")
    return above + lines_plot(lower, 100, (0.0, count + 0.5), "s", "")


def lines_plot(lines: Sequence[Line], height: float, span: tuple[float, float], below: str, beside: str) -> str:
    """Curves over common axes."""
    known = np.concatenate([line.x for line in lines])
    x = Scale(float(known.min()), float(known.max()), LEFT, WIDTH - RIGHT)
    y = Scale(*span, height - BOTTOM, TOP)
    drawn = [*_axes(x, y, height, below, beside)]
    for n, line in enumerate(lines):
        points = [
            (x(a), y(min(b, span[1]))) if not math.isnan(b) else None for a, b in zip(line.x, line.y, strict=True)
        ]
        drawn.append(f'<path class="line {line.style}" d="{path_of(points)}"/>')
        at = TOP + 12 + 16 * n
        drawn.append(f'<path class="line {line.style}" d="M8 {at - 4}h16"/>')
        drawn.append(f'<text x="30" y="{at}">{escape(line.name)}</text>')
    return svg(WIDTH, height, drawn)


def timeline(one: Assessment) -> str:
    """For each kind what happened above what was said."""
    kinds = sorted({it.kind for it in one.expected} | {it.said.kind for it in one.judged})
    height = TOP + 2 * ROW * len(kinds) + BOTTOM
    x = Scale(0.0, max(one.run.instants[-1].at_s if one.run.instants else 1.0, 1.0), LEFT + 20, WIDTH - RIGHT)
    drawn = []
    for tick in x.ticks():
        drawn.append(f'<path class="grid" d="M{x(tick):.1f} {TOP}V{height - BOTTOM}"/>')
        drawn.append(f'<text class="mid" x="{x(tick):.1f}" y="{height - 12}">{tick:g}</text>')
    for n, kind in enumerate(kinds):
        at = TOP + 2 * ROW * n
        drawn.append(f'<text class="end" x="{LEFT + 12}" y="{at + ROW + 4}">{escape(kind)}</text>')
        drawn.append(f'<path class="grid" d="M0 {at + 2 * ROW:.1f}H{WIDTH}"/>')
        for it in sorted((it for it in one.expected if it.kind == kind), key=lambda it: it.must):
            words = f"{it.start_s:.1f}–{it.end_s:.1f} s {sorted(it.ids)}{'' if it.must else ' (may be told)'}"
            drawn.append(_bar(x, (it.start_s, it.end_s), at + 3, "truth" if it.must else "maybe", words))
        for done in (done for done in one.judged if done.said.kind == kind):
            said, style = done.said, {True: "right", False: "wrong", None: "excused"}[done.so]
            words = f"{said.at_s:.1f} s {sorted(said.ids)} {style}"
            drawn.append(_bar(x, (said.start_s, said.end_s), at + ROW + 1, style, words))
    return svg(WIDTH, height, drawn)


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    """A picture that grows and shrinks with the page."""
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img">{"".join(parts)}</svg>'


def path_of(points: Sequence[tuple[float, float] | None]) -> str:
    """An SVG path through points; None breaks it."""
    words, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
        else:
            words.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
            pen = "L"
    return "".join(words)


def _bar(x: Scale, span: tuple[float, float], top: float, style: str, words: str) -> str:
    start, end = x(max(span[0], x.low)), x(min(span[1], x.high))
    size = f'x="{start:.1f}" y="{top:.1f}" width="{max(end - start, 4):.1f}" height="{ROW - 5:.0f}"'
    return f'<rect class="{style}" {size} rx="2"><title>{escape(words)}</title></rect>'


def _axes(x: Scale, y: Scale, height: float, below: str, beside: str) -> Iterator[str]:
    for tick in x.ticks():
        yield f'<path class="grid" d="M{x(tick):.1f} {TOP}V{height - BOTTOM}"/>'
        yield f'<text class="mid" x="{x(tick):.1f}" y="{height - 14}">{tick:g}</text>'
    for tick in y.ticks():
        yield f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="end" x="{LEFT - 6}" y="{y(tick) + 4:.1f}">{tick:g}</text>'
    yield f'<text class="end" x="{WIDTH - RIGHT}" y="{height - 2}">{escape(below)}</text>'
    yield f'<text x="8" y="{height - BOTTOM}">{escape(beside)}</text>'
