"""Which ports are there: folders and udev say that a look is due, and one look a second finds what they missed."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from asyncinotify import Inotify, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESCAN_S: Final = 1.0
_CHANGES: Final = Mask.CREATE | Mask.DELETE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE_SELF | Mask.ONLYDIR


class Watch(Protocol):
    """Something that says when ports may have changed."""

    async def change(self) -> None:
        """Return when a look is due. May be cancelled and called again."""
        ...


class FolderWatch:
    """Folders of ports, as `/dev/serial/by-path` or a simulator's; of a missing one the nearest that exists."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)

    async def change(self) -> None:
        """A name came or went in one of the folders."""
        with Inotify() as watch:
            for folder in {_nearest_folder(path) for path in self._paths}:
                with contextlib.suppress(OSError):  # it vanished meanwhile: the next round finds its parent
                    watch.add_watch(folder, _CHANGES)
            await watch.get()


class UdevWatch:
    """udev's word on serial ports. Raises OSError or ImportError where there is no udev."""

    def __init__(self) -> None:
        import pyudev

        self._monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        self._monitor.filter_by("tty")
        self._monitor.start()

    async def change(self) -> None:
        """A serial port came or went."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._monitor.fileno(), heard.set)
        try:
            await heard.wait()
            while self._monitor.poll(0) is not None:
                continue
        finally:
            loop.remove_reader(self._monitor.fileno())


class Ports:
    """Presence of the given port paths. `watches` say when to look; without any a look comes every second."""

    def __init__(self, paths: Iterable[Path], watches: Sequence[Watch] | None = None) -> None:
        self._paths = frozenset(paths)
        self._watches = watches_for(self._paths) if watches is None else tuple(watches)
        self._present: frozenset[Path] = frozenset()
        self._changed = asyncio.Condition()
        self._due = asyncio.Event()

    async def until_present(self, path: Path) -> None:
        """Return when the port is there."""
        async with self._changed:
            await self._changed.wait_for(lambda: path in self._present)

    def is_present(self, path: Path) -> bool:
        """Whether the port was there at the last look."""
        return path in self._present

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(self._listen(watch))
            while True:
                self._due.clear()
                await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RESCAN_S):  # wait_for of Python 3.11 can swallow a cancellation
                        await self._due.wait()

    async def _listen(self, watch: Watch) -> None:
        while True:
            await watch.change()
            self._due.set()

    async def _look(self) -> None:
        present = frozenset(path for path in self._paths if path.exists())
        if present != self._present:
            async with self._changed:
                self._present = present
                self._changed.notify_all()


def watches_for(paths: Iterable[Path]) -> tuple[Watch, ...]:
    """Folders always; udev too where it is there."""
    folders = FolderWatch(paths)
    try:
        return folders, UdevWatch()
    except (OSError, ImportError):
        return (folders,)


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in path.parents if folder.is_dir() or folder == Path(path.anchor))
