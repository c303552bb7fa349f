"""Which broker a command speaks to: the same options everywhere, or the [mqtt] of a pole.toml."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controller.broker import Broker

    _F = TypeVar("_F", bound=Callable[..., Any])

HERE: Final = "mqtt://127.0.0.1:1883"
_FILE: Final = click.Path(dir_okay=False)
_OPTIONS: Final = (
    click.option("--broker", "url", default="", metavar="URL", help="mqtts://host[:port], or mqtt:// on this machine"),
    click.option("--ca", type=_FILE, default="", help="PEM: authorities to trust [those of this machine]"),
    click.option("--cert", type=_FILE, default="", help="PEM: certificate to show the broker"),
    click.option("--key", type=_FILE, default="", help="PEM: its key [in the file of --cert]"),
    click.option("--username", default="", help="user name, without a certificate"),
    click.option("--password-file", type=_FILE, default="", help="one line"),
    click.option("--plaintext", is_flag=True, help="mqtt:// to another machine, on a network you trust"),
)


def broker_options(command: _F) -> _F:
    """Give a click command the options of a broker; it gets them as one argument `asked: Asked`."""

    @wraps(command)
    def asking(*arguments: Any, **named: Any) -> Any:
        asked = Asked(**{one.name: named.pop(one.name) for one in fields(Asked)})
        return command(*arguments, asked=asked, **named)

    for option in reversed(_OPTIONS):
        asking = option(asking)
    return asking  # type: ignore[return-value]  # the same command with more options


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say; files are read when the broker is connected to."""

    url: str
    ca: str
    cert: str
    key: str
    username: str
    password_file: str
    plaintext: bool

    def broker(self, config: Path | None = None) -> Broker:
        """The broker of the options, of `config` when they name none, else that of this machine. Raises ConfigError.

        Of `config` only where the broker is and whom to trust counts: with the pole's own certificate or name a command
        would throw the daemon out, as a client id is taken over by who comes last.
        """
        from controller import broker, broker_address
        from controller.config_file import load

        its = broker.of(load(config).mqtt) if config is not None else None
        if its is None or self.url:
            url = self.url or HERE
            address = broker_address.parse(url, "--broker", plaintext=self.plaintext, allow="--plaintext")
        else:
            address = its.address
        return broker.Broker(
            address,
            username=self.username,
            password_file=self.password_file,
            ca_file=self.ca or (its.ca_file if its else ""),
            cert_file=self.cert,
            key_file=self.key,
            crl_file=its.crl_file if its else "",
        )
