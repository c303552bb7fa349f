"""One tick as the rules see it: tracks, where they lie on the map, what is remembered of them, and their conflicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.hazard.layout import Layout
from controller.hazard.riders import NOBODY, Riders
from interfaces.spec import VEHICLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.hazard.pet import Encroachment
    from controller.hazard.surroundings import Aspect, Weather
    from controller.site import LaneMatch, Site

_VEHICLES: Final = [int(c) for c in VEHICLES]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Rows of `memory`, `match` and `vehicle` belong to those of `objects`; `stopping` to those of `conflicts`.

    `flow_mps`: usual free speed per lane, NaN where unknown. `conflicts` holds only credible ones (CONFLICT rows).
    `signals`: what each group is known to show. `held_m` (n,): how far ahead red holds each, else infinite. `lacking`:
    required slots that no module serves.
    """

    now_ns: int
    dt_s: float
    site: Site
    objects: NDArray[np.void]
    memory: NDArray[np.void]
    match: LaneMatch
    flow_mps: NDArray[np.float64]
    conflicts: NDArray[np.void]
    stopping: NDArray[np.bool_]
    encroachments: tuple[Encroachment, ...] = ()
    weather: Weather = ()
    signals: Mapping[int, Aspect] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    layout: Layout = field(default_factory=Layout)
    riders: Riders = NOBODY
    held_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def vehicle(self) -> NDArray[np.bool_]:
        """Which objects are motor vehicles."""
        return np.isin(self.objects["object_class"], _VEHICLES)

    @property
    def speed(self) -> NDArray[np.float64]:
        """Smoothed speed m/s."""
        speed: NDArray[np.float64] = np.hypot(self.memory["fast"][:, 0], self.memory["fast"][:, 1])
        return speed

    @property
    def still_s(self) -> NDArray[np.float64]:
        """For how long each has stayed in its place."""
        still: NDArray[np.float64] = (self.now_ns - self.memory["anchor_ns"]) / 1e9
        return np.where(self.speed < 0.8, still, 0.0)

    @property
    def seen_s(self) -> NDArray[np.float64]:
        """How long ago each was measured last."""
        age: NDArray[np.float64] = (self.now_ns - self.objects["measured_at_ns"]) / 1e9
        return age

    @property
    def points(self) -> NDArray[np.float64]:
        """Positions, shape (n, 2)."""
        return np.stack([self.objects["x"], self.objects["y"]], axis=1)


class Sighting(NamedTuple):
    """A rule's word on one tick: here it is true. `key` tells sightings of one rule apart; `rows` are the tracks."""

    key: tuple[int, ...]
    rows: tuple[int, ...]
    x: float
    y: float
    probability: float
    subcause: int | None = None  # None: the rule's own
    heading: float = float("nan")
    speed: float = float("nan")
    lane: str = ""
    detail: tuple[tuple[str, float], ...] = ()
    use_cases: tuple[int, ...] | None = None  # None: the rule's own
    sources: int = 0  # bit mask of slots it rests on beside those of the tracks


def of_track(
    scene: Scene,
    row: int,
    probability: float,
    *,
    subcause: int | None = None,
    detail: tuple[tuple[str, float], ...] = (),
) -> Sighting:
    """A sighting of one track at its own place."""
    item, speed = scene.objects[row], float(scene.speed[row])
    course = scene.memory["fast"][row]
    heading = float(np.arctan2(course[1], course[0])) if speed > 0.5 else float(item["yaw"])
    lane = int(scene.match.lane[row])
    return Sighting(
        (int(item["id"]),),
        (row,),
        float(item["x"]),
        float(item["y"]),
        float(np.clip(probability, 0.0, 1.0) * item["existence"]),
        subcause,
        heading,
        speed,
        scene.site.lanes[lane].id if lane >= 0 else "",
        detail,
    )
