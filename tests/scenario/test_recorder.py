"""The whole pole with its recorder on: what it keeps of a run over real ptys runs again bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_pole import staged

from controller.recording.clip_file import read
from controller.recording.entry import Heard, Noted, Plugged, Said
from controller.recording.rerun import Rerun
from controller.recording.tape import Event
from interfaces.proto import publication_pb2 as pb
from sim.broker import Broker


async def test_a_recording_of_the_daemon_is_what_was_published_and_runs_again(tmp_path):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url) as stage:
        await stage.until(lambda: any(one.kind == "objects" and len(one.message.objects) >= 5 for one in stage.seen))
        recorder = stage.app.recorder
        now = max(one.message.header.detection_time_ns for one in stage.seen if one.kind == "objects")
        recorder.pipeline._tape.happened(Event("asked_for", 1, now), now)
        await stage.plant.unplug("camera")
        await stage.until(lambda: stage.state("camera") == "LOST")
        stage.plant.plug("camera")
        await stage.until(lambda: stage.state("camera") == "ACTIVE")
        seen = len(stage.seen)
        await stage.until(lambda: len(stage.seen) > seen + 20)
        heard = [one for one in stage.seen if one.kind == "objects"]
    assert recorder.trouble == ""
    path = next(path for path in (tmp_path / "state" / "recordings").iterdir() if "asked_for" in path.name)
    with path.open("rb") as stream:
        recording = read(stream, path.name)
    assert [one.serving for one in recording.entries if isinstance(one, Plugged) and one.slot == "camera"][-2:] == [
        False,
        True,
    ]
    assert len({one.detections.slot for one in recording.entries if isinstance(one, Heard)}) >= 2
    assert any(isinstance(one, Noted) and one.topic.endswith("/status") for one in recording.entries)
    told = {
        one.stamp.sequence: pb.PerceivedObjects.FromString(one.parts[0].payload)
        for one in recording.entries
        if isinstance(one, Said) and one.parts[0].topic.endswith("/objects")
    }
    compared = [one for one in heard if one.message.header.sequence in told]
    assert len(compared) >= 10
    for one in compared:
        kept = told[one.message.header.sequence]
        assert kept.SerializeToString(deterministic=True) == one.message.SerializeToString(deterministic=True)
    run = Rerun(recording)
    assert max(len(picture.tracks.objects) for picture in run.pictures()) >= 5
    assert run.tally.difference == ""
