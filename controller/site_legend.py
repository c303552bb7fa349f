"""What stands around and on the drawn site map: legend, totals, scale bar, north arrow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from controller.site_kinds import KINDS
from controller.site_layers import (
    AREAS,
    LANE_COLOURS,
    MODULE_COLOURS,
    SEEN_COLOUR,
    SEEN_OPACITY,
    UNSEEN_COLOUR,
    faded,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from controller.site import Site
    from controller.site_coverage import View
    from controller.site_sheet import Extent, Words

LINE_IN: Final = 0.165
COLUMNS: Final = 3
MAX_SOURCE: Final = 48  # characters of where a field of view is from


def scale_bar(axes: Axes, extent: Extent) -> None:
    """A bar of a round length, bottom left."""
    size = extent.width / 6
    unit = 10 ** math.floor(math.log10(size))
    round_m = max(step * unit for step in (1, 2, 5) if step * unit <= size)
    x, y = extent.west + extent.width * 0.02, extent.south + extent.height * 0.04
    axes.plot([x, x + round_m], [y, y], color="black", linewidth=3, solid_capstyle="butt", zorder=9, gid="scale-bar")
    box = {"boxstyle": "round,pad=0.1", "fc": (1, 1, 1, 0.8), "ec": "none"}
    axes.annotate(f"{round_m:g} m", (x + round_m / 2, y), (0, 5), textcoords="offset points", ha="center",
                  va="bottom", zorder=9, bbox=box)  # fmt: skip


def north_arrow(axes: Axes, words: Words) -> None:
    """An arrow to the north, top right."""
    arrow = {"arrowstyle": "-|>", "color": "black"}
    axes.annotate(words("N", "北"), (0.98, 0.98), (0, -36), xycoords="axes fraction", textcoords="offset points",
                  ha="center", arrowprops=arrow, gid="north-arrow", zorder=9)  # fmt: skip


def legend_height_in(site: Site, watching: Sequence[View]) -> float:
    """Inches that the legend and the map's lower scale need."""
    marks = len({lane.type for lane in site.lanes}) + sum(site.has(kind) for kind in AREAS) + 6
    return 1.0 + LINE_IN * max(math.ceil(marks / COLUMNS), len(watching))


def legend(figure: Figure, site: Site, watching: Sequence[View], words: Words, footer: str) -> None:
    """What the marks mean and where each module stands, below the map."""
    types = {lane.type for lane in site.lanes}
    marks: list[Artist] = [
        Patch(fc=face, ec="#666666", label=words(en, ja))
        for kind, (face, en, ja) in LANE_COLOURS.items()
        if kind in types
    ]
    for kind, (face, edge, hatch, opacity, _) in AREAS.items():
        if site.has(kind):
            label = words(KINDS[kind].en, KINDS[kind].ja)
            marks.append(Patch(fc=faded(face, opacity), ec=edge, hatch=hatch, label=label))
    if site.stop_lines:
        marks.append(Line2D([], [], color="#111111", linewidth=2.2, label=words("stop line", "停止線")))
    modules = (("one module sees it", "1台"), ("two", "2台"), ("three", "3台"), ("four", "4台"))
    for number, told in enumerate(modules, 1):
        marks.append(Patch(fc=(SEEN_COLOUR, 1 - (1 - SEEN_OPACITY) ** number), label=words(*told)))
    marks.append(Line2D([], [], color=UNSEEN_COLOUR, linewidth=3, label=words("lane that nobody sees", "不可視区間")))
    mounted = [_module_mark(number, view, words) for number, view in enumerate(watching)]
    bottom = 0.3 / figure.get_figheight()
    look: dict[str, Any] = {"loc": "lower left", "frameon": False, "borderaxespad": 0, "columnspacing": 4}
    figure.legend(handles=marks, bbox_to_anchor=(0.05, bottom), ncols=COLUMNS, **look)
    figure.legend(handles=mounted, bbox_to_anchor=(0.53, bottom), **look)
    figure.text(0.05, 0.1 / figure.get_figheight(), footer, fontsize=8, gid="totals")


def _module_mark(number: int, view: View, words: Words) -> Line2D:
    mount, colour = view.mount, MODULE_COLOURS[number % len(MODULE_COLOURS)]
    roll = f", roll {mount.roll_deg:g}°" if mount.roll_deg else ""
    pose = f"yaw {mount.yaw_deg:g}°, pitch {mount.pitch_deg:g}°{roll}"
    sees = f"{pose}; {words.name(view.source)[:MAX_SOURCE]}" if view.outlines else "—"
    at_m = f"({mount.east_m:g}, {mount.north_m:g}) m, {words('height', '高さ')} {mount.height_m:g} m"
    return Line2D([], [], color=colour, marker="o", linestyle="--" if view.outlines else "none", linewidth=1,
                  label=f"{view.module_class} {words.name(view.slot)}: {at_m}; {sees}")  # fmt: skip
