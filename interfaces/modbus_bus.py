"""The controller's side of a Modbus line or a Modbus/TCP connection: finds units, polls them fairly (PMI §6, Modbus).

pymodbus speaks the wire; what is asked, and what the answers mean, is `ModbusUnit`'s.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu.file_message import FileRecord

from interfaces.bus import BusLink
from interfaces.cancellation import heed_cancellation
from interfaces.errors import LinkError
from interfaces.modbus_query import SHEET_FILE, Do, Query
from interfaces.modbus_unit import ModbusUnit
from interfaces.port import parse
from interfaces.registers import FIRST_UNIT, LAST_UNIT, UNPROVISIONED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from interfaces.address_table import AddressTable
    from interfaces.frame import Frame

TIMEOUT_S: Final = 0.05  # of an answer on a line; a TCP module shares its host with other programs
TCP_TIMEOUT_S: Final = 0.1
CONNECT_S: Final = 3.0
PROBE_PERIOD_S: Final = 0.5  # a probe of an absent unit costs a time-out: not more often
LOAD_WINDOW_S: Final = 1.0
USUAL_UNITS: Final = 16  # addresses people set first
BASIC_OBJECTS: Final = 1  # FC 0x2B / 0x0E


class ModbusBus:
    """A `Bus` of units. One query at a time is on the wire. `expected` are looked for as often as known addresses."""

    def __init__(self, client: Any, url: str, addresses: AddressTable, expected: Iterable[int] = ()) -> None:
        self._client, self._url, self._addresses = client, url, addresses
        self._expected = frozenset(expected)
        self._units: dict[int, ModbusUnit] = {}
        self._links: dict[int, BusLink] = {}
        self._faults: Counter[str] = Counter()
        self._found: Callable[[BusLink], None] = lambda _link: None
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._probes = self._to_probe()
        self._probe_at = 0.0
        self._left = UNPROVISIONED  # where the last unit was that was lost
        self._busy_s = self._load = 0.0
        self._load_since = self._loop.time()

    @property
    def name(self) -> str:
        """The URL it was opened from."""
        return self._url

    @property
    def faults(self) -> Mapping[str, int]:
        """What was wrong and not of one module."""
        return self._faults

    @property
    def load(self) -> float:
        """Share of the time in which a query was on the wire."""
        passed_s = self._loop.time() - self._load_since
        if passed_s >= LOAD_WINDOW_S:
            self._load, self._busy_s, self._load_since = self._busy_s / passed_s, 0.0, self._loop.time()
        return self._load

    async def run(self, found: Callable[[BusLink], None]) -> None:
        """Poll until the wire is gone."""
        self._found = found
        try:
            while True:
                await self._turn()
                heed_cancellation()  # pymodbus waits with wait_for
        except LinkError as error:
            for link in self._links.values():
                link.end(f"unplugged ({error})")
            raise

    async def close(self) -> None:
        """Give the wire back."""
        for link in self._links.values():
            link.end("closed")
        self._client.close()

    async def _turn(self) -> None:
        now = self._loop.time()
        unit = min(self._units.values(), key=lambda one: one.due(now), default=None)
        if now >= self._probe_at and (unit is None or unit.due(now) > now):
            self._probe_at = now + (PROBE_PERIOD_S if self._links else 0.0)
            self._units.setdefault(address := next(self._probes), ModbusUnit(address))
            return
        if unit is None or unit.due(now) > now:
            await self._rest(min(self._probe_at, unit.due(now) if unit is not None else self._probe_at))
            return
        query = unit.next_query(now)
        if query is not None:
            address = unit.unit
            data, refused = await self._ask(address, query)
            unit.answered(query, data, self._loop.time(), refused=refused)
            self._pass_on(unit, address)
        if unit.gone:
            self._drop(unit)

    async def _rest(self, until: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._wake.wait()

    async def _ask(self, unit: int, query: Query) -> tuple[bytes | None, bool]:
        """(bytes or None, whether it was refused)."""
        if not self._client.connected:
            raise LinkError(f"{self._url}: the connection is gone")
        before = self._loop.time()
        try:
            answer = await self._perform(unit, query)
        except ConnectionException as error:
            raise LinkError(f"{self._url}: {error.string}") from error
        except ModbusException:
            return None, False
        finally:
            self._busy_s += self._loop.time() - before
        if answer.isError():
            return None, True
        match query.do:
            case Do.READ:
                return b"".join(value.to_bytes(2, "big") for value in answer.registers), False
            case Do.NAME:
                return b"".join(answer.information.get(one, b"") + b"\0" for one in range(3)), False
            case Do.FILE:
                return (answer.records[0].record_data if answer.records else b""), False
        return b"", False

    async def _perform(self, unit: int, query: Query) -> Any:
        match query.do:
            case Do.READ:
                return await self._client.read_input_registers(query.address, count=query.count, device_id=unit)
            case Do.WRITE:
                values = [int.from_bytes(query.data[at : at + 2], "big") for at in range(0, len(query.data), 2)]
                return await self._client.write_registers(query.address, values, device_id=unit)
            case Do.NAME:
                return await self._client.read_device_information(read_code=BASIC_OBJECTS, device_id=unit)
        record = FileRecord(SHEET_FILE, query.address // 2, record_length=query.count + query.count % 2)
        return await self._client.read_file_record([record], device_id=unit)

    def _pass_on(self, unit: ModbusUnit, address: int) -> None:
        if unit.unit != address:  # it has a new address now
            self._units.pop(address, None)
            self._units[unit.unit] = unit
        for frame in unit.take_frames():
            link = self._links.get(id(unit))
            if (link is None or link.ended is not None) and unit.hello is not None:
                link = self._introduce(unit)
            if link is not None:
                link.put([frame])

    def _introduce(self, unit: ModbusUnit) -> BusLink | None:
        hello = unit.hello
        if hello is None:
            return None
        wish = unit.unit if unit.unit != UNPROVISIONED else 0
        try:
            address = self._addresses.address_of(hello.uid, wish)
        except LinkError:
            self._faults["no_free_unit"] += 1
            return None
        other = self._units.get(address)
        if other is not None and other is not unit and other.found:
            self._faults["duplicate_uid"] += 1
            return None
        link = BusLink(f"{self._url}#{address}", hello, address, partial(self._transmit, unit))
        self._links[id(unit)] = link
        self._loop.call_soon(self._found, link)
        return link

    def _transmit(self, unit: ModbusUnit, frame: Frame) -> None:
        unit.send(frame)
        self._wake.set()

    def _drop(self, unit: ModbusUnit) -> None:
        self._units = {address: one for address, one in self._units.items() if one is not unit}
        link = self._links.pop(id(unit), None)
        if link is not None:
            link.end(unit.gone)
            self._left = unit.unit
            self._faults["units_lost"] += 1

    def _to_probe(self) -> Iterator[int]:
        """Addresses without a unit, for ever: the unprovisioned and where one was lost last again and again, the known
        often, the rest in turn.
        """
        usual, rare = cycle(range(FIRST_UNIT, USUAL_UNITS + 1)), cycle(range(USUAL_UNITS + 1, LAST_UNIT + 1))
        for turns in cycle((usual, usual, usual, rare)):
            for address in (*sorted({*self._expected, *self._addresses.known.values()}), next(turns)):
                likely = dict.fromkeys((UNPROVISIONED, self._left, address))
                yield from (one for one in likely if one not in self._units)


async def open_modbus(url: str, addresses: AddressTable, expected: Iterable[int] = ()) -> ModbusBus:
    """The bus of `modbus+rtu:///dev/ttyUSB1?baud=115200` or `modbus+tcp://host:502`. Raises LinkError."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # its errors are our counters
    port = parse(url)
    if port.scheme == "modbus+tcp":
        host, _, number = port.place.rpartition(":")
        client: Any = AsyncModbusTcpClient(
            host.strip("[]"), port=int(number), timeout=CONNECT_S, retries=0, reconnect_delay=0
        )
        cause = "nobody listens there"
    else:
        parity = _parity(port.place)
        client = AsyncModbusSerialClient(
            port.place, baudrate=port.baud, parity=parity, timeout=CONNECT_S, retries=0, reconnect_delay=0
        )
        cause = "the port cannot be opened"
    try:
        connected = await client.connect()
    except (ModbusException, OSError) as error:
        raise LinkError(f"{url}: {error}") from error
    if not connected:
        client.close()
        raise LinkError(f"{url}: {cause}; is the module plugged in?")
    client.ctx.comm_params.timeout_connect = TCP_TIMEOUT_S if port.scheme == "modbus+tcp" else TIMEOUT_S
    client.ctx.max_until_disconnect = client.ctx.count_until_disconnect = 1 << 60  # silent units are ours to judge
    _set_options(client)
    return ModbusBus(client, url, addresses, expected)


def _parity(path: str) -> str:
    """Even, as PMI has it; a pty knows none."""
    return "N" if Path(path).resolve().is_relative_to("/dev/pts") else "E"


def _set_options(client: Any) -> None:
    """No delay for small packets, and a dead connection noticed within seconds."""
    held = client.ctx.transport.get_extra_info("socket") if client.ctx.transport is not None else None
    if held is None:
        return
    for level, option, value in (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000),
    ):
        held.setsockopt(level, option, value)
