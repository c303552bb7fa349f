"""A whole pole without wires in virtual time: simulated sensors, late messages, a swap, and the tape running along."""

from __future__ import annotations

import io
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from controller import site_file
from controller.config import Config
from controller.geometry import LocalFrame
from controller.publication.publication import Publication, Stamp
from controller.publication.voice import Voice, sender_of
from controller.recording.about import anchors, shown
from controller.recording.clip_file import Provenance, write
from controller.recording.entry import Noted, said
from controller.recording.recorded_pipeline import RecordedPipeline
from controller.recording.state_writer import dump
from controller.recording.tape import Clip, Event, Tape
from modules.detection import Axes, Detections
from modules.environment import EnvironmentReading
from modules.registry import default_capability
from sim.scenario import Scenario, scenario

if TYPE_CHECKING:
    from collections.abc import Iterable

START_NS = 1_800_000_000_123_456_789
NS = 1_000_000_000
STEP_S = 0.1


@dataclass
class Rehearsal:
    """What was published and what was kept of it."""

    config: Config
    site_text: str
    clips: list[Clip] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)

    def provenance(self) -> Provenance:
        frame = LocalFrame.of(self.config.origin)
        return Provenance("rehearsal", "0.0.0", self.config.publish.root, frame, shown(self.config), self.site_text)

    def file(self, index: int) -> bytes:
        stream = io.BytesIO()
        write(stream, self.clips[index], self.provenance())
        return stream.getvalue()


class _Stage:
    def __init__(
        self, scene: Scenario, seed: int, before_s: float, after_s: float, max_bytes: int, twins: bool
    ) -> None:
        self.scene = scene
        text = self.scene.config_text({}) + f"\n[publish]\njson_twins = {str(twins).lower()}\n"
        self.config = Config.model_validate(tomllib.loads(text))
        frame = LocalFrame.of(self.config.origin)
        self.site = site_file.load(self.scene.site, frame)
        self.tape = Tape(round(before_s * NS), round(after_s * NS), max_bytes)
        self.pipeline = RecordedPipeline(self.config, self.site, self.tape)
        self.rng = np.random.default_rng(seed)
        self.voice = Voice(sender_of(self.config), self.stamp)
        self.anchors = anchors(self.config, self.site)
        self.sequence = 0
        self.now_ns = START_NS
        self.recorded_from_ns = START_NS
        self.told = Rehearsal(self.config, self.scene.site)
        self.waiting: list[Detections] = []

    def stamp(self) -> Stamp:
        self.sequence += 1
        return Stamp(
            self.sequence, self.now_ns + int(self.rng.integers(0, 5_000_000)), float(self.rng.random() * 0.002)
        )

    def state(self) -> bytes:
        return dump({"pipeline": self.pipeline.state(), "homes": self.voice.homes}, self.anchors)

    def deliver(self, share: float = 1.0) -> None:
        """Messages that have arrived by now, or the first of them."""
        due = sorted((one for one in self.waiting if one.arrived_at_ns <= self.now_ns), key=lambda d: d.arrived_at_ns)
        for one in due[: round(len(due) * share)]:
            self.waiting.remove(one)
            self.pipeline.add(one)

    def picture(self) -> None:
        self.pipeline.advance(self.now_ns, 4)
        tracks = self.pipeline.look(self.now_ns)
        saying = self.voice.objects(tracks)
        objects = next(saying)
        self.deliver()  # the rest comes in between
        statements = [objects, *self.voice.events(self.pipeline.judge(tracks)), *saying]
        for one in statements:
            self.told.publications += one.publications
            self.tape.add(said(one))
        self.tape.add(Noted(self.now_ns, f"{self.config.publish.root}/pole/1/2/status", b""))
        if self.now_ns < self.recorded_from_ns:
            return
        clip = self.tape.tick(self.now_ns, self.state)
        if clip is not None:
            self.told.clips.append(clip)


def rehearse(
    name: str,
    seconds: float,
    seed: int = 1,
    *,
    before_s: float = 10.0,
    after_s: float = 5.0,
    max_bytes: int = 1 << 28,
    begin_s: float = 0.0,
    twins: bool = False,
    recorded_from_s: float = 0.0,
) -> Rehearsal:
    """Run a scenario with one event in its middle; every clip it gave, the last one cut where the run ends."""
    stage = _Stage(scenario(name, seed), seed, before_s, after_s, max_bytes, twins)
    stage.recorded_from_ns += round(recorded_from_s * NS)
    specs = [spec for spec in stage.scene.modules if spec.module_class in {"camera", "lidar", "radar", "sensor"}]
    world = stage.scene.world()
    sensors = {spec.slot: stage.scene.sensor(spec, stage.rng, lambda: world.now_s) for spec in specs}
    while world.now_s < begin_s:
        world.step(STEP_S)
    for spec in specs:
        stage.pipeline.plug(spec.slot)
    steps = round(seconds / STEP_S)
    for step in range(steps):
        world.step(STEP_S)
        stage.now_ns += round(STEP_S * NS)
        truth = world.truth()
        for slot, sensor in sensors.items():
            if (rows := sensor.observe(truth)) is not None:
                late = int(stage.rng.exponential(0.06) * NS)
                error_s = float(stage.rng.random() * 0.01)
                measured = stage.now_ns - late // 2
                stage.waiting.append(
                    Detections(slot, measured, stage.now_ns + late, Axes.MODULE, rows, len(rows), error_s)
                )
        if step in {steps // 2, steps // 2 + 10}:  # a module is swapped for another
            slot, kind = specs[0].slot, specs[0].module_class
            if step == steps // 2:
                stage.pipeline.unplug(slot)
            else:
                stage.pipeline.plug(slot, default_capability(kind))
        if step % 10 == 3:
            rain_mmph = 30.0 * (step % 20 == 3)
            wet = EnvironmentReading(step, 60.0, rain_mmph, None, 1.0, None, None, None, None, 2)
            stage.pipeline.report(specs[0].slot, wet, stage.now_ns)
        if step == steps // 2:
            stage.tape.happened(Event("asked_for", 1, stage.now_ns), stage.now_ns)  # however calm the road
        stage.deliver(0.5)
        stage.picture()
    last = stage.tape.end(stage.now_ns)
    if last is not None:
        stage.told.clips.append(last)
    return stage.told


def replayed(scene: Scenario, messages: Iterable[Detections]) -> Rehearsal:
    """Messages of a log through the pole of a scene, recorded all along."""
    ordered = sorted(messages, key=lambda one: one.arrived_at_ns)
    stage = _Stage(scene, 1, 60.0, 0.0, 1 << 28, False)
    for slot in {one.slot for one in ordered}:
        stage.pipeline.plug(slot)
    stage.waiting = list(ordered)
    stage.now_ns = stage.recorded_from_ns = ordered[0].arrived_at_ns
    while stage.waiting:
        stage.now_ns += round(STEP_S * NS)
        stage.deliver(0.7)
        if stage.now_ns >= ordered[-1].arrived_at_ns:
            stage.tape.happened(Event("asked_for", 1, stage.now_ns), stage.now_ns)
        stage.picture()
    last = stage.tape.end(stage.now_ns)
    stage.told.clips += [last] if last is not None else []
    return stage.told
