"""What the pole says of every scene, offline, judged as `pole evaluate` judges: each event and when it was told.

With --docs it redraws the pictures under docs/scenes and rewrites the tables of docs/scenes.md. Recorded scenes
(ngsim_us101, ngsim_lankershim) are read from POLE_RECORDINGS; their pictures are not written.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

from sim.evaluation.assessment import Assessment, assess
from sim.evaluation.events import Expected, judge
from sim.evaluation.expectations import PLACES
from sim.evaluation.picture import picture
from sim.evaluation.recording import of_scene
from sim.evaluation.run import run as watched
from sim.evaluation.statements import Statement, counted, names, statements
from sim.scenario import SCENARIOS, scenario

DOCS = Path(__file__).parents[2] / "docs"


class Row(NamedTuple):
    """An event and the statement that first told of it; None where none did."""

    event: Expected
    who: str
    told: Statement | None


def rows(scene, one: Assessment) -> list[Row]:
    """Events of the script; of a road without one, what had to be told."""
    called = {name: who for who, name in one.run.recording.called.items()}
    scripted = [
        (event, frozenset() if event.kind in PLACES else frozenset(called[actor] for actor in event.actors))
        for event in scene.events
    ]
    events = [
        (Expected(event.kind, event.start_s, event.end_s, ids, event.start_s), ", ".join(event.actors))
        for event, ids in scripted
    ] or [(it, names(one, it.ids)) for it in one.expected if it.must]
    said = statements(one)
    numbered = dict(zip((it.said for it in sorted(one.judged, key=by_time)), said, strict=True))
    first: dict[Expected, Statement] = {}
    for it in judge([event for event, _ in events], numbered, {event.kind for event, _ in events})[1]:
        for event in it.meant:
            first.setdefault(event, numbered[it.said])
    return [Row(event, who, first.get(event)) for event, who in events]


def by_time(it):
    return it.said.at_s, it.said.kind


def table(scene, one: Assessment) -> str:
    found = rows(scene, one)
    lines = ["| no. | what happens | who | from, s | until, s | told at, s |", "|---|---|---|---|---|---|"]
    for event, who, told in found:
        number, at = ("–", unsaid(event, one)) if told is None else (told.number, f"{told.at_s:.1f}")
        lines.append(f"| {number} | `{event.kind}` | {who} | {event.start_s:.1f} | {event.end_s:.1f} | {at} |")
    used = {row.told.number for row in found if row.told}
    return "\n".join([*(lines if found else ()), *([""] if found else ()), besides(statements(one), used)])


def unsaid(event: Expected, one: Assessment) -> str:
    """A dash that is a miss, and one that is none."""
    had_to = any(it.kind == event.kind and it.ids == event.ids and it.start_s <= event.end_s for it in one.missed)
    return "missed" if had_to else "need not be"


def besides(said: list[Statement], used: set[int]) -> str:
    parts = [
        (words, [it.kind for it in said if it.verdict == verdict and it.number not in used])
        for verdict, words in (("right", "rightly"), ("excused", "possible"), ("wrong", "false"))
    ]
    return f"Told besides: {'; '.join(f'{words} {counted(kinds)}' for words, kinds in parts)}."


def show(chosen, seeds, *, docs: bool) -> None:
    for name in chosen:
        for seed in seeds:
            scene = scenario(name, seed)
            begin = time.process_time()
            one = assess(watched(of_scene(scene)))
            users, cpu = max(map(len, one.run.recording.truth.frames)), time.process_time() - begin
            print(f"\n## {name}, seed {seed}: {scene.duration_s:.0f} s, up to {users} road users; {cpu:.1f} s of CPU\n")
            print(table(scene, one))
            if docs:
                put(DOCS / "scenes.md", name, table(scene, one))
            if docs and scene.road is None:
                (DOCS / "scenes" / f"{name}.svg").write_text(picture(one), encoding="utf-8")


def put(page: Path, name: str, text: str) -> None:
    """Into the page, between the marks of the scene."""
    before, rest = page.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")
    after = rest.split("<!-- end -->\n", 1)[1]
    page.write_text(f"{before}<!-- {name} -->\n{text}\n<!-- end -->\n{after}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    show(options.names or list(SCENARIOS), options.seeds, docs=options.docs)
