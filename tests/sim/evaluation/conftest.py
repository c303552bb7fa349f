"""Lets the tests of this folder import what stands beside them, and one run that they look at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sim.evaluation.assessment import assess
from sim.evaluation.recording import of_scene
from sim.evaluation.run import run
from sim.scenario import scenario

sys.path.insert(0, str(Path(__file__).parent))
SECONDS = 18.0


@pytest.fixture(scope="session")
def recording():
    """The hidden pedestrian and the car that brakes."""
    return of_scene(scenario("crossing", 1), SECONDS)


@pytest.fixture(scope="session")
def assessment(recording):
    return assess(run(recording))
