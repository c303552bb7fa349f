"""Readings hold only what can be: figures out of this world and signals that contradict themselves are unknown."""

from __future__ import annotations

import pytest

from interfaces.proto import pmi_pb2 as pb
from modules import environment, signal


@pytest.mark.parametrize("name", environment.POSSIBLE)
def test_figures_at_the_border_of_the_possible(name):
    low, high = environment.POSSIBLE[name]
    for value, kept in ((low, True), (high, True), (high + 1, False), (low - 1, False)):
        if value < 0 and name == "road_surface":
            continue  # cannot be written
        reading = environment.read(pb.EnvironmentReading(**{name: value}), environment.DEFAULT)
        assert getattr(reading, name) == (value if kept else None)


@pytest.mark.parametrize(
    ("told", "colour"),
    [([1], 1), ([3, 3], 3), ([1, 3], 0), ([4], 0), ([0], 0)],
)
def test_what_a_group_shows(told, colour):
    groups = [pb.SignalGroup(group=7, colour=one, remaining_ds=40_000) for one in told]
    reading = signal.read(pb.SignalState(groups=groups), signal.DEFAULT)
    assert reading.groups == (signal.SignalGroupReading(7, colour, None),)
