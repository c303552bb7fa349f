"""A Modbus server that can play modules: RTU on a pty or TCP, several units on one line, each of them wrong on demand.

Source: MODBUS Application Protocol V1.1b3 and MODBUS over serial line V1.02. Unlike servers that are there to be right,
an absent unit is silent, a line has a speed, and every fault a wire or a module can have is at hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from interfaces.fd_stream import FdStream
from interfaces.modbus_image import ILLEGAL_FUNCTION, ILLEGAL_VALUE, SILENT
from interfaces.modbus_query import SHEET_FILE
from sim.listening import stop_listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BITS_8E1: Final = 11
TURNAROUND_S: Final = 0.001
LATE_S: Final = 0.2
SHEET_TRIES: Final = 20
_MBAP: Final = 7


class Wrong(Enum):
    """What a unit does wrong."""

    NOTHING = "nothing"
    SILENT = "silent"
    LATE = "late"
    BAD_CRC = "wrong CRC"
    OTHER_UNIT = "another unit's address"
    EXCEPTION = "an exception to everything"
    LYING_LENGTH = "a length that is not its answer's"


class Unit(Protocol):
    """A module behind registers."""

    wrong: Wrong

    @property
    def unit(self) -> int:
        """Its address."""
        ...

    def listens(self) -> bool:
        """Whether it answers now: unprovisioned units take turns by chance."""
        ...

    def read(self, address: int, count: int) -> bytes | int: ...  # noqa: D102 -- as ModbusImage
    def write(self, address: int, data: bytes) -> int: ...  # noqa: D102
    def sheet(self, offset: int, length: int) -> bytes | None: ...  # noqa: D102
    @property
    def identification(self) -> dict[int, bytes]: ...  # noqa: D102


async def answer(unit: Unit, pdu: bytes) -> bytes | None:
    """The answer of a unit to a request, function code first; None for silence."""
    function = pdu[0]
    if unit.wrong is Wrong.EXCEPTION:
        return bytes((function | 0x80, 4))
    if function in {3, 4} and len(pdu) == 5:
        found = unit.read(int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big"))
        return bytes((function | 0x80, found)) if isinstance(found, int) else bytes((function, len(found))) + found
    if function == 6 and len(pdu) == 5:
        return _written(function, unit.write(int.from_bytes(pdu[1:3], "big"), pdu[3:5]), pdu)
    if function == 16 and len(pdu) > 6 and pdu[5] == len(pdu) - 6 == int.from_bytes(pdu[3:5], "big") * 2:
        return _written(function, unit.write(int.from_bytes(pdu[1:3], "big"), pdu[6:]), pdu[:5])
    if function == 0x14 and len(pdu) == 9:
        return await _file_record(unit, pdu)
    if function == 0x2B and len(pdu) == 4 and pdu[1] == 0x0E:
        return _identification(unit, pdu)
    return bytes((function | 0x80, ILLEGAL_FUNCTION if function not in _LENGTHS else ILLEGAL_VALUE))


def _written(function: int, code: int, echo: bytes) -> bytes | None:
    if code == SILENT:
        return None
    return bytes((function | 0x80, code)) if code else echo


async def _file_record(unit: Unit, pdu: bytes) -> bytes:
    number, record, length = (int.from_bytes(pdu[at : at + 2], "big") for at in (3, 5, 7))
    if number != SHEET_FILE or not 0 < length <= 120:
        return bytes((0x94, ILLEGAL_VALUE))
    for _ in range(SHEET_TRIES):
        data = unit.sheet(record * 2, length * 2)
        if data is not None:
            data += bytes(len(data) % 2)
            return bytes((0x14, len(data) + 2, len(data) + 1, 6)) + data
        await asyncio.sleep(0.001)  # the module's own software reads its sheet
    return bytes((0x94, 6))


def _identification(unit: Unit, pdu: bytes) -> bytes:
    objects = unit.identification
    listed = b"".join(bytes((one, len(data))) + data for one, data in sorted(objects.items()))
    return bytes((0x2B, 0x0E, pdu[2], 1, 0, 0, len(objects))) + listed


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


# Length of a request behind its unit address, by function code; 16 tells its own.
_LENGTHS: Final = {3: 5, 4: 5, 6: 5, 16: 6, 0x14: 2, 0x2B: 4}


class ModbusLine:
    """Units on one wire; `attach` and `detach` are what plugging does."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.requests = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, unit: Unit) -> None:
        """Plug a unit in."""
        self.open()
        self.units.append(unit)

    def detach(self, unit: Unit) -> None:
        """Pull it."""
        if unit in self.units:
            self.units.remove(unit)

    def open(self) -> None:
        """Make the wire appear."""

    def close(self) -> None:
        """Take the wire away."""
        for task in self._tasks:
            task.cancel()
        self.units.clear()

    def _serve(self, address: int, pdu: bytes, reply: Callable[[int, bytes, Wrong], None]) -> None:
        self.requests += 1
        for unit in list(self.units):
            if unit.unit == address and unit.wrong is not Wrong.SILENT and unit.listens():
                task = asyncio.get_running_loop().create_task(self._answer(unit, pdu, reply))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, unit: Unit, pdu: bytes, reply: Callable[[int, bytes, Wrong], None]) -> None:
        address, wrong = unit.unit, unit.wrong
        found = await answer(unit, pdu)
        if found is None:
            return
        await asyncio.sleep(LATE_S if wrong is Wrong.LATE else TURNAROUND_S)
        if unit in self.units:
            reply((address % 246) + 1 if wrong is Wrong.OTHER_UNIT else address, found, wrong)


class RtuLine(ModbusLine):
    """Modbus RTU on a pty whose slave stands at `path`; answers of two units at once destroy each other."""

    def __init__(self, path: Path, baud: int = 115_200) -> None:
        super().__init__()
        self.path, self.baud = path, baud
        self._stream: FdStream | None = None
        self._rest = b""
        self._sending: list[bytes] = []

    def open(self) -> None:
        """Make the port appear; safe to call twice. Needs a running loop."""
        if self._stream is not None:
            return
        master, slave = os.openpty()
        tty.setraw(slave)

        def release() -> None:
            os.close(master)
            os.close(slave)

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        self._stream = FdStream(master, str(self.path), release, self._on_bytes, lambda _reason: None)

    def close(self) -> None:
        """Take the port away."""
        super().close()
        stream, self._stream = self._stream, None
        if stream is not None:
            self.path.unlink(missing_ok=True)
            stream.close()

    def _on_bytes(self, data: bytes) -> None:
        self._rest = (self._rest + data)[-512:]
        while (request := self._cut()) is not None:
            after_s = (len(request) + 2) * BITS_8E1 / self.baud
            asyncio.get_running_loop().call_later(after_s, self._serve, request[0], request[1:], self._reply)

    def _cut(self) -> bytes | None:
        """The next request whose CRC is right; bytes that begin none are passed over."""
        while len(self._rest) >= 4:
            length = _LENGTHS.get(self._rest[1])
            if length is not None:
                if self._rest[1] == 16 and len(self._rest) > 6:
                    length += self._rest[6]
                if self._rest[1] == 0x14:
                    length += self._rest[2]
                whole = self._rest[: 1 + length + 2]
                if len(whole) < 1 + length + 2:
                    return None
                if crc16(whole[:-2]) == whole[-2:]:
                    self._rest = self._rest[len(whole) :]
                    return whole[:-2]
            self._rest = self._rest[1:]
        return None

    def _reply(self, address: int, pdu: bytes, wrong: Wrong) -> None:
        frame = bytes((address,)) + pdu
        crc = crc16(frame)
        frame += crc[::-1] if wrong is Wrong.BAD_CRC else crc
        if wrong is Wrong.LYING_LENGTH:
            frame = frame[:2] + bytes((frame[2] ^ 0x15,)) + frame[3:]
        self._sending.append(frame)
        took_s = len(frame) * BITS_8E1 / self.baud
        asyncio.get_running_loop().call_later(took_s, self._deliver)

    def _deliver(self) -> None:
        talks, self._sending = self._sending, []
        if not talks or self._stream is None:
            return
        longest = max(talks, key=len)
        mixed = bytearray(longest)
        for other in talks:
            if other is not longest:
                for at, byte in enumerate(other):
                    mixed[at] &= byte  # a line pulled low by one is low
        with contextlib.suppress(Exception):
            self._stream.send(bytes(mixed))


class TcpLine(ModbusLine):
    """Modbus/TCP on `host:port`; port 0 takes a free one at `open`."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__()
        self.host, self.port = host, port
        self._server: asyncio.Server | None = None
        self._starting: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen; safe to call twice. Needs a running loop."""
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())

    def detach(self, unit: Unit) -> None:
        """Pull a unit; with the last one its box is gone, too."""
        super().detach(unit)
        if not self.units:
            self.close()

    def close(self) -> None:
        """Stop listening and cut what is connected."""
        super().close()
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        if self._server is not None:
            stop_listening(self._server)
            self._server = None
        for writer in self._writers:
            writer.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Known from the first moment, so that `close` cuts it; one that was still being accepted then is cut here."""
        if self._server is None:
            writer.close()
            return
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(_MBAP)
                pdu = await reader.readexactly(max(0, int.from_bytes(head[4:6], "big") - 1))
                if pdu:
                    self._serve(head[6], pdu, _replier(writer, head[:2]))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()


def _replier(writer: asyncio.StreamWriter, transaction: bytes) -> Callable[[int, bytes, Wrong], None]:
    def reply(address: int, pdu: bytes, wrong: Wrong) -> None:
        length = len(pdu) + (200 if wrong is Wrong.LYING_LENGTH else 1)
        if wrong is Wrong.BAD_CRC:  # TCP has none: the transaction id stands in for it
            number = (int.from_bytes(transaction, "big") ^ 0x5A5A).to_bytes(2, "big")
        else:
            number = transaction
        if not writer.is_closing():
            writer.write(number + b"\0\0" + length.to_bytes(2, "big") + bytes((address,)) + pdu)

    return reply
