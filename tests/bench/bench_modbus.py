"""CPU of one Modbus/TCP poll on the controller's side; the server is a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time

from interfaces.address_table import AddressTable
from interfaces.modbus_bus import open_modbus
from interfaces.modbus_query import Do, Query
from interfaces.registers import PAGE
from sim.modbus import TcpLine
from sim.modbus_wire import ModbusWire

POLLS = 1000


def run():
    """(name, value, unit) rows."""
    ports = multiprocessing.Queue()
    server = multiprocessing.Process(target=_serve, args=(ports,), daemon=True)
    server.start()
    try:
        return asyncio.run(_poll(ports.get(timeout=10)))
    finally:
        server.terminate()
        server.join()


def _serve(ports):
    async def serve():
        line = TcpLine()
        ModbusWire(line, b"u" * 16, 1).plug()
        while not line.port:  # noqa: ASYNC110 -- it listens within a turn or two
            await asyncio.sleep(0.01)
        ports.put(line.port)
        await asyncio.sleep(3600)

    asyncio.run(serve())


async def _poll(port):
    bus = await open_modbus(f"modbus+tcp://127.0.0.1:{port}", AddressTable(1, 246))
    query = Query(Do.READ, 40000, PAGE)
    await bus._ask(1, query)
    used, started = time.process_time(), time.monotonic()
    for _ in range(POLLS):
        data, _refused = await bus._ask(1, query)
        assert data
    used, took = time.process_time() - used, time.monotonic() - started
    await bus.close()
    return [
        ("one poll of a page over TCP: CPU of the controller", used / POLLS * 1e6, "us"),
        ("one poll of a page over TCP: round trip, 1 ms of it the module's", took / POLLS * 1e3, "ms"),
    ]


if __name__ == "__main__":
    for row in run():
        print(*row)
