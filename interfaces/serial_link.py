"""Open a serial port as a link (PMI §6): pyserial knows the ports, our own transport reads them."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

import serial

from interfaces.baud_agreement import BaudController
from interfaces.errors import LinkError
from interfaces.fd_link import FdLink
from interfaces.port import parse

if TYPE_CHECKING:
    from interfaces.frame import Frame

_CURES: Final = {
    errno.ENOENT: "there is no such port; is the module plugged in?",
    errno.EACCES: "permission denied; add the user to group dialout",
    errno.EPERM: "the service may not use it; load the drivers of serial adapters before the service starts",
    errno.EBUSY: "another program holds the port",
    errno.EAGAIN: "another program holds the port",
    errno.EIO: "the port does not answer; is the module plugged in?",
}


def parse_url(url: str, scheme: str = "serial") -> tuple[str, int]:
    """Path and baud rate of `serial:///dev/ttyUSB0?baud=921600` or a bare path. Raises LinkError."""
    port = parse(url)
    if port.scheme != scheme:
        raise LinkError(f"{url}: the scheme is {port.scheme!r}, a serial port is {scheme}:///dev/…?baud=115200")
    return port.place, port.baud


async def open_serial(url: str) -> FdLink:
    """An open link, exclusively ours. Raises LinkError with the cause and its cure.

    With `baud_max=921600` in the URL the module is asked for a faster rate than the one of `baud`.
    """
    path, baud = parse_url(url)
    limit = parse(url).baud_max
    port = await asyncio.to_thread(open_port, path, baud)
    return AgreedLink(port, url, baud, limit) if limit > baud else FdLink(port.fileno(), url, port.close)


class AgreedLink(FdLink):
    """A link that changes its port's rate when the module agrees, and back when nothing is heard."""

    def __init__(self, port: serial.Serial, url: str, baud: int, limit: int) -> None:
        super().__init__(port.fileno(), url, port.close)
        self._port = port
        self._agreement = BaudController(baud, limit)

    @property
    def baud(self) -> int:
        """The rate spoken now."""
        return self._agreement.rate

    async def receive(self) -> list[Frame]:
        """Good frames; LinkError at the end of the wire."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(self._agreement.next_deadline()):
                    heard = await super().receive()
            except TimeoutError:
                heard = []
            frames = self._agreement.hear(heard, loop.time()) + self._agreement.tick(loop.time())
            for frame in self._agreement.take_frames():
                self.send(frame)
            self._change()
            if frames:
                return frames

    def _change(self) -> None:
        try:
            if self._port.baudrate != self.baud:
                self._port.baudrate = self.baud
        except (OSError, ValueError) as error:
            raise LinkError(f"{self.name}: cannot be set to {self.baud} baud: {error}") from error


class _Port(serial.Serial):  # type: ignore[misc]  # pyserial is untyped
    """A port that keeps what waited in it: the module's first HELLO often comes before we have opened."""

    def _reset_input_buffer(self) -> None:
        return


def open_port(path: str, baud: int) -> serial.Serial:
    """A port that is exclusively ours. Blocks; raises LinkError with the cause and its cure."""
    try:
        return _Port(path, baud, exclusive=True, timeout=0, write_timeout=0)
    except (OSError, ValueError) as error:
        cause = _CURES.get(getattr(error, "errno", None) or 0, str(error))
        raise LinkError(f"{path}: {cause}") from error
