"""A serial line that is honest about its rate: who listens at another one hears noise."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections import Counter
from typing import TYPE_CHECKING, Final

from interfaces.baud_agreement import BaudModule
from interfaces.errors import LinkError
from interfaces.fd_stream import FdStream
from interfaces.frame import FrameReader, encode
from interfaces.link import Inbox
from interfaces.message import Message, decode
from interfaces.message import encode as encode_message
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ADDRESS_FIRST_MODULE, BAUD_RATES
from sim.wire import BITS_PER_BYTE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from interfaces.frame import Frame

_SPEEDS: Final = {getattr(termios, f"B{rate}"): rate for rate in BAUD_RATES}


class BaudWire:
    """As `SerialWire`, for a module that begins at `baud` and can change to one of `rates`.

    `limit` is the fastest rate the cable carries; above it both hear noise.
    """

    def __init__(
        self, path: Path, baud: int = BAUD_RATES[0], rates: Collection[int] = BAUD_RATES, limit: int = BAUD_RATES[-1]
    ) -> None:
        self.path, self.baud, self.rates, self.limit = path, baud, rates, limit
        self.link: BaudLink | None = None

    def plug(self) -> BaudLink:
        """Make the port appear; a port that is already there stays. Needs a running loop."""
        if self.link is None:
            self.link = BaudLink(self)
        return self.link

    async def unplug(self) -> None:
        """Pull it out; safe when it is not plugged."""
        link, self.link = self.link, None
        if link is not None:
            await link.close()


class BaudLink:
    """The module's end."""

    def __init__(self, wire: BaudWire) -> None:
        self._wire = wire
        self._agreement = BaudModule(wire.baud, wire.rates)
        self._reader = FrameReader()
        self._inbox = Inbox(Counter())
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0
        self._tty, slave = os.openpty()
        tty.setraw(slave)
        wire.path.parent.mkdir(parents=True, exist_ok=True)
        wire.path.unlink(missing_ok=True)
        wire.path.symlink_to(os.ttyname(slave))

        def release() -> None:
            os.close(self._tty)
            os.close(slave)

        self._stream = FdStream(self._tty, str(wire.path), release, self._on_bytes, self._inbox.end)

    @property
    def name(self) -> str:
        """The port's path."""
        return str(self._wire.path)

    @property
    def address(self) -> int:
        """There is one module only."""
        return ADDRESS_FIRST_MODULE

    @property
    def baud(self) -> int:
        """The rate the module speaks now."""
        self._agreement.tick(self._loop.time())
        return self._agreement.rate

    @property
    def faults(self) -> dict[str, int]:
        """What was wrong with the controller's bytes."""
        return dict(self._reader.faults)

    async def receive(self) -> list[Frame]:
        """Frames from the controller for the session."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Send a frame at the module's rate; its HELLO names the others."""
        message = decode(frame)
        if isinstance(message, Message) and isinstance(message.body, pb.Hello) and not message.body.baud_rates:
            message.body.baud_rates.extend(rate for rate in self._wire.rates if rate != self._wire.baud)
            frame = encode_message(message)
        self.send_bytes(encode(frame))

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes; they arrive when the last of them would have."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        self._send_at(data, self.baud)

    def reset(self) -> None:
        """The module's port as after power-on, while its cable stays in."""
        self._agreement = BaudModule(self._wire.baud, self._wire.rates)

    async def close(self) -> None:
        """Pull the plug."""
        self._wire.path.unlink(missing_ok=True)
        self._stream.close("unplugged")

    def _send_at(self, data: bytes, baud: int) -> None:
        self._free_at = max(self._free_at, self._loop.time()) + len(data) * BITS_PER_BYTE / baud
        self._loop.call_at(self._free_at, self._deliver, data, baud)

    def _deliver(self, data: bytes, baud: int) -> None:
        if self._inbox.ended is None:
            self._stream.send(data if self._understood(baud) else _noise(data))

    def _on_bytes(self, data: bytes) -> None:
        now, baud = self._loop.time(), self.baud
        for frame in self._reader.feed(data if self._understood(baud) else _noise(data)):
            self._inbox.put(self._agreement.hear(frame, now))
            for answer in self._agreement.take_frames():
                self._send_at(encode(answer), baud)

    def _understood(self, baud: int) -> bool:
        speed = _SPEEDS.get(termios.tcgetattr(self._tty)[5])
        return speed == baud <= self._wire.limit


def _noise(data: bytes) -> bytes:
    return b"\0" + bytes((byte ^ 0xA5) or 1 for byte in data) + b"\0"
