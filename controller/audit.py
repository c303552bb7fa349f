"""Who asked what and what became of it: one JSON line a request, appended, with a few older files beside it."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_B: Final = 1_000_000
OLDER: Final = 4


class Audit:
    """`path`, then `path.1` … `path.4`. A disk that refuses is counted in `counters`, and `write` says why."""

    def __init__(self, path: Path, max_b: int = MAX_B) -> None:
        self.counters: Counter[str] = Counter()
        self._path, self._max_b = path, max_b

    def write(self, outcome: str, line: Mapping[str, Any]) -> str:
        """Append one line; the reason when it could not be written, else empty."""
        self.counters[outcome] += 1
        text = json.dumps({**line, "outcome": outcome}, ensure_ascii=False, default=str) + "\n"
        try:
            if self._path.exists() and self._path.stat().st_size + len(text) > self._max_b:
                self._rotate()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self.counters["unwritten"] += 1
            return f"{self._path}: {error.strerror}"
        return ""

    def _rotate(self) -> None:
        for number in range(OLDER, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if older.exists():
                os.replace(older, self._path.with_name(f"{self._path.name}.{number}"))
