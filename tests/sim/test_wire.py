"""A real pty between a serial link and a simulated wire: frames, pacing, unplug, and nothing left behind."""

from __future__ import annotations

import asyncio
import os

import pytest

from interfaces.errors import LinkError
from interfaces.frame import Frame, encode
from interfaces.serial_link import open_serial, parse_url
from sim.wire import PacedLink, SerialWire


async def test_frames_cross_a_pty_both_ways(tmp_path):
    wire = SerialWire(tmp_path / "ports" / "camera")
    module = wire.plug()
    controller = await open_serial(f"serial://{wire.path}?baud=921600")
    sent = [Frame(0x40, bytes(range(256)) * 4, 2, 1, 5, seq) for seq in range(20)]
    for frame in sent:
        module.send(frame)
    got = []
    while len(got) < len(sent):
        got += await controller.receive()
    assert got == sent
    controller.send(Frame(2, b"hi", 1, 2))
    assert await module.receive() == [Frame(2, b"hi", 1, 2)]
    await controller.close()
    await wire.unplug()


async def test_unplugging_ends_the_link_and_takes_the_port_away(tmp_path):
    wire = SerialWire(tmp_path / "radar")
    wire.plug()
    controller = await open_serial(str(wire.path))
    await wire.unplug()
    with pytest.raises(LinkError, match="unplugged"):
        await controller.receive()
    with pytest.raises(LinkError):
        controller.send(Frame(1, b""))
    assert not wire.path.is_symlink()
    await wire.unplug()


async def test_what_was_said_before_the_port_was_opened_is_heard(tmp_path):
    wire = SerialWire(tmp_path / "camera")
    wire.plug().send(Frame(1, b"HELLO"))
    controller = await open_serial(str(wire.path))
    assert await controller.receive() == [Frame(1, b"HELLO")]
    await controller.close()
    await wire.unplug()


async def test_noise_is_counted_and_survived(tmp_path):
    wire = SerialWire(tmp_path / "lidar")
    module = wire.plug()
    controller = await open_serial(str(wire.path))
    module.send_bytes(b"\x03noise\0" + encode(Frame(1, b""))[:-4] + b"\0")
    module.send(Frame(9, b""))
    assert await controller.receive() == [Frame(9, b"")]
    assert sum(controller.faults.values()) == 2
    await controller.close()
    await wire.unplug()


async def test_a_thousand_plug_cycles_leave_no_descriptor(tmp_path):
    wire = SerialWire(tmp_path / "comms")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(1000):
        wire.plug()
        controller = await open_serial(str(wire.path))
        await wire.unplug()
        with pytest.raises(LinkError):
            await controller.receive()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/nowhere/port", "no such port"),
        ("can://can0", "scheme is 'can'"),
        ("serial:///dev/ttyS0?baud=fast", "baud is 'fast'"),
        ("serial:///dev/ttyS0?baud=0", "baud is '0'"),
    ],
)
async def test_a_port_that_cannot_be_opened_says_why(url, text):
    with pytest.raises(LinkError, match=text):
        await open_serial(url)


async def test_a_port_is_ours_alone(tmp_path):
    wire = SerialWire(tmp_path / "camera")
    wire.plug()
    first = await open_serial(str(wire.path))
    with pytest.raises(LinkError, match="another program"):
        await open_serial(str(wire.path))
    await first.close()
    await wire.unplug()


def test_urls():
    assert parse_url("serial:///dev/ttyUSB0?baud=460800") == ("/dev/ttyUSB0", 460800)
    assert parse_url("/dev/ttyUSB0") == ("/dev/ttyUSB0", 115200)


class _Recorder:
    name = "recorder"

    def __init__(self, loop):
        self.loop, self.at = loop, []

    def send_bytes(self, data):
        self.at.append((self.loop.time(), len(data)))


@pytest.mark.looptime
async def test_a_paced_wire_takes_its_time():
    loop = asyncio.get_running_loop()
    recorder = _Recorder(loop)
    start = loop.time()
    link = PacedLink(recorder, 115_200)
    for _ in range(3):
        link.send_bytes(bytes(1152))
    await asyncio.sleep(1)
    assert [round(at - start, 3) for at, _ in recorder.at] == [0.1, 0.2, 0.3]
