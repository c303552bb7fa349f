"""Throughput of every parser of outside bytes on good input, one process, no wire."""

from __future__ import annotations

import random
import time

from interfaces import cyphal
from interfaces.can_node import CanNode
from interfaces.datasheet import parse, to_bytes
from interfaces.frame import Frame, FrameReader, encode
from interfaces.message import decode
from interfaces.port import parse as parse_port
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import read_records
from interfaces.registers import LAYOUTS, BlockId, Page, page_bytes, parse_page
from tests.exchange import big_sheet, good_hello

REPEAT_S = 0.3


def run():
    """(name, value, unit) rows."""
    body = pb.DetectionFrame(rec_fmt=2, rec_size=24, total=20, records=_records()).SerializeToString()
    wire, sheet, page = (
        encode(Frame(0x40, body, 2, 1, 7, 9)),
        to_bytes(big_sheet()),
        page_bytes(Page(1, 2, 10, 0, 1, 10, 0, bytes(240))),
    )
    reader = FrameReader()
    status = LAYOUTS[BlockId.STATUS].pack({"session": 1})
    cases = (
        ("serial frame of 20 objects", len(wire), lambda: reader.feed(wire)),
        ("CAN FD transfer of 20 objects", len(body), _transfer(body, fd=True)),
        ("CAN transfer of 20 objects", len(body), _transfer(body, fd=False)),
        ("message of 20 objects", len(body), lambda: decode(Frame(0x40, body))),
        ("HELLO", 60, lambda: decode(Frame(1, good_hello().SerializeToString()))),
        ("records of 20 objects", 480, lambda: read_records(2, 24, bytes(480))),
        ("data sheet of 2 kB", len(sheet), lambda: parse(sheet)),
        ("Modbus page", len(page), lambda: parse_page(page, 24)),
        ("Modbus status block", len(status), lambda: LAYOUTS[BlockId.STATUS].unpack(status)),
        ("Cyphal heartbeat", 7, lambda: cyphal.parse_heartbeat(bytes(7))),
        ("port URL", 30, lambda: parse_port("can://socketcan/can0?fd=1&uid=" + "0a" * 16)),
    )
    return [row for name, size, call in cases for row in _timed(name, size, call)]


def _records():
    """As records are: a tenth of their bytes zero."""
    rng = random.Random(1)
    return bytes(0 if rng.random() < 0.1 else rng.randrange(1, 256) for _ in range(480))


def _transfer(body, *, fd):
    node, frames = CanNode(1, fd=fd), CanNode(9, fd=fd).to_can(Frame(0x40, body, 9, 1, 7, 1))
    now = 0.0

    def call():
        nonlocal now
        now += 3.0  # the same transfer-id again, later
        for frame in frames:
            whole = node.from_can(frame.id, frame.data, now)
        assert whole is not None

    return call


def _timed(name, size, call):
    call()
    count, used = 0, time.process_time()
    while time.process_time() - used < REPEAT_S:
        for _ in range(50):
            call()
        count += 50
    each_s = (time.process_time() - used) / count
    return [(f"parse {name}", each_s * 1e6, "us"), (f"parse {name}, throughput", size / each_s / 1e6, "MB/s")]


if __name__ == "__main__":
    for row in run():
        print(*row)
