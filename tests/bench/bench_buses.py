"""Sixteen modules on three kinds of wire at once, and plug to ACTIVE on each shared wire; a daemon of its own."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_pole import POLE, _cpu_s, _listen, _rss_mb, crowd

from sim.broker import Broker
from sim.harness import Harness, urls
from sim.module import SimModule
from sim.scene import ORIGIN, ModuleSpec, pole_toml

WIRES = ("serial",) * 6 + ("canfd",) * 6 + ("modbus+tcp",) * 4
SLOTS = tuple(ModuleSpec(f"m{n}", "lidar") for n in range(16))
OBJECTS = 32
LOAD_S = 20.0
PLUGS = 6


def run():
    """(name, value, unit) rows."""
    return asyncio.run(_run())


async def _run():
    figures = []
    async with Broker("127.0.0.1") as broker:
        for kind in ("can", "canfd", "rs485", "modbus+tcp", "modbus+rtu"):
            figures += await _plugging(broker.url, kind)
        for kind in ("can", "canfd", "rs485"):
            figures += await _crowded(broker.url, kind)
        figures += await _load(broker.url)
    return figures


@contextlib.asynccontextmanager
async def _stage(url, specs, wires):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = urls([spec.slot for spec in specs], wires, folder / "ports")
        text = pole_toml("bench", ORIGIN, specs, ports, site="", state_dir="state")
        (folder / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{url}"\n[publish]\njson_twins = false\n')
        arguments = [POLE, "run", "--config", str(folder / "pole.toml")]
        harness, seen = Harness(), []
        process = await asyncio.create_subprocess_exec(*arguments, stderr=subprocess.DEVNULL)
        listener = asyncio.create_task(_listen(url, seen))
        try:
            await asyncio.sleep(2)
            yield process.pid, ports, harness, seen
        finally:
            process.terminate()
            await process.wait()
            listener.cancel()
            await asyncio.wait([listener])
            harness.close()


async def _plugging(url, kind):
    took = []
    async with _stage(url, SLOTS[:2], {"m0": kind, "m1": kind}) as (_, ports, harness, seen):
        neighbour = asyncio.create_task(_plugged(SLOTS[1], ports, harness))
        await asyncio.sleep(4)
        for serial in range(PLUGS):
            before = time.time_ns()
            task = asyncio.create_task(_plugged(SLOTS[0], ports, harness, serial + 2))
            took.append(await _active(seen, before))
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(4)
        neighbour.cancel()
        await asyncio.wait([neighbour])
    return [
        (f"plug to ACTIVE, {kind} beside a neighbour, p50", float(np.percentile(took, 50)), "ms"),
        (f"plug to ACTIVE, {kind} beside a neighbour, max", max(took), "ms"),
    ]


async def _plugged(spec, ports, harness, serial=1, truth=None):
    module = SimModule(spec, truth or _crowd, serial=serial)
    await module.run(harness.wire(ports[spec.slot], module.uid))


async def _active(seen, after_ns):
    async with asyncio.timeout(30):
        while True:
            for _, one in reversed(seen[-50:]):
                message = one.message
                fresh = one.kind == "slot" and message is not None and message.since_ns >= after_ns
                if fresh and message.state in {"ACTIVE", "PROBATION"}:
                    return (message.since_ns - after_ns) / 1e6
            await asyncio.sleep(0.01)


async def _crowded(url, kind):
    """Four modules that fill a wire's budget; one of them is plugged in while the others use the rest."""
    specs = SLOTS[:4]
    async with _stage(url, specs, dict.fromkeys([one.slot for one in specs], kind)) as (_, ports, harness, seen):
        tasks = [asyncio.create_task(_plugged(one, ports, harness, truth=crowd)) for one in specs[1:]]
        await asyncio.sleep(8)
        lost, loads, rates = _lost(seen, {"m0"}), [], []
        for serial in range(PLUGS):
            before = time.time_ns()
            task = asyncio.create_task(_plugged(specs[0], ports, harness, serial + 2, crowd))
            await _active(seen, before)
            await asyncio.sleep(6)
            slots = _newest(seen)
            loads.append(slots["m1"].load)
            rates.append(min(slots[one.slot].rate_hz for one in specs[1:]))
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(3)
        lost = _lost(seen, {"m0"}) - lost
        for one in tasks:
            one.cancel()
        await asyncio.wait(tasks)
    return [
        (f"{kind}, a module plugged in {PLUGS} times beside three: bus in use", 100 * max(loads), "%"),
        (f"{kind}, a module plugged in {PLUGS} times beside three: frames they lost", lost, ""),
        (f"{kind}, a module plugged in {PLUGS} times beside three: their lowest rate", min(rates), "Hz"),
    ]


async def _load(url):
    wires = {spec.slot: wire for spec, wire in zip(SLOTS, WIRES, strict=True)}
    async with _stage(url, SLOTS, wires) as (pid, ports, harness, seen):
        tasks = [asyncio.create_task(_plugged(spec, ports, harness)) for spec in SLOTS]
        await asyncio.sleep(12)
        before, start = _cpu_s(pid), time.monotonic()
        lost_before = _lost(seen)
        await asyncio.sleep(LOAD_S)
        used = (_cpu_s(pid) - before) / (time.monotonic() - start)
        slots = _newest(seen)
        status = next(one.message for _, one in reversed(seen) if one.kind == "status")
        lost = _lost(seen) - lost_before
        rss = _rss_mb(pid)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    load = f"16 modules (6 serial, 6 CAN FD, 4 Modbus/TCP) x {OBJECTS} x 10 Hz"
    return [
        (f"{load}: daemon, of one core", used * 100, "%"),
        (f"{load}: daemon, resident", rss, "MB"),
        (f"{load}: modules ACTIVE", sum(one.state == "ACTIVE" for one in slots.values()), ""),
        (f"{load}: messages a second", sum(one.rate_hz for one in slots.values()), "/s"),
        (f"{load}: objects in a message", float(np.mean([one.objects for one in slots.values()])), ""),
        (f"{load}: frames lost in {LOAD_S:g} s", lost, ""),
        (f"{load}: newest message to socket, p99", status.lag_p99_s * 1e3, "ms"),
    ]


def _newest(seen):
    return {one.message.slot: one.message for _, one in seen if one.kind == "slot" and one.message is not None}


def _lost(seen, apart=()):
    """Frames that slots missed so far, those of `apart` not counted."""
    kinds = ("gaps", "plan_violation", "wire_overrun", "wire_torn", "wire_crc32", "stale")
    return sum(one.counters.get(kind, 0) for one in _newest(seen).values() for kind in kinds if one.slot not in apart)


def _crowd():
    return crowd()[:OBJECTS]


if __name__ == "__main__":
    for row in run():
        print(*row)
