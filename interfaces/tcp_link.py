"""Open a TCP connection as a link (PMI §6, serial binding on a byte stream): the module listens, we connect."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Final
from urllib.parse import urlsplit

from interfaces.errors import LinkError
from interfaces.fd_link import FdLink
from interfaces.spec import HEARTBEAT_TIMEOUT

_CURES: Final = {
    errno.ECONNREFUSED: "nobody listens there; is the module's power on, is the port right?",
    errno.EHOSTUNREACH: "no way to that host; is the cable in, is the address right?",
    errno.ENETUNREACH: "no way to that network; is this host's own interface up?",
    errno.ETIMEDOUT: "no answer; is the module plugged in, does a firewall stand between?",
}
_KEEPALIVE: Final = (  # three unanswered probes, one a second: a peer that vanished while nothing is sent
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, round(HEARTBEAT_TIMEOUT)),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(HEARTBEAT_TIMEOUT * 1000)),
)


def parse_tcp_url(url: str) -> tuple[str, int]:
    """Host and port of `tcp://host:port`. Raises LinkError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or not port or parts.scheme != "tcp":
        raise LinkError(f"{url}: not of the form tcp://host:port")
    return host, port


async def open_tcp(url: str) -> FdLink:
    """A connection that ends within 3 s of its peer's silence. Raises LinkError with the cause and its cure."""
    host, port = parse_tcp_url(url)
    try:
        async with asyncio.timeout(HEARTBEAT_TIMEOUT):
            connection = await connect(host, port)
    except TimeoutError:
        raise LinkError(f"{url}: {_CURES[errno.ETIMEDOUT]}") from None
    except OSError as error:
        raise LinkError(f"{url}: {_CURES.get(error.errno or 0, error.strerror or str(error))}") from error
    return FdLink(connection.fileno(), url, connection.close)


async def connect(host: str, port: int) -> socket.socket:
    """A connection that the kernel ends when its peer vanishes. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trouble: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(0)
        try:
            await loop.sock_connect(connection, address)
            for level, option, value in _KEEPALIVE:
                connection.setsockopt(level, option, value)
        except OSError as error:
            connection.close()
            trouble = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise trouble
