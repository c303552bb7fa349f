"""What the modules of a pole see of its map: the same fields of view that tracking reckons with, unobstructed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.sensor import Sensor
from controller.site_shapes import at, length
from modules.registry import default_capability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.config import Config, Mount
    from controller.site import Site
    from modules.capability import Capability

    Floats = NDArray[np.float64]

STEP_M: Final = 0.5
CLASS_DEFAULT: Final = "class default"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a slot's module can do and where that is known from, for a person."""

    capability: Capability
    source: str


@dataclass(frozen=True, slots=True)
class View:
    """A slot's mount and what its module sees; `outlines` are closed polygons (n, 2) m in local ENU, maybe none."""

    slot: str
    module_class: str
    mount: Mount
    source: str
    outlines: tuple[Floats, ...]
    sensor: Sensor


@dataclass(frozen=True, slots=True)
class LaneCoverage:
    """Metres of a lane by how many modules see its centre; `unseen` are (from, to) m along it."""

    lane: str
    length_m: float
    unseen_m: float
    by_one_m: float
    by_more_m: float
    unseen: tuple[tuple[float, float], ...]


def views(config: Config, declared: Mapping[str, Declared]) -> tuple[View, ...]:
    """Every slot's view in the order of pole.toml; a slot that `declared` lacks has its class's default."""
    found = []
    for index, (name, slot) in enumerate(config.slot.items()):
        known = declared.get(name) or Declared(default_capability(slot.module_class), CLASS_DEFAULT)
        mount = slot.mount
        yaw = math.radians(mount.yaw_deg)
        sensor = Sensor(index, known.capability, mount.east_m, mount.north_m, mount.height_m, yaw)
        turned = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]])
        outlines = tuple(
            np.array([*polygon, polygon[0]]) @ turned + (mount.east_m, mount.north_m)
            for polygon in known.capability.field_of_view
        )
        found.append(View(name, slot.module_class, mount, known.source, outlines, sensor))
    return tuple(found)


def seen_by(watching: tuple[View, ...], points: Floats) -> NDArray[np.intp]:
    """How many modules see each of `points` (n, 2)."""
    count = np.zeros(len(points), np.intp)
    for view in watching:
        if view.outlines:  # a class without field of view sees no objects
            count += view.sensor.covers(points[:, 0], points[:, 1])
    return count


def lane_coverage(site: Site, watching: tuple[View, ...]) -> tuple[LaneCoverage, ...]:
    """Each lane's coverage, exact to half a metre."""
    found = []
    for lane in site.lanes:
        size = length(lane.points)
        cuts = np.linspace(0.0, size, max(1, math.ceil(size / STEP_M)) + 1)
        count = seen_by(watching, at(lane.points, (cuts[1:] + cuts[:-1]) / 2))
        step = size / len(count)
        none, one, more = (float(np.count_nonzero(hit)) * step for hit in (count == 0, count == 1, count > 1))
        unseen = tuple((float(cuts[i]), float(cuts[j])) for i, j in _runs(count == 0))
        found.append(LaneCoverage(lane.id, size, none, one, more, unseen))
    return tuple(found)


def _runs(hit: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where True begins and ends, half open."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hit, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
