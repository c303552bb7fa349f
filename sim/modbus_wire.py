"""A simulated module behind Modbus registers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.link import Inbox
from interfaces.modbus_image import ModbusImage
from interfaces.registers import UNPROVISIONED
from sim.modbus import ModbusLine, TcpLine, Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interfaces.frame import Frame

TURN_S: Final = 0.5  # unprovisioned units listen or not, by chance, for so long
FIRST_TURNS: Final = 4  # but all listen right after power-up


class ModbusWire:
    """One module on a line. `unit` 247 waits for an address; another number is set on the module by hand."""

    def __init__(self, line: ModbusLine, uid: bytes, unit: int = UNPROVISIONED) -> None:
        self.link: ModbusModuleLink | None = None
        self._line, self._uid, self._unit = line, uid, unit

    def plug(self) -> ModbusModuleLink:
        """Attach to the line. Needs a running loop."""
        if self.link is None:
            self.link = ModbusModuleLink(self._line, self._uid, self._unit)
        return self.link

    async def unplug(self) -> None:
        """Leave the line without a word."""
        link, self.link = self.link, None
        if link is not None:
            self._unit = link.unit  # a module keeps its address, as in its flash memory
            await link.close()


class ModbusModuleLink:
    """The module's end: a `Link` to its session, a `Unit` to the line. `wrong` makes it misbehave."""

    def __init__(self, line: ModbusLine, uid: bytes, unit: int) -> None:
        self.wrong = Wrong.NOTHING
        self._line = line
        self._image = ModbusImage(unit)
        self._inbox = Inbox(Counter())
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._uid = uid
        line.attach(self)

    @property
    def name(self) -> str:
        """The unit."""
        return f"modbus unit {self.unit}"

    @property
    def unit(self) -> int:
        """Its address now."""
        return self._image.unit

    @property
    def address(self) -> int:
        """The same, as a link has it."""
        return self._image.unit

    @property
    def faults(self) -> Mapping[str, int]:
        """None: what is wrong is refused."""
        return {}

    @property
    def identification(self) -> dict[int, bytes]:
        """FC 0x2B."""
        return self._image.identification

    def listens(self) -> bool:
        """An unprovisioned unit on a line keeps still in half of the turns, so that of two one is heard alone."""
        if self.unit != UNPROVISIONED or isinstance(self._line, TcpLine):
            return True
        turn = int((self._loop.time() - self._since) / TURN_S)
        return turn < FIRST_TURNS or random.Random(self._uid + turn.to_bytes(8, "big")).random() < 0.5

    def read(self, address: int, count: int) -> bytes | int:
        """FC 3 and 4."""
        found = self._image.read(address, count, self._loop.time())
        self._inbox.put(self._image.take_frames())
        return found

    def write(self, address: int, data: bytes) -> int:
        """FC 6 and 16."""
        code = self._image.write(address, data)
        self._inbox.put(self._image.take_frames())
        return code

    def sheet(self, offset: int, length: int) -> bytes | None:
        """FC 0x14."""
        data = self._image.sheet(offset, length)
        self._inbox.put(self._image.take_frames())
        return data

    async def receive(self) -> list[Frame]:
        """What the controller's reads and writes mean."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Show it in the registers."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        self._image.send(frame, self._loop.time())

    async def close(self) -> None:
        """Leave the line."""
        self._line.detach(self)
        self._inbox.end("unplugged")
