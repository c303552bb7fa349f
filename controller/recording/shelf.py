"""The folder of recordings: whole files or none, the oldest dropped first by age, size and what is free on the disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

from interfaces.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from controller.recording.tape import Event

SUFFIX: Final = ".mcap"
_NAME: Final = re.compile(r"(\d{8}T\d{6})\.(\d{3})Z-[a-z_]+-\d+\.mcap")
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """One recording on the shelf; `at_s` is its event's UTC, from its name."""

    name: str
    at_s: float
    size: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept, and how much of the disk stays free for everything else."""

    max_bytes: int
    max_age_s: float
    min_free_bytes: int


def name_of(event: Event) -> str:
    """Names sort by time: "20261123T101530.250Z-near_miss-123.mcap"."""
    at = datetime.fromtimestamp(event.at_ns // 1_000_000_000, UTC)
    return f"{at:%Y%m%dT%H%M%S}.{event.at_ns // 1_000_000 % 1000:03}Z-{event.kind}-{event.id}{SUFFIX}"


def time_of(name: str) -> float | None:
    """UTC s of the event in a recording's name; None for a file that is none of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp() + int(found[2]) / 1000


def expendable(kept: Iterable[Kept], retention: Retention, now_s: float, free_bytes: int, need: int) -> list[Kept]:
    """What has to go, oldest first, so that `need` more bytes fit; perhaps all of it does not suffice."""
    row = sorted(kept, key=lambda one: (one.at_s, one.name))
    held = sum(one.size for one in row)
    going = []
    for one in row:
        crowded = held + need > retention.max_bytes or free_bytes - need < retention.min_free_bytes
        if not crowded and now_s - one.at_s <= retention.max_age_s:
            break
        going.append(one)
        held -= one.size
        free_bytes += one.size
    return going


class Shelf:
    """Its files; every method touches the disk and belongs on a thread of its own."""

    def __init__(self, folder: Path, retention: Retention, free_bytes: Callable[[Path], int] | None = None) -> None:
        self.dropped = 0
        self._folder, self._retention = folder, retention
        self._free_bytes = free_bytes or (lambda path: shutil.disk_usage(path).free)

    def open(self) -> None:
        """Make the folder; what a power cut left half written goes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for rest in self._folder.glob(f"*{SUFFIX}.part"):
            rest.unlink(missing_ok=True)

    def kept(self) -> list[Kept]:
        """Every recording, in the order of time; files of other names are not ours."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            at_s = time_of(path.name)
            if at_s is not None:
                with contextlib.suppress(FileNotFoundError):
                    found.append(Kept(path.name, at_s, path.stat().st_size))
        return sorted(found, key=lambda one: (one.at_s, one.name))

    def put(self, name: str, need: int, now_s: float, fill: Callable[[IO[bytes]], None]) -> int:
        """Write one recording of at most `need` bytes and say how many it has; DeliveryError when there is no room."""
        self._make_room(need, now_s)
        path = self._folder / name
        part = path.with_name(name + ".part")
        try:
            with part.open("wb") as stream:
                fill(stream)
                stream.flush()
                os.fsync(stream.fileno())
                size = stream.tell()
            part.replace(path)
            self._settle()
        except OSError as error:
            raise DeliveryError(f"recording {path}: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)
        return size

    def tidy(self, now_s: float) -> None:
        """Drop what is too old or too much."""
        for one in expendable(self.kept(), self._retention, now_s, self._free_bytes(self._folder), 0):
            (self._folder / one.name).unlink(missing_ok=True)
            self.dropped += 1

    def _make_room(self, need: int, now_s: float) -> None:
        free = self._free_bytes(self._folder)
        least = self._retention.min_free_bytes
        kept = self.kept()
        if free - need + sum(one.size for one in kept) < least:
            raise DeliveryError(f"recordings {self._folder}: {free >> 20} MiB are free, {least >> 20} must stay so")
        for one in expendable(kept, self._retention, now_s, free, need):
            (self._folder / one.name).unlink(missing_ok=True)
            self.dropped += 1

    def _settle(self) -> None:
        """A new name is safe only once its folder is on disk."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
