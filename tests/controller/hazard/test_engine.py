"""The life of a hazard: new, update, cancel, identity, quality and bounds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import START_NS, User, road, run, straight, ticks

from controller.config import Hazards, NearMisses
from controller.fusion.track import Tracks, empty_tracks
from controller.hazard.hazard import Phase
from controller.hazard.stage import HazardStage
from interfaces.spec import ObjectClass

PERSON = ObjectClass.PEDESTRIAN


@pytest.mark.parametrize("rate_hz", [1, 2, 5, 10, 20])
def test_new_then_an_update_a_second_then_cancel(rate_hz):
    hazards, _ = run([User(straight(0, 0), PERSON)], 8, road(), rate_hz=rate_hz)
    phases = [one.phase for one in hazards]
    assert phases[0] is Phase.NEW
    assert phases[-1] is Phase.CANCEL
    assert set(phases[1:-1]) == {Phase.UPDATE}
    times = [one.reference_time_ns / 1e9 for one in hazards]
    assert all(b - a <= 1.05 for a, b in pairwise(times[:-1]))
    assert len({one.action_id for one in hazards}) == 1
    assert len({one.detection_time_ns for one in hazards}) == 1


def test_a_cancelled_hazard_comes_back_as_another():
    person = User(straight(0, 0), PERSON)
    stage = HazardStage(road(), Hazards(), NearMisses())
    said = []
    for tracks in ticks([person], 20):
        away = 8 < (tracks.valid_at_ns - START_NS) / 1e9 < 14
        said += stage.step(Tracks(tracks.valid_at_ns, tracks.objects[:0] if away else tracks.objects))[0]
    begun = [one.action_id for one in said if one.phase is Phase.NEW]
    assert len(begun) == len(set(begun)) == 2


@given(st.lists(st.booleans(), min_size=30, max_size=60))
@settings(max_examples=40, deadline=None)
def test_whatever_comes_and_goes_the_words_are_in_order(present):
    stage = HazardStage(road(), Hazards(), NearMisses())
    alive: dict[int, int] = {}
    changes = []
    for tracks, here in zip(ticks([User(straight(0, 0), PERSON)], 6), present, strict=False):
        for one in stage.step(Tracks(tracks.valid_at_ns, tracks.objects if here else tracks.objects[:0]))[0]:
            if one.phase is Phase.NEW:
                assert one.action_id not in alive
                alive[one.action_id] = 1
                changes.append(one.reference_time_ns)
            elif one.phase is Phase.CANCEL:
                del alive[one.action_id]
                changes.append(one.reference_time_ns)
            else:
                assert one.action_id in alive
    # Never faster than the rule's own hysteresis allows.
    assert all(b - a >= 0.4e9 for a, b in pairwise(changes))


def test_quality_rises_with_modules_and_falls_with_doubt():
    def quality(sources: int, doubt: float) -> int:
        stage = HazardStage(road(), Hazards(), NearMisses())
        for tracks in ticks([User(straight(0, 0), PERSON, sources=sources)], 2):
            tracks.objects["cov"][:, 0, 0] = doubt**2
            said = stage.step(tracks)[0]
            if said:
                return said[0].information_quality
        pytest.fail("nothing was said")

    assert quality(0b111, 0.1) > quality(0b1, 0.1) > 0
    assert quality(0b111, 1.5) < quality(0b111, 0.1) <= 7


def test_action_ids_are_the_same_on_every_run_and_differ_by_seed():
    def ids(seed: int) -> list[int]:
        stage = HazardStage(road(), Hazards(), NearMisses(), seed)
        users = [User(straight(0, 0), PERSON), User(straight(40, 1.6, -10, 0))]
        return [one.action_id for tracks in ticks(users, 4) for one in stage.step(tracks)[0]]

    assert ids(1) == ids(1) != ids(2)


def test_after_a_long_gap_or_a_clock_that_ran_back_everything_is_cancelled():
    for jump_s in (60, -60):
        stage = HazardStage(road(), Hazards(), NearMisses())
        for tracks in ticks([User(straight(0, 0), PERSON)], 3):
            stage.step(tracks)
        said, _ = stage.step(Tracks(tracks.valid_at_ns + jump_s * 1_000_000_000, empty_tracks(0)))
        assert [one.phase for one in said] == [Phase.CANCEL]


def test_the_number_of_hazards_is_bounded():
    crowd = [User(straight(-250 + 2.5 * (i % 200), -3 + 3 * (i // 200)), PERSON) for i in range(600)]
    hazards, _ = run(crowd, 1.0, road(), rate_hz=5)
    assert 0 < len({one.action_id for one in hazards if one.kind == "person_on_road"}) <= 200
