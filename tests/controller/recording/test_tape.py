"""The tape: bounded in time and bytes, and clips that begin early enough, join, and are always whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.track import Tracks, empty_tracks
from controller.recording.entry import ENTRY_BYTES, Judged, Looked, Noted
from controller.recording.tape import LATE_NS, LONGEST_NS, NS_PER_S, SEGMENT_NS, Event, Tape

MS = 1_000_000
PERIOD = 100 * MS
START = 1_800_000_000 * NS_PER_S
PLENTY = 1 << 30


def begun(before_s=10, after_s=5, max_bytes=PLENTY):
    return Tape(round(before_s * NS_PER_S), round(after_s * NS_PER_S), max_bytes)


def run(tape, ticks, events=(), size=0, first=0):
    """Tick by tick: a note that carries its time, then the events of the tick; the clips that came out."""
    clips = []
    for step in range(first, first + ticks):
        now = START + step * PERIOD
        tape.add(Noted(now, "t", bytes(size)))
        for at, late in events:
            if at == step:
                tape.happened(Event("near_miss", at, now - late), now)
        clip = tape.tick(now, lambda step=step: str(step).encode())
        if clip is not None:
            clips.append(clip)
    return clips


def times(clip):
    return [entry.at_ns for entry in clip.entries]


def test_a_clip_holds_what_was_before_and_after_its_event():
    (clip,) = run(begun(), 400, [(200, 0)])
    assert times(clip)[0] <= START + 100 * PERIOD
    assert times(clip)[0] > START + 100 * PERIOD - SEGMENT_NS
    assert times(clip)[-1] == START + 250 * PERIOD == clip.end_ns
    assert [event.id for event in clip.events] == [200]


def test_a_clip_begins_with_the_state_before_its_first_entry_and_misses_none():
    (clip,) = run(begun(), 400, [(200, 0)])
    assert times(clip)[0] == START + int(clip.state) * PERIOD + PERIOD
    assert np.diff(times(clip)).tolist() == [PERIOD] * (len(clip.entries) - 1)


def test_an_encounter_that_is_told_late_still_gets_its_seconds_before():
    (clip,) = run(begun(), 400, [(300, LATE_NS)])
    assert times(clip)[0] <= START + 300 * PERIOD - LATE_NS - 10 * NS_PER_S


def test_an_encounter_that_is_told_after_a_later_event_gets_its_seconds_too():
    (clip,) = run(begun(), 400, [(300, 0), (320, LATE_NS)])
    assert times(clip)[0] <= START + 320 * PERIOD - LATE_NS - 10 * NS_PER_S
    assert [event.id for event in clip.events] == [300, 320]


def test_an_event_soon_after_the_start_gets_what_there_is():
    (clip,) = run(begun(), 100, [(3, 0)])
    assert times(clip)[0] == START + PERIOD


def test_overlapping_clips_join_and_distant_ones_do_not():
    one, two = run(begun(), 500, [(200, 0), (240, 0), (240, 0), (400, 0)])
    assert [event.id for event in one.events] == [200, 240, 240]
    assert one.end_ns == START + 290 * PERIOD
    assert [event.id for event in two.events] == [400]
    assert times(two)[0] <= START + 300 * PERIOD


def test_a_road_where_something_always_happens_fills_several_clips_without_a_gap():
    clips = run(begun(), 1500, [(step, 0) for step in range(200, 1500, 20)])
    assert len(clips) == 2
    assert all(clip.end_ns - clip.begin_ns <= LONGEST_NS + 20 * NS_PER_S for clip in clips)
    assert times(clips[1])[0] < clips[0].end_ns


def test_what_is_held_is_bounded_in_time():
    tape = begun()
    run(tape, 2000, size=1000)
    assert tape.size < (10 * NS_PER_S + LATE_NS + 2 * SEGMENT_NS) / PERIOD * (1000 + ENTRY_BYTES + 10)


@settings(deadline=None)
@given(st.integers(200, 20_000), st.lists(st.tuples(st.integers(0, 300), st.integers(0, LATE_NS)), max_size=4))
def test_what_is_held_is_bounded_in_bytes_and_every_clip_stays_whole(size, events):
    tape = begun(max_bytes=100_000)
    clips = []
    for step in range(300):
        clips += run(tape, 1, events, size, first=step)
        assert tape.size <= 100_000 + size + ENTRY_BYTES + 10
    for clip in clips:
        assert times(clip)[0] == START + int(clip.state) * PERIOD + PERIOD
        assert np.diff(times(clip)).tolist() == [PERIOD] * (len(clip.entries) - 1)


def test_a_clip_that_fills_the_memory_is_cut_rather_than_lost():
    (clip, *_) = run(begun(max_bytes=100_000), 400, [(200, 0)], size=1000)
    assert clip.events[0].id == 200
    assert clip.end_ns < START + 250 * PERIOD


def test_one_flood_between_two_ticks_forgets_all_and_begins_anew():
    tape = begun(max_bytes=100_000)
    run(tape, 10)
    for _ in range(50):
        tape.add(Noted(START, "t", bytes(5000)))
    assert tape.size == 0
    assert tape.counters["overflows"] == 1
    (clip,) = run(tape, 200, [(20, 0)], first=11)
    assert int(clip.state) == 11


def test_a_stop_keeps_the_open_clip_up_to_the_last_whole_picture():
    tape = begun()
    assert run(tape, 100, [(90, 0)]) == []
    tape.add(Looked(Tracks(START + 100 * PERIOD, empty_tracks(0))))
    clip = tape.end(START + 100 * PERIOD)
    assert times(clip)[-1] == START + 99 * PERIOD
    assert tape.end(START + 100 * PERIOD) is None


def test_a_picture_that_broke_off_after_it_was_looked_at_is_no_base_for_a_replay():
    tape = begun()
    run(tape, 10)
    tape.add(Noted(START, "t", b""))
    tape.lost()
    assert tape.size > 0
    tape.add(Looked(Tracks(START + 10 * PERIOD, empty_tracks(0))))
    tape.lost()
    assert tape.size == 0
    assert tape.counters["lost"] == 1
    (clip,) = run(tape, 100, [(20, 0)], first=12)
    assert int(clip.state) == 12


def test_a_clock_that_jumps_either_way_leaves_whole_clips():
    tape = begun()
    run(tape, 100)
    (clip,) = run(tape, 200, [(1_000_020, 0)], first=1_000_000)
    assert int(clip.state) == 50  # the segment in which the clock jumped is whole too
    assert times(clip)[-1] == START + 1_000_070 * PERIOD
    (clip,) = run(tape, 200, [(120, 0)], first=100)
    assert clip.end_ns == START + 170 * PERIOD
    assert len(clip.entries) < 200


def test_nothing_is_held_before_the_first_state():
    tape = begun()
    tape.add(Judged(START))
    assert tape.size == 0
    assert tape.end(START) is None
