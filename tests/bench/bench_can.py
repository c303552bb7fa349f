"""CAN: frames drained from an interface and put together again, per second of CPU; plug to ACTIVE on a shared bus."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from pathlib import Path

from interfaces.can_node import CanNode
from interfaces.can_port import CanPort
from interfaces.frame import Frame
from sim.can_hub import RECORD, HubBus

FRAMES = 30_000
OBJECTS = 32


def run():
    """(name, value, unit) rows."""
    rows = []
    for fd in (False, True):
        rows += asyncio.run(_drain(fd=fd))
    return rows


async def _drain(*, fd):
    sender = CanNode(9, fd=fd)
    frames = []
    seq = 0
    while len(frames) < FRAMES:
        seq += 1
        frames += sender.to_can(Frame(0x40, bytes(OBJECTS * 24 + 30), 9, 1, 7, seq))
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        path = str(Path(folder) / "s")
        listener.bind(path)
        listener.listen(1)
        bus = HubBus(path, fd=fd)
        far, _ = listener.accept()
        node, heard = CanNode(1, fd=fd), []
        now = asyncio.get_running_loop().time()

        def take(batch):
            heard.extend(one for frame in batch if (one := node.from_can(frame.id, frame.data, now)) is not None)

        port = CanPort(bus, f"can+sim://{path}?fd={int(fd)}", take, lambda _reason: None)
        far.setblocking(False)
        used, at = 0.0, 0
        records = [RECORD.pack(frame.id, 0) + frame.data for frame in frames]
        while at < len(records):
            try:
                while at < len(records):
                    far.send(records[at])
                    at += 1
            except BlockingIOError:
                pass
            before = time.process_time()
            port._drain()
            used += time.process_time() - before
        before = time.process_time()
        while len(heard) < seq:
            port._drain()
        used += time.process_time() - before
        port.close()
        far.close()
    name = "CAN FD" if fd else "CAN"
    encode = time.process_time()
    for index in range(200):
        sender.to_can(Frame(0x40, bytes(OBJECTS * 24 + 30), 9, 1, 7, index))
    encode = (time.process_time() - encode) / 200
    return [
        (f"{name}: frames drained and put together, per CPU-second", len(frames) / used, "/s"),
        (f"{name}: a frame of {OBJECTS} objects cut into {len(frames) // seq} frames", encode * 1e6, "us"),
    ]


if __name__ == "__main__":
    for row in run():
        print(*row)
