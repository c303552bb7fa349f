"""Wires one can pull out: a real pty with a serial port's name and, if wanted, its speed."""

from __future__ import annotations

import asyncio
import os
import tty
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.fd_link import FdLink
from interfaces.frame import encode

if TYPE_CHECKING:
    from pathlib import Path

    from interfaces.frame import Frame

BITS_PER_BYTE: Final = 10  # 8N1: start, eight data, stop


class SerialWire:
    """A pty whose slave stands at `path` while it is plugged; `baud=None` is as fast as the kernel.

    `link` is the module's end. Unplugging closes that end, so that the port's reader meets the end of the file
    as it does when a USB adapter is pulled.
    """

    def __init__(self, path: Path, baud: int | None = None) -> None:
        self.path = path
        self.baud = baud
        self.link: PacedLink | None = None

    def plug(self) -> PacedLink:
        """Make the port appear; a port that is already there stays. Needs a running loop."""
        if self.link is not None:
            return self.link
        master, slave = os.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)

        # The module keeps its own slave open: without a reader the master would report the end of the file.
        def release() -> None:
            os.close(master)
            os.close(slave)

        self.link = PacedLink(FdLink(master, str(self.path), release), self.baud)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(name)
        return self.link

    async def unplug(self) -> None:
        """Pull it out; safe when it is not plugged."""
        link, self.link = self.link, None
        if link is not None:
            self.path.unlink(missing_ok=True)
            await link.close()


class PacedLink:
    """A link that sends no faster than its baud rate, byte for byte."""

    def __init__(self, wire: FdLink, baud: int | None) -> None:
        self._wire = wire
        self._byte_s = BITS_PER_BYTE / baud if baud else 0.0
        self._free_at = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def name(self) -> str:
        """The port's path."""
        return self._wire.name

    @property
    def address(self) -> int:
        """As the wire."""
        return self._wire.address

    @property
    def faults(self) -> dict[str, int]:
        """What was wrong with the controller's bytes."""
        return dict(self._wire.faults)

    async def receive(self) -> list[Frame]:
        """Frames from the controller."""
        return await self._wire.receive()

    def send(self, frame: Frame) -> None:
        """Send a frame at the wire's speed."""
        self.send_bytes(encode(frame))

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes at the wire's speed; each piece arrives when its last byte would have."""
        if not self._byte_s:
            self._wire.send_bytes(data)
            return
        self._free_at = max(self._free_at, self._loop.time()) + len(data) * self._byte_s
        self._loop.call_at(self._free_at, self._deliver, data)

    async def close(self) -> None:
        """Give both ends back."""
        await self._wire.close()

    def _deliver(self, data: bytes) -> None:
        try:
            self._wire.send_bytes(data)
        except LinkError:
            return  # pulled out meanwhile: the bytes are lost on the wire, as they would be
