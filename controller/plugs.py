"""Every place where a module can be plugged in: wires of one module and wires of several, behind one `arrive`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from controller.bus_keeper import BusKeeper
from controller.discovery import Ports
from controller.wires import open_bus, open_link
from interfaces.errors import LinkError
from interfaces.port import parse

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from controller.address_book import AddressBook
    from controller.binding import Place
    from interfaces.link import Link
    from interfaces.port import Port


class Plugs:
    """The ports of all slots, by slot. `places(wire)` tells who sits where on a shared wire."""

    def __init__(
        self,
        urls: Mapping[str, str],
        book: AddressBook,
        *,
        places: Callable[[str], Sequence[Place]],
        report: Callable[[str, str], None],
    ) -> None:
        self.ports: Mapping[str, Port] = {slot: parse(url) for slot, url in urls.items()}
        self._files = Ports(Path(port.path) for port in self.ports.values() if port.path)
        self._refused: dict[str, str] = {}  # by slot: why a port that is there cannot be opened
        shared = {port.wire: port for port in self.ports.values() if port.shared}
        self._buses = {
            wire: BusKeeper(
                port,
                places=partial(places, wire),
                present=self._present,
                report=report,
                open_wire=partial(
                    open_bus,
                    port,
                    book,
                    {one.address for one in self.ports.values() if one.wire == wire and one.address},
                ),
            )
            for wire, port in shared.items()
        }

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to watch files and to keep the shared wires."""
        group.create_task(self._files.run(), name="ports")
        for wire, bus in self._buses.items():
            group.create_task(bus.run(), name=f"wire {wire}")

    async def arrive(self, slot: str) -> Link:
        """Wait for a module in a slot; its link. Raises LinkError when the port cannot be opened now."""
        port = self.ports[slot]
        if port.shared:
            return await self._buses[port.wire].link_for(slot)
        if not port.path:
            return await open_link(port)
        await self._present(port.path)
        self._refused.pop(slot, None)
        try:
            return await open_link(port)
        except LinkError as error:
            self._refused[slot] = str(error)
            raise

    def neighbours(self, slot: str) -> list[str]:
        """The other slots of the same wire."""
        wire = self.ports[slot].wire
        return [name for name, port in self.ports.items() if name != slot and port.wire == wire]

    def load(self, slot: str) -> float:
        """Share of the wire's time in use, where it is known."""
        bus = self._buses.get(self.ports[slot].wire)
        return bus.load if bus is not None else 0.0

    def troubles(self) -> Iterator[str]:
        """Ports that are there but cannot be opened, and modules on shared wires that no slot takes, for a person."""
        for slot, cause in self._refused.items():
            if self._files.is_present(Path(self.ports[slot].path)):
                yield f"slot {slot}: {cause}"
        for wire, bus in self._buses.items():
            if bus.trouble:
                yield f"wire {wire}: {bus.trouble}"
            for spare in bus.spares:
                yield f"wire {wire}: no slot is free for {spare}"

    def look_again(self) -> None:
        """A slot has changed: a module that waited for one may have one now."""
        for bus in self._buses.values():
            bus.seat_spares()

    async def _present(self, path: str) -> None:
        await self._files.until_present(Path(path))
