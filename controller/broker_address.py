"""Where a broker is: mqtts://host[:port], or mqtt:// on this machine and on networks said to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from interfaces.errors import ConfigError

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
FORM: Final = "write mqtts://host[:port], or mqtt://host[:port] on this machine"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's host (a name or an address without brackets) and port; `tls`: nothing is said before a handshake."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.tls else ''}://{host}:{self.port}"


def parse(
    url: str,
    key: str = "mqtt.url",
    *,
    plaintext: bool = False,
    allow: str = "plaintext = true in [mqtt]",
) -> BrokerAddress:
    """The address in `url`; ConfigError names `key` and the cure. Plain MQTT leaves this machine only when `plaintext`
    is true, which `allow` tells how to say.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{key} {_shown(url)!r}: {error}; {FORM}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{key} {_shown(url)!r}: names and passwords do not belong in the address; {FORM}")
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"{key} {_shown(url)!r}: {FORM}")
    found = BrokerAddress(parts.hostname, port or PORTS[parts.scheme], parts.scheme == "mqtts")
    if not (found.tls or plaintext or is_loopback(found.host)):
        raise ConfigError(
            f"{key} {url!r}: {found.host} is not this machine, and without TLS anybody on the way can read and forge; "
            f"write mqtts://{url.removeprefix('mqtt://')}, or {allow} on a network you trust"
        )
    return found


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine, as far as that is fixed (RFC 6761 §6.3, RFC 5735 §3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: str) -> str:
    """The address without what may be a password."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest.rpartition("@")[2]
