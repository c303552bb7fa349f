"""What the pole says of every scene, offline: each event and how late it was told, what was told beyond them.

With --docs it redraws the pictures under docs/scenes and rewrites the tables of docs/scenes.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from scene_picture import picture

from sim.evaluation.goals import KINDS
from sim.evaluation.recording import of_scene
from sim.evaluation.run import Run, run
from sim.film import START_NS, STEP_S
from sim.scenario import SCENARIOS, scenario

REACH_M, BEFORE_S, AFTER_S = 25.0, 2.0, 4.0
DOCS = Path(__file__).parents[2] / "docs"


class Said(NamedTuple):
    """A hazard's beginning or a near miss: when it was told and when it was so (s of the scene), where (m), of whom."""

    kind: str
    at_s: float
    so_s: float
    x: float
    y: float
    who: frozenset[int]


def said_in(played: Run) -> list[Said]:
    """What was told of, by its beginning; 注意 (severity 1) is no near miss yet."""
    hazards = [
        Said(one.kind, start_s, start_s, one.x, one.y, named(played, start_s, one.track_ids))
        for start_s, _, one in played.hazards
    ]
    near = []
    for at_s, one in played.near_misses:
        so_s, ids = (one.peak_ns - START_NS) / 1e9, [who.track_id for who in one.participants]
        if one.severity > 1:
            near.append(Said("near_miss", at_s, so_s, one.x, one.y, named(played, so_s, ids)))
    return sorted(hazards + near, key=lambda one: one.at_s)


def named(played: Run, at_s: float, tracks) -> frozenset[int]:
    """Whom tracks stand for at an instant, by their ids in the truth."""
    instant = min(played.instants, key=lambda one: abs(one.at_s - at_s))
    return frozenset(instant.names[track] for track in tracks if track in instant.names)


def told(scene, played: Run) -> tuple[list, list[Said]]:
    """(event, its first saying or None) of every event, and what was said of nothing real."""
    world = scene.world()
    said, own_events = said_in(played), []
    found = []
    for event in scene.events:
        own = (event.kind, event.start_s, event.end_s, tuple(world.script_id(actor) for actor in event.actors))
        own_events.append(own)
        match = [one for one in said if fits(one, own, played)]
        found.append((event, min(match, key=lambda one: one.at_s, default=None)))
    real = [*played.recording.happenings, *own_events]
    judged = KINDS | {"near_miss"} | {event.kind for event in scene.events}
    false = [one for one in said if one.kind in judged and not any(fits(one, event, played) for event in real)]
    return found, false


def fits(one: Said, event, played: Run) -> bool:
    kind, start_s, end_s, actors = event
    if one.kind != kind or not start_s - BEFORE_S <= one.so_s <= end_s + AFTER_S:
        return False
    frames = played.recording.truth.frames
    rows = frames[min(max(round(one.so_s / STEP_S), 0), len(frames) - 1)]
    near = rows[(abs(rows["x"] - one.x) < REACH_M) & (abs(rows["y"] - one.y) < REACH_M)]
    return not actors or kind == "queue_tail" or bool({*near["id"].tolist(), *one.who} & set(actors))


def table(found, false) -> str:
    if not found:
        return beyond(false)
    lines = ["| what happens | who | from, s | until, s | told at, s |", "|---|---|---|---|---|"]
    for event, first in found:
        at = "–" if first is None else f"{first.at_s:.1f}"
        lines.append(f"| `{event.kind}` | {', '.join(event.actors)} | {event.start_s:.1f} | {event.end_s:.1f} | {at} |")
    return "\n".join([*lines, "", beyond(false)])


def beyond(false) -> str:
    counts = Counter(one.kind for one in false)
    told = ", ".join(f"{count} `{kind}`" for kind, count in sorted(counts.items())) or "nothing"
    return f"Told of nothing real: {told}."


def show(names, seeds, *, docs: bool) -> None:
    for name in names:
        for seed in seeds:
            scene = scenario(name, seed)
            begin = time.process_time()
            played = run(of_scene(scene))
            found, false = told(scene, played)
            users, cpu = max(map(len, played.recording.truth.frames)), time.process_time() - begin
            print(f"\n## {name}, seed {seed}: {scene.duration_s:.0f} s, up to {users} road users; {cpu:.1f} s of CPU\n")
            print(table(found, false))
            print(", ".join(f"{one.kind} {one.so_s:.1f}" for one in false))
            if docs:
                (DOCS / "scenes" / f"{name}.svg").write_text(picture(scene, played, found, false), encoding="utf-8")
                put(DOCS / "scenes.md", name, table(found, false))


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
