"""What is wrong with the profiles for other systems beyond the bounds of their keys."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.config import Foxglove, Publish


def publish_faults(publish: Publish) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key below [publish], text for a person) of every fault."""
    names = publish.profiles
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield ("profiles",), f"names {name!r} twice"
    if "home-assistant" in names and not publish.json_twins:
        yield ("profiles",), "home-assistant reads the JSON twins: set publish.json_twins = true"


def foxglove_faults(foxglove: Foxglove) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key below [foxglove], text for a person) of every fault."""
    if not foxglove.listen:
        return
    try:
        place_of(foxglove.listen)
    except ConfigError as error:
        yield ("listen",), str(error)
    if importlib.util.find_spec("foxglove") is None:
        yield ("listen",), "needs the extra foxglove: pip install 'smartpole[foxglove]'"


def place_of(listen: str) -> tuple[str, int]:
    """Host and port of "host:port", an IPv6 address in brackets; ConfigError says what is wrong."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"is {listen!r}; write host:port, as 127.0.0.1:8765")
    return host.removeprefix("[").removesuffix("]"), int(port)
