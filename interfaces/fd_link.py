"""Frames over any file descriptor that is a byte stream: the transport under serial ports and ptys.

An own `add_reader` transport reads 64 KiB a wake-up; the serial transports of the ecosystem read 1 KiB or log
tracebacks on unplug.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.frame import FrameReader, encode
from interfaces.link import Inbox
from interfaces.spec import ADDRESS_FIRST_MODULE, MAX_PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from interfaces.frame import Frame

READ_SIZE: Final = 65_536
WRITE_LIMIT: Final = 65_536  # bytes that may wait; a peer that does not read for longer is gone


class FdLink:
    """A link on a non-blocking `fd`; `release` gives the descriptor back. Needs a running loop."""

    def __init__(self, fd: int, name: str, release: Callable[[], None], max_payload: int = MAX_PAYLOAD) -> None:
        self._fd = fd
        self._name = name
        self._release = release
        self._reader = FrameReader(max_payload)
        self._inbox = Inbox(self._reader.faults)
        self._out = bytearray()
        self._open = True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._on_readable)

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
        self.send_bytes(encode(frame))

    def send_bytes(self, data: bytes) -> None:
        """Queue bytes as they are."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        if len(self._out) + len(data) > WRITE_LIMIT:
            raise LinkError(f"{self._name}: {len(self._out)} B wait, the other side does not read")
        idle = not self._out
        self._out += data
        if idle:
            self._on_writable()

    async def close(self) -> None:
        """Give the descriptor back."""
        self._finish("closed")

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:  # EIO and ENXIO are how a port says that it was pulled out
            self._finish(f"unplugged ({error.strerror})")
            return
        if data:
            self._inbox.put(self._reader.feed(data))
        else:
            self._finish("unplugged (end of file)")

    def _on_writable(self) -> None:
        try:
            sent = os.write(self._fd, self._out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._finish(f"unplugged ({error.strerror})")
            return
        del self._out[:sent]
        if self._out:
            self._loop.add_writer(self._fd, self._on_writable)
        else:
            self._loop.remove_writer(self._fd)

    def _finish(self, reason: str) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._inbox.end(f"{self._name}: {reason}")
        self._release()
