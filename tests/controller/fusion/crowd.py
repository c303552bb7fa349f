"""Road users that drive about before modules with known errors, and what registration is told of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from controller.fusion.registration import Registration
from controller.fusion.sensor import Sensor
from controller.fusion.standing import Finding, Standing
from controller.fusion.track import Tracks, empty_tracks
from modules.detection import empty_objects
from modules.registry import default_capability

S = 1_000_000_000
START_NS = 1_800_000_000 * S
CAMERA, LIDAR, RADAR = range(3)
NAMES = ("camera", "lidar", "radar")
WIDE = (((-200.0, -200.0), (200.0, -200.0), (200.0, 200.0), (-200.0, 200.0)),)
EVERYWHERE = {name: replace(default_capability(name), field_of_view=WIDE) for name in NAMES}


def a_sensor(slot, x=0.0, y=0.0, yaw=0.0):
    return Sensor(slot, EVERYWHERE[NAMES[slot]], x, y, 5.0, yaw)


class Crowd:
    """Road users that drive about before modules which see all of them, each with its own error."""

    def __init__(self, wrong=None, *, slots=(CAMERA, LIDAR, RADAR), correct=False, seed=1, count=14, pace=(3, 12)):
        self.rng = np.random.default_rng(seed)
        self.registration = Registration(correct=correct)
        self.sensors = {slot: a_sensor(slot, x=-5.0 + 5 * slot) for slot in slots}
        self.wrong = wrong or {}
        self.t = 0.0
        self.speed_scale = {}
        self.doppler = frozenset()
        self.place = self.rng.uniform(-45, 45, (count, 2))
        angle = self.rng.uniform(-math.pi, math.pi, count)
        self.velocity = self.rng.uniform(*pace, count)[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.t = round(self.t + 0.1, 3)
            for sensor in self.sensors.values():
                fused = {n: one for n, one in self.sensors.items() if self.standing(n) is not Standing.QUARANTINED}
                self.hear(sensor, fused)

    def hear(self, sensor, fused):
        self.registration.hear(sensor, self.seen(sensor.slot_index), self.now_ns, self.tracks(fused), fused)

    @property
    def now_ns(self):
        return START_NS + round(self.t * S)

    def standing(self, slot):
        return self.finding(slot).standing

    def finding(self, slot):
        return self.registration.findings.get(slot, Finding())

    def truth(self, t):
        return (self.place + self.velocity * t + 60) % 120 - 60

    def tracks(self, fused):
        """What a tracker would make of it: near the truth, with something wrong of its own."""
        rows = empty_tracks(len(self.place))
        place = self.truth(self.t) + 0.2
        times_round = np.abs((self.place + self.velocity * self.t + 60) // 120).sum(1)
        rows["id"] = np.arange(1, len(rows) + 1) + len(rows) * times_round  # who comes again is somebody else
        rows["x"], rows["y"] = place[:, 0], place[:, 1]
        rows["vx"], rows["vy"] = self.velocity[:, 0], self.velocity[:, 1]
        rows["age_s"] = 5.0
        rows["sources"] = sum(1 << slot for slot in fused)
        return Tracks(self.now_ns, rows)

    def seen(self, slot):
        place = self.truth(self.t) + self.rng.normal(0, 0.3, self.place.shape)
        rows = empty_objects(len(place))
        if slot in self.wrong:
            place = self.wrong[slot](self, self.sensors[slot], place)
        rows["x"], rows["y"] = place[:, 0], place[:, 1]
        rows["sigma_pos"], rows["confidence"] = 0.4, 0.9
        rows["vx"], rows["vy"] = self.velocity.T * self.speed_scale.get(slot, math.nan)
        if slot in self.doppler:
            sight = self.truth(self.t) - [self.sensors[slot].x, self.sensors[slot].y]
            rows["range_rate"] = (sight * self.velocity).sum(1) / np.hypot(*sight.T)
        return rows


def turned(degrees):
    def change(_crowd, sensor, place):
        angle = math.radians(degrees)
        matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        return (place - [sensor.x, sensor.y]) @ matrix + [sensor.x, sensor.y]

    return change


def shifted(east, north):
    return lambda _crowd, _sensor, place: place + np.array([east, north])


def late(seconds):
    return lambda crowd, _sensor, place: place - crowd.velocity * seconds


def scaled(along, across):
    return lambda _crowd, sensor, place: (place - [sensor.x, sensor.y]) * [along, across] + [sensor.x, sensor.y]
