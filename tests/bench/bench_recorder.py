"""What recording costs: microseconds a message, a picture and a state; memory; writing while others work."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from controller.config import Recorder as Section
from controller.config_file import load
from controller.publication.publication import Stamp
from controller.publication.voice import Voice, sender_of
from controller.recorder import BREATH_S, Recorder
from controller.recording import clip_file
from controller.recording.tape import Event
from controller.site import Site
from modules.detection import Axes, Detections, empty_objects

NS = 1_000_000_000
START_NS = 1_800_000_000 * NS
CONFIG = load(Path(__file__).parents[2] / "deploy" / "pole.toml")
SLOTS = ("camera", "lidar", "radar")


def run(seconds: float = 25.0) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    rows = []
    for count in (50, 200):
        pole = _Pole(count)
        pole.run(seconds)
        spent = {name: np.array(values) * 1e6 for name, values in pole.spent.items()}
        rows += [
            (f"a message of {count} objects, on tape", float(np.median(spent["message"])), "us"),
            (f"a picture of {count} objects with its twin, on tape", float(np.median(spent["picture"])), "us"),
            (f"the state of {count} tracks, every 5 s", float(np.median(spent["state"])) / 1e3, "ms"),
            (f"share of one core, {count} objects", 100 * pole.total_s / seconds, "%"),
            (f"the tape in memory, {count} objects", pole.recorder.counters["memory"] / 2**20, "MB"),
        ]
        clip = pole.recorder.pipeline._tape._cut(
            SimpleNamespace(events=[Event("near_miss", 1, pole.now_ns)], since_ns=pole.now_ns - 15 * NS), pole.now_ns
        )
        took, size, pause = _write(clip, pole.recorder._provenance)
        rows += [
            (f"a clip of {(clip.end_ns - clip.begin_ns) / NS:.0f} s, {count} objects: to write", took * 1e3, "ms"),
            (f"a clip of {(clip.end_ns - clip.begin_ns) / NS:.0f} s, {count} objects: file", size / 2**20, "MB"),
            (f"longest pause of another thread meanwhile, {count} objects", pause * 1e3, "ms"),
        ]
    return rows


class _Pole:
    def __init__(self, count: int) -> None:
        config = CONFIG.model_copy(update={"recorder": Section(memory_mb=512)})
        self.recorder = Recorder(config, Site(), "", Path("/nonexistent"), "0")
        self.recorder._tidied_ns = 1 << 62
        self.pipeline = self.recorder.pipeline
        self.now_ns, self.sequence, self.count = START_NS, 0, count
        self.voice = Voice(sender_of(config), self._stamp)
        self.spent: dict[str, list[float]] = {name: [] for name in ("message", "picture", "state")}
        self.total_s = 0.0
        self.rng = np.random.default_rng(0)
        for slot in SLOTS:
            self.pipeline.plug(slot)

    def run(self, seconds: float) -> None:
        side = int(np.ceil(np.sqrt(self.count)))
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[: self.count] * 12.0 - 80.0
        tape = self.pipeline._tape
        add, states = tape.add, self.recorder._state
        tape.add = lambda entry: self._timed("message", add, entry)
        self.recorder._state = lambda voice: self._timed("state", states, voice)
        for step in range(round(seconds * 10)):
            self.now_ns += NS // 10
            for slot in SLOTS:
                rows = empty_objects(self.count)
                noise = self.rng.normal(0, 0.1, (self.count, 2))
                rows["x"], rows["y"] = (grid + noise + [step * 0.1, 0.0]).T
                rows["id"], rows["vx"], rows["vy"], rows["confidence"] = np.arange(self.count), 1.0, 0.0, 0.9
                rows["object_class"] = 2
                self.pipeline.add(Detections(slot, self.now_ns, self.now_ns, Axes.ENU, rows, self.count))
            said = list(self.voice.objects(self.pipeline.look(self.now_ns)))
            self._timed("picture", self.recorder.picture, self.now_ns, self.voice, said)
        self.total_s = sum(self.spent["message"]) + sum(self.spent["picture"])

    def _stamp(self) -> Stamp:
        self.sequence += 1
        return Stamp(self.sequence, self.now_ns)

    def _timed(self, name, call, *arguments):
        begin = time.perf_counter()
        made = call(*arguments)
        self.spent[name].append(time.perf_counter() - begin)
        return made


def _write(clip, provenance) -> tuple[float, int, float]:
    """Seconds, bytes, and the longest that a thread which sleeps 1 ms at a time had to wait beyond that."""
    clip_file.write(io.BytesIO(), clip, provenance)  # imports
    stream, took = io.BytesIO(), Counter()

    def write() -> None:
        begin = time.perf_counter()
        clip_file.write(stream, clip, provenance, partial(threading.Event().wait, BREATH_S))
        took["s"] += time.perf_counter() - begin

    thread = threading.Thread(target=write)
    thread.start()
    longest = 0.0
    while thread.is_alive():
        begin = time.perf_counter()
        time.sleep(0.001)
        longest = max(longest, time.perf_counter() - begin - 0.001)
    return took["s"], stream.tell(), longest


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:55} {value:12.3f} {unit}")
