"""A bounded run of every fuzz target, as a process of its own: the long runs are for a person's night."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

RUNS = int(os.environ.get("POLE_FUZZ_RUNS", "2000"))


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_break_a_parser(target):
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", target, "--runs", str(RUNS)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert str(RUNS) in done.stdout
