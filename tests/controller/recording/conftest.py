"""What several tests look at: one rehearsal with everything in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rehearsal import rehearse


@pytest.fixture(scope="session")
def rehearsal():
    """Somebody steps onto the road: hazards and a near miss, with JSON twins."""
    return rehearse("crossing", 8.0, before_s=2, after_s=1, begin_s=11.0, twins=True)


@pytest.fixture(scope="session")
def recorded(rehearsal):
    """The bytes of its first recording."""
    return rehearsal.file(0)
