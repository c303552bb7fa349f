"""Bytes over any file descriptor that is a stream: the transport under serial ports, ptys and sockets.

An own `add_reader` transport reads 64 KiB a wake-up; the serial transports of the ecosystem read 1 KiB or log
tracebacks on unplug.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError

if TYPE_CHECKING:
    from collections.abc import Callable

READ_SIZE: Final = 65_536
WRITE_LIMIT: Final = 65_536  # bytes that may wait; a peer that does not read for longer is gone


class FdStream:
    """A non-blocking `fd`: `on_bytes` gets what arrives, `on_end` why the wire is gone; `release` gives it back."""

    def __init__(
        self,
        fd: int,
        name: str,
        release: Callable[[], None],
        on_bytes: Callable[[bytes], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._fd, self._name, self._release = fd, name, release
        self._on_bytes, self._on_end = on_bytes, on_end
        self._out = bytearray()
        self._end: str | None = None
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._on_readable)

    def send(self, data: bytes) -> None:
        """Queue bytes; LinkError when the wire is gone or 64 KiB wait."""
        if self._end is not None:
            raise LinkError(self._end)
        if len(self._out) + len(data) > WRITE_LIMIT:
            raise LinkError(f"{self._name}: {len(self._out)} B wait, the other side does not read")
        idle = not self._out
        self._out += data
        if idle:
            self._on_writable()

    def close(self, reason: str = "closed") -> None:
        """Give the descriptor back; safe to call twice."""
        if self._end is not None:
            return
        self._end = f"{self._name}: {reason}"
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._release()
        self._on_end(self._end)

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:  # EIO and ENXIO are how a port says that it was pulled out
            self.close(f"unplugged ({error.strerror})")
            return
        if data:
            self._on_bytes(data)
        else:
            self.close("unplugged (end of file)")

    def _on_writable(self) -> None:
        try:
            sent = os.write(self._fd, self._out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(f"unplugged ({error.strerror})")
            return
        del self._out[:sent]
        if self._out:
            self._loop.add_writer(self._fd, self._on_writable)
        else:
            self._loop.remove_writer(self._fd)
