"""Every rule at its border and under flapping: what blinks is one hazard, what is there too briefly is none.

Rules of the weather, of the right of way and of the pole itself have scenes of their own: `ELSEWHERE` names the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import pytest
import test_right_of_way_rules as way
import test_weather_rules as sky
from scenes import START_NS, User, braking, road, straight, ticks

from controller.config import Hazards, NearMisses
from controller.fusion.track import Tracks
from controller.hazard.hazard import Phase
from controller.hazard.rules import rules
from controller.hazard.stage import HazardStage
from controller.site import Site
from interfaces.spec import ObjectClass

ANIMAL, OBSTACLE, PERSON, UNKNOWN = (
    ObjectClass.ANIMAL,
    ObjectClass.OBSTACLE,
    ObjectClass.PEDESTRIAN,
    ObjectClass.UNKNOWN,
)
RULES = {rule.kind: rule for rule in rules(Hazards())}


@dataclass(frozen=True)
class Border:
    """Two scenes that differ by little: the rule speaks `beyond` the border and not `before` it."""

    kind: str
    what: str
    beyond: list[User]
    before: list[User]
    seconds: float = 8.0
    site: Site = field(default_factory=road)
    other_site: Site | None = None  # of `before`
    lasts: bool = True  # whether it goes on for as long as the scene


def queue(count, *, coming_kmh=60.0, pace=2.5):
    standing = [User(straight(60 + 9 * i, 1.6, pace, 0)) for i in range(count)]
    return [*standing, User(straight(-100, 1.6, coming_kmh / 3.6, 0), end=7.0)]


def crossing(later_m):
    return [User(straight(-50, 0, 10, 0)), User(straight(0, -50 - later_m, 0, 10))]


STANDING = User(straight(0, 1.6), yaw=0.0)
BORDERS = (
    Border("wrong_way", "speed", [User(straight(60, 1.6, -2.4, 0))], [User(straight(60, 1.6, -2.1, 0))]),
    Border("wrong_way", "place in the lane", [User(straight(80, 0.5, -9, 0))], [User(straight(80, 0.2, -9, 0))]),
    Border(
        "stationary_vehicle",
        "time",
        [User(straight(0, 1.6), yaw=0.0, end=7.2)],
        [User(straight(0, 1.6), yaw=0.0, end=6.2)],
        lasts=False,
    ),
    Border("stationary_vehicle", "usual speed", [STANDING], [STANDING], 12.0, road(60), road(30)),
    Border(
        "slow_vehicle",
        "speed",
        [User(straight(-100, 1.6, 39 / 3.6, 0))],
        [User(straight(-100, 1.6, 41 / 3.6, 0))],
        9.0,
        road(100),
    ),
    Border(
        "slow_vehicle",
        "kind of road",
        [User(straight(-100, 1.6, 8, 0))],
        [User(straight(-100, 1.6, 8, 0))],
        9.0,
        road(80),
        road(70),
    ),
    Border("queue_tail", "length", queue(3), queue(2), 7.0),
    Border("queue_tail", "who is coming", queue(3, coming_kmh=51), queue(3, coming_kmh=49), 7.0),
    Border("queue_tail", "pace", queue(3, pace=2.7), queue(3, pace=2.9), 7.0),
    Border("queue_tail", "limit", queue(3), queue(3), 7.0, road(60), road(50)),
    Border("speeding", "speed", [User(straight(-150, 1.6, 81.5 / 3.6, 0))], [User(straight(-150, 1.6, 80.5 / 3.6, 0))]),
    Border("person_on_road", "place", [User(straight(0, 2.9), PERSON)], [User(straight(0, 3.4), PERSON)]),
    Border("person_on_road", "crossing", [User(straight(88, 0), PERSON)], [User(straight(89.5, 0), PERSON)]),
    Border("animal", "place", [User(straight(0, 3.2), ANIMAL)], [User(straight(0, 3.4), ANIMAL)]),
    Border("fallen_object", "place", [User(straight(0, 3.2), OBSTACLE)], [User(straight(0, 3.4), OBSTACLE)], 9.0),
    Border(
        "fallen_object",
        "size of what is unknown",
        [User(straight(0, 1), UNKNOWN, box=(2.4, 1, 1))],
        [User(straight(0, 1), UNKNOWN, box=(2.6, 1, 1))],
        9.0,
    ),
    Border(
        "fallen_object",
        "who stands beside",
        [User(straight(0, 1), OBSTACLE), User(straight(2.6, 1), PERSON)],
        [User(straight(0, 1), OBSTACLE), User(straight(2.4, 1), PERSON)],
        9.0,
    ),
    Border(
        "sudden_braking",
        "rate",
        [User(braking(-100, 20, 2, 4.4, 1.6))],
        [User(braking(-100, 20, 2, 3.8, 1.6))],
        lasts=False,
    ),
    Border("collision_risk", "who is there first", crossing(1.0), crossing(12.0), 5.0, Site(), lasts=False),
)
# kind: its tests at the border, under flapping
ELSEWHERE = {
    "red_light_running": (
        way.test_yellow_counts_when_red_comes_first_and_there_was_room_to_stop,
        way.test_braking_at_the_border_does_not_flap,
    ),
    "merging_vehicle": (way.test_the_gap_decides, way.test_a_gap_at_the_border_does_not_flap),
    "crossing_path": (way.test_the_overlap_of_their_stays_decides, way.test_an_overlap_at_the_border_does_not_flap),
    "service_degraded": (
        way.test_a_lacking_module_is_told_within_a_second_with_its_name_and_ends,
        way.test_a_module_that_comes_and_goes_is_one_hazard_and_a_blink_none,
    ),
} | dict.fromkeys(sky.KINDS, (sky.test_at_the_border, sky.test_noise_around_the_threshold_is_one_hazard_at_most))


BLINKING = {one.kind: index for index, one in enumerate(BORDERS) if one.what != "time"}


def words(one, users=None, site=None, shown=lambda _: True):
    """(phase, s) of what is said but updates, the road users being there only where `shown(t)`."""
    stage = HazardStage(site or one.site, Hazards(), NearMisses())
    said = []
    for tracks in ticks(users or one.beyond, one.seconds):
        rows = tracks.objects if shown((tracks.valid_at_ns - START_NS) / 1e9) else tracks.objects[:0]
        said += stage.step(Tracks(tracks.valid_at_ns, rows))[0]
    mine = [word for word in said if word.kind == one.kind and word.phase is not Phase.UPDATE]
    return [(word.phase, (word.reference_time_ns - START_NS) / 1e9) for word in mine]


@cache
def told(index):
    """What is said beyond a border."""
    return words(BORDERS[index])


def test_no_rule_is_without_its_border_and_its_flapping():
    assert {one.kind for one in BORDERS} | set(ELSEWHERE) == set(RULES)


@pytest.mark.parametrize("index", range(len(BORDERS)), ids=[f"{one.kind}: {one.what}" for one in BORDERS])
def test_the_rule_speaks_beyond_its_border_and_not_before(index):
    one = BORDERS[index]
    assert [phase for phase, _ in told(index)].count(Phase.NEW) == 1
    assert not words(one, one.before, one.other_site)


@pytest.mark.parametrize("index", BLINKING.values(), ids=BLINKING)
def test_what_is_lost_from_sight_again_and_again_is_one_hazard(index):
    one, ((_, begun), *_) = BORDERS[index], told(index)
    gap_s = min(0.7 * RULES[one.kind].off_s, 2.0)
    blinking = words(one, shown=lambda t: t <= begun + 0.05 or (t - begun - 0.05) % (gap_s + 0.5) > gap_s)
    assert blinking[0] == (Phase.NEW, begun)
    assert [phase for phase, _ in blinking[1:]] == [Phase.CANCEL] * (len(blinking) - 1)
    assert len(blinking) == 1 or not one.lasts


@pytest.mark.parametrize("index", BLINKING.values(), ids=BLINKING)
def test_what_shows_too_briefly_again_and_again_is_none(index):
    one = BORDERS[index]
    blip_s = 0.7 * RULES[one.kind].on_s
    assert told(index)
    assert not words(one, shown=lambda t: t % (blip_s + 1.0) < blip_s)
