"""A four-leg intersection, keep left: a main road east-west, a side road that has to stop (一時停止); or signals."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import CYCLISTS, TRAFFIC, WALKER, WALKERS, Manner, Route
from sim.path import Path
from sim.scene import ORIGIN, ModuleSpec
from sim.signals import Go, Signals
from sim.site_map import SiteMap

HALF_M: Final = 1.625  # of a lane
ARM_M: Final = 150.0
STOP_M: Final = 12.0
CROSSING_M: Final = (7.0, 10.0)
TURN_M: Final = 10.4
ARMS: Final = ("east", "north", "west", "south")  # counter-clockwise from x
MAIN_MPS, SIDE_MPS, WALK_MPS, RIDE_MPS = 13.0, 8.5, 1.3, 3.5

# Groups of the signals, where there are any: vehicles by the road they come on, people by the road they cross.
MAIN_GROUP, SIDE_GROUP, ACROSS_SIDE_GROUP, ACROSS_MAIN_GROUP = 1, 2, 3, 4
SIGNALS: Final = Signals(
    60.0,
    (
        (MAIN_GROUP, Go(0.0, 25.0, 3.0)),
        (SIDE_GROUP, Go(31.0, 21.0, 3.0)),
        (ACROSS_SIDE_GROUP, Go(0.0, 17.0, 7.0)),
        (ACROSS_MAIN_GROUP, Go(31.0, 13.0, 7.0)),
    ),
)
_KERB_M: Final = 2 * HALF_M + 1.0

Spans = tuple[tuple[float, float], ...]


_TURNING: Final = tuple(one for one in TRAFFIC if one[0] is not ObjectClass.LARGE_VEHICLE)  # too narrow for lorries


class Turn(NamedTuple):
    """A way through: arms, and arrivals a minute."""

    come: str
    go: str
    per_minute: float


TURNS: Final = (
    Turn("west", "east", 8.0),
    Turn("east", "west", 8.0),
    Turn("west", "north", 1.5),
    Turn("east", "south", 1.5),
    Turn("west", "south", 0.7),
    Turn("east", "north", 0.7),
    Turn("north", "south", 1.2),
    Turn("south", "north", 1.2),
    Turn("north", "east", 0.8),
    Turn("south", "west", 0.8),
    Turn("north", "west", 0.5),
    Turn("south", "east", 0.5),
)

MODULES: Final = (
    ModuleSpec("camera", "camera", Mount(east_m=-9, north_m=9, height_m=6.5, yaw_deg=-45), "intersection", True),
    ModuleSpec("lidar", "lidar", Mount(east_m=-9, north_m=9, height_m=5.5), "all round", True),
    ModuleSpec("radar", "radar", Mount(east_m=-9, north_m=9, height_m=5.5, yaw_deg=-12), "main road east"),
    ModuleSpec("comms", "comms", Mount(east_m=-9, north_m=9, height_m=8)),
)


def way(come: str, go: str) -> Path:
    """The path from one arm's far end to another's."""
    return Path.through(_corners(come, go), TURN_M)


def routes(share: float = 1.0, quiet: dict[str, Spans] | None = None, *, signalled: bool = False) -> tuple[Route, ...]:
    """All traffic, `share` of the usual; `quiet` spans by the arm come from, "come-go", "walkers" or "cyclists"."""
    quiet = quiet or {}
    found = []
    for come, go, per_minute in TURNS:
        side = come in ("north", "south")
        spans = quiet.get(come, ()) + quiet.get(f"{come}-{go}", ())
        rank, line = _priority(come, go, main=signalled or not side), ARM_M - STOP_M - 0.5
        speed = SIDE_MPS if side and not signalled else MAIN_MPS
        mix = TRAFFIC if _turned(come, go) == 2 else _TURNING
        manner = Manner(gap_s=4.0) if side else Manner()
        route = Route(way(come, go), speed, per_minute * share, mix, rank, manner=manner, quiet=spans)
        if signalled:
            route = replace(route, signals=((line, SIDE_GROUP if side else MAIN_GROUP),))
        elif side:
            route = replace(route, stop_at_m=line)
        found.append(route)
    return (*found, *_pavements(share, quiet, signalled=signalled))


def site_text(*, signalled: bool = False) -> str:
    """The map of the place."""
    drawn = SiteMap(ORIGIN, "a simulated intersection, keep left")
    for arm in ARMS:
        _draw_arm(drawn, arm, signalled=signalled)
    for turn in TURNS:
        inner = [point for point in way(turn.come, turn.go).points[::4].tolist() if max(map(abs, point)) <= STOP_M]
        first, last = _on(turn.come, STOP_M, -HALF_M), _on(turn.go, STOP_M, HALF_M)
        points = [first, *(tuple(point) for point in inner[1:-1]), last]
        straight = _turned(turn.come, turn.go) == 2
        drawn.lane(f"{turn.come}-to-{turn.go}", points, 50 if straight else 30, [f"{turn.go}-out"])
    wide = 2 * HALF_M
    drawn.box("carriageway", "main-road", (-ARM_M, -wide), (ARM_M, wide))
    drawn.box("carriageway", "side-road", (-wide, -ARM_M), (wide, ARM_M))
    drawn.box("conflict_area", "centre", (-wide, -wide), (wide, wide))
    return drawn.text()


def _draw_arm(drawn: SiteMap, arm: str, *, signalled: bool) -> None:
    main = arm in ("east", "west")
    line = (MAIN_GROUP if main else SIDE_GROUP) if signalled else None
    walk = (ACROSS_MAIN_GROUP if main else ACROSS_SIDE_GROUP) if signalled else None
    successors = [f"{turn.come}-to-{turn.go}" for turn in TURNS if turn.come == arm]
    drawn.lane(f"{arm}-in", [_on(arm, ARM_M, -HALF_M), _on(arm, STOP_M, -HALF_M)], 50, successors)
    drawn.lane(f"{arm}-out", [_on(arm, STOP_M, HALF_M), _on(arm, ARM_M, HALF_M)], 50)
    near, far = CROSSING_M
    wide = 2 * HALF_M + 2.0
    ring = [_on(arm, near, -wide), _on(arm, far, -wide), _on(arm, far, wide), _on(arm, near, wide)]
    drawn.area("crossing", f"crossing-{arm}", ring, walk)
    drawn.stop_line(f"stop-{arm}", [_on(arm, STOP_M, -2 * HALF_M), _on(arm, STOP_M, 0.0)], line)


def _pavements(share: float, quiet: dict[str, Spans], *, signalled: bool) -> tuple[Route, ...]:
    """People along the main road, who cross the side road at its crossings; drivers give way to them.

    With signals people walk along the side road, too.
    """
    on_foot, riding = quiet.get("walkers", ()), quiet.get("cyclists", ())
    across_side = ((70.0 - _KERB_M, ACROSS_SIDE_GROUP),) if signalled else ()
    across_main = ((70.0 - _KERB_M, ACROSS_MAIN_GROUP),)
    walk = Route(Path.through([(0, 0), (1, 0)]), WALK_MPS, 1.2 * share, WALKERS, 9, None, 1.2, WALKER, on_foot)
    ride = replace(walk, speed_mps=RIDE_MPS, per_minute=0.5 * share, mix=CYCLISTS, give_way_m=1.6, quiet=riding)
    found = []
    for y in (8.0, -8.0):
        for (start, end), aside in zip(pairwise((-70.0, 70.0, -70.0)), (0.5, -0.5), strict=True):
            along = Path.through([(start, y + aside), (end, y + aside)])
            found.append(replace(walk, path=along, signals=across_side))
            if signalled:
                beside = Path.through([(y + aside, start), (y + aside, end)])
                found.append(replace(walk, path=beside, signals=across_main))
        path = Path.through([(-70.0 * y / 8, y * 1.22), (70.0 * y / 8, y * 1.22)])
        found.append(replace(ride, path=path, signals=across_side))
    return tuple(found)


def _corners(come: str, go: str) -> list[tuple[float, float]]:
    start, end = _on(come, ARM_M, -HALF_M), _on(go, ARM_M, HALF_M)
    if _turned(come, go) == 2:
        return [start, end]
    corner = (end[0], start[1]) if come in ("east", "west") else (start[0], end[1])
    return [start, corner, end]


def _turned(come: str, go: str) -> int:
    return (ARMS.index(go) - ARMS.index(come)) % 4


def _priority(come: str, go: str, *, main: bool) -> int:
    """Main road (and any with signals) straight on 5, left 4, right 3; side road straight on or left 2, right 1."""
    order = {2: 0, 3: 1, 1: 2}  # straight on, to the left, to the right (keep left)
    rank = order[_turned(come, go)]
    return 5 - rank if main else 2 - (rank == 2)


def _on(arm: str, out_m: float, left_m: float) -> tuple[float, float]:
    """The point `out_m` along an arm, `left_m` to the left as seen going out."""
    angle = ARMS.index(arm) * math.pi / 2
    cos, sin = round(math.cos(angle)), round(math.sin(angle))
    return (cos * out_m - sin * left_m, sin * out_m + cos * left_m)
