"""A module that is knocked, or whose clock steps, is left out within seconds, whoever else there is."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import CAMERA, LIDAR, RADAR, Crowd, S, a_sensor, late, scaled, shifted, turned
from hypothesis import given
from hypothesis import strategies as st

from controller.fusion.jolt import REST_NS, Jolts
from controller.fusion.standing import Standing
from controller.fusion.track import Tracks, empty_tracks

TWO = (CAMERA, RADAR)


def standings(crowd):
    return [crowd.standing(slot) for slot in crowd.sensors]


@pytest.mark.parametrize("count", [3, 14])
@pytest.mark.parametrize(
    "change",
    [shifted(3.0, 3.0), turned(10), late(0.5), late(-0.5), scaled(1, -1), scaled(3.28, 3.28)],
    ids=["shifted", "turned", "late", "early", "mirrored", "feet"],
)
@pytest.mark.parametrize("wrong", TWO)
def test_of_two_the_one_that_moved_is_left_out_within_seconds_and_for_long(wrong, change, count):
    crowd = Crowd(slots=TWO, count=count, pace=(6, 12))
    crowd.run(12)
    crowd.wrong = {wrong: change}
    crowd.run(5)
    expected = [Standing.QUARANTINED if slot == wrong else Standing.OK for slot in TWO]
    assert standings(crowd) == expected
    crowd.run(20)
    assert standings(crowd) == expected
    assert crowd.finding(wrong).words


@pytest.mark.parametrize("seed", range(5))
def test_road_users_that_all_brake_or_turn_at_once_move_no_module(seed):
    crowd = Crowd(slots=TWO, seed=seed, pace=(6, 12))
    crowd.run(20)
    crowd.place = crowd.truth(crowd.t) - crowd.velocity * crowd.t / 2
    crowd.velocity = crowd.velocity / 2
    crowd.run(5)
    assert standings(crowd) == [Standing.OK] * 2


def test_where_somebody_is_suspected_already_nothing_counts_as_a_jolt():
    """Who is wrong shakes the tracks of the others: the second of two that move is not the one to be doubted first."""
    crowd = Crowd({CAMERA: shifted(0.3, 1.2)}, slots=TWO, pace=(6, 12))
    crowd.run(12)
    assert standings(crowd) == [Standing.DEGRADED] * 2
    before = {slot: crowd.finding(slot).words for slot in TWO}
    assert all(before.values())
    crowd.wrong = {**crowd.wrong, RADAR: shifted(0.0, -5.0)}
    for _ in range(10):
        crowd.run(0.1)
        assert crowd.finding(RADAR).standing is not Standing.OK, "forgotten"


def test_a_module_whose_error_is_taken_out_keeps_no_jolt_from_being_felt():
    crowd = Crowd({CAMERA: shifted(1.0, 0.0)}, correct=True)
    crowd.run(12)
    assert crowd.standing(CAMERA) is Standing.CORRECTED
    crowd.wrong = {**crowd.wrong, LIDAR: turned(10)}
    crowd.run(5)
    assert crowd.standing(LIDAR) is Standing.QUARANTINED


class Alone:
    """Modules one by one, without what others make of it: what one sees is told to `felt`."""

    def __init__(self, count=6, seed=0):
        self.rng, self.jolts, self.now_ns = np.random.default_rng(seed), Jolts(), S
        self.place = self.rng.uniform(-40, 40, (count, 2))

    def felt(self, seen, sources=1, slot=0):
        self.now_ns += S // 5
        rows = empty_tracks(len(self.place))
        rows["id"], rows["age_s"], rows["sources"] = np.arange(len(rows)), 5.0, sources
        return self.jolts.felt(a_sensor(slot), seen, Tracks(self.now_ns, rows), self.place)

    def noisy(self, sigma=0.3):
        return self.place + self.rng.normal(0, sigma, self.place.shape)

    def serve(self, messages=60, **how):
        return [self.felt(self.noisy(**how)) for _ in range(messages)]


def test_two_messages_are_enough_and_one_is_not():
    alone = Alone()
    assert not any(alone.serve())
    assert [alone.felt(alone.noisy() + 2.0) for _ in range(2)] == [False, True]


def test_what_is_usual_is_learned():
    """Who has always seen things a metre beside its tracks, or half of them not at all, has not moved."""
    wide, blind = Alone(count=12), Alone(count=12)
    for alone, seen in ((wide, lambda: wide.noisy(1.0)), (blind, lambda: blind.noisy()[blind.rng.random(12) < 0.5])):
        assert not any(alone.felt(seen()) for _ in range(500))
        assert any(alone.felt(seen() + 6.0) for _ in range(5))


def test_what_comes_slowly_is_no_jolt():
    """One message that is far off, then many that say hardly anything either way."""
    alone = Alone()
    alone.serve()
    assert not alone.felt(alone.noisy() + 2.0)
    assert not any(alone.felt(alone.place[:2]) for _ in range(20))


@pytest.mark.parametrize("seed", range(6))
def test_a_jolt_that_takes_some_messages_to_be_sure_of_is_not_taken_for_usual_meanwhile(seed):
    alone = Alone(count=4, seed=seed)
    alone.serve()
    assert any(alone.felt(alone.noisy() + np.array([2.5, 0.0])) for _ in range(4))


def test_what_one_module_shakes_the_others_need_not_answer_for():
    alone = Alone()
    for _ in range(60):
        assert not any(alone.felt(alone.noisy(), sources=3, slot=slot) for slot in (0, 1))
    assert [alone.felt(alone.noisy() + 2.0, sources=3) for _ in range(2)] == [False, True]
    begin_ns, felt = alone.now_ns, False
    while not felt:
        felt = alone.felt(alone.noisy() + 2.0, sources=3, slot=1)
    assert 3 * S <= alone.now_ns - begin_ns < 4 * S


def test_who_sees_fewer_and_those_as_well_as_before_has_not_moved():
    alone = Alone(count=12)
    alone.serve()
    assert not any(alone.felt(alone.noisy()[:4]) for _ in range(500))


def test_nothing_is_felt_before_it_is_known_what_is_usual():
    alone = Alone()
    assert not any(alone.felt(alone.noisy() + 2.0) for _ in range(5))


def test_one_road_user_alone_moves_no_module():
    alone = Alone(count=1)
    alone.serve(100)
    assert not any(alone.felt(alone.noisy() + 2.0) for _ in range(20))


def test_nor_does_one_for_long_and_then_another_for_a_moment():
    alone = Alone(count=2)
    alone.serve(100)
    for _ in range(50):
        assert not alone.felt(alone.noisy() + 2.0, sources=[1, 0])
    assert not alone.felt(alone.noisy() + 2.0, sources=[1, 1])


def test_tracks_of_others_say_nothing():
    alone = Alone()
    alone.serve()
    assert not any(alone.felt(alone.noisy() + 2.0, sources=2) for _ in range(20))


def test_a_jolt_is_told_once_and_what_comes_after_it_is_usual():
    alone = Alone()
    alone.serve()
    assert sum(alone.felt(alone.noisy() + 2.0) for _ in range(500)) == 1


@given(st.lists(st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2), max_size=8), max_size=40), st.integers(0, 5))
def test_whatever_one_module_saw_the_next_in_its_slot_begins_unsuspected(messages, count):
    alone = Alone(count)
    for message in messages:
        alone.felt(np.array(message).reshape(-1, 2))
    alone.jolts.forget(0)
    alone.now_ns += REST_NS
    assert not any(alone.serve(20))
