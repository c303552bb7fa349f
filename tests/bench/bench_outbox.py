"""The outbox on disk, and a long backlog on its way through a real mosquitto while hazards go on."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiomqtt

from controller.config import Mqtt
from controller.outbox import Outbox
from controller.publication.publication import Publication
from controller.publisher import Publisher
from tests.real_broker import BINARY, ended, free_port, started

NEAR_MISS = Publication("a/nearmiss", b"x" * 600, "c", 1, False, 604_800.0, (("id", "1"),), "k", durable=True)
HAZARD = replace(NEAR_MISS, topic="a/hazard", urgent=True, retain=True, expiry_s=5.0)
WILL = replace(NEAR_MISS, topic="a/status", durable=False)
BACKLOG = 100_000
BATCH = 20
HAZARD_EVERY_S = 0.25


def written() -> int:
    """Bytes this process has caused to be written to disks so far."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(told["write_bytes"])


async def kept(folder: Path) -> list[tuple[str, float, str]]:
    """What keeping costs, alone and in batches."""
    async with Outbox(folder / "single.db", time.time_ns) as box:
        before, singles = written(), 300
        for _ in range(singles):
            await box.put(NEAR_MISS)
        single = (written() - before) / singles
    async with Outbox(folder / "batch.db", time.time_ns) as box:
        begin_s, count = time.perf_counter(), 20_000
        await fill(box, count, 500)
        rate = count / (time.perf_counter() - begin_s)
    return [
        ("outbox, a single event: written to disk", single / 1000, "kB"),
        ("outbox, durable events in batches of 500", rate, "1/s"),
    ]


async def drained(folder: Path) -> list[tuple[str, float, str]]:
    """A backlog read and acknowledged, without a broker."""
    async with Outbox(folder / "backlog.db", time.time_ns) as box:
        await fill(box, BACKLOG)
        begin_s, sent, ahead = time.perf_counter(), 0, 0
        while batch := await box.pending(BATCH):
            ahead = max(ahead, next((n for n, one in enumerate(batch) if one.publication.urgent), 0))
            await box.done(*(one.seq for one in batch))
            box.lived(asyncio.get_running_loop().time())
            sent += len(batch)
            if sent % 10_000 < BATCH:
                await box.put(HAZARD)
        rate = sent / (time.perf_counter() - begin_s)
    return [
        (f"backlog of {BACKLOG:,}: read and acknowledged, without a broker", rate, "1/s"),
        ("its live hazards: events sent ahead of one in its batch", float(ahead), ""),
    ]


async def fill(box: Outbox, count: int, batch: int = 1000) -> None:
    for n in range(0, count, batch):
        await asyncio.gather(*(box.put(NEAR_MISS) for _ in range(min(batch, count - n))))


async def through_a_broker(folder: Path, backlog: int) -> tuple[float, list[float]]:
    """(near misses a second, s from `keep` of each hazard to its arrival) while the backlog drains; 0: without one."""
    port, conf = free_port(), folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
    broker = started(conf, port)
    try:
        async with (
            Outbox(folder / f"{backlog}.db", time.time_ns) as box,
            aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as consumer,
        ):
            await consumer.subscribe("a/#", qos=1)
            await fill(box, backlog)
            return await _drain(box, consumer, port, backlog)
    finally:
        ended(broker)


async def _drain(box: Outbox, consumer: aiomqtt.Client, port: int, backlog: int) -> tuple[float, list[float]]:
    one = Publisher(
        Mqtt(url=f"mqtt://127.0.0.1:{port}"), "pole", box, utc_ns=time.time_ns, greeting=list, will=lambda: WILL,
        report=lambda text: None,
    )  # fmt: skip
    waits: list[float] = []
    near = 0

    async def hear() -> None:
        nonlocal near
        async for message in consumer.messages:
            if str(message.topic) == HAZARD.topic:
                waits.append(time.perf_counter() - float(message.payload))
            else:
                near += 1

    async def warn() -> None:
        while True:
            now = time.perf_counter()
            until_ns = time.time_ns() + 5 * 10**9
            await one.keep(replace(HAZARD, payload=b"%.9f" % now, expires_at_ns=until_ns))
            await asyncio.sleep(HAZARD_EVERY_S)

    tasks = [asyncio.create_task(each) for each in (hear(), one.run())]
    await one.connected.wait()
    begin_s = time.perf_counter()
    tasks.append(asyncio.create_task(warn()))
    while near < backlog or len(waits) < 40:  # noqa: ASYNC110 - arrivals have no event
        await asyncio.sleep(0.1)
    rate = near / (time.perf_counter() - begin_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return rate, waits


async def measure(folder: Path, backlog: int) -> list[tuple[str, float, str]]:
    rows = await kept(folder) + await drained(folder)
    if BINARY is None:
        return rows
    _, calm = await through_a_broker(folder, 0)
    rate, busy = await through_a_broker(folder, backlog)
    rows.append((f"backlog of {backlog:,} through mosquitto", rate, "1/s"))
    for name, waits in (("without a backlog", calm), ("with the backlog", busy)):
        of = f"hazard, kept to consumer, {name}, {len(waits)} times"
        rows += [(f"{of}: p50", statistics.median(waits) * 1e3, "ms"), (f"{of}: max", max(waits) * 1e3, "ms")]
    return rows


def run(backlog: int = BACKLOG) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        return asyncio.run(measure(Path(folder), backlog))


if __name__ == "__main__":
    for name, value, unit in run(int((sys.argv[1:] or [BACKLOG])[0])):
        print(f"{name:72s} {value:10.1f} {unit}")
