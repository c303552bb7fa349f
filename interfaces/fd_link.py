"""Frames over any file descriptor that is a byte stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.fd_stream import FdStream
from interfaces.frame import FrameReader, encode
from interfaces.link import Inbox
from interfaces.spec import ADDRESS_FIRST_MODULE, MAX_PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from interfaces.frame import Frame


class FdLink:
    """A link on a non-blocking `fd`; `release` gives the descriptor back. Needs a running loop."""

    def __init__(self, fd: int, name: str, release: Callable[[], None], max_payload: int = MAX_PAYLOAD) -> None:
        self._name = name
        self._reader = FrameReader(max_payload)
        self._inbox = Inbox(self._reader.faults)
        self._stream = FdStream(fd, name, release, self._on_bytes, self._inbox.end)

    @property
    def name(self) -> str:
        """The URL it was opened from."""
        return self._name

    @property
    def address(self) -> int:
        """There is one module only."""
        return ADDRESS_FIRST_MODULE

    @property
    def faults(self) -> Mapping[str, int]:
        """The frame reader's counters and `overrun`."""
        return self._reader.faults

    async def receive(self) -> list[Frame]:
        """Good frames; LinkError at the end of the wire."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Queue a frame; LinkError when the wire is gone or 64 KiB wait."""
        self._stream.send(encode(frame))

    def send_bytes(self, data: bytes) -> None:
        """Queue bytes as they are."""
        self._stream.send(data)

    async def close(self) -> None:
        """Give the descriptor back."""
        self._stream.close()

    def _on_bytes(self, data: bytes) -> None:
        self._inbox.put(self._reader.feed(data))
