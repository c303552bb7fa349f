"""Where a module is plugged in, as a URL: which kind of wire, which one, and which module on it (PMI §6)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from interfaces import wire_cost
from interfaces.errors import LinkError
from interfaces.spec import BAUD_RATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interfaces.wire_cost import WireCost

BITRATE: Final = 500_000
DATA_BITRATE: Final = 2_000_000
SELECTORS: Final = ("uid", "address")  # which module on a shared wire


@dataclass(frozen=True, slots=True)
class Scheme:
    """One kind of wire: `shared` by several modules, `on_path` when it appears and vanishes as a file, `level` the
    highest that can be spoken there."""

    example: str
    shared: bool
    on_path: bool
    options: tuple[str, ...] = ()
    level: int = 3


SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        "serial": Scheme("serial:///dev/ttyUSB0?baud=115200", shared=False, on_path=True, options=("baud", "baud_max")),
        "tcp": Scheme("tcp://192.0.2.7:4321", shared=False, on_path=False),
        "rs485": Scheme("rs485:///dev/ttyUSB0?baud=115200", shared=True, on_path=True, options=("baud",)),
        "can": Scheme("can://socketcan/can0?fd=1", shared=True, on_path=False),
        "can+sim": Scheme("can+sim:///run/bus.sock?fd=1", shared=True, on_path=True),
        "modbus+rtu": Scheme(
            "modbus+rtu:///dev/ttyUSB1?baud=115200", shared=True, on_path=True, options=("baud",), level=1
        ),
        "modbus+tcp": Scheme("modbus+tcp://192.0.2.7:502", shared=True, on_path=False, level=2),
    }
)


@dataclass(frozen=True, slots=True)
class Port:
    """A parsed URL; `place` is a path, an interface or host:port. `wire`, the URL without what selects a module, is the
    same for every module on one wire; `cost` is what messages cost there."""

    url: str
    scheme: str
    place: str
    options: Mapping[str, str]
    wire: str
    cost: WireCost

    @property
    def shared(self) -> bool:
        """Whether several modules may be on it."""
        return SCHEMES[self.scheme].shared

    @property
    def path(self) -> str:
        """The file that is there while the wire is; empty when there is none to watch."""
        return self.place if SCHEMES[self.scheme].on_path else ""

    @property
    def uid(self) -> bytes:
        """The only module this port takes; empty for any."""
        return bytes.fromhex(self.options.get("uid", ""))

    @property
    def address(self) -> int:
        """The only address this port takes; 0 for any."""
        return int(self.options.get("address", "0"))

    @property
    def baud(self) -> int:
        """Bits per second of a serial line."""
        return int(self.options.get("baud", BAUD_RATES[0]))

    @property
    def baud_max(self) -> int:
        """The fastest rate to agree on."""
        return max(self.baud, int(self.options.get("baud_max", "0")))


_CAN_RATES: Final = (("bitrate", BITRATE), ("data_bitrate", DATA_BITRATE))
_NUMBERS: Final = ("baud", "baud_max", "bitrate", "data_bitrate", "address", "fd")


def parse(url: str) -> Port:
    """The port that a URL or a bare path names. Raises LinkError that says what would be right."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise LinkError(f"{url}: is no URL: {error}") from None
    scheme = parts.scheme or "serial"
    known = SCHEMES.get(scheme)
    if known is None:
        near = difflib.get_close_matches(scheme, SCHEMES, 1, 0.4)
        hint = f"did you mean {SCHEMES[near[0]].example}?" if near else f"known: {', '.join(SCHEMES)}"
        raise LinkError(f"{url}: no kind of wire is called {scheme!r}; {hint}")
    place = (parts.netloc + parts.path).rstrip("/")
    options = dict(parse_qsl(parts.query))
    if not place or (scheme in {"tcp", "modbus+tcp"} and not _has_port(place)):
        raise LinkError(f"{url}: names no place; write {known.example}")
    for key in _NUMBERS:
        text = options.get(key, "1")
        if not text.isascii() or not text.isdigit() or (int(text) == 0 and key not in {"fd", "address"}):
            raise LinkError(f"{url}: {key} is {text!r}, it must be a whole number")
    if strange := [key for key in options if scheme != "can" and key not in _known_options(known)]:
        near = difflib.get_close_matches(strange[0], _known_options(known), 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_known_options(known)) or 'none'}"
        raise LinkError(f"{url}: unknown option {strange[0]!r}; {hint}")
    if "uid" in options and not _is_uid(options["uid"]):
        raise LinkError(f"{url}: uid is {options['uid']!r}, it must be 32 hexadecimal digits")
    kept = {key: value for key, value in options.items() if key not in SELECTORS}
    wire = url.split("?", maxsplit=1)[0] + (f"?{urlencode(kept)}" if kept else "")
    return Port(url, scheme, place, MappingProxyType(options), wire, _cost(scheme, options))


def _known_options(scheme: Scheme) -> tuple[str, ...]:
    bus = ("fd", "bitrate", "data_bitrate") if scheme.example.startswith("can") else ()
    return scheme.options + bus + (SELECTORS if scheme.shared else ())


def _has_port(place: str) -> bool:
    host, _, number = place.rpartition(":")
    return bool(host) and number.isascii() and number.isdigit() and 0 < int(number) < 65536


def _is_uid(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 16
    except ValueError:
        return False


def _cost(scheme: str, options: Mapping[str, str]) -> WireCost:
    baud = int(options.get("baud", BAUD_RATES[0]))
    match scheme:
        case "serial":
            return wire_cost.serial(baud)
        case "rs485":
            return wire_cost.rs485(baud)
        case "modbus+rtu":
            return wire_cost.modbus_rtu(baud)
        case "modbus+tcp":
            return wire_cost.modbus_tcp()
        case "tcp":
            return wire_cost.stream()
    bitrate, data = (int(options.get(key, usual)) for key, usual in _CAN_RATES)
    return wire_cost.can(bitrate, data if options.get("fd", "0") != "0" else 0)
