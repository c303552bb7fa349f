"""The cables of a simulated pole: which module hangs on which wire, and the wires themselves."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from interfaces.errors import ConfigError
from sim.can_hub import CanHub
from sim.can_wire import CanWire
from sim.wire import SerialWire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from interfaces.link import Link

CAN_BITRATE: Final = 500_000
CAN_DATA_BITRATE: Final = 2_000_000


class Wire(Protocol):
    """What a module is plugged into."""

    def plug(self) -> Link:
        """Plug in; the module's end."""
        ...

    async def unplug(self) -> None:
        """Pull out."""
        ...


class Harness:
    """Wires under `folder` for slots; `kinds` names the kind of wire for each slot, `serial` where it is silent.

    `baud` None lets serial lines run as fast as the machine. Needs a running loop from the first `wire` on.
    """

    def __init__(self, folder: Path, kinds: Mapping[str, str] | None = None, *, baud: int | None = 921_600) -> None:
        self._folder, self._baud = folder, baud
        self._kinds = dict(kinds or {})
        if strange := set(self._kinds.values()) - set(WIRES):
            raise ConfigError(f"no kind of wire is called {min(strange)!r}; known: {', '.join(WIRES)}")
        self.hub: CanHub | None = None

    def url(self, slot: str) -> str:
        """What stands in pole.toml for the slot's port."""
        return _URLS[self._kind(slot)](self, slot)

    def wire(self, slot: str, uid: bytes) -> Wire:
        """A wire for the module that goes into a slot."""
        return WIRES[self._kind(slot)](self, slot, uid)

    def close(self) -> None:
        """Take shared wires away."""
        hub, self.hub = self.hub, None
        if hub is not None:
            with suppress(OSError):
                hub.close()

    def _kind(self, slot: str) -> str:
        return self._kinds.get(slot, "serial")

    def _serial_url(self, slot: str) -> str:
        return f"serial://{self._folder / slot}?baud={self._baud or 921_600}"

    def _serial(self, slot: str, _uid: bytes) -> Wire:
        return SerialWire(self._folder / slot, self._baud)

    def _can_url(self, slot: str) -> str:
        rates = f"bitrate={CAN_BITRATE}"
        if self._kind(slot) == "canfd":
            rates = f"fd=1&{rates}&data_bitrate={CAN_DATA_BITRATE}"
        return f"can+sim://{self._folder / 'can.sock'}?{rates}"

    def _can(self, slot: str, uid: bytes) -> Wire:
        if self.hub is None:
            data_bitrate = CAN_DATA_BITRATE if "canfd" in self._kinds.values() else 0
            self.hub = CanHub(self._folder / "can.sock", CAN_BITRATE, data_bitrate)
        return CanWire(self._can_url(slot), uid)


WIRES: Final[Mapping[str, Callable[[Harness, str, bytes], Wire]]] = {
    "serial": Harness._serial,  # noqa: SLF001 -- the table of a class's own methods
    "can": Harness._can,  # noqa: SLF001
    "canfd": Harness._can,  # noqa: SLF001
}
_URLS: Final[Mapping[str, Callable[[Harness, str], str]]] = {
    "serial": Harness._serial_url,  # noqa: SLF001
    "can": Harness._can_url,  # noqa: SLF001
    "canfd": Harness._can_url,  # noqa: SLF001
}
