"""Recordings nobody here made up, through the pole and again: skipped when they do not stand beside the checkout."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import pytest
from rehearsal import replayed

from controller.detection_log import read as read_log
from controller.recording.clip_file import read
from controller.recording.rerun import Rerun
from sim.replay import log_lines
from sim.replay import read as read_recording

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.recording,
    pytest.mark.skipif(not DATA.is_dir(), reason="no recordings beside the checkout (../shared/data)"),
]
FILES = ["msight_geddes_huron/detections.csv", "ngsim/USA_US101-4_1.csv", "ngsim/USA_Lanker-1_1.csv"]


@pytest.mark.parametrize("name", FILES)
def test_real_roads_run_again_bit_for_bit(name):
    recording = read_recording((DATA / name).read_text(), name)
    scene = recording.scene()
    slots = [spec.slot for spec in scene.modules]
    whole = replayed(scene, islice(read_log(log_lines(recording, 1), slots), 120))
    run = Rerun(read(io.BytesIO(whole.file(len(whole.clips) - 1)), name))
    pictures = list(run.pictures())
    assert run.tally.difference == ""
    assert len(pictures) > 15
    assert max(len(one.tracks.objects) for one in pictures) > 3
