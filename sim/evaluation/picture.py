"""A run as one SVG file: what the pole saw and what it said, on light and dark screens, in English and Japanese."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from sim.evaluation.marks import disc
from sim.evaluation.sheet import Sheet
from sim.evaluation.statements import WORDS, japanese, missed, statements
from sim.evaluation.style import FONT, PLOTS
from sim.evaluation.summary import title
from sim.evaluation.top_view import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.evaluation.assessment import Assessment
    from sim.evaluation.statements import Statement

WIDTH: Final = 960.0
HEAD, LINE, EDGE = 30.0, 24.0, 14.0
COLUMNS: Final = 2
WAYS: Final = (
    ("track-way", "tracks 追跡"),
    ("truth-way", "truth 真値"),
    ("part-way", "truth of those to be told of 発報対象の真値"),
)


def picture(one: Assessment) -> str:
    """The file's text."""
    sheet, said = Sheet(one, WIDTH), statements(one)
    rows = math.ceil(len(said) / COLUMNS)
    not_said = missed(one)
    key_at = HEAD + sheet.height + 22
    list_at = key_at + LINE + 4
    tall = list_at + LINE * (rows + len(not_said)) + 4
    parts = [
        '<rect width="100%" height="100%" fill="var(--panel)"/>',
        f'<text class="ink" x="{EDGE}" y="20">{_head(one)}</text>',
        f'<svg y="{HEAD:g}" width="{sheet.width:.0f}" height="{sheet.height:.1f}">{"".join(layers(one, sheet))}</svg>',
        *_key(key_at),
        *(part for n, it in enumerate(said) for part in _line(it, n // rows, list_at + LINE * (n % rows))),
        *(_unsaid(words, list_at + LINE * (rows + n)) for n, words in enumerate(not_said)),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {tall:.0f}" role="img" '
        f'aria-label="{_head(one)}">\n<style>{PLOTS}svg text {{ font-family: {FONT}; }}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _head(one: Assessment) -> str:
    last_s = one.run.instants[-1].at_s if one.run.instants else 0.0
    return escape(f"{title(one)}: what the pole saw and said in {last_s:.0f} s  見たもの・伝えたもの")


def _key(y: float) -> Iterator[str]:
    x = EDGE
    for style, words in WAYS:
        yield f'<path class="way {style}" d="M{x:g} {y:g}h22"/><text x="{x + 28:g}" y="{y + 4:g}">{words}</text>'
        x += 28 + 20 + _wide(words)
    for style, words in WORDS.items():
        yield f'<circle class="disc {style}" cx="{x + 6:g}" cy="{y:g}" r="6"/>'
        yield f'<text x="{x + 17:g}" y="{y + 4:g}">{words}</text>'
        x += 17 + 20 + _wide(words)


def _line(it: Statement, column: int, y: float) -> Iterator[str]:
    x = EDGE + 9 + column * (WIDTH - EDGE) / COLUMNS
    yield from disc(it.number, it.verdict, (x, y))
    yield f'<text class="end" x="{x + 56:.0f}" y="{y + 4:.0f}">{it.at_s:.1f} s</text>'
    words = escape(f"{japanese(it.kind)} {it.kind}")
    yield f'<text x="{x + 66:.0f}" y="{y + 4:.0f}"><tspan class="ink">{words}</tspan> {escape(it.who)}</text>'


def _unsaid(words: str, y: float) -> str:
    return f'<text class="wrong" x="{EDGE}" y="{y + 4:.0f}">not said 未発報: {escape(words)}</text>'


def _wide(words: str) -> float:
    """About how many px text takes."""
    return sum(12.0 if ord(letter) > 0x2E7F else 6.4 for letter in words)
