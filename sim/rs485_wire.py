"""An RS-485 line on a pty: several modules on one pair of wires, on which two who speak at once destroy each other."""

from __future__ import annotations

import asyncio
import os
import tty
from collections import Counter
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.fd_stream import FdStream
from interfaces.frame import FrameReader, encode
from interfaces.link import Inbox
from interfaces.rs485_module import Rs485Module
from sim.wire import BITS_PER_BYTE

if TYPE_CHECKING:
    from pathlib import Path

    from interfaces.frame import Frame

TURNAROUND_S: Final = 0.0005  # a module's own time between a POLL and its answer
_SHORT_S: Final = 0.0005  # below the clock of the event loop: said at once


class Rs485Line:
    """The pair of wires. The port stands at `path` from `open` to `close`; each module has an `Rs485Wire`."""

    def __init__(self, path: Path, baud: int = 921_600) -> None:
        self.path, self.baud = path, baud
        self.collisions = 0
        self._byte_s = BITS_PER_BYTE / baud
        self._modules: list[Rs485ModuleLink] = []
        self._talks: list[tuple[float, object, bytes]] = []
        self._talks_end = 0.0
        self._controller: FdStream | None = None

    @property
    def url(self) -> str:
        """What stands in pole.toml."""
        return f"rs485://{self.path}?baud={self.baud}"

    def open(self) -> None:
        """Make the port appear; safe to call twice. Needs a running loop."""
        if self._controller is not None:
            return
        master, slave = os.openpty()
        tty.setraw(slave)

        def release() -> None:
            os.close(master)
            os.close(slave)

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        self._controller = FdStream(master, str(self.path), release, lambda data: self.talk(None, data), lambda _: None)

    def close(self) -> None:
        """Pull the adapter out; safe to call twice."""
        port, self._controller = self._controller, None
        if port is not None:
            self.path.unlink(missing_ok=True)
            port.close()

    def attach(self, module: Rs485ModuleLink) -> None:
        """Clamp a module to the line."""
        self._modules.append(module)

    def detach(self, module: Rs485ModuleLink) -> None:
        """Take a module off the line."""
        self._modules.remove(module)

    def talk(self, talker: object, data: bytes) -> None:
        """Put bytes on the line now; heard by the others when the last of them is through."""
        now = asyncio.get_running_loop().time()
        start = max([now, *(at + len(said) * self._byte_s for at, who, said in self._talks if who is talker)])
        self._talks.append((start, talker, data))
        self._talks_end = max(self._talks_end, start + len(data) * self._byte_s)
        self._settle()

    def _settle(self) -> None:
        loop = asyncio.get_running_loop()
        if self._talks_end - loop.time() < _SHORT_S:
            loop.call_soon(self._end_of_talk)
        else:
            loop.call_at(self._talks_end, self._end_of_talk)

    def _end_of_talk(self) -> None:
        """Once all is said: one voice is heard as it spoke, several as the wires' mixture of their bits."""
        if not self._talks or self._talks_end - asyncio.get_running_loop().time() >= _SHORT_S:
            return
        talks, self._talks, self._talks_end = self._talks, [], 0.0
        talkers = {id(who): who for _, who, _ in talks}
        data = b"".join(said for _, _, said in talks) if len(talkers) == 1 else self._mixture(talks)
        for module in list(self._modules):
            if id(module) not in talkers:
                module.hear(data)
        if id(None) not in talkers and self._controller is not None:
            try:
                self._controller.send(data)
            except LinkError:
                return  # nobody has opened the port: said to nobody

    def _mixture(self, talks: list[tuple[float, object, bytes]]) -> bytes:
        self.collisions += 1
        first = min(start for start, _, _ in talks)
        mixed = bytearray()
        for start, _, said in talks:
            at = round((start - first) / self._byte_s)
            mixed += b"\xff" * (at + len(said) - len(mixed))
            for index, byte in enumerate(said, at):
                mixed[index] &= byte  # a driven zero wins
        return bytes(mixed)


class Rs485Wire:
    """One module's place on the line, of the shape of `SerialWire`."""

    def __init__(self, line: Rs485Line) -> None:
        self.line = line
        self.link: Rs485ModuleLink | None = None

    def plug(self) -> Rs485ModuleLink:
        """Clamp the module to the line; what is plugged stays. Needs a running loop."""
        self.line.open()
        if self.link is None:
            self.link = Rs485ModuleLink(self.line)
            self.line.attach(self.link)
        return self.link

    async def unplug(self) -> None:
        """Take it off; safe when it is not plugged."""
        link, self.link = self.link, None
        if link is not None:
            await link.close()


class Rs485ModuleLink:
    """The module's end: what it sends waits for its POLL."""

    def __init__(self, line: Rs485Line) -> None:
        self.module = Rs485Module()
        self._line = line
        self._reader = FrameReader()
        self._inbox = Inbox(Counter())
        self._loop = asyncio.get_running_loop()
        self._answering: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """The line and the address on it."""
        return f"{self._line.url}#{self.module.address}"

    @property
    def address(self) -> int:
        """As the controller gave it; 0 before."""
        return self.module.address

    @property
    def faults(self) -> dict[str, int]:
        """What was wrong with the bytes on the line."""
        return dict(self._reader.faults)

    async def receive(self) -> list[Frame]:
        """Frames for this module; LinkError when it is taken off."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Keep a frame until the controller asks."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        self.module.queue(frame)

    def send_bytes(self, data: bytes) -> None:
        """Babble: bytes on the line without being asked."""
        self._line.talk(self, data)

    def hear(self, data: bytes) -> None:
        """Bytes from the line."""
        for frame in self._reader.feed(data):
            self._inbox.put(self.module.receive(frame, self._loop.time()))
        if self.module.asked and self._answering is None:
            self._answering = self._loop.call_later(TURNAROUND_S, self._answer)

    async def close(self) -> None:
        """Leave the line."""
        if self._inbox.ended is None:
            self._line.detach(self)
            self._inbox.end(f"{self._line.url}: unplugged")
        if self._answering is not None:
            self._answering.cancel()

    def _answer(self) -> None:
        self._answering = None
        frames = self.module.answer()
        if frames:
            self._line.talk(self, b"".join(map(encode, frames)))
