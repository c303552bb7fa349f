"""Claims in fusion, in virtual time: honest vehicles help, a liar is contradicted by those who would have to see it."""

from __future__ import annotations

import tomllib

import numpy as np

from controller.config import Config
from controller.cooperative import Cooperative
from controller.geometry import LocalFrame
from controller.pipeline import Pipeline
from controller.publication.radio.station import Station
from controller.site import Site
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import VEHICLES
from modules import comms
from modules.comms import Heard, RadioReading
from sim.evaluation.frame import Frame
from sim.evaluation.metrics import clear
from sim.film import START_NS, film
from sim.radio import SimRadio
from sim.scenario import scenario
from tests.controller.publication.radio.claims import rc013_of

SETTLED_S = 2.0
NEAR_M = 60.0
SCENE = scenario("intersection")
FRAME = LocalFrame.of(SCENE.origin)


class Watch:
    """A scene's film through a pole; `hear(take, now_ns)` gives what the radio reports each 0.1 s, None for no radio.

    Of the sensors only those in `slots` work.
    """

    def __init__(self, hear, seconds, slots=("camera", "lidar", "radar")):
        self.slots = slots
        self.config = Config.model_validate(tomllib.loads(SCENE.config_text({})))
        self.pipeline = Pipeline(self.config, Site())
        for slot, entry in self.config.slot.items():
            self.pipeline.plug(slot, comms.COOPERATIVE if entry.module_class == "comms" else None)
        self.ear = Cooperative(FRAME, SCENE.origin.geoid_height_m, 300.0)
        self.alone = 1 << list(self.config.slot).index("comms")
        self.pictures = list(self._watch(hear, seconds))

    def _watch(self, hear, seconds):
        under_way = []
        for index, take in enumerate(film(SCENE, seconds)):
            now_ns = START_NS + round(take.at_s * 1e9)
            under_way += [one for one in take.detections if one.slot in self.slots]
            if index % 2 == 0 and (reading := hear(take, now_ns)) is not None:
                under_way.append(self.ear.detections("comms", reading, now_ns, now_ns + 20_000_000, 0.001))
            for one in sorted((d for d in under_way if d.arrived_at_ns <= now_ns), key=lambda d: d.arrived_at_ns):
                self.pipeline.add(one)
            under_way = [one for one in under_way if one.arrived_at_ns > now_ns]
            if index % 2 == 0 and take.at_s > SETTLED_S:
                yield take.truth, self.pipeline.look(now_ns).objects

    def measured(self):
        return clear([Frame(*near(truth), *near(tracks)) for truth, tracks in self.pictures])


def near(rows):
    inside = rows[np.hypot(rows["x"], rows["y"]) < NEAR_M]
    return list(inside["id"]), np.column_stack([inside["x"], inside["y"]])


def test_honest_vehicles_are_seen_even_when_no_sensor_works():
    radio = SimRadio(SCENE.origin, lambda: START_NS, equipped=1.0)

    def honest(take, now_ns):
        radio._utc_ns = lambda: now_ns
        return comms.read(radio.received(take.truth, 1, 1, 8), comms.COOPERATIVE)

    watch = Watch(honest, 6.0, slots=())
    speakers = sum(int(np.isin(truth["object_class"], [*map(int, VEHICLES)]).sum()) for truth, _ in near_only(watch))
    figures = watch.measured()
    everyone = sum(len(truth) for truth, _ in near_only(watch))
    assert figures.misses <= everyone - 0.9 * speakers
    assert figures.false <= 0.05 * everyone
    assert figures.rmse_m < 1.0
    assert figures.switches == 0
    assert not watch.ear.counters


def near_only(watch):
    return [(truth[np.hypot(truth["x"], truth["y"]) < NEAR_M], tracks) for truth, tracks in watch.pictures]


def test_a_liar_in_sight_of_the_sensors_is_not_believed_for_long(monkeypatch):
    monkeypatch.setattr(
        "tests.controller.publication.radio.claims.STATION", Station(1, FRAME, SCENE.origin.geoid_height_m)
    )

    def lie(take, now_ns):
        payload = rc013_of(20.0, 10.0, speed=0.0, at_ns=now_ns, height=SCENE.origin.altitude_m)
        return RadioReading(1, (Heard(1, pb.RC013, payload),), 1)

    watch = Watch(lie, 6.0)
    believed = [bool((tracks["sources"] == watch.alone).any()) for _, tracks in watch.pictures]
    assert not watch.ear.counters, "nothing about the lie itself gives it away"
    assert not any(believed[-10:])
