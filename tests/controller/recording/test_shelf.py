"""The folder of recordings: whole files or none, the oldest dropped first, never a full disk."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.recording.shelf import Kept, Retention, Shelf, expendable, name_of, time_of
from controller.recording.tape import Event
from interfaces.errors import DeliveryError

NS_PER_S = 1_000_000_000
DAY_S = 86_400
NOW_S = 1_800_000_000.0
KEPT = st.lists(st.builds(Kept, st.text("ab", min_size=1), st.floats(0, 100), st.integers(0, 50)), max_size=12)


def shelf(folder, *, most=1000, age_s=DAY_S, least=100, free=10_000):
    made = Shelf(folder / "recordings", Retention(most, age_s, least), lambda _: free)
    made.open()
    return made


def name(index):
    return name_of(Event("near_miss", index, round((NOW_S + index) * NS_PER_S)))


def put(one, index, size=100, now_s=NOW_S + 100):
    return one.put(name(index), size, now_s, lambda stream: stream.write(bytes(size)))


def names(one):
    return [kept.name for kept in one.kept()]


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000_000), st.integers(0, 2**32), st.sampled_from(["near_miss", "wrong_way"]))
def test_a_name_tells_its_time_and_sorts_by_it(at_ms, number, kind):
    told = name_of(Event(kind, number, at_ms * 1_000_000 + 999_999))
    assert time_of(told) == pytest.approx(at_ms / 1000, abs=1e-6)
    assert (told < name_of(Event("animal", 0, (at_ms + 1) * 1_000_000))) is True


@pytest.mark.parametrize("other", ["notes.mcap", "20261123T101530.250Z-near_miss-1.mcap.part", "x.jsonl"])
def test_files_of_other_names_are_not_ours(tmp_path, other):
    one = shelf(tmp_path, most=0)
    (tmp_path / "recordings" / other).write_bytes(b"1")
    one.tidy(NOW_S + 1000 * DAY_S)
    assert one.kept() == []
    assert (tmp_path / "recordings" / other).exists()


@settings(deadline=None)
@given(KEPT, st.integers(0, 100), st.floats(0, 100), st.integers(0, 100), st.integers(0, 40), st.integers(0, 50))
def test_what_goes_is_the_oldest_and_no_more_than_needed(kept, most, age_s, least, free, need):
    retention = Retention(most, age_s, least)
    row = sorted(kept, key=lambda one: (one.at_s, one.name))
    going = expendable(kept, retention, 100.0, free, need)
    assert going == row[: len(going)]

    def enough(gone):
        left = row[len(gone) :]
        fits = sum(one.size for one in left) + need <= most and free + sum(one.size for one in gone) - need >= least
        return fits and all(100.0 - one.at_s <= age_s for one in left)

    assert enough(going) or going == row
    assert not going or not enough(going[:-1])


def test_the_oldest_make_room_for_the_newest(tmp_path):
    one = shelf(tmp_path, most=350)
    for index in range(6):
        put(one, index)
    assert names(one) == [name(3), name(4), name(5)]
    assert one.dropped == 3


def test_what_is_too_old_goes(tmp_path):
    one = shelf(tmp_path)
    for index in (0, 50):
        put(one, index)
    one.tidy(NOW_S + DAY_S + 25)
    assert names(one) == [name(50)]


def test_old_recordings_go_before_the_disk_is_full(tmp_path):
    folder = tmp_path / "recordings"

    def free(_):
        return 500 - sum(path.stat().st_size for path in folder.iterdir())

    one = Shelf(folder, Retention(10_000, DAY_S, 100), free)
    one.open()
    for index in range(8):
        put(one, index)
        assert free(None) >= 100
    assert names(one) == [name(index) for index in (4, 5, 6, 7)]


def test_a_disk_that_others_have_filled_gets_no_recording_and_keeps_the_old_ones(tmp_path):
    put(shelf(tmp_path), 1)
    one = shelf(tmp_path, free=90)
    with pytest.raises(DeliveryError, match=r"0 MiB are free, 0 must stay so"):
        put(one, 2)
    assert names(one) == [name(1)]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("a bug")])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path, failure):
    one = shelf(tmp_path)

    def fill(stream):
        stream.write(b"half")
        raise failure

    with pytest.raises((DeliveryError, RuntimeError), match=r"No space left|a bug"):
        one.put(name(1), 100, NOW_S, fill)
    assert list((tmp_path / "recordings").iterdir()) == []


def test_a_power_cut_in_the_middle_leaves_nothing_that_looks_whole(tmp_path):
    class PowerCut(BaseException):
        pass

    one = shelf(tmp_path)
    folder = tmp_path / "recordings"

    def fill(stream):
        stream.write(b"half")
        stream.flush()
        assert names(one) == []
        (folder / f"{name(2)}.part").write_bytes(b"what the next start finds")
        raise PowerCut

    with pytest.raises(PowerCut):
        one.put(name(1), 100, NOW_S, fill)
    assert names(one) == []
    shelf(tmp_path)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    one = shelf(tmp_path)
    (tmp_path / "recordings").rmdir()
    with pytest.raises(DeliveryError, match=r"recordings.*No such file"):
        put(one, 1)
