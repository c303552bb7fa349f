"""What is wrong with [radio] beyond its bounds."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.config import Config

ROADSIDE: Final = frozenset({"rc016", "rc016_csma"})
ROADSIDE_HZ: Final = 10.0
ETSI: Final = frozenset({"cpm", "denm"})  # of `send`, these need the extra


def faults(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key below [radio], text for a person) of every fault."""
    radio = config.radio
    for name in sorted({name for name in radio.send if radio.send.count(name) > 1}):
        yield ("send",), f"names {name!r} twice"
    if (needed := sorted(ETSI & set(radio.send))) and not has_etsi():
        yield ("send",), f"{' and '.join(needed)} need the extra etsi: pip install 'smartpole[etsi]'"
    rate_hz = config.publish.objects_rate_hz
    if ROADSIDE & set(radio.send) and rate_hz < ROADSIDE_HZ:
        yield ("send",), f"rc016 goes out at {ROADSIDE_HZ:g} Hz, publish.objects_rate_hz is {rate_hz:g}: raise it"
    if "cpm" in radio.send and rate_hz < radio.cpm_rate_hz:
        yield ("cpm_rate_hz",), f"is {radio.cpm_rate_hz:g}, above publish.objects_rate_hz, which is {rate_hz:g}"
    yield from _missing_radio(config)


def has_etsi() -> bool:
    """Whether the extra `etsi` is installed."""
    return importlib.util.find_spec("asn1tools") is not None


def _missing_radio(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    radio = config.radio
    key = "send" if radio.send else "cooperative"
    if not (radio.send or radio.cooperative):
        return
    ports = [slot.port for slot in config.slot.values() if slot.module_class == "comms"]
    if not ports:
        yield (key,), "no slot is of class comms, so there is no radio"
    elif all(port.startswith("modbus") for port in ports):
        yield (key,), "every comms slot is on Modbus, which carries no radio: use another kind of port"
