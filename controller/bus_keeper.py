"""One task a shared wire, for ever: wait for it, open it, hand every module on it to its slot, start again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from controller.binding import Place, place_for
from interfaces.errors import PoleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from interfaces.bus import Bus, BusLink
    from interfaces.link import Link
    from interfaces.port import Port

BACK_OFF_S: Final = (0.1, 0.5)
SPARES_MAX: Final = 64


class BusKeeper:
    """`places()` tells who sits in which slot of the wire; `present(path)` returns when a port's file is there."""

    def __init__(
        self,
        port: Port,
        *,
        places: Callable[[], Sequence[Place]],
        present: Callable[[str], Awaitable[None]],
        report: Callable[[str, str], None],
        open_wire: Callable[[], Awaitable[Bus]],
    ) -> None:
        self.port = port
        self._places, self._present, self._report, self._open = places, present, report, open_wire
        self._bus: Bus | None = None
        self._offers: dict[str, BusLink] = {}
        self._seated: dict[str, BusLink] = {}
        self._spares: list[BusLink] = []
        self._changed = asyncio.Event()
        self._trouble = ""

    @property
    def load(self) -> float:
        """Share of the wire's time in use; 0 while it is closed."""
        return self._bus.load if self._bus is not None else 0.0

    @property
    def faults(self) -> Mapping[str, int]:
        """What was wrong on the wire since it was opened."""
        return self._bus.faults if self._bus is not None else {}

    @property
    def trouble(self) -> str:
        """Why the wire is not open, for a person; empty while it is."""
        return self._trouble

    @property
    def spares(self) -> tuple[str, ...]:
        """Modules on the wire that no slot takes, for a person."""
        return tuple(f"{one.hello.vendor} {one.hello.product} ({one.hello.uid.hex()})" for one in self._spares)

    async def run(self) -> None:
        """Keep the wire until cancelled."""
        back_off_s = BACK_OFF_S[0]
        while True:
            if self.port.path:
                await self._present(self.port.path)
            try:
                self._bus = bus = await self._open()
                back_off_s = BACK_OFF_S[0]
                self._say("")
                try:
                    await bus.run(self._on_found)
                finally:
                    self._bus = None
                    self._spares.clear()
                    self._offers.clear()
                    await bus.close()
            except PoleError as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 -- a bug met on one wire must not take the others down
                self._say(f"internal error: {type(error).__name__}: {error}")
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, BACK_OFF_S[1])

    async def link_for(self, slot: str) -> Link:
        """The next module for a slot; waits for it."""
        while (link := self._offers.pop(slot, None)) is None or link.ended is not None:
            self._changed.clear()
            await self._changed.wait()
        return link

    def seat_spares(self) -> None:
        """Look again whether modules without a slot have one now: some slot has become free."""
        spares, self._spares = self._spares, []
        for link in spares:
            if link.ended is None:
                self._seat(link)

    def _on_found(self, link: BusLink) -> None:
        self._seat(link)
        if link in self._spares:
            who = f"{link.hello.vendor} {link.hello.product}".strip()
            self._report("no_slot", f"{who} at {link.name}: no slot of this wire is free for it")

    def _seat(self, link: BusLink) -> None:
        twin = any(one.ended is None and one.hello.uid == link.hello.uid for one in self._seated.values())
        offered = {slot for slot, one in self._offers.items() if one.ended is None}
        slot = place_for(link.hello, link.address, [one for one in self._places() if one.slot not in offered])
        if slot is None or twin:
            self._spares = [*self._spares, link][-SPARES_MAX:]
            return
        sitting = self._seated.get(slot)
        if sitting is not None and sitting.ended is None:
            sitting.end("another module has its slot now")
        self._seated[slot] = self._offers[slot] = link
        self._changed.set()

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._report("wire", trouble or f"{self.port.wire} is open")
