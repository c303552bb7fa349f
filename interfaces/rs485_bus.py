"""Open an RS-485 line as a bus (PMI §6): pyserial opens the port, our own transport and the pure master serve it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from serial.rs485 import RS485Settings

from interfaces.bus import BusLink
from interfaces.errors import LinkError
from interfaces.fd_stream import FdStream
from interfaces.frame import FrameReader, encode
from interfaces.rs485 import Rs485Master
from interfaces.rs485_turn import BITS_PER_BYTE, Event, Found, Gone, Heard, Wrong
from interfaces.serial_link import open_port, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import serial

    from interfaces.address_table import AddressTable
    from interfaces.frame import Frame

LOAD_WINDOW_S: Final = 1.0


async def open_rs485(url: str, addresses: AddressTable) -> Rs485Bus:
    """An open line, exclusively ours. Raises LinkError with the cause and its cure."""
    path, baud = parse_url(url, "rs485")
    port = await asyncio.to_thread(_open, path, baud)
    return Rs485Bus(port.fileno(), url, port.close, addresses, baud)


class Rs485Bus:
    """A `Bus` on the file descriptor of a serial port. Needs a running loop."""

    def __init__(self, fd: int, url: str, release: Callable[[], None], addresses: AddressTable, baud: int) -> None:
        self._url = url
        self._byte_s = BITS_PER_BYTE / baud
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._seen: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._master = Rs485Master(addresses, baud)
        self._links: dict[int, BusLink] = {}
        self._found: Callable[[BusLink], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._used = (0.0, self._loop.time())  # seconds of the line, fading, and when they were last counted
        self._stream = FdStream(fd, url, release, self._on_bytes, self._on_end)

    @property
    def name(self) -> str:
        """The URL it was opened from."""
        return self._url

    @property
    def faults(self) -> Mapping[str, int]:
        """Damaged bytes by kind, without the collisions of a search, and what could not be laid to one module."""
        return self._faults

    @property
    def load(self) -> float:
        """Share of the line's time in use, polls included; fades within a second."""
        return min(1.0, self._use(0) / LOAD_WINDOW_S)

    async def run(self, found: Callable[[BusLink], None]) -> None:
        """Serve until the port is gone."""
        self._found = found
        self._act(self._master.tick(self._loop.time()))
        try:
            await asyncio.shield(self._over)
        finally:
            self._found = None
            self._disarm()

    async def close(self) -> None:
        """Give the port back."""
        self._stream.close()

    def _on_bytes(self, data: bytes) -> None:
        self._use(len(data))
        frames = self._reader.feed(data)
        damaged = self._reader.faults != self._seen
        if damaged and not self._master.searching:
            self._faults += self._reader.faults - self._seen
        if damaged:
            self._seen = self._reader.faults.copy()
        if self._found is not None:
            self._guard(partial(self._master.hear, frames, self._loop.time(), damaged=damaged))

    def _on_timer(self) -> None:
        self._guard(partial(self._master.tick, self._loop.time()))

    def _guard(self, step: Callable[[], list[Event]]) -> None:
        """What goes wrong in a callback ends `run`, whoever's fault it is."""
        try:
            self._act(step())
        except Exception as error:  # noqa: BLE001 -- handed to the caller of `run`
            if not self._over.done():
                self._over.set_exception(error)
                self._over.exception()  # seen: `run` may have been cancelled

    def _act(self, events: list[Event]) -> None:
        for event in events:
            self._on_event(event)
        self._let_go()
        self._flush()

    def _on_event(self, event: Event) -> None:
        match event:
            case Found():
                self._on_found(event)
            case Heard():
                if (link := self._links.get(event.address)) is not None:
                    link.put(event.frames)
            case Wrong():
                link = self._links.get(event.address)
                (self._faults if link is None else link.faults)[event.kind] += 1
            case Gone():
                if (link := self._links.pop(event.address, None)) is not None:
                    link.end(event.reason)

    def _on_found(self, event: Found) -> None:
        name = f"{self._url}#{event.address}"
        link = BusLink(name, event.hello, event.address, partial(self._transmit, event.address))
        self._links[event.address] = link
        link.put([event.frame])
        if self._found is not None:
            self._found(link)

    def _let_go(self) -> None:
        """Modules whose owner closed their link are free to be found again."""
        for address in [address for address, link in self._links.items() if link.ended is not None]:
            del self._links[address]
            self._master.forget(address)

    def _transmit(self, address: int, frame: Frame) -> None:
        self._master.send(address, frame)
        self._arm()

    def _flush(self) -> None:
        data = b"".join(map(encode, self._master.take_frames()))
        if data:
            self._use(len(data))
            with suppress(LinkError):  # the end of the port is told by `_on_end`
                self._stream.send(data)
        self._arm()

    def _arm(self) -> None:
        if self._found is None or self._over.done():
            return
        due = self._master.next_deadline()
        if self._timer is not None:
            if self._timer.when() == due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_end(self, reason: str) -> None:
        self._disarm()
        for link in self._links.values():
            link.end(reason)
        self._links.clear()
        if not self._over.done():
            self._over.set_exception(LinkError(reason))
            self._over.exception()  # seen: `run` may never be called

    def _use(self, size: int) -> float:
        now = self._loop.time()
        used, then = self._used
        used = used * max(0.0, 1 - (now - then) / LOAD_WINDOW_S) + size * self._byte_s
        self._used = used, now
        return used


def _open(path: str, baud: int) -> serial.Serial:
    port = open_port(path, baud)
    with suppress(OSError, ValueError):  # most adapters turn the line round by themselves
        port.rs485_mode = RS485Settings()
    return port
