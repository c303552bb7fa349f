"""Where a track points: by its course while it moves, by boxes where there are any, as before while it stands."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.fusion.attributes import vote
from controller.fusion.bank import STORY
from modules.detection import empty_objects


def heading(story):
    return math.atan2(story["heading"][0, 1], story["heading"][0, 0])


def told(story, velocity, yaw=math.nan, times=1):
    row = empty_objects(1)
    row["yaw"], row["confidence"] = yaw, 0.8
    for _ in range(times):
        vote(story, row, np.array([velocity], float))


@pytest.fixture
def story():
    return np.zeros(1, STORY)


def test_who_stands_goes_on_pointing_where_it_drove(story):
    """A module without boxes says nothing of it any more, and its velocity is noise."""
    told(story, (0.0, 9.0), times=30)
    random = np.random.default_rng(1)
    for velocity in random.normal(0, 0.2, (600, 2)):
        told(story, velocity)
    assert heading(story) == pytest.approx(math.pi / 2, abs=0.2)
    assert np.hypot(*story["heading"][0]) > 0.1, "still known"


def test_who_drives_on_elsewhere_points_there_soon(story):
    told(story, (0.0, 9.0), times=30)
    told(story, (0.1, 0.0), times=300)
    told(story, (1.2, 0.0), times=12)
    assert heading(story) == pytest.approx(0.0, abs=0.2)


def test_a_box_turns_one_that_stands(story):
    told(story, (0.0, 9.0), times=30)
    told(story, (0.0, 0.1), yaw=0.5, times=15)
    assert heading(story) == pytest.approx(0.5, abs=0.05)
