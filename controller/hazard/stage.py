"""Tracks in, hazards and near misses out: what both need is computed once a tick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.track import Tracks
from controller.hazard.conflict import conflicts
from controller.hazard.course import beyond_red, credible, stopping
from controller.hazard.engine import HazardEngine
from controller.hazard.flow import Flow
from controller.hazard.layout import layout_of
from controller.hazard.memory import Memory
from controller.hazard.near_miss_engine import NearMissEngine
from controller.hazard.pet import FootprintGrid
from controller.hazard.riders import held_m, riders
from controller.hazard.scene import Scene
from controller.hazard.surroundings import Surroundings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Hazards, NearMisses
    from controller.hazard.hazard import Hazard
    from controller.hazard.near_miss import NearMiss
    from controller.hazard.surroundings import Weather
    from controller.site import Site

LONG_GAP_S: Final = 5.0  # more, or time running back: nothing remembered still holds
MAX_DT_S: Final = 1.0
STANDS_MPS: Final = 0.8
SETTLED_S: Final = 0.9  # old; before, a course may be of two places that are both wrong
MAX_PLACE_M, MAX_SPEED_MPS, MAX_ACCELERATION_MPS2, MAX_VARIANCE = 20_000.0, 150.0, 50.0, 10_000.0


class HazardStage:
    """One pole's judgement of its road. Pure: the same ticks give the same words, bit for bit."""

    def __init__(self, site: Site, hazards: Hazards, near_misses: NearMisses, seed: int = 0) -> None:
        self._site, self._tau_s = site, near_misses.ttc_s
        self._hazards = HazardEngine(site, hazards, seed)
        self._near_misses = NearMissEngine(site, near_misses)
        self._memory, self._flow = Memory(), Flow(site)
        self._surroundings, self._layout = Surroundings(), layout_of(site)
        self._grid = FootprintGrid(max(near_misses.pet_s[0], 2.0))
        self._last_ns: int | None = None
        self._ended: list[Hazard] = []  # by a change of thresholds, to be said at the next step

    def tell(self, slot: int, reading: object, at_ns: int) -> None:
        """What the module in a slot (by number) reported of weather or signals; others say nothing of the road."""
        self._surroundings.tell(slot, reading, at_ns)

    def forget(self, slot: int) -> None:
        """The module in a slot serves no more."""
        self._surroundings.forget(slot)

    def weather(self, now_ns: int) -> Weather:
        """What environment modules say that still holds."""
        return self._surroundings.weather(now_ns)

    def retuned(self, hazards: Hazards, near_misses: NearMisses, seed: int) -> HazardStage:
        """The same place judged anew under other thresholds: the next step cancels what was active."""
        made = HazardStage(self._site, hazards, near_misses, seed)
        made._surroundings = self._surroundings
        made._ended = self._ended + (self._hazards.cancel_all(self._last_ns) if self._last_ns is not None else [])
        return made

    def step(self, tracks: Tracks, lacking: tuple[str, ...] = ()) -> tuple[list[Hazard], list[NearMiss]]:
        """Judge one tick, 1 to 20 Hz; `lacking`: required slots nobody serves. The same instant again says nothing."""
        now, last = tracks.valid_at_ns, self._last_ns
        if last == now:
            return [], []
        gap_s = 0.1 if last is None else (now - last) / 1e9
        ended, self._ended = self._ended, []
        if not 0 < gap_s <= LONG_GAP_S:
            ended, gap_s = ended + self._start_anew(now), 0.1
        self._last_ns = now
        scene = self._scene(tracks, min(gap_s, MAX_DT_S), lacking)
        return ended + self._hazards.step(scene), self._near_misses.step(scene)

    def _start_anew(self, now_ns: int) -> list[Hazard]:
        self._memory.clear()
        self._grid.clear()
        self._near_misses.clear()
        return self._hazards.cancel_all(now_ns)

    def _scene(self, tracks: Tracks, dt_s: float, lacking: tuple[str, ...]) -> Scene:
        objects = _usable(tracks.objects)
        points = np.stack([objects["x"], objects["y"]], axis=1)
        objects = objects[self._site.watched(points)]
        points = np.stack([objects["x"], objects["y"]], axis=1)
        memory = self._memory.update(Tracks(tracks.valid_at_ns, objects))
        course, fast = np.arctan2(memory["fast"][:, 1], memory["fast"][:, 0]), np.hypot(*memory["fast"].T)
        lost = _pointing_nowhere(objects)
        match = self._site.lane_of(points, np.where(fast > 1.0, course, np.where(lost, np.nan, objects["yaw"])))
        objects["yaw"] = np.where(lost & (match.lane >= 0), match.direction, objects["yaw"])
        self._flow.update(objects["id"], fast, match, tracks.valid_at_ns)
        bodies = _surely_there(objects, lost & (match.lane < 0))
        found = conflicts(bodies, self._tau_s)
        found = found[credible(bodies, memory, found, self._site, match)]
        known, signals = riders(objects, memory, match), self._surroundings.signals(tracks.valid_at_ns)
        held = held_m(known, self._layout, signals, tracks.valid_at_ns)
        found = found[~beyond_red(fast, found, held)]
        return Scene(
            now_ns=tracks.valid_at_ns,
            dt_s=dt_s,
            site=self._site,
            objects=objects,
            memory=memory,
            match=match,
            flow_mps=self._flow.usual_mps,
            conflicts=found,
            stopping=stopping(memory, found),
            encroachments=tuple(self._grid.update(objects[objects["age_s"] >= SETTLED_S], tracks.valid_at_ns)),
            weather=self._surroundings.weather(tracks.valid_at_ns),
            signals=signals,
            lacking=lacking,
            layout=self._layout,
            riders=known,
            held_m=held,
        )


def _usable(objects: NDArray[np.void]) -> NDArray[np.void]:
    """Rows with a sane place, velocity and covariance, each id once; an unknown yaw is the course."""
    fine = (np.abs(objects["cov"]) < MAX_VARIANCE).all(axis=(1, 2))  # NaN is not
    for name, limit in (("x", MAX_PLACE_M), ("y", MAX_PLACE_M), ("vx", MAX_SPEED_MPS), ("vy", MAX_SPEED_MPS)):
        fine &= np.abs(objects[name]) < limit
    rows: NDArray[np.void] = objects[fine].copy()
    unique = np.unique(rows["id"], return_index=True)[1]
    rows = rows[np.sort(unique)]
    rows["yaw"] = np.where(np.isfinite(rows["yaw"]), rows["yaw"], np.arctan2(rows["vy"], rows["vx"]))
    for name in ("ax", "ay"):
        rows[name] = np.clip(np.nan_to_num(rows[name]), -MAX_ACCELERATION_MPS2, MAX_ACCELERATION_MPS2)
    for name in ("length", "width"):
        rows[name] = np.clip(np.nan_to_num(rows[name], nan=0.5), 0.2, 30.0)
    return rows


def _pointing_nowhere(objects: NDArray[np.void]) -> NDArray[np.bool_]:
    """Who stands and was never seen to point anywhere: its yaw is said to be its course, which is noise."""
    speed = np.hypot(objects["vx"], objects["vy"])
    same = objects["yaw"] == np.arctan2(objects["vy"], objects["vx"])
    lost: NDArray[np.bool_] = same & (speed > 0) & (speed < STANDS_MPS)
    return lost


def _surely_there(objects: NDArray[np.void], lost: NDArray[np.bool_]) -> NDArray[np.void]:
    """The same, but of a body that may point anywhere only what it covers whichever way it points."""
    if not lost.any():
        return objects
    rows: NDArray[np.void] = objects.copy()
    least = np.minimum(rows["length"], rows["width"])
    for name in ("length", "width"):
        rows[name] = np.where(lost, least, rows[name])
    return rows
