"""What every bus looks like to the layers above: frames in, frames out, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from interfaces.frame import Frame


class Link(Protocol):
    """One open wire to one module (or to all modules of a shared bus).

    A link never raises on bad bytes: it counts them in `faults`. It raises `LinkError` when the wire is gone.
    """

    @property
    def name(self) -> str:
        """The URL it was opened from, for messages to people."""
        ...

    @property
    def faults(self) -> dict[str, int]:
        """Counters of what was wrong on the wire since it was opened, by kind (`crc`, `header`, `oversize`, …)."""
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
