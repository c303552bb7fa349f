"""A report as one self-contained HTML page in English and Japanese: tables with goals, plots, light and dark."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from sim.evaluation import comparison
from sim.evaluation.goals import FIGURES, NEAR_MISS
from sim.evaluation.plots import errors, over_alpha, timeline
from sim.evaluation.statements import WORDS, japanese, missed, statements
from sim.evaluation.style import FONT, PLOTS
from sim.evaluation.summary import COLUMNS, Summary, delays, late, number, title, within
from sim.evaluation.top_view import top_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.evaluation.assessment import Assessment
    from sim.evaluation.events import Score

_STYLE: Final = f"""{PLOTS}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 68rem; padding: 2rem 1.2rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.55 {FONT}; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .3rem; }} h2 {{ font-size: 1.25rem; margin: 2.6rem 0 .6rem; }}
h3 {{ font-size: 1rem; margin: 1.4rem 0 .4rem; }} h1 small, h2 small, h3 small, td small {{ color: var(--faint);
  font-weight: 400; }} p {{ color: var(--faint); margin: .3rem 0 .8rem; }} code {{ background: var(--panel);
  padding: .1rem .4rem; border-radius: 4px; overflow-wrap: anywhere; }}
.wide {{ overflow-x: auto; }} table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .32rem .45rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }}
th {{ color: var(--faint); font-weight: 600; }} th:first-child, td:first-child {{ text-align: left; }}
tr.all td {{ font-weight: 600; border-top: 2px solid var(--rule); }}
.good {{ color: var(--good); }} .bad {{ color: var(--bad); }}
details {{ border: 1px solid var(--rule); border-radius: 8px; margin: .8rem 0; padding: .3rem 1rem; }}
summary {{ cursor: pointer; font-weight: 600; padding: .3rem 0; }}
svg {{ width: 100%; height: auto; background: var(--panel); border-radius: 8px; display: block; margin: .3rem 0; }}
.key span {{ display: inline-block; margin-right: 1.1rem; }} .key i {{ display: inline-block; width: .9em;
  height: .9em; border-radius: 2px; margin-right: .35em; vertical-align: -.08em; }}
.said :is(th, td):nth-child(n+3) {{ text-align: left; }}
"""
_KEY: Final = (
    ("--a", "what happened 実際"),
    ("--doubt", "may be told, or not どちらでも可"),
    ("--good", "said, and so 正報"),
    ("--bad", "said, and not so 誤報"),
)
_EVENT_HEADS: Final = (
    "kind 種別", "to tell 対象", "told 検出", "false 誤報", "false/h 毎時", "median s 中央値", "most s 最大",
    "goal s 目標",
)  # fmt: skip
_WAYS: Final = (
    ("--a", "tracks 追跡"),
    ("--doubt", "truth 真値"),
    ("--d", "truth of those to be told of 発報対象の真値"),
    ("--ink", "modules センサー"),
)
OPEN: Final = 2  # so many runs are unfolded from the start


def page(told: Summary, command: str) -> str:
    """The whole page; `command` is the line that printed it."""
    runs = (_run(one, unfolded=n < OPEN) for n, one in enumerate(told.runs))
    body = "".join([*_head(told, command), *_goals(told), *_hazards(told), *_runs(told), *runs])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>pole evaluate</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _head(told: Summary, command: str) -> Iterator[str]:
    yield "<h1>How good the pole is <small lang=ja>多機能基盤の評価</small></h1>"
    minutes = told.seconds / 60
    yield f"<p>{len(told.runs)} runs, {minutes:.1f} min of road with known truth. "
    yield f"真値のある {minutes:.1f} 分間の評価。</p>"
    yield f"<p><code>{escape(command)}</code></p>"


def _goals(told: Summary) -> Iterator[str]:
    yield "<h2>Figures and goals <small lang=ja>評価指標と目標</small></h2>"
    rows = []
    for key, goal in FIGURES.items():
        value = told.figures[key]
        name = f"{escape(goal.english)} <small lang=ja>{escape(goal.japanese)}</small>"
        rows.append((name, _marked(number(value, goal), goal.met(value)), escape(goal.words)))
    yield _table(("figure 指標", "reached 実績", "goal 目標"), rows)


def _hazards(told: Summary) -> Iterator[str]:
    yield "<h2>Hazards and near misses <small lang=ja>危険事象とヒヤリハット</small></h2>"
    yield "<p>Time to detect is counted from the truth’s beginning in sight; below 0 it was foreseen. "
    yield "検出時間は視野内で事象が始まってから。負は予見。</p>"
    yield comparison.kinds(told)
    yield _table(_EVENT_HEADS, [*_event_rows(told)])


def _event_rows(told: Summary) -> Iterator[tuple[str, ...]]:
    for kind, score in [*told.hazards.items(), (NEAR_MISS, told.near_misses)]:
        if not (score.expected or score.false or score.right):
            continue
        median, most = ("–" if math.isnan(one) else f"{one:.1f}" for one in delays(score))
        is_late = late(kind, score)
        yield (
            f"{escape(kind)} <small lang=ja>{japanese(kind)}</small>",
            str(score.expected),
            _marked(str(score.found), score.found == score.expected if score.expected else None),
            _marked(str(score.false), False if score.false else None),
            f"{_per_hour(score, told.seconds):.1f}",
            median,
            _marked(most, None if is_late is None else not is_late),
            escape(within(kind)),
        )


def _runs(told: Summary) -> Iterator[str]:
    yield "<h2>Run by run <small lang=ja>シナリオ別</small></h2>"
    yield "<p>One bar a run, the goal as a line; bars of shares do not begin at 0. "
    yield "棒は 1 回の評価、線は目標。比率の棒は 0 から始まりません。</p>"
    yield comparison.figures(told)
    rows = []
    for name, figures in [*((title(one), one.figures) for one in told.runs), ("all 全体", told.figures)]:
        cells = (_marked(_cell(figures[key], FIGURES[key].digits), FIGURES[key].met(figures[key])) for key in COLUMNS)
        rows.append((escape(name), *cells))
    yield _table(("scenario シナリオ", *COLUMNS.values()), rows, last="all")


def _run(one: Assessment, *, unfolded: bool) -> str:
    return (
        f"<details{' open' if unfolded else ''}><summary>{escape(title(one))}</summary>"
        f"<h3>What it saw and said <small lang=ja>見たもの・伝えたもの</small></h3>"
        f"{_legend(_WAYS)}{top_view(one)}{_said(one)}"
        f"<h3>Hazards and near misses over time <small lang=ja>事象の時間経過</small></h3>{_legend(_KEY)}"
        f"<p>Above what happened, below what was said; seconds. 上段は実際、下段は発報。単位は秒。</p>{timeline(one)}"
        f"<h3>Errors over time <small lang=ja>誤差の時間経過</small></h3>{errors(one)}"
        f"<h3>HOTA by threshold <small lang=ja>閾値ごとの HOTA</small></h3>{over_alpha(one)}</details>"
    )


def _said(one: Assessment) -> str:
    """The numbers in the top view."""
    heads = ("no. 番号", "s 秒", "kind 種別", "who 対象", "judgement 判定")
    styles = {"right": "good", "wrong": "bad"}
    rows = [
        (
            str(it.number),
            f"{it.at_s:.1f}",
            f"{escape(it.kind)} <small lang=ja>{japanese(it.kind)}</small>",
            escape(it.who),
            f'<span class="{styles.get(it.verdict, "")}">{WORDS[it.verdict]}</span>',
        )
        for it in statements(one)
    ]
    not_said = "; ".join(missed(one))
    words = f'<p class="bad">not said 未発報: {escape(not_said)}</p>' if not_said else ""
    return f'<div class="said">{_table(heads, rows)}</div>{words}'


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    spans = "".join(f'<span><i style="background:var({colour})"></i>{words}</span>' for colour, words in entries)
    return f'<p class="key">{spans}</p>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], last: str = "") -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    lines = []
    for n, row in enumerate(rows):
        style = f' class="{last}"' if last and n == len(rows) - 1 else ""
        lines.append(f"<tr{style}>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _marked(words: str, met: bool | None) -> str:
    style = {True: "good", False: "bad"}.get(met) if met is not None else None
    return f'<span class="{style}">{escape(words)}</span>' if style else escape(words)


def _cell(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _per_hour(score: Score, seconds: float) -> float:
    return score.false * 3600 / seconds if seconds else math.nan
