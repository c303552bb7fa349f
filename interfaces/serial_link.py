"""Open a serial port as a link (PMI §6): pyserial knows the ports, our own transport reads them."""

from __future__ import annotations

import asyncio
import errno
from typing import Final
from urllib.parse import parse_qs, urlsplit

import serial

from interfaces.errors import LinkError
from interfaces.fd_link import FdLink
from interfaces.spec import BAUD_RATES

DEFAULT_BAUD: Final = BAUD_RATES[0]
_CURES: Final = {
    errno.ENOENT: "there is no such port; is the module plugged in?",
    errno.EACCES: "permission denied; add the user to group dialout",
    errno.EBUSY: "another program holds the port",
    errno.EAGAIN: "another program holds the port",
    errno.EIO: "the port does not answer; is the module plugged in?",
}


def parse_url(url: str, scheme: str = "serial") -> tuple[str, int]:
    """Path and baud rate of `serial:///dev/ttyUSB0?baud=921600` or a bare path. Raises LinkError."""
    parts = urlsplit(url)
    if parts.scheme not in {"", scheme}:
        raise LinkError(f"{url}: the scheme is {parts.scheme!r}, a serial port is {scheme}:///dev/…?baud=115200")
    text = parse_qs(parts.query).get("baud", [str(DEFAULT_BAUD)])[0]
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise LinkError(f"{url}: baud is {text!r}, usual are {', '.join(map(str, BAUD_RATES))}")
    return parts.netloc + parts.path, int(text)


async def open_serial(url: str) -> FdLink:
    """An open link, exclusively ours. Raises LinkError with the cause and its cure."""
    path, baud = parse_url(url)
    port = await asyncio.to_thread(open_port, path, baud)
    return FdLink(port.fileno(), url, port.close)


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
