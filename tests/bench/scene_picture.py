"""A scene from above as SVG: the map, what the pole saw (its tracks), who played a part, what it said and where."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from controller.config import Hazards
from controller.geometry import LocalFrame
from controller.hazard.rules import rules
from controller.site_file import load
from sim.sensing import MODELS

WIDTH, HEIGHT, MARGIN = 960.0, 420.0, 24.0
CLASSES = {6: "#c2410c", 4: "#c2410c", 5: "#c2410c", 9: "#7c2d12", 8: "#7c2d12"}
JAPANESE = {rule.kind: rule.japanese for rule in rules(Hazards())} | {"near_miss": "ヒヤリハット"}
STEP = 5  # ticks of 10 Hz between two points of a trail
STYLE = """text{font:12px sans-serif;fill:#111}.small{font-size:10px;fill:#475569}.lane{fill:none;stroke:#e2e8f0}
.edge{fill:none;stroke:#fff;stroke-width:1;stroke-dasharray:6 5}.walk{fill:#fef9c3;stroke:#eab308;stroke-width:.6}
.line{stroke:#334155;stroke-width:2}.wall{stroke:#57534e;stroke-width:4}.trail{fill:none;stroke-width:1;opacity:.55}
.actor{fill:none;stroke:#dc2626;stroke-width:2.2;opacity:.8}.said{fill:#fff;stroke:#dc2626;stroke-width:1.6}
.false{fill:#fff;stroke:#64748b;stroke-width:1.6}.module{fill:#1d4ed8}.view{fill:#1d4ed8;opacity:.05}"""


def picture(scene, played, found, false) -> str:
    """The SVG text; `found` are (event, its first saying or None), `false` sayings of nothing."""
    site = load(scene.site, LocalFrame.of(scene.origin), scene.name)
    chart = Chart(extent(scene, played))
    parts = [*views(scene, chart), *ground(site, chart), *walls(scene, chart), *trails(played, chart)]
    parts += [*actors(scene, played, chart), *modules(scene, chart)]
    legend, marks = sayings(found, false, chart)
    sheet = f'<svg width="{WIDTH:.0f}" height="{chart.height:.0f}">'  # a sheet of its own cuts what reaches beyond it
    body = "\n".join([sheet, *parts, *marks, "</svg>", *legend])
    tall = chart.height + 22 * (len(legend) + 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {tall:.0f}" '
        f'role="img" aria-label="{escape(scene.description)}">\n<style>{STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="#f8fafc"/>\n{body}\n</svg>\n'
    )


class Chart:
    """Local metres to the sheet: east to the right, north up."""

    def __init__(self, box) -> None:
        self.west, self.south, self.east, self.north = box
        self.scale = min((WIDTH - 2 * MARGIN) / (self.east - self.west), 2 * HEIGHT / (self.north - self.south))
        self.height = (self.north - self.south) * self.scale + 2 * MARGIN

    def at(self, x, y):
        return MARGIN + (x - self.west) * self.scale, MARGIN + (self.north - y) * self.scale

    def path(self, points, closed=False) -> str:
        places = [self.at(*point) for point in points]
        return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in places) + ("Z" if closed else "")

    def inside(self, x, y) -> bool:
        return self.west <= x <= self.east and self.south <= y <= self.north


def extent(scene, played):
    """What the modules see of the road, with some margin."""
    east = [spec.mount.east_m for spec in scene.modules]
    north = [spec.mount.north_m for spec in scene.modules]
    rows = np.concatenate(played.recording.truth.frames[::40])
    near = rows[np.hypot(rows["x"] - np.mean(east), rows["y"] - np.mean(north)) < 115]
    tall = max(np.abs(near["y"]).max() + 6, 22)
    return min(near["x"].min(), *east) - 8, max(-tall, -75.0), max(near["x"].max(), *east) + 8, min(tall, 75.0)


def ground(site, chart):
    for lane in site.lanes:
        kept = [point for point in lane.points.tolist() if True]
        width = lane.width_m * chart.scale
        yield f'<path class="lane" stroke-width="{width:.1f}" d="{chart.path(kept)}"/>'
    for area in site.areas:
        if area.kind == "crossing":
            ring = [(edge[0], edge[1]) for edge in area.edges.tolist()]
            yield f'<path class="walk" d="{chart.path(ring, closed=True)}"/>'
    for line in site.stop_lines:
        yield f'<path class="line" d="{chart.path(line.points.tolist())}"/>'


def walls(scene, chart):
    for wall in scene.walls:
        yield f'<path class="wall" d="{chart.path(wall)}"/>'


def views(scene, chart):
    """Fields of view, each cut where its range ends in this weather."""
    for spec in scene.modules:
        model = MODELS.get(spec.module_class)
        if model is None:
            continue
        reach = min(model.range_m, model.fog * scene.weather.visibility_m)
        half = math.radians(model.width_deg) / 2
        angles = np.linspace(-half, half, 25) + math.radians(spec.mount.yaw_deg)
        arc = [(spec.mount.east_m + reach * math.cos(a), spec.mount.north_m + reach * math.sin(a)) for a in angles]
        start = [] if model.width_deg >= 360 else [(spec.mount.east_m, spec.mount.north_m)]
        yield f'<path class="view" d="{chart.path([*start, *arc], closed=True)}"/>'


def modules(scene, chart):
    by_place: dict[tuple[float, float], list[str]] = {}
    for spec in scene.modules:
        by_place.setdefault(chart.at(spec.mount.east_m, spec.mount.north_m), []).append(spec.slot)
    for (x, y), slots in by_place.items():
        yield f'<circle class="module" cx="{x:.0f}" cy="{y:.0f}" r="4"/>'
        yield f'<text class="small" x="{x + 7:.0f}" y="{y - 6:.0f}">{escape(", ".join(slots))}</text>'


def trails(played, chart):
    """What the pole saw: its tracks."""
    ways: dict[int, list] = {}
    kinds: dict[int, int] = {}
    for one in played.instants[::STEP]:
        for row in one.tracks:
            if chart.inside(row["x"], row["y"]):
                ways.setdefault(int(row["id"]), []).append((float(row["x"]), float(row["y"])))
                kinds[int(row["id"])] = int(row["object_class"])
    for track, points in ways.items():
        if len(points) > 3:
            colour = CLASSES.get(kinds[track], "#0369a1")
            yield f'<path class="trail" stroke="{colour}" d="{chart.path(points)}"/>'


def actors(scene, played, chart):
    """Where those with a part really went, near the pole."""
    world = scene.world()
    parts = {actor for event in scene.events for actor in event.actors}
    for script in scene.scripts:
        one = world.script_id(script.key)
        points = [
            (float(row["x"]), float(row["y"]))
            for rows in played.recording.truth.frames[::20]
            for row in rows[rows["id"] == one]
            if chart.inside(row["x"], row["y"])
        ]
        if script.key in parts and points:
            yield f'<path class="actor" d="{chart.path(points)}"/>'


def sayings(found, false, chart):
    """The lines below the picture, and the numbered marks in it; small grey ones were of nothing real."""
    legend, marks = [], []
    for one in false:
        if chart.inside(one.x, one.y):
            x, y = chart.at(one.x, one.y)
            marks.append(f'<circle class="false" cx="{x:.0f}" cy="{y:.0f}" r="4"/>')
    for number, (event, first) in enumerate(found, 1):
        told = "not told" if first is None else f"told at {first.at_s:.1f} s"
        who = f" ({', '.join(event.actors)})" if event.actors else ""
        really = f"really {event.start_s:.0f}–{event.end_s:.0f} s"
        legend.append(f"{number}  {JAPANESE.get(event.kind, '')} {event.kind}{who} — {really}, {told}")
        if first is not None and chart.inside(first.x, first.y):
            marks += mark(number, chart.at(first.x, first.y))
    if false:
        legend.append(f"○  told of nothing real: {len(false)}")
    places = [chart.height + 20 * number for number in range(1, len(legend) + 1)]
    texts = [
        f'<text x="{MARGIN:.0f}" y="{y:.0f}">{escape(line)}</text>' for y, line in zip(places, legend, strict=True)
    ]
    return texts, marks


def mark(number, place):
    x, y = place[0] + 20 * (number % 5 - 2), place[1] - 16 - 20 * (number % 2)
    return [
        f'<path class="line" stroke-width="1" d="M{place[0]:.0f} {place[1]:.0f}L{x:.0f} {y:.0f}"/>',
        f'<circle class="said" cx="{x:.0f}" cy="{y:.0f}" r="9"/>',
        f'<text text-anchor="middle" x="{x:.0f}" y="{y + 4:.0f}">{number}</text>',
    ]
