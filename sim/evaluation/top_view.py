"""From above: the map, what the modules see, where everybody was, where the pole thought they were, what it said."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sim.evaluation.marks import marks
from sim.evaluation.plots import WIDTH, path_of, svg
from sim.evaluation.sheet import Sheet
from sim.evaluation.statements import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.site import Site
    from sim.evaluation.assessment import Assessment
    from sim.evaluation.run import Instant
    from sim.evaluation.sight import Sight

    Places = dict[int, list[tuple[float, float, float]]]

GAP_S: Final = 0.35  # a path with a longer pause is broken
LEAST_PX: Final = 4.0  # between two points of a path: less is not seen and makes long files
_AREAS: Final = ("carriageway", "conflict_area", "merge_area", "blind_area", "interest_area")


def top_view(one: Assessment) -> str:
    """The view as an SVG element whose classes are those of style.py."""
    sheet = Sheet(one, WIDTH)
    return svg(sheet.width, sheet.height, layers(one, sheet))


def layers(one: Assessment, sheet: Sheet) -> list[str]:
    """Everything on the sheet, what lies lowest first."""
    recording = one.run.recording
    parts = {who for it in one.expected if it.must for who in it.ids}
    truth, tracks = _ways(one, sheet, tracks=False), _ways(one, sheet, tracks=True)
    return [
        *_views(sheet, recording.sight),
        *_map(sheet, recording.site),
        *(f'<path class="wall" d="{path_of([sheet.pixel(*end) for end in wall])}"/>' for wall in recording.sight.walls),
        *(f'<path class="way truth-way" d="{path}"/>' for who, path in truth if who not in parts),
        *(f'<path class="way part-way" d="{path}"/>' for who, path in truth if who in parts),
        *(f'<path class="way track-way" d="{path}"/>' for _, path in tracks),
        *_masts(one, sheet),
        *_scale(sheet),
        *marks(sheet, statements(one)),
    ]


def _views(sheet: Sheet, sight: Sight) -> Iterator[str]:
    """What each module sees in this weather, with nothing in between."""
    for sensor, reach_m in zip(sight.sensors, sight.reach_m, strict=True):
        cos, sin = math.cos(sensor.yaw), math.sin(sensor.yaw)
        for polygon in sensor.capability.field_of_view:
            corners = []
            for forward, left in polygon:
                share = min(1.0, reach_m / max(math.hypot(forward, left), 1e-6))
                east, north = cos * forward - sin * left, sin * forward + cos * left
                corners.append(sheet.pixel(sensor.x + share * east, sensor.y + share * north))
            yield f'<path class="view" d="{path_of(corners)}Z"/>'


def _map(sheet: Sheet, site: Site) -> Iterator[str]:
    for lane in site.lanes:
        path = path_of([sheet.pixel(x, y) for x, y in lane.points.tolist()])
        yield f'<path class="lane" style="stroke-width:{lane.width_m * 0.92 * sheet.scale:.1f}" d="{path}"/>'
    for area in site.areas:
        if area.kind == "crossing":
            yield f'<path class="walk" d="{path_of([sheet.pixel(*edge[:2]) for edge in area.edges.tolist()])}Z"/>'
        elif area.kind in _AREAS:
            sides = ((sheet.pixel(*edge[:2]), sheet.pixel(*edge[2:])) for edge in area.edges.tolist())
            yield f'<path class="area" d="{"".join(path_of(side) for side in sides)}"/>'
    for line in site.stop_lines:
        yield f'<path class="stop" d="{path_of([sheet.pixel(x, y) for x, y in line.points.tolist()])}"/>'


def _masts(one: Assessment, sheet: Sheet) -> Iterator[str]:
    slots = defaultdict(list)
    for slot in one.run.recording.served:
        mount = one.run.recording.config.slot[slot].mount
        slots[sheet.pixel(mount.east_m, mount.north_m)].append(slot)
    for (x, y), names in slots.items():
        words = ", ".join(names)
        yield f'<circle class="module" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{words}</title></circle>'


def _scale(sheet: Sheet) -> Iterator[str]:
    left, below, long = 14.0, sheet.height - 12, sheet.round_m * sheet.scale
    yield f'<path class="stop" d="M{left} {below:.1f}h{long:.1f}"/>'
    yield f'<text x="{left}" y="{below - 6:.1f}">{sheet.round_m:g} m</text>'
    x = sheet.width - 18
    yield f'<path class="lead" d="M{x} 34V12l-4 8m4 -8l4 8"/><text class="mid" x="{x}" y="47">N 北</text>'


def _ways(one: Assessment, sheet: Sheet, *, tracks: bool) -> list[tuple[int, str]]:
    found: Places = defaultdict(list)
    for instant in one.run.instants:
        for who, x, y in _present(instant, tracks=tracks):
            found[who].append((instant.at_s, x, y))
    return [(who, _path(way, sheet)) for who, way in found.items()]


def _path(way: list[tuple[float, float, float]], sheet: Sheet) -> str:
    points: list[tuple[float, float] | None] = []
    last_s = -math.inf
    for at_s, x, y in way:
        here = sheet.pixel(x, y)
        if at_s - last_s > GAP_S:
            points.append(None)
        elif points and (last := points[-1]) is not None and math.dist(here, last) < LEAST_PX:
            last_s = at_s
            continue  # nothing to be seen
        points.append(here)
        last_s = at_s
    return path_of(points)


def _present(instant: Instant, *, tracks: bool) -> Iterator[tuple[int, float, float]]:
    frame = instant.frame
    ids, places = (frame.tracks, frame.track_xy) if tracks else (frame.truth, frame.truth_xy)
    for who, (x, y) in zip(ids, places.tolist(), strict=True):
        yield who, x, y
