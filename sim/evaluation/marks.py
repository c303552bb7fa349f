"""Numbered discs beside the places they speak of, none upon another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.evaluation.statements import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.evaluation.sheet import Sheet
    from sim.evaluation.statements import Statement

    Point = tuple[float, float]

RADIUS: Final = 9.0  # px
_APART: Final = 2 * RADIUS + 2
_RINGS: Final = tuple(22.0 + 16.0 * ring for ring in range(14))
_TURNS: Final = tuple(
    math.radians(90 + sign * step) for step in range(15, 180, 30) for sign in (-1, 1)
)  # upwards first


def marks(sheet: Sheet, said: Sequence[Statement]) -> list[str]:
    """SVG elements of the statements that lie on the sheet: leads below, discs above them."""
    shown = [(one, sheet.pixel(one.x, one.y)) for one in said if sheet.shows(one.x, one.y)]
    places = placed([place for _, place in shown], (sheet.width, sheet.height))
    leads, discs = [], []
    for (one, (x, y)), (u, v) in zip(shown, places, strict=True):
        leads.append(f'<path class="lead" d="M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"/>')
        leads.append(f'<circle class="{one.verdict}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')
        words = f"{one.number}: {one.at_s:.1f} s {one.kind} {one.who}: {WORDS[one.verdict]}"
        discs += disc(one.number, one.verdict, (u, v), words)
    return leads + discs


def disc(number: int, verdict: str, place: Point, words: str = "") -> list[str]:
    """One numbered disc with its middle at `place`."""
    x, y = place
    return [
        f'<circle class="disc {verdict}" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}"><title>{words}</title></circle>',
        f'<text class="count" x="{x:.1f}" y="{y + 4:.1f}">{number}</text>',
    ]


def placed(anchors: Sequence[Point], size: Point) -> list[Point]:
    """A place for a disc near each anchor, on a sheet of (width, height): the nearest that is free."""
    found: list[Point] = []
    for anchor in anchors:
        near = (place for place in _around(anchor) if _inside(place, size))
        free = (place for place in near if all(math.dist(place, other) >= _APART for other in found))
        found.append(next(free, anchor))
    return found


def _around(anchor: Point) -> Iterator[Point]:
    for ring in _RINGS:
        for turn in _TURNS:
            yield anchor[0] + ring * math.cos(turn), anchor[1] - ring * math.sin(turn)


def _inside(place: Point, size: Point) -> bool:
    return all(RADIUS <= at <= most - RADIUS for at, most in zip(place, size, strict=True))
