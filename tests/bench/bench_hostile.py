"""What a hostile module on one link does to its neighbours: their lag with it and without it."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

import bench_pole
import numpy as np

from interfaces.errors import LinkError
from interfaces.frame import Frame, encode
from interfaces.spec import MessageType
from sim.broker import Broker
from sim.module import SimModule
from sim.scene import ModuleSpec
from sim.wire import SerialWire
from tests.exchange import good_hello

GOOD = tuple(ModuleSpec(f"lidar-{n}", "lidar") for n in range(4))
SECONDS = 15.0
BAUD = 921_600


def noise(rng):
    """Any bytes, at the line's full speed."""
    return rng.randbytes(9000)


def flood(rng):
    """Good frames without sense: HELLOs, data without a plan, unknown types."""
    return b"".join(
        encode(
            Frame(rng.choice([1, 0x40, 0x33, 8]), rng.randbytes(20), 2, 1, rng.randrange(65536), rng.randrange(2**32))
        )
        for _ in range(120)
    )


def lies(rng):
    """A new identity in every HELLO."""
    hello = good_hello(uid=rng.randbytes(16), boot_id=rng.getrandbits(32), sheet_hash=rng.randbytes(8), sheet_size=4096)
    return encode(Frame(MessageType.HELLO, hello.SerializeToString(), seq=rng.randrange(2**32))) * 40


def dribble(rng):
    """Half a frame, and never the rest."""
    return encode(Frame(0x40, rng.randbytes(4000), 2, 1, 1, 1))[:-5]


def run():
    """(name, value, unit) rows."""
    return asyncio.run(_run())


async def _run():
    rows, quiet = [], None
    bench_pole.SLOTS = (*GOOD, ModuleSpec("bad", "radar"))
    for deed in (None, noise, flood, lies, dribble):
        p99 = await _lag(deed)
        quiet = p99 if quiet is None else quiet
        name = "no hostile module" if deed is None else f"beside one that sends {deed.__name__}"
        rows.append((f"4 modules, {name}: newest message to socket, p99", p99, "ms"))
    worst = max(value for _, value, _ in rows[1:]) - quiet
    return [*rows, ("the worst of them adds", worst, "ms")]


async def _lag(deed):
    with tempfile.TemporaryDirectory() as name:
        folder, seen = Path(name), []
        async with Broker("127.0.0.1") as broker:
            listener = asyncio.create_task(bench_pole._listen(broker.url, seen))
            async with bench_pole._daemon(folder, broker.url, BAUD):
                tasks = [
                    asyncio.create_task(
                        SimModule(spec, bench_pole.crowd).run(SerialWire(folder / "ports" / spec.slot, BAUD))
                    )
                    for spec in GOOD
                ]
                if deed is not None:
                    tasks.append(asyncio.create_task(_attack(folder / "ports" / "bad", deed)))
                await asyncio.sleep(SECONDS)
                lags = [one.message.lag_p99_s for _, one in seen[-400:] if one.kind == "status"]
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            listener.cancel()
            await asyncio.wait([listener])
    return float(np.median(lags[-5:])) * 1e3


async def _attack(path, deed):
    rng, wire = random.Random(1), SerialWire(path, BAUD)
    while True:
        link = wire.plug()
        try:
            while True:
                data = deed(rng)
                link.send_bytes(data)
                await asyncio.sleep(len(data) * 10 / BAUD)
        except LinkError:
            await wire.unplug()
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    for row in run():
        print(*row)
