"""Near misses of one pole: who meets whom, one record per encounter, at most one per pair in 10 s."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.encounter import Encounter
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from controller.config import NearMisses
    from controller.hazard.encounter import Peak
    from controller.hazard.near_miss import NearMiss
    from controller.hazard.pet import Encroachment
    from controller.hazard.scene import Scene
    from controller.site import Site

AGAIN_S: Final = 10.0
FAST_PARTY_MPS: Final = 30 / 3.6
MAX_ENCOUNTERS: Final = 500
NEAR_M, NEAR_S = 4.0, 3.0
# Whose footprint tells who was where: of a sure place, and measured just now.
SURE_M, MEASURED_S = 0.8, 0.5
QUICK_MPS: Final = 3.0  # a cyclist at walking pace encroaches upon nobody


class NearMissEngine:
    """Encounters of one pole; `step` in order of time."""

    def __init__(self, site: Site, config: NearMisses) -> None:
        self._site, self._config = site, config
        self._open: dict[tuple[int, int], Encounter] = {}
        self._told: dict[tuple[int, int], NearMiss] = {}

    def step(self, scene: Scene) -> list[NearMiss]:
        """The encounters that ended at this tick (or have lasted for 5 s)."""
        rows = {int(track): row for row, track in enumerate(scene.objects["id"])}
        touched = {self._conflict(scene, index) for index in range(len(scene.conflicts))}
        for passed in scene.encroachments:
            self._encroach(scene, rows, passed)
        said = []
        for pair, met in list(self._open.items()):
            if pair not in touched:
                met.fade(scene)
            if met.ended(scene.now_ns):
                del self._open[pair]
                if (record := self._record(pair, met)) is not None:
                    said.append(record)
        self._forget(scene.now_ns)
        return said

    def clear(self) -> None:
        """Forget everything."""
        self._open.clear()
        self._told.clear()

    def _conflict(self, scene: Scene, index: int) -> tuple[int, int]:
        conflict = scene.conflicts[index]
        rows = int(conflict["first"]), int(conflict["second"])
        pair = _pair(scene, rows)
        met = self._meet(scene, pair)
        if met is not None:
            met.take(scene, conflict, rows, self._config, stopping=bool(scene.stopping[index]))
        return pair

    def _encroach(self, scene: Scene, rows: dict[int, int], passed: Encroachment) -> None:
        pair = (min(passed.first, passed.second), max(passed.first, passed.second))
        both = rows[pair[0]], rows[pair[1]]
        if not _may_encroach(scene, both):
            return
        met = self._meet(scene, pair)
        if met is not None:
            met.encroach(scene, both, passed, self._config)

    def _meet(self, scene: Scene, pair: tuple[int, int]) -> Encounter | None:
        if pair not in self._open:
            if pair in self._told or len(self._open) >= MAX_ENCOUNTERS:
                return None
            self._open[pair] = self._inherit(scene, pair) or Encounter(scene.now_ns)
        return self._open[pair]

    def _inherit(self, scene: Scene, pair: tuple[int, int]) -> Encounter | None:
        """The open encounter of one of the two with a track that is gone: the other's under its old id."""
        for old in self._open:
            gone = set(old) - set(pair)
            if len(gone) == 1 and not np.isin(list(gone), scene.objects["id"])[0]:
                return self._open.pop(old)
        return None

    def _record(self, pair: tuple[int, int], met: Encounter) -> NearMiss | None:
        if met.peak is None or met.severity == 0 or self._again(pair, met.peak):
            return None
        severity = met.severity
        if met.peak.conflict == "vru" and severity < 4 and met.fastest > FAST_PARTY_MPS:
            severity = min(severity + 1, 3)
        record = met.record(len(self._told), severity)
        self._told[pair] = record
        return record

    def _again(self, pair: tuple[int, int], peak: Peak) -> bool:
        """Whether the same encounter was told under another id of one of the two."""
        return any(len(set(pair) & set(other)) == 1 and _same(peak, told) for other, told in self._told.items())

    def _forget(self, now_ns: int) -> None:
        self._told = {p: told for p, told in self._told.items() if now_ns - told.end_ns < AGAIN_S * 1e9}


def _pair(scene: Scene, rows: tuple[int, int]) -> tuple[int, int]:
    a, b = (int(scene.objects["id"][row]) for row in rows)
    return (a, b) if a < b else (b, a)


def _same(peak: Peak, told: NearMiss) -> bool:
    """Whether the one party that two encounters do not share is one body, which went on as it did in between."""
    apart_s = (peak.at_ns - told.peak_ns) / 1e9
    if abs(apart_s) > NEAR_S:
        return False
    ids = [{who.track_id for who in one.participants} for one in (peak, told)]
    new = [who for who in peak.participants if who.track_id not in ids[1]]
    old = [who for who in told.participants if who.track_id not in ids[0]]
    if len(new) != 1 or len(old) != 1:  # ids may have changed since the worst moment
        return not new
    other, was = new[0], old[0]
    x = was.x + was.speed * math.cos(was.heading) * apart_s
    y = was.y + was.speed * math.sin(was.heading) * apart_s
    return math.hypot(other.x - x, other.y - y) < NEAR_M


def _may_encroach(scene: Scene, rows: tuple[int, int]) -> bool:
    both = list(rows)
    objects = scene.objects[both]
    there = (objects["existence"] >= 0.5) & (objects["age_s"] >= 1.0) & (scene.seen_s[both] <= MEASURED_S)
    placed = np.maximum(objects["cov"][:, 0, 0], objects["cov"][:, 1, 1]) <= SURE_M**2
    quick = (objects["object_class"] == ObjectClass.BICYCLE) & (scene.speed[both] > QUICK_MPS)
    return bool((there & placed & (objects["object_class"] < 8)).all() and (scene.vehicle[both] | quick).any())
