"""The layers of the drawn site map, from the ground up. Every feature's group in an SVG has the id `kind:id`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path

from controller.site_shapes import at, chord, edges_of, length
from controller.site_sheet import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from controller.site import Area, Lane, Site
    from controller.site_coverage import LaneCoverage, View
    from controller.site_sheet import Extent, Scale, Words

    Floats = NDArray[np.float64]

# kind: face, edge, hatch, opacity of the face, rank from the ground
AREAS: Final = {
    "carriageway": ("#e4e4e4", "#9a9a9a", "", 1.0, 1.0),
    "conflict_area": ("#f2b134", "#b57a00", "", 0.25, 3.0),
    "merge_area": ("#9b59b6", "#6c3483", "", 0.2, 3.0),
    "crossing": ("#ffffff", "#555555", "////", 0.9, 3.5),
    "blind_area": ("#000000", "#000000", "xx", 0.12, 3.2),
    "interest_area": ("none", "#1e8449", "", 1.0, 3.3),
}
LANE_COLOURS: Final = {
    "driving": ("#f7f7f7", "lane", "車線"),
    "ramp": ("#fde3bd", "ramp", "ランプ"),
    "shoulder": ("#d3d9cc", "shoulder", "路肩"),
    "bus": ("#f9cfdc", "bus lane", "バス"),
    "bicycle": ("#cdeccd", "bicycle lane", "自転車"),
}
SEEN_COLOUR: Final = "#0b5fb0"
SEEN_OPACITY: Final = 0.17  # of one module; they lie over each other
MODULE_COLOURS: Final = ("#d62728", "#2ca02c", "#ff7f0e", "#8c3fc0", "#8c564b", "#e377c2", "#17a2a2", "#7f7f00")
UNSEEN_COLOUR: Final = "#e0001b"
LABELLED_M: Final = 40.0  # shorter lanes have no text: inside a junction it would hide everything
LABELS_AT: Final = (0.5, 0.34, 0.66)  # of the lane's length: beside each other they would touch


def draw(
    axes: Axes, site: Site, watching: Sequence[View], coverage: Sequence[LaneCoverage], scale: Scale, words: Words
) -> None:
    """Everything that lies in the plane."""
    for area in site.areas:
        axes.add_patch(_area(area))
    for lane in site.lanes:
        axes.add_patch(_strip(lane))
    for view in watching:
        if view.outlines:
            axes.add_patch(_shading(view))
    for number, (lane, seen) in enumerate(zip(site.lanes, coverage, strict=True)):
        _lane(axes, lane, seen, scale)
        _label(axes, lane, LABELS_AT[number % len(LABELS_AT)], scale, words)
    for line in site.stop_lines:
        axes.plot(*line.points.T, color="#111111", linewidth=2.2, solid_capstyle="butt", zorder=5,
                  gid=printable(f"stop_line:{line.id}"))  # fmt: skip
    for number, view in enumerate(watching):
        _module(axes, view, MODULE_COLOURS[number % len(MODULE_COLOURS)], number, scale.extent, words)


def faded(colour: str, opacity: float) -> str | tuple[str, float]:
    """A colour that lets what lies below shine through; none stays none."""
    return colour if colour == "none" else (colour, opacity)


def _area(area: Area) -> PathPatch:
    face, edge, hatch, opacity, rank = AREAS[area.kind]
    style = "--" if area.kind in ("interest_area", "merge_area", "conflict_area") else "-"
    return PathPatch(
        _path(area.edges),
        fc=faded(face, opacity),
        ec=edge,
        hatch=hatch,
        linestyle=style,
        linewidth=1.0 if area.kind == "interest_area" else 0.5,
        zorder=rank,
        gid=printable(f"{area.kind}:{area.id}"),
    )


def _path(edges: Floats) -> Path:
    """Rings from edges: a new one begins where an edge does not begin at the last one's end."""
    begins = np.concatenate([[True], np.any(edges[1:, :2] != edges[:-1, 2:], axis=1)])
    points, codes = [], []
    for edge, first in zip(edges, begins, strict=True):
        points += [edge[:2], edge[2:]] if first else [edge[2:]]
        codes += [Path.MOVETO, Path.LINETO] if first else [Path.LINETO]
    return Path(np.array(points), codes)


def _strip(lane: Lane) -> Polygon:
    """The lane's own width, shut at both ends."""
    sides = [_beside(lane.points, offset) for offset in (lane.width_m / 2, -lane.width_m / 2)]
    face = LANE_COLOURS[lane.type][0]
    return Polygon(np.concatenate([sides[0], sides[1][::-1]]), closed=True, fc=(face, 0.85), ec="#aaaaaa",
                   linewidth=0.3, zorder=1.5)  # fmt: skip


def _beside(line: Floats, left_m: float) -> Floats:
    """The line moved to its left, mitred at its points."""
    steps = np.diff(line, axis=0)
    steps = steps[np.hypot(*steps.T) > 1e-6]
    points = np.concatenate([line[:1], line[:1] + np.cumsum(steps, axis=0)])
    ahead = steps / np.hypot(*steps.T)[:, None]
    before, after = np.concatenate([ahead[:1], ahead]), np.concatenate([ahead, ahead[-1:]])
    middle = before + after
    size = np.maximum(np.hypot(*middle.T), 0.5)[:, None]  # no spike at a hairpin
    normal = np.stack([-middle[:, 1], middle[:, 0]], axis=1) / size
    moved: Floats = points + normal * left_m * np.minimum(2 / size, 2)
    return moved


def _shading(view: View) -> PathPatch:
    """What a module sees, as one area however many outlines it has; where those of more lie, it comes out darker."""
    rings = [outline if _counter_clockwise(outline) else outline[::-1] for outline in view.outlines]
    path = Path.make_compound_path(*(Path(ring) for ring in rings))
    return PathPatch(path, fc=(SEEN_COLOUR, SEEN_OPACITY), ec="none", zorder=2, gid=printable(f"seen:{view.slot}"))


def _counter_clockwise(ring: Floats) -> bool:
    x0, y0, x1, y1 = edges_of(ring).T
    return float((x0 * y1 - x1 * y0).sum()) > 0


def _lane(axes: Axes, lane: Lane, seen: LaneCoverage, scale: Scale) -> None:
    axes.plot(*lane.points.T, color="#444444", linewidth=0.5, zorder=4, gid=printable(f"lane:{lane.id}"))
    for begin, end in seen.unseen:
        piece = at(lane.points, np.linspace(begin, end, max(2, math.ceil((end - begin) / 5))))
        gid = printable(f"unseen:{lane.id}:{begin:.0f}")
        axes.plot(*piece.T, color=UNSEEN_COLOUR, linewidth=2.4, alpha=0.8, solid_capstyle="butt", zorder=4.5, gid=gid)
    axes.add_collection(_arrows(lane, max(1.6, scale.extent.width / 110)))


def _label(axes: Axes, lane: Lane, share: float, scale: Scale, words: Words) -> None:
    """The lane's id along it, and its limit as the sign shows it."""
    size = length(lane.points)
    if size < LABELLED_M:
        return
    letters = float(np.clip(scale.points(lane.width_m) * 0.7, 3.0, 6.0))
    direction = math.degrees(chord(lane.points, size * (share - 0.05), size * (share + 0.05)))
    upright = direction + 180 if abs(direction) > 90 else direction
    (x, y), (u, v) = at(lane.points, np.array([size * share, size * (share - 0.2)]))
    box = {"boxstyle": "round,pad=0.1", "fc": (1, 1, 1, 0.75), "ec": "none"}
    middle: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 6, "clip_on": True}
    axes.text(x, y, words.name(lane.id), fontsize=letters, rotation=upright, bbox=box, **middle)
    if math.isfinite(lane.speed_limit_mps):
        sign = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": UNSEEN_COLOUR, "lw": 0.8}
        axes.text(u, v, f"{lane.speed_limit_mps * 3.6:.0f}", fontsize=letters * 0.75, bbox=sign, **middle)


def _arrows(lane: Lane, arrow_m: float) -> PolyCollection:
    """Arrow heads in driving direction, along the centre."""
    size_m = length(lane.points)
    count = max(1, int(size_m / (arrow_m * 9)))
    shape = np.array([[0.5, 0.0], [-0.5, 0.32], [-0.3, 0.0], [-0.5, -0.32]]) * arrow_m
    heads = []
    for along in (np.arange(count) + 0.5) / count * size_m:
        direction = chord(lane.points, max(along - 0.5, 0.0), min(along + 0.5, size_m))
        turned = np.array([[math.cos(direction), math.sin(direction)], [-math.sin(direction), math.cos(direction)]])
        heads.append(shape @ turned + at(lane.points, np.array([along])))
    return PolyCollection(heads, facecolors="#333333", zorder=4.2)


def _module(axes: Axes, view: View, colour: str, number: int, extent: Extent, words: Words) -> None:
    """The mount, where the module looks and the outline of what it sees."""
    x, y = view.mount.east_m, view.mount.north_m
    axes.plot([x], [y], marker="o", markersize=4, color=colour, zorder=8, gid=printable(f"module:{view.slot}"))
    if not view.outlines:
        return
    for outline in view.outlines:
        dashes = (number * 3, (6, 3))
        axes.plot(
            *outline.T, color=colour, linewidth=0.8, linestyle=dashes, zorder=7, gid=printable(f"view:{view.slot}")
        )
    yaw = math.radians(view.mount.yaw_deg)
    reach = extent.width / 24 * (1 + 0.6 * (number % 4))  # names of those that look the same way stay apart
    tip = (x + reach * math.cos(yaw), y + reach * math.sin(yaw))
    axes.annotate("", xy=tip, xytext=(x, y), zorder=8, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2})
    side = "left" if math.cos(yaw) >= 0 else "right"
    box = {"boxstyle": "round,pad=0.1", "fc": (1, 1, 1, 0.8), "ec": "none"}
    axes.text(
        *tip, words.name(view.slot), fontsize=6, color=colour, zorder=8.5, ha=side, va="center", clip_on=True, bbox=box
    )
