"""Which ports are there: folders are watched, and looked at once a second in case the watch missed something."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asyncinotify import Inotify, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable

RESCAN_S: Final = 1.0
_CHANGES: Final = Mask.CREATE | Mask.DELETE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE_SELF | Mask.ONLYDIR


class Ports:
    """Presence of the given port paths, as `/dev/serial/by-path` or a simulator's folder shows it."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = frozenset(paths)
        self._present: frozenset[Path] = frozenset()
        self._changed = asyncio.Condition()

    async def until_present(self, path: Path) -> None:
        """Return when the port is there."""
        async with self._changed:
            await self._changed.wait_for(lambda: path in self._present)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with Inotify() as watch:
                for folder in {_nearest_folder(path) for path in self._paths}:
                    try:
                        watch.add_watch(folder, _CHANGES)
                    except OSError:  # it vanished between the look and the watch: the next round finds its parent
                        continue
                await self._scan()
                try:
                    async with asyncio.timeout(RESCAN_S):  # wait_for of Python 3.11 can swallow a cancellation
                        await watch.get()
                except TimeoutError:
                    continue
            await self._scan()

    async def _scan(self) -> None:
        present = frozenset(path for path in self._paths if path.exists())
        if present != self._present:
            async with self._changed:
                self._present = present
                self._changed.notify_all()


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in path.parents if folder.is_dir() or folder == Path(path.anchor))
