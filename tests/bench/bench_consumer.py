"""A consumer beside many poles: how long after its publication an event is in the application's hands, and the CPU."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from interfaces.area import Route
from interfaces.consumer import Consumer
from interfaces.cover import tiles
from interfaces.proto.publication_pb2 import Header
from interfaces.reception import decode
from interfaces.topics import ROOT
from sim.broker import Broker
from tests.interfaces.test_consumer import sending
from tests.published import AT, SENDER, danger, road

POLES, OBJECTS, RATE_HZ, SECONDS = 20, 50, 10.0, 5.0
PLACES = [(3.0 * (one % 10), 4.0 * (one // 10)) for one in range(OBJECTS)]
WAY = Route(tuple((AT[0], AT[1] + 0.01 * leg) for leg in range(200)), 40.0)


def run() -> list[tuple[str, float, str]]:
    return [*_reading(), *_covering(), *asyncio.run(_many())]


def _reading():
    one = road(*PLACES)[0]
    properties = dict(one.user_properties)
    begin = time.perf_counter()
    for _ in range(500):
        decode(one.topic, one.payload, ROOT, properties)
    return [(f"a picture of {OBJECTS} objects decoded", (time.perf_counter() - begin) / 500 * 1e6, "µs")]


def _covering():
    begin = time.perf_counter()
    found = tiles(WAY)
    return [
        (f"tiles that cover {WAY.length_m / 1000:.0f} km of route", float(len(found)), ""),
        ("  found in", (time.perf_counter() - begin) * 1e3, "ms"),
    ]


async def _many():
    lags = []
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url) as heard:
        reading = [asyncio.create_task(_read(heard.objects(), lags)), asyncio.create_task(_read(heard.hazards(), lags))]
        await asyncio.sleep(0.3)
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
        sent = await _publish(send, begin)
        after = resource.getrusage(resource.RUSAGE_SELF)
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        (f"{POLES} poles at {RATE_HZ:g} Hz: read of what was sent", 100.0 * len(lags) / sent, "%"),
        ("  published until read, p50", float(np.percentile(lags, 50)) * 1e3, "ms"),
        ("  published until read, p99", float(np.percentile(lags, 99)) * 1e3, "ms"),
        (f"  CPU of publisher, broker and consumer, of {os.cpu_count()} cores", 100 * cpu / SECONDS, "% of one"),
    ]


async def _publish(send, begin):
    sent = sequence = 0
    while time.monotonic() - begin < SECONDS:
        sequence += 1
        for pole in range(POLES):
            sender = replace(SENDER, roadside_unit_id=pole)
            made = road(*PLACES, sequence=sequence, sender=sender)[:1]
            if pole == 0:
                made += danger(sequence=sequence, sender=sender)[:1]
            await send([_stamped(one) for one in made])
            sent += len(made)
        await asyncio.sleep(max(0.0, begin + sequence / RATE_HZ - time.monotonic()))
    return sent


def _stamped(one):
    """With the moment of sending as publication time: a later header replaces fields of the first."""
    late = Header(publication_time_ns=time.time_ns()).SerializeToString()
    return replace(one, payload=one.payload + bytes([0x0A, len(late)]) + late)


async def _read(stream, lags):
    async for event in stream:
        header = event.header if hasattr(event, "header") else event.hazard.header
        if not getattr(event, "stale", False):
            lags.append((time.time_ns() - header.publication_time_ns) / 1e9)


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:60} {value:10.3f} {unit}")
