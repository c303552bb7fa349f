"""Which lanes belong to a stop line and to a merge area: as the file names them, or as the drawing shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.site import Merge
from controller.site_findings import ERROR, WARNING
from controller.site_shapes import crossings, dense, edges_of, foot, least_distance, length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.site import Area, Lane

    Floats = NDArray[np.float64]
    Remarks = list[tuple[str, str]]  # severity, text

REACH_M: Final = 1.0  # how far before the stop line a lane may end that stops there
NEAR_M: Final = 2.0  # how far a lane may be from a stop line that names it
BESIDE_M: Final = 2.0  # between the edges of a ramp where it ends and of the mainline that it is said to join


def stopping_lanes(line: Floats, lanes: tuple[Lane, ...], names: tuple[str, ...]) -> tuple[tuple[int, ...], Remarks]:
    """Indices of the lanes that stop at `line` (n, 2), and what is wrong with it; `names` empty: those it crosses."""
    if not names:
        found = tuple(i for i, lane in enumerate(lanes) if lane.type != "shoulder" and _stops(line, lane.points))
        told = "crosses no lane; draw it over the lanes that stop there, or name them: lanes"
        return found, [] if found else [(WARNING, told)]
    index = {lane.id: i for i, lane in enumerate(lanes)}
    remarks = []
    for name in names:
        away = least_distance(dense(line, 0.5), dense(lanes[index[name]].points, 0.5))
        if away > NEAR_M:
            remarks.append((ERROR, f"lanes: {name!r} passes {away:.1f} m from it; allowed: at most {NEAR_M:g} m"))
    return tuple(index[name] for name in names), remarks


def merge_of(
    area: Area, lanes: tuple[Lane, ...], ramp: str | None, mainline: str | None
) -> tuple[Merge | None, Remarks]:
    """Where ramp and mainline meet in a merge area, and what is wrong; None where the drawing does not tell."""
    inside = [bool(area.contains(dense(lane.points, 1.0)).any()) for lane in lanes]
    index = {lane.id: i for i, lane in enumerate(lanes)}
    strangers: Remarks = [
        (ERROR, f"{key}: lane {name!r} does not pass through it")
        for key, name in (("ramp", ramp), ("mainline", mainline))
        if name is not None and not inside[index[name]]
    ]
    if strangers:
        return None, strangers
    if ramp is not None and mainline is not None:
        return _named(area.id, lanes, index[ramp], index[mainline])
    pairs = [
        (i, index[name])
        for i, lane in enumerate(lanes)
        for name in lane.successors
        if inside[i]
        and inside[index[name]]
        and _may_be(lane, "ramp", ramp)
        and _may_be(lanes[index[name]], "", mainline)
    ]
    if len(pairs) == 1:
        return _merge(area.id, lanes, *pairs[0]), []
    found = ", ".join(f"{lanes[i].id} into {lanes[j].id}" for i, j in pairs) or "none"
    return None, [
        (WARNING, f"has no single ramp that joins a lane inside it (found: {found}); name both: ramp, mainline")
    ]


def _named(key: str, lanes: tuple[Lane, ...], ramp: int, mainline: int) -> tuple[Merge | None, Remarks]:
    """The merge of two lanes that the file names, if the one ends beside the other."""
    one, other = lanes[ramp], lanes[mainline]
    if ramp == mainline:
        return None, [(ERROR, f"mainline: is {one.id!r}, and so is ramp; a merge is of two lanes")]
    away = foot(other.points, one.points[-1]).distance_m
    allowed = (one.width_m + other.width_m) / 2 + BESIDE_M
    if away > allowed:
        told = f"ramp: {one.id!r} ends {away:.1f} m from the centre of {other.id!r}; allowed: at most {allowed:.1f} m"
        return None, [(ERROR, told)]
    return _merge(key, lanes, ramp, mainline), []


def _may_be(lane: Lane, kind: str, name: str | None) -> bool:
    """Whether a lane fits: by its name, else ramps as ramp and all others as mainline."""
    return lane.id == name if name is not None else (lane.type == "ramp") == (kind == "ramp")


def _merge(key: str, lanes: tuple[Lane, ...], ramp: int, mainline: int) -> Merge:
    end = lanes[ramp].points[-1]
    return Merge(key, ramp, mainline, end, length(lanes[ramp].points), foot(lanes[mainline].points, end).along_m)


def _stops(line: Floats, lane: Floats) -> bool:
    """Whether a lane crosses the line or ends at it; one that begins there does not stop there."""
    last = lane[-1] - lane[-2] if len(lane) > 1 else np.zeros(2)
    size = float(np.hypot(*last))
    longer = np.vstack([lane, lane[-1] + last / size * REACH_M]) if size > 0 else lane
    met, _ = crossings(edges_of(line), edges_of(longer))
    return any(foot(longer, point).along_m > REACH_M for point in met)
