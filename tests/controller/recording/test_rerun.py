"""A recording runs again bit for bit, from any instant; the first thing that differs is named."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rehearsal import NS, START_NS, rehearse
from test_clip_file import rewritten

from controller.config import Config
from controller.pipeline import Pipeline
from controller.recording import pure
from controller.recording.about import anchors, differences, environment
from controller.recording.clip_file import read
from controller.recording.entry import Heard, Looked, Said
from controller.recording.recorded_pipeline import RECORDED, UNRECORDED, RecordedPipeline
from controller.recording.rerun import Rerun
from controller.recording.state_reader import load
from controller.recording.state_writer import dump
from controller.recording.tape import Tape
from controller.site import Site
from interfaces.errors import ConfigError


def again(recording):
    """The run up to its first difference, and its pictures."""
    run = Rerun(recording)
    pictures = []
    for picture in run.pictures():
        pictures.append(picture)
        if run.tally.difference:
            break
    return run, pictures


@pytest.mark.parametrize(
    ("name", "seed", "begin_s"),
    [("crossing", 1, 11), ("crossing", 2, 11), ("intersection", 4, 0), ("expressway", 5, 5)],
)
def test_every_clip_of_a_real_run_is_bit_identical(name, seed, begin_s):
    whole = rehearse(name, 6.0, seed, before_s=1, after_s=1, begin_s=begin_s)
    assert whole.clips
    for index, clip in enumerate(whole.clips):
        run, pictures = again(read(io.BytesIO(whole.file(index)), "x"))
        assert run.tally.difference == ""
        said = [entry for entry in clip.entries if isinstance(entry, Said)]
        assert run.tally.publications == sum(len(one.parts) for one in said) > 10
        assert len(pictures) == run.tally.pictures == sum(isinstance(entry, Looked) for entry in clip.entries)
        assert any(len(picture.tracks.objects) > 1 for picture in pictures)


def test_a_clip_that_begins_in_the_middle_knows_what_was_before():
    """Hazards that began before it go on under their ids, and its state is not that of a pole just started."""
    whole = rehearse("crossing", 7.0, before_s=1, after_s=1, begin_s=11.0, recorded_from_s=2.5)
    clip = whole.clips[-1]
    assert clip.begin_ns >= START_NS + 2 * NS
    recording = read(io.BytesIO(whole.file(len(whole.clips) - 1)), "x")
    assert again(recording)[0].tally.difference == ""
    config, site = whole.config, Site()
    fresh = dump({"pipeline": vars(Pipeline(config, site)), "homes": {}}, anchors(config, site))
    forgetful = replace(recording, state=fresh)
    assert again(forgetful)[0].tally.difference != ""


def test_a_dropped_message_is_found_out(rehearsal, recorded):
    recording = read(io.BytesIO(recorded), "x")
    heard = [index for index, entry in enumerate(recording.entries) if isinstance(entry, Heard)]
    kept = tuple(entry for index, entry in enumerate(recording.entries) if index != heard[len(heard) // 3])
    run, _ = again(replace(recording, entries=kept))
    assert run.tally.difference.startswith("picture ")
    assert "there" in run.tally.difference


def test_one_bit_of_a_track_is_found_out(recorded):
    recording = read(io.BytesIO(recorded), "x")
    index = next(i for i, e in enumerate(recording.entries) if isinstance(e, Looked) and len(e.tracks.objects) > 1)
    recording.entries[index].tracks.objects["vx"].view("<u8")[1] ^= 1
    run, _ = again(recording)
    number = sum(isinstance(entry, Looked) for entry in recording.entries[:index]) + 1
    assert run.tally.difference.startswith(f"picture {number}: track ")
    assert ": vx " in run.tally.difference


def tampered(recording, change, parts=1):
    """The recording with `change` of its first statement of so many publications that says anything."""
    entries = list(recording.entries)
    said = [(index, entry) for index, entry in enumerate(entries) if isinstance(entry, Said)]
    index, statement = next((i, e) for i, e in said if len(e.parts) == parts and len(e.parts[0].payload or b"") > 150)
    entries[index] = change(statement)
    return replace(recording, entries=tuple(entries))


def test_one_byte_of_a_publication_is_found_out(recorded):
    def change(said):
        first = said.parts[0]
        payload = bytearray(first.payload)
        payload[-4] ^= 0x40  # the last number of the last object's covariance
        return replace(said, parts=(replace(first, payload=bytes(payload)), *said.parts[1:]))

    run, _ = again(tampered(read(io.BytesIO(recorded), "x"), change))
    assert "/objects: objects[" in run.tally.difference
    assert "covariance" in run.tally.difference


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda said: replace(said, stamp=replace(said.stamp, sequence=7)), r"header\.sequence \d+ there, 7 here"),
        (lambda said: replace(said, parts=said.parts[:1]), "/hazard/.*/json: said only here"),
        (lambda said: replace(said, parts=(*said.parts, said.parts[0])), "/hazard/.*: said only there"),
        (lambda said: replace(said, parts=(replace(said.parts[0], qos=0), said.parts[1])), "qos 0 there, 1 here"),
        (
            lambda said: replace(said, parts=(said.parts[0], replace(said.parts[1], digest=1))),
            "the JSON twin or an attribute is another",
        ),
    ],
)
def test_what_differs_is_named(recorded, change, words):
    run, _ = again(tampered(read(io.BytesIO(recorded), "x"), change, parts=2))
    assert re.search(words, run.tally.difference), run.tally.difference


def test_a_statement_too_few_or_too_many_is_found_out(recorded):
    recording = read(io.BytesIO(recorded), "x")
    said = [index for index, entry in enumerate(recording.entries) if isinstance(entry, Said)]
    fewer = tuple(entry for index, entry in enumerate(recording.entries) if index != said[3])
    assert "said here, not there" in again(replace(recording, entries=fewer))[0].tally.difference
    more = (*recording.entries, recording.entries[said[-1]])
    assert "said only there" in again(replace(recording, entries=more))[0].tally.difference


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": b"N"}, "not that of a pipeline of this version"),
        ({"state": b"?"}, "the recorded state cannot be read"),
        ({"configuration": "{}"}, "the recorded configuration: pole: "),
        ({"site": "{"}, "recorded site map"),
    ],
)
def test_what_cannot_run_here_says_why(recorded, change, words):
    with pytest.raises(ConfigError, match=words):
        Rerun(replace(read(io.BytesIO(recorded), "x"), **change))


def test_a_forged_state_ends_in_words(recorded):
    recording = read(io.BytesIO(recorded), "x")
    run = Rerun(recording)
    run.pipeline._tracker = None
    with pytest.raises(ConfigError, match="the recording cannot run here: AttributeError"):
        list(run.pictures())


def test_a_recording_of_other_code_or_another_machine_is_told_apart():
    here = environment()
    assert differences(here) == []
    assert differences(here | {"numpy": "1.0"}) == [f"numpy 1.0 there, {here['numpy']} here"]
    assert len(differences(here | {"code": "0" * 64, "machine": "vax"})) == 2


def test_whatever_is_asked_of_a_pipeline_is_on_tape_or_known_to_change_nothing():
    public = {name for name in dir(Pipeline) if not name.startswith("_") and callable(getattr(Pipeline, name))}
    assert public <= RECORDED | UNRECORDED, (
        "a new method of Pipeline: record it in controller/recording/recorded_pipeline.py if it changes its state"
    )
    assert {name for name in RECORDED if name in vars(RecordedPipeline)} == RECORDED


def test_the_derived_part_of_the_state_still_exists():
    for place, names in pure.DERIVED.items():
        assert set(names) <= set(pure.resolve(place).__slots__)


def test_a_state_is_the_same_after_each_way_through_bytes(rehearsal):
    site = Site()
    for clip in rehearsal.clips:
        config = rehearsal.config
        known = anchors(config, site)
        once = dump(load(clip.state, known), known)
        assert dump(load(once, known), known) == once
        assert len(once) == len(clip.state)


def test_a_recorded_pipeline_says_what_a_plain_one_says(rehearsal):
    config = Config.model_validate(rehearsal.config.model_dump(by_alias=True))
    one, two = Pipeline(config, Site()), RecordedPipeline(config, Site(), Tape(1, 1, 1 << 20))
    heard = [entry.detections for entry in rehearsal.clips[0].entries if isinstance(entry, Heard)]
    for pipeline in (one, two):
        for slot in {message.slot for message in heard}:
            pipeline.plug(slot)
        for message in heard:
            pipeline.add(message)
    now = max(message.arrived_at_ns for message in heard)
    first, second = one.tick(now), two.tick(now)
    assert len(first.tracks.objects) > 0
    assert first.tracks.objects.tobytes() == second.tracks.objects.tobytes()


def test_a_copy_by_another_tool_runs_as_well(recorded):
    copied = read(io.BytesIO(rewritten(recorded, order=lambda rows: rows[::-1])), "x")
    assert again(copied)[0].tally.difference == ""
