"""RS-485 and TCP: from plug to ACTIVE, how often each module on a line is polled, and what a poll costs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from interfaces.address_table import AddressTable
from interfaces.errors import LinkError
from interfaces.frame import FrameReader, encode
from interfaces.message import Message
from interfaces.message import encode as encode_message
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485 import Rs485Master
from interfaces.rs485_bus import open_rs485
from interfaces.rs485_module import Rs485Module
from interfaces.spec import MessageType
from interfaces.states import State
from interfaces.tcp_link import open_tcp
from sim.module import SimModule
from sim.road import TRUTH
from sim.rs485_wire import Rs485Line, Rs485Wire
from sim.scene import ModuleSpec
from sim.tcp_wire import TcpWire
from tests.bus_owner import Owner

PLUGS = 15
POLLS = 20_000


def crowd():
    rows = np.zeros(20, TRUTH)
    rows["id"], rows["object_class"] = np.arange(20), 2
    rows["x"], rows["y"] = np.arange(20) * 3.0 + 8, 1.0
    rows["vx"], rows["length"], rows["width"], rows["height"] = 12, 4.5, 1.8, 1.5
    return rows


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    return [
        *asyncio.run(_rs485(921_600, "lidar")),
        *asyncio.run(_rs485(115_200, "comms")),
        *asyncio.run(_tcp()),
        *_poll_cost(),
    ]


async def _rs485(baud, kind):
    figures, on_it = [], f"RS-485 {baud}, 4 {kind} on it"
    with tempfile.TemporaryDirectory() as folder:
        line = Rs485Line(Path(folder) / "line", baud)
        line.open()
        owner = Owner()
        bus = await open_rs485(line.url, AddressTable(2, 254))
        serving = asyncio.create_task(bus.run(owner.found))
        kept = [_plug(serial, kind, line) for serial in range(1, 5)]
        await _until(lambda: all(owner.state(module.uid) is State.ACTIVE for module, _ in kept))
        spent = [await _plug_time(90 + n, kind, line, owner) for n in range(PLUGS)]
        figures.append((f"{on_it}: plug to ACTIVE, p50", float(np.percentile(spent, 50)), "ms"))
        figures.append((f"{on_it}: plug to ACTIVE, max", max(spent), "ms"))
        figures += await _cycle(on_it, line, bus)
        await _stop([serving, *(task for _, task in kept)])
        await bus.close()
        await owner.close()
        line.close()
    return figures


async def _cycle(on_it, line, bus):
    polls, talk = [], line.talk

    def counting(who, data):
        if who is None:
            polls.extend(one.dst for one in FrameReader().feed(data) if one.type == MessageType.POLL)
        talk(who, data)

    line.talk = counting
    begin = time.perf_counter()
    await asyncio.sleep(4)
    took = time.perf_counter() - begin
    line.talk = talk
    per_module = [polls.count(address) for address in range(2, 6)]
    return [
        (f"{on_it}: a module is polled every", 1e3 * took / np.mean(per_module), "ms"),
        (f"{on_it}: rarest to most frequent", min(per_module) / max(per_module), ""),
        (f"{on_it}: line in use", 100 * bus.load, "%"),
    ]


def _plug(serial, kind, line):
    module = SimModule(ModuleSpec(f"slot-{serial}", kind), crowd, serial=serial)
    return module, asyncio.create_task(module.run(Rs485Wire(line)))


async def _plug_time(serial, kind, line, owner):
    begin = asyncio.get_running_loop().time()
    module, task = _plug(serial, kind, line)
    await _until(lambda: owner.state(module.uid) is State.ACTIVE)
    await _stop([task])
    await asyncio.sleep(0.05 * (serial % 11))
    return (owner.active_at[module.uid] - begin) * 1e3


async def _tcp():
    loop, spent = asyncio.get_running_loop(), []
    for serial in range(PLUGS):
        module, wire, owner = SimModule(ModuleSpec("slot", "lidar"), crowd, serial=serial), TcpWire(), Owner()
        begin = loop.time()
        task = asyncio.create_task(module.run(wire))
        link = await _connected(wire)
        owner.found_alone(link, module.uid)
        await _until(lambda o=owner, m=module: o.state(m.uid) is State.ACTIVE)
        spent.append((owner.active_at[module.uid] - begin) * 1e3)
        await owner.close()
        await link.close()
        await _stop([task])
    return [("TCP: plug to ACTIVE, p50", float(np.percentile(spent, 50)), "ms"), ("TCP: max", max(spent), "ms")]


async def _connected(wire):
    while True:
        try:
            return await open_tcp(wire.url)
        except LinkError:
            await asyncio.sleep(0.001)


def _poll_cost():
    """Master and codec of one poll and its answer, CPU of the controller's side alone."""
    figures = []
    for name, size in (("empty answer", 0), ("20 objects", 480)):
        master, module, reader = Rs485Master(AddressTable(2, 254), 921_600), Rs485Module(), FrameReader()
        module.queue(encode_message(Message(MessageType.HELLO, pb.Hello(uid=bytes(16), boot_id=1))))
        body = pb.DetectionFrame(rec_fmt=2, rec_size=24, records=bytes(range(1, 241)) * (size // 240))
        data = encode_message(Message(MessageType.DETECTIONS, body, 0, 1, 5))
        now, cpu, polls = 0.0, 0.0, 0
        while polls < POLLS:
            now = max(now, master.next_deadline())
            begin = time.process_time()
            master.tick(now)
            frames = master.take_frames()
            for frame in frames:
                encode(frame)
            cpu += time.process_time() - begin
            for frame in frames:
                polls += frame.type == MessageType.POLL
                module.receive(frame, now)
            if size and module.address:
                module.queue(data)
            answer = b"".join(map(encode, module.answer()))
            now += 0.001
            begin = time.process_time()
            if answer:
                master.hear(reader.feed(answer), now)
            cpu += time.process_time() - begin
        figures.append((f"RS-485: one poll, {name}, master and codec", cpu / polls * 1e6, "us CPU"))
    return figures


async def _until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.001)


async def _stop(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:55} {value:12.3f} {unit}")
