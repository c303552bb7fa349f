"""What a pole said in a run, in order and numbered, each with the judgement of events.py; and what it did not say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.evaluation.goals import NEAR_MISS, RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.evaluation.assessment import Assessment

NEAR_MISS_JAPANESE: Final = "ヒヤリハット"
VERDICTS: Final = {True: "right", None: "excused", False: "wrong"}  # the classes of style.py
WORDS: Final = {"right": "so 正報", "excused": "possible どちらでも可", "wrong": "not so 誤報"}
MOST_NAMES: Final = 3


class Statement(NamedTuple):
    """`verdict` is a key of WORDS, `who` their names in the truth, x, y m where it was said to be (NaN: nowhere)."""

    number: int
    at_s: float
    kind: str
    who: str
    verdict: str
    x: float
    y: float


def statements(one: Assessment) -> list[Statement]:
    """Everything that was said of kinds that are judged, by the time when it was."""
    return [
        Statement(number, it.said.at_s, it.said.kind, names(one, it.said.ids), VERDICTS[it.so], it.said.x, it.said.y)
        for number, it in enumerate(sorted(one.judged, key=lambda it: (it.said.at_s, it.said.kind)), 1)
    ]


def names(one: Assessment, ids: Iterable[int]) -> str:
    """Road users as a reader may know them: by the part they play, others by their number."""
    called = one.run.recording.called
    found = [called.get(who, f"#{who}") for who in sorted(ids)]
    return ", ".join(found[:MOST_NAMES]) + (" …" if len(found) > MOST_NAMES else "")


def japanese(kind: str) -> str:
    """A kind of hazard, or the near miss, in Japanese; empty for a name that the pole does not know."""
    return NEAR_MISS_JAPANESE if kind == NEAR_MISS else RULES[kind].japanese if kind in RULES else ""


def missed(one: Assessment) -> list[str]:
    """What had to be said and was not, in words."""
    return [f"{japanese(it.kind)} {it.kind} {names(one, it.ids)} {it.start_s:.1f} s".strip() for it in one.missed]


def counted(kinds: Sequence[str]) -> str:
    """How often each, as text."""
    return ", ".join(f"{count} `{kind}`" for kind, count in sorted(Counter(kinds).items())) or "nothing"
