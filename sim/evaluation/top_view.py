"""Where everybody was and where the pole thought they were, over the site map."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.evaluation.plots import WIDTH, path_of, svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.site import Site
    from sim.evaluation.assessment import Assessment
    from sim.evaluation.run import Instant

    Places = dict[int, list[tuple[float, float, float]]]

REACH_M: Final = 200.0  # of what is drawn, from the origin
GAP_S: Final = 0.35  # a path with a longer pause is broken
MARGIN_M: Final = 6.0
_AREAS: Final = ("carriageway", "conflict_area", "crossing", "merge_area")


def top_view(one: Assessment) -> str:
    """Lanes, paths of who counts below paths of the tracks, and the modules."""
    view = _View(one)
    drawn = [*_map(view, one.run.recording.site)]
    drawn += [f'<path class="way truth-way" d="{path}"/>' for path in _ways(view, one, tracks=False)]
    drawn += [f'<path class="way track-way" d="{path}"/>' for path in _ways(view, one, tracks=True)]
    for slot, entry in one.run.recording.config.slot.items():
        if slot in one.run.recording.served:
            x, y = view.pixel(entry.mount.east_m, entry.mount.north_m)
            drawn.append(f'<circle class="module" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{slot}</title></circle>')
    return svg(WIDTH, view.height, drawn)


class _View:
    """The part of the plane where somebody was, and its scale."""

    def __init__(self, one: Assessment) -> None:
        frames = [instant.frame for instant in one.run.instants]
        every = np.concatenate([np.zeros((1, 2)), *(xy for frame in frames for xy in (frame.truth_xy, frame.track_xy))])
        every = every[np.abs(every).max(1) <= REACH_M]
        (self._west, south), (east, self._north) = every.min(0) - MARGIN_M, every.max(0) + MARGIN_M
        self._scale = WIDTH / (east - self._west)
        self.height = float((self._north - south) * self._scale)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        return float((x - self._west) * self._scale), float((self._north - y) * self._scale)

    def metres(self, length_m: float) -> float:
        return float(length_m * self._scale)


def _map(view: _View, site: Site) -> Iterator[str]:
    for area in (area for kind in _AREAS for area in site.areas if area.kind == kind):
        edges = "".join(
            f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"
            for (x, y), (u, v) in ((view.pixel(*edge[:2]), view.pixel(*edge[2:])) for edge in area.edges.tolist())
        )
        yield f'<path class="area" d="{edges}"/>'
    for lane in site.lanes:
        path = path_of([view.pixel(x, y) for x, y in lane.points.tolist()])
        yield f'<path class="lane" style="stroke-width:{view.metres(lane.width_m * 0.92):.1f}" d="{path}"/>'


def _ways(view: _View, one: Assessment, *, tracks: bool) -> Iterator[str]:
    found: Places = defaultdict(list)
    for instant in one.run.instants:
        for who, x, y in _present(instant, tracks=tracks):
            found[who].append((instant.at_s, x, y))
    for way in found.values():
        points: list[tuple[float, float] | None] = []
        last_s = -math.inf
        for at_s, x, y in way:
            if at_s - last_s > GAP_S:
                points.append(None)
            points.append(view.pixel(x, y))
            last_s = at_s
        yield path_of(points)


def _present(instant: Instant, *, tracks: bool) -> Iterator[tuple[int, float, float]]:
    frame = instant.frame
    ids, places = (frame.tracks, frame.track_xy) if tracks else (frame.truth, frame.truth_xy)
    for who, (x, y) in zip(ids, places.tolist(), strict=True):
        yield who, x, y
