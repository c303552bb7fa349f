"""How a consumer's connection to a broker is made: address, TLS, socket."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiomqtt

from interfaces.errors import ConfigError
from interfaces.tidy_socket import TidySocket

if TYPE_CHECKING:
    from collections.abc import Callable

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
WITHIN_S: Final = 5.0  # for each answer of the broker
KEEPALIVE_S: Final = 5
SOCKET_OPTIONS: Final = tuple(
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 3000),
    )
    if hasattr(socket, name)
)


def client_maker(
    url: str, tls: ssl.SSLContext | None, username: str | None, password: str | None
) -> Callable[[], aiomqtt.Client]:
    """What makes a client for each connection; ConfigError says what is wrong with the address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ConfigError(f"broker {url!r}: {error}; write mqtts://host[:port]") from None
    if parts.scheme not in PORTS or not host or parts.username is not None or parts.path.strip("/"):
        raise ConfigError(f"broker {parts.scheme}://{host}: write mqtts://host[:port], names and passwords apart")
    context = (tls or ssl.create_default_context()) if parts.scheme == "mqtts" else None
    if context is not None:
        context.sslsocket_class = TidySocket
    return lambda: aiomqtt.Client(
        host,
        port,
        username=username,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=context,
        timeout=WITHIN_S,
        keepalive=KEEPALIVE_S,
        socket_options=SOCKET_OPTIONS,
    )
