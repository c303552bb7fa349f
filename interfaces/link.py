"""What every bus looks like to the layers above: frames in, frames out, an end."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Protocol

from interfaces.errors import LinkError
from interfaces.spec import ADDRESS_FIRST_MODULE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interfaces.frame import Frame

INBOX_FRAMES: Final = 256  # a quarter second of the busiest module; more means that nobody reads


class Link(Protocol):
    """One open wire to one module (or to all modules of a shared bus).

    A link never raises on bad bytes: it counts them in `faults`. It raises LinkError when the wire is gone.
    """

    @property
    def name(self) -> str:
        """The URL it was opened from, for messages to people."""
        ...

    @property
    def address(self) -> int:
        """The module's address on it; on a wire with one module the first there is."""
        ...

    @property
    def faults(self) -> Mapping[str, int]:
        """What was wrong on the wire since it was opened, by kind (`crc32`, `header_crc`, `overrun`, …)."""
        ...

    async def receive(self) -> list[Frame]:
        """Wait for at least one good frame; return all that are there. Raises LinkError at the end of the wire."""
        ...

    def send(self, frame: Frame) -> None:
        """Queue a frame. Never blocks; raises LinkError when the wire is gone or its queue is full."""
        ...

    async def close(self) -> None:
        """Give the wire back; safe to call twice."""
        ...


class Inbox:
    """Frames that arrived and were not yet asked for: bounded, newest wins, with an end."""

    def __init__(self, faults: Counter[str]) -> None:
        self._frames: deque[Frame] = deque()
        self._faults = faults
        self._wake = asyncio.Event()
        self._end: str | None = None

    @property
    def ended(self) -> str | None:
        """Why the wire is gone, or None."""
        return self._end

    def put(self, frames: list[Frame]) -> None:
        """Add frames; the oldest beyond the bound are dropped and counted as `overrun`."""
        self._frames.extend(frames)
        while len(self._frames) > INBOX_FRAMES:
            self._frames.popleft()
            self._faults["overrun"] += 1
        if frames:
            self._wake.set()

    def end(self, reason: str) -> None:
        """Nothing more will come; the first reason stays."""
        self._end = self._end or reason
        self._wake.set()

    async def take(self) -> list[Frame]:
        """All that is there, or wait for it. Raises LinkError at the end, after the last frames."""
        while not self._frames:
            if self._end is not None:
                raise LinkError(self._end)
            self._wake.clear()
            await self._wake.wait()
        frames = list(self._frames)
        self._frames.clear()
        return frames


class MemoryLink:
    """One end of a wire inside the process; works in virtual time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: Counter[str] = Counter()
        self._inbox = Inbox(self._faults)
        self._peer: MemoryLink | None = None

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def address(self) -> int:
        """There is one module only."""
        return ADDRESS_FIRST_MODULE

    @property
    def faults(self) -> Mapping[str, int]:
        """Only `overrun` can happen here."""
        return self._faults

    async def receive(self) -> list[Frame]:
        """Frames the other end sent."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Hand a frame to the other end."""
        if self._peer is None or self._inbox.ended is not None:
            raise LinkError(self._inbox.ended or f"{self._name}: closed")
        self._peer._inbox.put([frame])  # noqa: SLF001 -- both ends are one object's two halves

    async def close(self) -> None:
        """End both ends."""
        self._inbox.end(f"{self._name}: closed")
        if self._peer is not None:
            self._peer._inbox.end(f"{self._peer.name}: the other end closed")  # noqa: SLF001 -- as above

    @classmethod
    def pair(cls, name: str = "memory") -> tuple[MemoryLink, MemoryLink]:
        """Two ends of one wire."""
        here, there = cls(f"{name}:a"), cls(f"{name}:b")
        here._peer, there._peer = there, here
        return here, there
