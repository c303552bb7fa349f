"""The recorder beside a pipeline: clips reach the disk on a thread, trouble is told, and the pole goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from controller import log
from controller.app import App
from controller.config import Recorder as Section
from controller.config_file import load, load_site, site_text
from controller.publication.publication import Publication, Stamp
from controller.publication.voice import Voice, sender_of
from controller.recorder import MAX_WAITING, TIDY_NS, Recorder
from controller.recording.clip_file import read
from controller.recording.rerun import Rerun
from controller.recording.tape import Event
from controller.site import Site
from modules.detection import Axes, Detections, empty_objects

NS_PER_S = 1_000_000_000
START_NS = 1_800_000_000 * NS_PER_S
CONFIG = load(Path(__file__).parents[2] / "deploy" / "pole.toml")


class Pole:
    """A recorder, its pipeline and voice, driven as the daemon drives them."""

    def __init__(self, folder, **section):
        slots = {name: slot.model_copy(update={"required": False}) for name, slot in CONFIG.slot.items()}
        recorder = Section(before_s=1, after_s=0.5, **section)
        config = CONFIG.model_copy(update={"recorder": recorder, "slot": slots})
        self.recorder = Recorder(config, Site(), "", folder / "recordings", "1.2.3")
        self.pipeline = self.recorder.pipeline
        self.now_ns, self.sequence = START_NS, 0
        self.voice = Voice(sender_of(config), self.stamp)
        self.pipeline.plug("lidar")

    def stamp(self):
        self.sequence += 1
        return Stamp(self.sequence, self.now_ns)

    def run(self, ticks, event_at=()):
        for step in range(ticks):
            self.now_ns += NS_PER_S // 10
            rows = empty_objects(1)
            rows["x"], rows["y"], rows["vx"], rows["vy"], rows["id"] = 0.5 * step, 3.0, 5.0, 0.0, 1
            rows["confidence"], rows["object_class"] = 0.9, 2
            self.pipeline.add(Detections("lidar", self.now_ns, self.now_ns, Axes.ENU, rows, 1))
            tracks = self.pipeline.look(self.now_ns)
            saying = self.voice.objects(tracks)
            said = [next(saying), *self.voice.events(self.pipeline.judge(tracks)), *saying]
            if step in event_at:
                self.recorder.pipeline._tape.happened(Event("near_miss", step, self.now_ns), self.now_ns)
            self.recorder.picture(self.now_ns, self.voice, said)

    def files(self):
        return sorted((path for path in Path(self.recorder._shelf._folder).iterdir()), key=lambda path: path.name)


def test_a_clip_reaches_the_disk_whole_and_runs_again(tmp_path):
    pole = Pole(tmp_path)
    health = Publication("smartpole/v1/pole/1/2/status", b"", "application/x-protobuf", 1, True, None, (), "k")
    pole.run(20)
    pole.recorder.note(health, pole.now_ns)
    pole.run(30, [10])
    pole.recorder.close(pole.now_ns)
    (path,) = pole.files()
    assert path.name == "20270115T080003.100Z-near_miss-10.mcap"
    with path.open("rb") as stream:
        run = Rerun(read(stream, path.name))
    assert len(list(run.pictures())[-1].tracks.objects) == 1
    assert run.tally.difference == ""
    assert run.tally.noted == 1
    counters = pole.recorder.counters
    assert (counters["clips"], counters["failed"], counters["bytes"]) == (1, 0, path.stat().st_size)
    assert pole.recorder.trouble == ""
    assert list(pole.recorder.told) == [f"{path.name}: 1 events, {path.stat().st_size} B"]


def test_a_stop_writes_the_clip_that_is_open(tmp_path):
    pole = Pole(tmp_path)
    pole.run(20, [19])
    assert pole.recorder.counters["clips"] == 0
    pole.recorder.close(pole.now_ns)
    assert [path.suffix for path in pole.files()] == [".mcap"]


def test_without_an_event_there_is_no_file(tmp_path):
    pole = Pole(tmp_path)
    pole.run(20)
    pole.recorder.close(pole.now_ns)
    assert pole.files() == []


def test_a_full_disk_is_told_and_the_pole_goes_on(tmp_path, monkeypatch):
    free = 400 << 20
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    pole = Pole(tmp_path)
    pole.run(30, [10])
    pole.recorder._thread.submit(int).result()  # the writer is done
    assert "400 MiB are free, 500 must stay so" in pole.recorder.trouble
    assert pole.recorder.counters["failed"] == 1
    assert pole.files() == []
    free = 600 << 20
    pole.run(30, [10])
    pole.recorder.close(pole.now_ns)
    assert pole.recorder.trouble == ""
    assert len(pole.files()) == 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "recordings").write_text("in the way")
    pole = Pole(tmp_path)
    pole.run(30, [10])
    pole.recorder.close(pole.now_ns)
    assert "File exists" in pole.recorder.trouble
    assert pole.recorder.counters["clips"] == 0


def test_a_disk_that_hangs_costs_recordings_but_neither_time_nor_memory(tmp_path, monkeypatch):
    pole = Pole(tmp_path)
    hangs = threading.Event()
    monkeypatch.setattr(pole.recorder._shelf, "put", lambda *_: hangs.wait(30) and 0)
    pole.run(20 * (MAX_WAITING + 3), range(0, 20 * (MAX_WAITING + 3), 20))
    assert pole.recorder.counters["skipped"] == 3
    assert "the disk is too slow" in pole.recorder.told[-1]
    hangs.set()
    pole.recorder.close(pole.now_ns)


def test_a_state_that_cannot_be_written_ends_the_recording_not_the_pole(tmp_path):
    pole = Pole(tmp_path)
    pole.pipeline.socket = threading.Lock()
    pole.run(60, [10])
    assert pole.recorder.trouble.startswith(
        "nothing is recorded: StateError: pipeline.socket: _thread:lock is no class"
    )
    assert len(pole.recorder.told) == 1
    assert pole.recorder.counters["memory"] == 0
    pole.recorder.close(pole.now_ns)


def test_a_bug_in_the_recorder_does_not_silence_the_pole(tmp_path, monkeypatch):
    pole = Pole(tmp_path)
    monkeypatch.setattr(pole.pipeline._tape, "tick", lambda *_: 1 / 0)
    pole.run(3)
    assert pole.recorder.trouble == "nothing is recorded: ZeroDivisionError: division by zero"
    assert pole.recorder.counters["memory"] == 0
    pole.recorder.close(pole.now_ns)


def test_old_recordings_go_while_nothing_happens(tmp_path):
    pole = Pole(tmp_path, max_age_days=1)
    pole.run(30, [10])
    pole.recorder._thread.submit(int).result()
    assert len(pole.files()) == 1
    pole.now_ns += 2 * 86_400 * NS_PER_S
    assert pole.now_ns - START_NS > TIDY_NS
    pole.run(1)
    pole.recorder.close(pole.now_ns)
    assert pole.files() == []
    assert pole.recorder.counters["expired"] == 1


def test_a_picture_that_failed_is_not_in_any_clip(tmp_path):
    pole = Pole(tmp_path)
    pole.run(20)
    pole.pipeline.look(pole.now_ns + 1)  # and then something raised
    pole.recorder.lost()
    pole.run(30, [10])
    pole.recorder.close(pole.now_ns)
    (path,) = pole.files()
    with path.open("rb") as stream:
        run = Rerun(read(stream, path.name))
    list(run.pictures())
    assert run.tally.difference == ""


def test_a_pole_records_unless_it_is_told_not_to_or_its_site_map_could_not_be_kept(tmp_path):
    folder = Path(__file__).parents[2] / "deploy"
    site, text = load_site(CONFIG, folder), site_text(CONFIG, folder)
    silent = CONFIG.model_copy(update={"recorder": Section(on=False)})
    assert site.lanes
    assert App(CONFIG, site, tmp_path, log.logger(), text).recorder is not None
    assert App(CONFIG, Site(), tmp_path, log.logger()).recorder is not None
    assert App(CONFIG, site, tmp_path, log.logger()).recorder is None
    assert App(silent, site, tmp_path, log.logger(), text).recorder is None


def test_the_format_is_imported_only_when_there_is_something_to_write():
    code = "import sys, controller.app; sys.exit(len({'mcap', 'zstandard', 'lz4'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
