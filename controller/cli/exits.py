"""What the exit codes of `pole` mean."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every subcommand."""

    OK = 0
    FAILED = 1  # what was checked is not as it should be
    USAGE = 2
    UNREACHABLE = 3  # broker or port
    CONFIG = 4  # pole.toml, a log or another file a person wrote
