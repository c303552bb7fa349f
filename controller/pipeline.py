"""From detections to what is published, without a wire or a clock: the daemon and the replay run this same code."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.oddity import Ground
from controller.fusion.registration import Registration
from controller.fusion.sensor import Sensor
from controller.fusion.standing import Finding, Standing
from controller.fusion.tracker import Tracker
from controller.geometry import LocalFrame, place
from controller.hazard.stage import HazardStage
from controller.hazard.surroundings import visibility_m
from modules.environment import EnvironmentReading
from modules.registry import default_capability

if TYPE_CHECKING:
    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.hazard.hazard import Hazard
    from controller.hazard.near_miss import NearMiss
    from controller.hazard.surroundings import Weather
    from controller.site import Site
    from modules.capability import Capability
    from modules.detection import Detections


NEAR_M: Final = 3.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What the pole knows and says of one instant."""

    tracks: Tracks
    hazards: list[Hazard]
    near_misses: list[NearMiss]


class Pipeline:
    """One pole's picture of the road. Times are UTC ns; slots are those of the configuration, in its order."""

    def __init__(self, config: Config, site: Site) -> None:
        self.frame = LocalFrame.of(config.origin)
        self.geoid_height_m = config.origin.geoid_height_m
        self.slots = tuple(config.slot)
        self.counters: Counter[str] = Counter()
        self.newest_arrival_ns = 0
        self._config, self._site = config, site
        self._newest: Tracks | None = None
        self._sensors: dict[str, Sensor] = {}
        self._registration = Registration(correct=config.fusion.correct_registration)
        self._excluded: set[int] = set()  # slots in quarantine
        self._trials: dict[str, Registration] = {}  # of modules on probation, which are compared and not fused
        self._hazards = HazardStage(site, config.hazards, config.near_misses, config.pole.roadside_unit_id)
        self._tracker = Tracker(
            {}, history_s=config.fusion.history_s, coast_s=config.fusion.coast_s, seed=config.pole.roadside_unit_id
        )

    def plug(self, slot: str, capability: Capability | None = None) -> None:
        """A module serves the slot from now on; without a capability its class's default stands in."""
        sensor = self._sensor(slot, capability)
        self._trials.pop(slot, None)
        self._registration.forget(sensor.slot_index)
        self._excluded.discard(sensor.slot_index)
        self._tracker.forget(sensor.slot_index)
        self._sensors[slot] = sensor
        self._tracker.set_sensor(slot, sensor)

    def unplug(self, slot: str) -> None:
        """The slot is empty: its absence says nothing about the road any more."""
        self._trials.pop(slot, None)
        if self._sensors.pop(slot, None) is not None:
            self._registration.forget(self.slots.index(slot))
            self._tracker.forget(self.slots.index(slot))
        self._hazards.forget(self.slots.index(slot))
        self._tracker.set_sensor(slot, None)

    def set_thresholds(self, config: Config) -> None:
        """Judge by its hazards and near misses from now on; what is active is cancelled and judged anew."""
        self._config = config
        self._hazards = self._hazards.retuned(config.hazards, config.near_misses, config.pole.roadside_unit_id)

    def finding(self, slot: str) -> Finding | None:
        """How the module in a slot, also one on probation, stands to the others; None before it could be compared."""
        return self._trials.get(slot, self._registration).findings.get(self.slots.index(slot))

    def add(self, detections: Detections) -> bool:
        """Fuse one message; False when it was too late, its slot is empty or its module is in quarantine."""
        self.newest_arrival_ns = max(self.newest_arrival_ns, detections.arrived_at_ns)
        placed, dropped = place(detections, self._config.slot[detections.slot].mount, self.frame)
        self.counters["absurd"] += dropped
        placed = self._registered(placed)
        added = self._tracker.add(placed)
        self.counters["late"] += added.late
        self.counters["accepted" if added.accepted else "refused"] += 1
        return added.accepted

    def _lacking(self) -> tuple[str, ...]:
        """Required slots that nobody serves, or whose module is in quarantine."""
        required = (name for name, slot in self._config.slot.items() if slot.required)
        return tuple(name for name in required if name not in self._sensors or not self._fuses(self._sensors[name]))

    def _registered(self, placed: Detections) -> Detections:
        """Compared with what the others see, and without the module's error where that is to be taken out."""
        sensor = self._sensors.get(placed.slot)
        if sensor is None or self._newest is None:
            return placed
        registration, stamp_ns = self._registration, placed.measured_at_ns
        beside = self._newest, self._fused(), self._ground, _late_s(placed)
        for trial in self._trials.values():
            trial.hear(sensor, placed.objects, stamp_ns, *beside)
        if registration.hear(sensor, placed.objects, stamp_ns, *beside):
            self._heed(self._newest.valid_at_ns)
        rows, stamp_ns = registration.corrected(sensor, placed.objects, stamp_ns)
        return replace(placed, objects=rows, measured_at_ns=stamp_ns)

    def _sensor(self, slot: str, capability: Capability | None) -> Sensor:
        entry = self._config.slot[slot]
        mount = entry.mount
        return Sensor(
            self.slots.index(slot),
            capability or default_capability(entry.module_class),
            mount.east_m,
            mount.north_m,
            mount.height_m,
            math.radians(mount.yaw_deg),
        )

    @property
    def _ground(self) -> Ground | None:
        """What the map knows of where vehicles drive."""
        known = self._site.lanes or self._site.has("carriageway")
        return Ground(self._site.in_carriageway, lambda places: self._site.lane_of(places).offset_m) if known else None

    def _fused(self) -> dict[int, Sensor]:
        return {one.slot_index: one for one in self._sensors.values() if self._fuses(one)}

    def _fuses(self, sensor: Sensor) -> bool:
        found = self._registration.findings.get(sensor.slot_index)
        return found is None or found.standing is not Standing.QUARANTINED

    def _heed(self, now_ns: int) -> None:
        """Tell the tracker whom to believe, how much, and how far they see in this weather."""
        clear_m = visibility_m(self.weather(now_ns))
        self._sensors = {slot: sensor.in_weather(clear_m) for slot, sensor in self._sensors.items()}
        for slot, sensor in self._sensors.items():
            found = self._registration.findings.get(sensor.slot_index)
            if not self._fuses(sensor) and sensor.slot_index not in self._excluded:
                self._tracker.unlearn(sensor.slot_index)
            (self._excluded.discard if self._fuses(sensor) else self._excluded.add)(sensor.slot_index)
            doubt_m = found.doubt_m if found is not None else 0.0
            self._tracker.set_sensor(slot, replace(sensor, doubt_m=doubt_m) if self._fuses(sensor) else None)

    def report(self, slot: str, reading: object, measured_at_ns: int) -> None:
        """What a serving module said that detects nothing; weather and signals bear on hazards."""
        if slot in self._sensors:
            self._hazards.tell(self.slots.index(slot), reading, measured_at_ns)
            if isinstance(reading, EnvironmentReading):
                self._heed(measured_at_ns)

    def weather(self, now_ns: int) -> Weather:
        """What environment modules say that still holds: the bit of each one's slot and its reading."""
        return self._hazards.weather(now_ns)

    def agreement(self, detections: Detections, capability: Capability | None = None) -> tuple[int, int]:
        """Of detections that are not fused: how many lie near a track of the newest picture, how many were compared."""
        tracks = self._newest
        if tracks is None or not len(tracks.objects) or not len(detections.objects):
            return 0, 0
        slot = detections.slot
        placed, _ = place(detections, self._config.slot[slot].mount, self.frame)
        rows = placed.objects
        if slot not in self._trials:
            self._trials[slot] = self._registration.trial(self.slots.index(slot))
        sensor, trial = self._sensor(slot, capability), self._trials[slot]
        trial.hear(sensor, rows, placed.measured_at_ns, tracks, self._fused(), self._ground, _late_s(placed))
        away = np.hypot(
            rows["x"][:, None] - tracks.objects["x"][None, :], rows["y"][:, None] - tracks.objects["y"][None, :]
        )
        return int((away.min(1) <= NEAR_M).sum()), len(rows)

    def advance(self, valid_at_ns: int, frames: int) -> bool:
        """A part of what `look` has to do, so that others have their turn in between; whether there is more."""
        return self._tracker.advance(valid_at_ns, frames)

    def look(self, valid_at_ns: int) -> Tracks:
        """The road at one instant."""
        self._newest = self._tracker.at(valid_at_ns)
        return self._newest

    def judge(self, tracks: Tracks) -> Picture:
        """What is to be said about it; each look at most once, in order."""
        return Picture(tracks, *self._hazards.step(tracks, self._lacking()))

    def tick(self, valid_at_ns: int) -> Picture:
        """Look and judge."""
        return self.judge(self.look(valid_at_ns))


def _late_s(detections: Detections) -> float:
    return (detections.arrived_at_ns - detections.measured_at_ns) / 1e9
