"""A piece of expressway, keep left: a fast and a slow lane eastward, and a ramp that may join from the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import Manner, Route
from sim.path import Path
from sim.scene import ORIGIN, ModuleSpec
from sim.site_map import SiteMap

if TYPE_CHECKING:
    from collections.abc import Sequence

FAST_MPS, SLOW_MPS, RAMP_MPS = 25.0, 22.0, 21.0
FAST_Y, SLOW_Y = 0.0, 3.5
WEST_X, EAST_X = -300.0, 250.0
FAST: Final = ((WEST_X, FAST_Y), (EAST_X, FAST_Y))
SLOW: Final = ((WEST_X, SLOW_Y), (EAST_X, SLOW_Y))
RAMP: Final = ((-280.0, 36.0), (-140.0, 7.2), (-30.0, 7.0), (60.0, SLOW_Y), (EAST_X, SLOW_Y))
OVER: Final = ((WEST_X, FAST_Y), (-140.0, FAST_Y), (-60.0, SLOW_Y), (EAST_X, SLOW_Y))  # from the fast lane to the slow
MANNER: Final = Manner(accelerate=1.4, brake=1.6, headway_s=1.5)
MIX: Final = (
    (ObjectClass.CAR, 0.7),
    (ObjectClass.MEDIUM_VEHICLE, 0.12),
    (ObjectClass.LARGE_VEHICLE, 0.16),
    (ObjectClass.MOTORCYCLE, 0.02),
)
MODULES: Final = (
    ModuleSpec("camera", "camera", Mount(north_m=9, height_m=8, yaw_deg=-10), "downstream", True),
    ModuleSpec("lidar", "lidar", Mount(north_m=9, height_m=6), "merge", True),
    ModuleSpec("radar", "radar", Mount(north_m=9, height_m=7, yaw_deg=-176), "upstream"),
    ModuleSpec("radar-east", "radar", Mount(north_m=9, height_m=7, yaw_deg=-4), "downstream far"),
    ModuleSpec("comms", "comms", Mount(north_m=9, height_m=9)),
)

Spans = tuple[tuple[float, float], ...]


def lane_routes(
    fast: float, slow: float, *, fast_quiet: Spans = (), slow_quiet: Spans = (), share: float = 1.0
) -> list[Route]:
    """Traffic of both lanes, vehicles a minute, at `share` of the usual speed."""
    return [
        Route(Path.through(FAST), FAST_MPS * share, fast, MIX, 3, manner=MANNER, quiet=fast_quiet),
        Route(Path.through(SLOW), SLOW_MPS * share, slow, MIX, 2, manner=MANNER, quiet=slow_quiet),
    ]


def ramp_route(per_minute: float, *, quiet: Spans = ()) -> Route:
    """Traffic of the ramp, which takes turns with the slow lane's where it ends."""
    return Route(Path.through(RAMP, 40.0), RAMP_MPS, per_minute, MIX, 1, manner=MANNER, quiet=quiet, zips=True)


def site_text(name: str, limit_kmh: float, *, ramp: bool) -> str:
    """The map of the place."""
    drawn = SiteMap(ORIGIN, name)
    drawn.lane("fast", FAST, limit_kmh)
    drawn.lane("slow", SLOW, limit_kmh)
    if ramp:
        points = _until(Path.through(RAMP, 40.0).points[::20].tolist(), 60.0)
        drawn.lane("ramp", [*points, (60.0, SLOW_Y)], 80, ["slow"], kind="ramp")
        drawn.box("merge_area", "merge", (-40.0, SLOW_Y - 1.6), (65.0, 9.0))
    return drawn.text()


def _until(points: Sequence[Sequence[float]], east_m: float) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if x < east_m - 1.0]
