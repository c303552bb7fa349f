"""The daemon as a process of its own: plugging, unplugging, lag, CPU and memory under load."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from controller.config import Mount
from interfaces.consumer import Consumer
from sim.broker import Broker
from sim.module import SimModule
from sim.road import TRUTH
from sim.scene import ORIGIN, ModuleSpec, pole_toml
from sim.wire import SerialWire

SLOTS = tuple(ModuleSpec(f"lidar-{n}", "lidar", Mount(height_m=30.0)) for n in range(4))  # nobody hides anybody
OBJECTS = 50
LOAD_S = 20.0
PLUGS = 20
POLE = str(Path(sys.executable).with_name("pole"))


def crowd():
    """50 road users on a grid of lanes, 12 m/s, at this instant."""
    rows = np.zeros(OBJECTS, TRUTH)
    at = np.arange(OBJECTS)
    rows["id"], rows["object_class"] = at, 2
    rows["x"] = (at * 17.0 + 12 * time.monotonic()) % 120 - 60
    rows["y"] = (at % 10) * 8.0 - 40
    rows["vx"], rows["length"], rows["width"], rows["height"] = 12, 4.5, 1.8, 1.5
    return rows


class Newcomer(SimModule):
    """A module whose data sheet has 2 kB and is in nobody's cache."""

    def _sheet(self):
        sheet = super()._sheet()
        sheet.documentation = f"{time.time_ns()}"
        areas = sheet.channels[0].ranges
        while sheet.ByteSize() < 2048 - areas[0].ByteSize():
            areas.append(areas[0])
        return sheet


def run() -> list[tuple[str, float, str]]:
    return asyncio.run(_run()) + _start_times()


async def _run():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Broker("127.0.0.1") as broker:
            seen = []
            listener = asyncio.create_task(_listen(broker.url, seen))
            figures = []
            for baud in (None, 115_200):
                async with _daemon(folder, broker.url, baud or 921_600):
                    figures += await _plugging(folder, seen, baud)
            figures += await _starting(folder, broker.url, seen)
            async with _daemon(folder, broker.url, 921_600) as pid:
                figures += await _load(folder, seen, pid)
            listener.cancel()
            await asyncio.wait([listener])
            return figures


async def _listen(url, seen):
    async with Consumer(url) as heard:
        async for one in heard.received("pole/#"):
            seen.append((time.time_ns(), one))


@contextlib.asynccontextmanager
async def _daemon(folder, url, baud):
    ports = {spec.slot: f"serial://{folder}/ports/{spec.slot}?baud={baud}" for spec in SLOTS}
    text = pole_toml("bench", ORIGIN, SLOTS, ports, site="", state_dir="state")
    (folder / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{url}"\n[publish]\njson_twins = false\n')
    arguments = [POLE, "run", "--config", str(folder / "pole.toml")]
    process = await asyncio.create_subprocess_exec(*arguments, stderr=subprocess.DEVNULL)
    await asyncio.sleep(2)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _starting(folder, url, seen):
    task = asyncio.create_task(SimModule(SLOTS[0], crowd).run(SerialWire(folder / "ports" / SLOTS[0].slot)))
    started = time.time_ns()
    async with _daemon(folder, url, 921_600):
        took = await _until(seen, "ACTIVE", started)
    task.cancel()
    await asyncio.wait([task])
    return [("process start to a plugged module ACTIVE", took, "ms")]


async def _plugging(folder, seen, baud):
    up, down = [], []
    for _ in range(PLUGS):
        await asyncio.sleep(1.1)  # a module that says HELLO more often than that is held back
        wire = SerialWire(folder / "ports" / SLOTS[0].slot, baud)
        plugged = time.time_ns()
        task = asyncio.create_task(Newcomer(SLOTS[0], crowd).run(wire))
        up.append(await _until(seen, "ACTIVE", plugged))
        pulled = time.time_ns()
        task.cancel()
        await asyncio.wait([task])
        down.append(await _until(seen, "LOST", pulled))
    how = f"{baud} baud" if baud else "unpaced"
    return [
        (f"plug to ACTIVE, {how}, p50", float(np.percentile(up, 50)), "ms"),
        (f"plug to ACTIVE, {how}, max", max(up), "ms"),
        (f"unplug noticed, {how}, p99", float(np.percentile(down, 99)), "ms"),
    ]


async def _until(seen, state, after_ns):
    """ms from `after_ns` to the change of state as the daemon stamped it."""
    while True:
        for _, one in reversed(seen[-50:]):
            if one.kind == "slot" and one.message is not None and one.message.slot == SLOTS[0].slot:
                if one.message.state == state and one.message.since_ns >= after_ns:
                    return (one.message.since_ns - after_ns) / 1e6
                break
        await asyncio.sleep(0.01)


async def _load(folder, seen, pid):
    tasks = [
        asyncio.create_task(SimModule(spec, crowd).run(SerialWire(folder / "ports" / spec.slot))) for spec in SLOTS
    ]
    await asyncio.sleep(3)
    before, start = _cpu_s(pid), time.monotonic()
    await asyncio.sleep(LOAD_S)
    used = (_cpu_s(pid) - before) / (time.monotonic() - start)
    status = next(one.message for _, one in reversed(seen) if one.kind == "status")
    fused = next(one.message for _, one in reversed(seen) if one.kind == "objects")
    heard = [one.message.objects for _, one in seen[-60:] if one.kind == "slot"]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    load = f"4 modules x {OBJECTS} objects x 10 Hz"
    return [
        (f"{load}: newest message to socket, p50", status.lag_p50_s * 1e3, "ms"),
        (f"{load}: newest message to socket, p99", status.lag_p99_s * 1e3, "ms"),
        (f"{load}: daemon, of one core", used * 100, "%"),
        (f"{load}: daemon, resident", _rss_mb(pid), "MB"),
        (f"{load}: objects in a message", float(np.mean(heard)), ""),
        (f"{load}: objects published", float(len(fused.objects)), ""),
    ]


def _cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _start_times():
    took = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([POLE, "--help"], stdout=subprocess.DEVNULL, check=True)
        took.append(time.monotonic() - start)
    return [("pole --help, median of 5", sorted(took)[2] * 1e3, "ms")]
