"""The cables of a simulated pole: which module hangs on which wire, and the wires themselves."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from interfaces.can_port import rates
from interfaces.errors import ConfigError, LinkError
from interfaces.port import parse
from sim.can_hub import CanHub
from sim.can_wire import CanWire
from sim.modbus import RtuLine, TcpLine
from sim.modbus_wire import ModbusWire
from sim.rs485_wire import Rs485Line, Rs485Wire
from sim.tcp_wire import TcpWire
from sim.wire import SerialWire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from interfaces.link import Link
    from interfaces.port import Port

# What `--on KIND` and a demo's table may name, and the URL that it stands for.
KINDS: Final[Mapping[str, str]] = {
    "serial": "serial://{folder}/{slot}?baud={baud}",
    "rs485": "rs485://{folder}/rs485?baud={baud}",
    "can": "can+sim://{folder}/can.sock?bitrate=500000",
    "canfd": "can+sim://{folder}/canfd.sock?fd=1&bitrate=500000&data_bitrate=2000000",
    "tcp": "tcp://127.0.0.1:{port}",
    "modbus+rtu": "modbus+rtu://{folder}/modbus?baud=115200",
    "modbus+tcp": "modbus+tcp://127.0.0.1:{port}",
}


class Wire(Protocol):
    """What a module is plugged into."""

    def plug(self) -> Link:
        """Plug in; the module's end."""
        ...

    async def unplug(self) -> None:
        """Pull out."""
        ...


class Closable(Protocol):
    """A shared wire that is kept as long as the harness."""

    def close(self) -> None:
        """Take it away."""
        ...


def urls(
    slots: list[str], kinds: Mapping[str, str], folder: Path, baud: int | None = 921_600, *, usual: str = "serial"
) -> dict[str, str]:
    """The port of each slot: `kinds` names a kind of wire or is a URL itself, `usual` stands where it is silent."""
    found = {}
    for slot in slots:
        kind = kinds.get(slot, usual)
        if "://" not in kind and kind not in KINDS:
            raise ConfigError(f"no kind of wire is called {kind!r}; known: {', '.join(KINDS)}, or a URL")
        text = KINDS.get(kind, kind)
        port = _free_port() if "{port}" in text else 0
        found[slot] = text.format(folder=folder, slot=slot, baud=baud or 921_600, port=port)
    return found


class Harness:
    """Wires at URLs; `paced` False lets serial lines run as fast as the machine. `wire` needs a running loop."""

    def __init__(self, *, paced: bool = True) -> None:
        self._paced = paced
        self._shared: dict[str, Closable] = {}

    @property
    def shared(self) -> Mapping[str, Closable]:
        """The shared wires that were made here, by URL."""
        return self._shared

    def wire(self, url: str, uid: bytes) -> Wire:
        """A wire for a module with this uid. Raises ConfigError for a kind of wire that cannot be simulated."""
        try:
            port = parse(url)
        except LinkError as error:
            raise ConfigError(str(error)) from None
        build = _WIRES.get(port.scheme)
        if build is None:
            raise ConfigError(f"{url}: {port.scheme} cannot be simulated; known: {', '.join(_WIRES)}")
        return build(self, port, uid)

    def close(self) -> None:
        """Take shared wires away."""
        for one in self._shared.values():
            with suppress(OSError):
                one.close()
        self._shared.clear()

    def _serial(self, port: Port, _uid: bytes) -> Wire:
        return SerialWire(Path(port.place), port.baud if self._paced else None)

    def _tcp(self, port: Port, _uid: bytes) -> Wire:
        host, _, number = port.place.rpartition(":")
        return TcpWire(int(number), host.strip("[]"))

    def _rs485(self, port: Port, _uid: bytes) -> Wire:
        line = self._shared.get(port.wire)
        if not isinstance(line, Rs485Line):
            line = self._shared[port.wire] = Rs485Line(Path(port.place), port.baud)
        return Rs485Wire(line)

    def _modbus_rtu(self, port: Port, uid: bytes) -> Wire:
        line = self._shared.get(port.wire)
        if not isinstance(line, RtuLine):
            line = self._shared[port.wire] = RtuLine(Path(port.place), port.baud)
        return ModbusWire(line, uid)

    def _modbus_tcp(self, port: Port, uid: bytes) -> Wire:
        line = self._shared.get(port.wire)
        if not isinstance(line, TcpLine):
            host, _, number = port.place.rpartition(":")
            line = self._shared[port.wire] = TcpLine(int(number), host.strip("[]"))
        return ModbusWire(line, uid)

    def _can_sim(self, port: Port, uid: bytes) -> Wire:
        if port.wire not in self._shared:
            _, bitrate, data_bitrate = rates(port.url)
            try:
                self._shared[port.wire] = CanHub(Path(port.place), bitrate, data_bitrate)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:  # another process has the bus: this module joins it
                    raise ConfigError(f"{port.url}: {error.strerror}") from None
        return CanWire(port.url, uid)

    def _can(self, port: Port, uid: bytes) -> Wire:
        return CanWire(port.url, uid)


_WIRES: Final[Mapping[str, Callable[[Harness, Port, bytes], Wire]]] = {
    "serial": Harness._serial,  # noqa: SLF001 -- the table of a class's own methods
    "tcp": Harness._tcp,  # noqa: SLF001
    "rs485": Harness._rs485,  # noqa: SLF001
    "can+sim": Harness._can_sim,  # noqa: SLF001
    "modbus+rtu": Harness._modbus_rtu,  # noqa: SLF001
    "modbus+tcp": Harness._modbus_tcp,  # noqa: SLF001
    "can": Harness._can,  # noqa: SLF001
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
