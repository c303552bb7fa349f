"""The outbox on disk: durable events a second in batches, bytes written for a single event, a long backlog."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from controller.outbox import Outbox
from controller.publication.publication import Publication

NEAR_MISS = Publication("a/nearmiss", b"x" * 600, "c", 1, False, 604_800.0, (("id", "1"),), "k", durable=True)
HAZARD = replace(NEAR_MISS, topic="a/hazard", urgent=True, retain=True)
BACKLOG = 100_000
BATCH = 20


def written() -> int:
    """Bytes this process has caused to be written to disks so far."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(told["write_bytes"])


async def measure(folder: Path) -> list[tuple[str, float, str]]:
    async with Outbox(folder / "single.db", time.time_ns) as box:
        before, singles = written(), 300
        for _ in range(singles):
            await box.put(NEAR_MISS)
        single = (written() - before) / singles
    async with Outbox(folder / "batch.db", time.time_ns) as box:
        begin_s, count = time.perf_counter(), 20_000
        for _ in range(count // 500):
            await asyncio.gather(*(box.put(NEAR_MISS) for _ in range(500)))
        rate = count / (time.perf_counter() - begin_s)
        for _ in range((BACKLOG - count) // 1000):
            await asyncio.gather(*(box.put(NEAR_MISS) for _ in range(1000)))
        begin_s, sent, ahead = time.perf_counter(), 0, 0
        while batch := await box.pending(BATCH):
            ahead = max(ahead, next((n for n, one in enumerate(batch) if one.publication.urgent), 0))
            await box.done(*(one.seq for one in batch))
            sent += len(batch)
            if sent % 10_000 < BATCH:
                await box.put(HAZARD)
        drained = sent / (time.perf_counter() - begin_s)
    return [
        ("single event, written to disk", single / 1000, "kB"),
        ("durable events in batches of 500", rate, "1/s"),
        (f"backlog of {BACKLOG:,}: read and acknowledged, without a broker", drained, "1/s"),
        ("its live hazards: events sent ahead of one in its batch", float(ahead), ""),
    ]


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        return asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:64s} {value:10.1f} {unit}")
