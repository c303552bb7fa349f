"""What was said against what happened: pure matching by kind, by who takes part and by time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EARLY_S: Final = 1.0  # a word so much before the truth's own beginning still tells of it
LATE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Expected:
    """Something to be told: `ids` of the truth, none where it is a place; between `start_s` and `end_s` at the latest.

    `must` False: to tell it or not is both right. `counts_from_s`: when the time to detect begins.
    """

    kind: str
    start_s: float
    end_s: float
    ids: frozenset[int]
    counts_from_s: float
    must: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: the times (s) it speaks of, when it was made, and whom it means by their ids in the truth.

    `strangers`: how many of its tracks stand for nobody real. x, y m: where it says that it is.
    """

    kind: str
    start_s: float
    end_s: float
    at_s: float
    ids: frozenset[int]
    strangers: int = 0
    x: float = math.nan
    y: float = math.nan


@dataclass(slots=True)
class Score:
    """How one kind fared. `delays_s`: first word less the beginning of the truth; below 0: it was foreseen."""

    expected: int = 0
    found: int = 0
    right: int = 0
    excused: int = 0
    false: int = 0
    delays_s: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of what had to be told that was; NaN when there was nothing."""
        return self.found / self.expected if self.expected else math.nan

    @property
    def precision(self) -> float:
        """Share of what was said that was so, without what is excused; NaN when nothing was said."""
        return self.right / (self.right + self.false) if self.right + self.false else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 when nothing that had to be told was."""
        if not self.expected:
            return math.nan
        return 2 * self.recall * self.precision / (self.recall + self.precision) if self.found else 0.0

    def plus(self, other: Score) -> Score:
        """Both together."""
        return Score(
            self.expected + other.expected,
            self.found + other.found,
            self.right + other.right,
            self.excused + other.excused,
            self.false + other.false,
            self.delays_s + other.delays_s,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement, everything that it may mean, and whether it was so: True, False, or None when it is excused."""

    said: Said
    so: bool | None
    meant: tuple[Expected, ...] = ()


def judge(
    expected: Sequence[Expected], statements: Iterable[Said], kinds: Iterable[str]
) -> tuple[dict[str, Score], list[Judged]]:
    """Scores of `kinds`, and every statement of them judged. Words about others than `kinds` are not judged at all."""
    scores = {kind: Score() for kind in kinds}
    first: dict[Expected, float] = {}
    judged = []
    for one in sorted(statements, key=lambda said: said.at_s):
        if one.kind not in scores:
            continue
        meant = [it for it in expected if _about(one, it)]
        must = [it for it in meant if it.must]
        for it in must:
            first.setdefault(it, one.at_s)
        score = scores[one.kind]
        score.right += bool(must)
        score.excused += bool(meant and not must)
        score.false += not meant
        judged.append(Judged(one, True if must else None if meant else False, tuple(meant)))
    for it in expected:
        if it.must and it.kind in scores:
            score = scores[it.kind]
            score.expected += 1
            if it in first:
                score.found += 1
                score.delays_s.append(first[it] - it.counts_from_s)
    return scores, judged


def unjudged(statements: Iterable[Said], kinds: Iterable[str]) -> Counter[str]:
    """How often was said what nobody knows the truth about."""
    known = set(kinds)
    return Counter(one.kind for one in statements if one.kind not in known)


def _about(said: Said, it: Expected) -> bool:
    """Whether a statement means this: those of its parties that are real all take part in it."""
    if said.kind != it.kind or said.end_s < it.start_s - EARLY_S or said.start_s > it.end_s + LATE_S:
        return False
    return not it.ids or (bool(said.ids) and said.ids <= it.ids)
