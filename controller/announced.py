"""Which retained topics were ever said for other systems: a small file, so that what is gone can be taken back."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Announced:
    """Topics. A missing or damaged file counts as nothing said; a failed write is let go until the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._topics: tuple[str, ...] = ()
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._topics = tuple(str(one) for one in stored)
        except (OSError, ValueError, TypeError):
            return

    def gone(self, current: Iterable[str]) -> list[str]:
        """What was said before and is not `current`, which is remembered on disk before the call returns.

        It stays remembered: a broker that was set back to an older state is put right as well.
        """
        now = list(current)
        if set(now) - set(self._topics):
            self._topics = tuple(dict.fromkeys((*self._topics, *now)))
            self._write()
        return [one for one in self._topics if one not in now]

    def _write(self) -> None:
        part = self._path.with_suffix(".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(self._topics, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError:
            return
