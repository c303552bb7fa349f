"""What the pole says of every scene, offline: each event and how late it was told, what was told beyond them.

With --docs it redraws the pictures under docs/scenes and rewrites the tables of docs/scenes.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from scene_picture import picture

from controller.config_file import load, load_site
from controller.replay import replay
from sim.film import START_NS, film
from sim.happening import happenings
from sim.scenario import SCENARIOS, scenario

REACH_M, AFTER_S = 25.0, 4.0
DOCS = Path(__file__).parents[2] / "docs"


class Said(NamedTuple):
    """A hazard's beginning or a near miss: when it was told and when it was so (s of the scene), and where (m)."""

    kind: str
    at_s: float
    so_s: float
    x: float
    y: float


class Seen(NamedTuple):
    """A scene as it was and as the pole had it."""

    takes: list
    records: list
    said: list


def watch(scene) -> Seen:
    """The whole scene through sensors, fusion and hazards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site.geojson").write_text(scene.site, encoding="utf-8")
        (folder / "pole.toml").write_text(scene.config_text({}), encoding="utf-8")
        config = load(folder / "pole.toml")
        site = load_site(config, folder)
    takes = list(film(scene))
    messages = [one for take in takes for one in take.detections]
    records = list(replay(config, site, messages, 10.0))
    return Seen(takes, records, list(said_in(records)))


def said_in(records):
    """What each tick said, with the time of the tick; 注意 (severity 1) is no near miss yet."""
    now_s = 0.0
    for record in records:
        if record["kind"] == "objects":
            now_s = (record["valid_at_ns"] - START_NS) / 1e9
        elif record["kind"] == "near_miss":
            if record["severity"] > 1:
                yield Said("near_miss", now_s, (record["peak_ns"] - START_NS) / 1e9, record["x"], record["y"])
        elif record["phase"] == "new":
            yield Said(record["rule"], now_s, now_s, record["x"], record["y"])


def told(scene, seen: Seen) -> tuple[list, list[Said]]:
    """(event, its first saying or None) of every event, and what was said of nothing."""
    keys = {scene.world().script_id(script.key) for script in scene.scripts}
    ids = {script.key: scene.world().script_id(script.key) for script in scene.scripts}
    real = [(one.kind, one.start_s, one.end_s, one.ids) for one in happenings(scene)]
    real += [(one.kind, one.start_s, one.end_s, tuple(ids[a] for a in one.actors)) for one in scene.events]
    found = []
    for event in scene.events:
        own = (event.kind, event.start_s, event.end_s, tuple(ids[actor] for actor in event.actors))
        match = [one for one in seen.said if fits(one, own, seen)]
        found.append((event, min(match, key=lambda one: one.at_s, default=None)))
    false = [one for one in seen.said if not any(fits(one, event, seen) for event in real)]
    assert keys == set(ids.values())
    return found, false


def fits(one: Said, event, seen: Seen) -> bool:
    kind, start_s, end_s, actors = event
    if one.kind != kind or not start_s - 1.5 <= one.so_s <= end_s + AFTER_S:
        return False
    rows = seen.takes[min(round(one.so_s / 0.05), len(seen.takes) - 1)].truth
    near = rows[(abs(rows["x"] - one.x) < REACH_M) & (abs(rows["y"] - one.y) < REACH_M)]
    return not actors or kind == "queue_tail" or bool(set(near["id"].tolist()) & set(actors))


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


def run(names, seeds, *, docs: bool) -> None:
    for name in names:
        for seed in seeds:
            scene = scenario(name, seed)
            begin = time.process_time()
            seen = watch(scene)
            found, false = told(scene, seen)
            users, cpu = max(len(take.truth) for take in seen.takes), time.process_time() - begin
            print(f"\n## {name}, seed {seed}: {scene.duration_s:.0f} s, up to {users} road users; {cpu:.1f} s of CPU\n")
            print(table(found, false))
            print(", ".join(f"{one.kind} {one.so_s:.1f}" for one in false))
            if docs:
                (DOCS / "scenes" / f"{name}.svg").write_text(picture(scene, seen, found, false), encoding="utf-8")
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
    run(options.names or list(SCENARIOS), options.seeds, docs=options.docs)
