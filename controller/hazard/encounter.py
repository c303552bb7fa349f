"""One encounter of two road users: the measures blended over the ticks, its worst moment, its record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.conflict import NAMES, ConflictType
from controller.hazard.engine import quality
from controller.hazard.near_miss import NearMiss, Participant
from controller.hazard.sct import MAX_DECELERATION_MPS2, REACTION_S, Body, nedo_level
from interfaces.spec import VULNERABLE

if TYPE_CHECKING:
    from controller.config import NearMisses
    from controller.hazard.pet import Encroachment
    from controller.hazard.scene import Scene

LIKELY: Final = 0.55
SOME_CHANCE: Final = 0.3
SURE: Final = 0.7
PARALLEL, OPPOSITE = math.radians(30), math.radians(130)
SMOOTH_S: Final = 0.25  # a certain conflict counts after three ticks at 10 Hz, a doubtful one after five …
SMOOTH_PARALLEL_S: Final = 0.5  # … and later on parallel courses, where passing close is usual
QUIET_S: Final = 1.0
MAX_ENCOUNTER_S: Final = 5.0
VRU_PET_S: Final = 2.0
CONTACT_M: Final = -0.3
_WEAK: Final = frozenset(int(c) for c in VULNERABLE)


@dataclass(slots=True)
class Peak:
    """The worst moment so far."""

    at_ns: int
    x: float
    y: float
    z: float
    conflict: str
    nedo_level: str
    probability: float
    closing: float
    distance: float
    participants: tuple[Participant, Participant]
    sources: int
    quality: int


@dataclass(slots=True)
class Encounter:
    """Two road users who may come too close."""

    start_ns: int
    last_ns: int = 0  # of the newest sign of danger
    updated_ns: int = 0
    severity: int = 0
    peak: Peak | None = None
    worst: tuple[float, float] = (0.0, 0.0)
    chance: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    drac: float = 0.0
    overlap: float = 0.0
    apart: bool = False
    parallel: bool = False
    oncoming: bool = False
    fastest: float = 0.0
    braking: list[float] = field(default_factory=lambda: [0.0, 0.0])
    quiet_s: float = QUIET_S
    ttc_s: float = math.nan
    pet_s: float = math.nan
    mttc_s: float = math.nan
    sct_s: float = math.nan
    drac_mps2: float = math.nan

    def __post_init__(self) -> None:
        self.last_ns = self.updated_ns = self.start_ns

    def take(
        self, scene: Scene, conflict: np.void, rows: tuple[int, int], config: NearMisses, *, stopping: bool
    ) -> None:
        """A credible conflict at this tick."""
        self.oncoming = bool(conflict["angle"] >= OPPOSITE)
        self.parallel = self.oncoming or bool(conflict["angle"] <= PARALLEL)
        gain = self._gain(scene)
        self._blend(gain, conflict)
        if conflict["gap_m"] > 0.5:
            self.apart = True
        level = self._level(config, stopping=stopping, contact=self.overlap > 0.7)
        likely = self.chance[0] > LIKELY
        if likely:
            self.last_ns = scene.now_ns
            self._minima(conflict)
        if conflict["type"] != ConflictType.REAR_END:
            self.quiet_s = VRU_PET_S
        self._worsen(scene, rows, level, float(conflict["ttc_s"]), NAMES[ConflictType(int(conflict["type"]))])

    def fade(self, scene: Scene) -> None:
        """No credible conflict at this tick."""
        keep = 1 - self._gain(scene)
        self.chance = [value * keep for value in self.chance]
        self.drac *= keep
        self.overlap *= keep

    def encroach(self, scene: Scene, rows: tuple[int, int], passed: Encroachment, config: NearMisses) -> None:
        """One took the other's place shortly after it had left."""
        classes = scene.objects["object_class"][list(rows)]
        weak = bool(_WEAK & {int(c) for c in classes})
        if not passed.pet_s >= self.pet_s:
            self.pet_s = passed.pet_s
        first, second, third = config.pet_s
        level = 3 if passed.pet_s < third else 2 if passed.pet_s < (VRU_PET_S if weak else second) else 1
        if passed.pet_s >= max(first, VRU_PET_S if weak else 0.0):
            return
        self.last_ns = scene.now_ns
        self._worsen(scene, rows, level, passed.pet_s, "vru" if weak else "crossing")

    def ended(self, now_ns: int) -> bool:
        """Whether it is over, or has lasted long enough to be told."""
        over = now_ns - self.last_ns >= self.quiet_s * 1e9
        return over or (self.severity > 0 and now_ns - self.start_ns >= MAX_ENCOUNTER_S * 1e9)

    def record(self, number: int, severity: int) -> NearMiss:
        """As it is published."""
        peak = self.peak
        assert peak is not None  # noqa: S101 - only encounters with a peak are told
        a, b = peak.participants
        return NearMiss(
            encounter_id=_identity(self.start_ns, a.track_id, b.track_id, number),
            start_ns=self.start_ns,
            peak_ns=peak.at_ns,
            end_ns=max(self.last_ns, peak.at_ns),
            severity=severity,
            nedo_level=peak.nedo_level,
            conflict=peak.conflict,
            x=peak.x,
            y=peak.y,
            z=peak.z,
            ttc_s=self.ttc_s,
            pet_s=self.pet_s,
            drac_mps2=self.drac_mps2,
            mttc_s=self.mttc_s,
            sct_s=self.sct_s,
            probability=peak.probability,
            closing_speed=peak.closing,
            distance=peak.distance,
            participants=peak.participants,
            sources=peak.sources,
            information_quality=peak.quality,
        )

    def _gain(self, scene: Scene) -> float:
        elapsed = max((scene.now_ns - self.updated_ns) / 1e9, min(scene.dt_s, 0.1))
        self.updated_ns = scene.now_ns
        return 1 - math.exp(-elapsed / (SMOOTH_PARALLEL_S if self.parallel else SMOOTH_S))

    def _blend(self, gain: float, conflict: np.void) -> None:
        self.chance = [c + gain * (float(p) - c) for c, p in zip(self.chance, conflict["probability"], strict=True)]
        told = float(conflict["drac_mps2"])
        drac = 0.0 if math.isnan(told) else min(told, 20.0)  # NaN: they do not meet
        self.drac += gain * (drac - self.drac)
        self.overlap += gain * (float(conflict["gap_m"] < CONTACT_M) - self.overlap)

    def _level(self, config: NearMisses, *, stopping: bool, contact: bool) -> int:
        """Severity now, 0 to 4. That TTC alone is below its first threshold opens an encounter but is no near miss."""
        if not self.apart:
            return 0  # boxes that were never seen apart tell of a wrong place, not of a conflict
        if contact:
            return 4
        meets = self.chance[0] > LIKELY
        by_ttc = 0 if stopping else 3 if self.chance[2] > LIKELY else 2 if self.chance[1] > LIKELY else 0
        if self.parallel and self.chance[1] < SOME_CHANCE and not (self.oncoming and self.chance[0] > SURE):
            meets = False  # far ahead on parallel courses the doubt of the lateral speed is larger than the road
        by_drac = sum(self.drac > threshold for threshold in config.drac_mps2) if meets else 0
        return max(by_ttc, by_drac)

    def _minima(self, conflict: np.void) -> None:
        ttc, closing = float(conflict["ttc_s"]), float(conflict["closing_mps"])
        self.ttc_s = _least(self.ttc_s, ttc)
        self.mttc_s = _least(self.mttc_s, float(conflict["mttc_s"]))
        self.sct_s = _least(self.sct_s, ttc - closing / (2 * MAX_DECELERATION_MPS2) - REACTION_S)
        self.drac_mps2 = float(np.fmax(self.drac_mps2, self.drac if self.drac > 0 else math.nan))

    def _worsen(self, scene: Scene, rows: tuple[int, int], level: int, time_s: float, conflict: str) -> None:
        objects = scene.objects[list(rows)]
        self.fastest = max(self.fastest, float(np.hypot(objects["vx"], objects["vy"]).max()))
        self._brake(scene, rows)
        order = (float(level), -time_s if math.isfinite(time_s) else -10.0)
        if level == 0 or (self.peak is not None and order <= self.worst):
            return
        self.severity, self.worst = max(self.severity, level), order
        self.peak = _peak(scene, rows, conflict, self.chance[0], self.braking)

    def _brake(self, scene: Scene, rows: tuple[int, int]) -> None:
        for i, row in enumerate(rows):
            item = scene.objects[row]
            speed = max(math.hypot(item["vx"], item["vy"]), 1e-6)
            along = float(item["ax"] * item["vx"] + item["ay"] * item["vy"]) / speed
            if math.isfinite(along):
                self.braking[i] = max(self.braking[i], -along)


def _peak(scene: Scene, rows: tuple[int, int], conflict: str, probability: float, braking: list[float]) -> Peak:
    objects = scene.objects[list(rows)]
    one, two = objects
    parties = tuple(_participant(item, brake) for item, brake in zip(objects, braking, strict=True))
    bodies = [Body(*(float(item[n]) for n in ("x", "y", "vx", "vy", "yaw", "length", "width"))) for item in objects]
    sources = int(one["sources"]) | int(two["sources"])
    sure = float(objects["existence"].min()) * max(probability, LIKELY)
    return Peak(
        scene.now_ns,
        float(objects["x"].mean()),
        float(objects["y"].mean()),
        float(np.nan_to_num(objects["z"]).mean()),
        conflict,
        nedo_level(bodies[0], bodies[1]),
        sure,
        math.hypot(one["vx"] - two["vx"], one["vy"] - two["vy"]),
        math.hypot(one["x"] - two["x"], one["y"] - two["y"]),
        (parties[0], parties[1]),
        sources,
        quality(objects, sources, sure),
    )


def _participant(item: np.void, braking: float) -> Participant:
    return Participant(
        track_id=int(item["id"]),
        object_class=int(item["object_class"]),
        x=float(item["x"]),
        y=float(item["y"]),
        speed=math.hypot(item["vx"], item["vy"]),
        heading=float(item["yaw"]),
        length=float(item["length"]),
        width=float(item["width"]),
        max_deceleration=braking,
    )


def _least(old: float, new: float) -> float:
    return float(np.fmin(old, new))


def _identity(start_ns: int, first: int, second: int, number: int) -> int:
    """32 bits of when it began and of whom: the same on every run."""
    mixed = (start_ns // 1_000_000) * 2654435761 ^ first * 40503 ^ second * 69069 ^ number
    return mixed % 0xFFFFFFFF + 1
