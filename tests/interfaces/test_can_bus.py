"""A CAN bus as the controller keeps it: ids given out, modules found, an independent node seen, trouble survived."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import can
import pytest
from pycyphal2 import Instant, Priority
from pycyphal2.can import CANTransport, _wire
from pycyphal2.can.pythoncan import PythonCANInterface

from interfaces.address_table import AddressTable
from interfaces.can_bus import open_can
from interfaces.cyphal import (
    NodeHeartbeat,
    NodeInfo,
    allocation_bytes,
    heartbeat_bytes,
    info_bytes,
    parse_allocation,
    parse_heartbeat,
    parse_info,
    parse_sync,
    sync_bytes,
    uid_hash,
)
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from sim.can_hub import BUS_OFF, ERROR_PASSIVE, CanHub
from sim.can_wire import CanWire

HEADER = 24  # of the peer's session layer, which a pinned subject does not carry


@contextlib.asynccontextmanager
async def a_bus(folder, *, fd=False, bitrate=None):
    hub = CanHub(folder / "can.sock", bitrate, 2_000_000 if fd else 0)
    url = f"can+sim://{folder}/can.sock?fd={int(fd)}"
    found = []
    bus = await open_can(url, AddressTable(2, 125))
    task = asyncio.create_task(bus.run(found.append))
    try:
        yield hub, bus, url, found
    finally:
        task.cancel()
        await asyncio.wait([task])
        await bus.close()
        hub.close()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.005)


def hello(uid, boot_id=1):
    return encode(Message(MessageType.HELLO, pb.Hello(uid=uid, boot_id=boot_id), seq=1))


@pytest.mark.parametrize("fd", [False, True])
async def test_modules_get_ids_and_talk(tmp_path, fd):
    async with a_bus(tmp_path, fd=fd) as (_, bus, url, found):
        wires = [CanWire(url, bytes([index]) * 16) for index in (7, 8)]
        for wire in wires:
            wire.plug().send(hello(wire._uid))
        await until(lambda: len(found) == 2)
        assert {link.address for link in found} == {2, 3}
        for link in found:
            assert [frame.type for frame in await link.receive()] == [MessageType.HELLO]
            link.send(Frame(MessageType.GET_SHEET, b"ask", session=9, seq=4, dst=link.address))
        for wire in wires:
            (frame,) = await wire.link.receive()
            assert (frame.payload, frame.session, frame.seq, frame.src, frame.dst) == (
                b"ask",
                9,
                4,
                1,
                wire.link.address,
            )
            wire.link.send(Frame(MessageType.SHEET_CHUNK, b"x" * 500, wire.link.address, 1, 9, 5))
        for link in found:
            (frame,) = await link.receive()
            assert frame.payload == b"x" * 500
        assert not bus.faults
        for wire in wires:
            await wire.unplug()


async def test_the_same_uid_gets_the_same_id_again(tmp_path):
    async with a_bus(tmp_path) as (_, _bus, url, found):
        for boot in (1, 2):
            wire = CanWire(url, b"u" * 16)
            wire.plug().send(hello(b"u" * 16, boot))
            await until(lambda boot=boot: len(found) == boot)
            await wire.unplug()
        assert found[0].address == found[1].address
        assert found[0].ended
        assert not found[1].ended


async def test_two_modules_with_one_uid_are_told(tmp_path):
    async with a_bus(tmp_path) as (_, bus, url, found):
        wires = [CanWire(url, b"u" * 16) for _ in range(2)]
        for _ in range(3):
            for boot, wire in enumerate(wires, 1):
                wire.plug().send(hello(b"u" * 16, boot))
                await asyncio.sleep(0.02)
        await until(lambda: bus.faults["duplicate_uid"])
        assert found[-1].ended
        assert "two modules with the uid" in found[-1].ended
        for wire in wires:
            await wire.unplug()


async def test_a_silent_module_is_gone_and_its_id_stays_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("interfaces.can_bus.CAN_SILENCE", 0.2)
    monkeypatch.setattr("interfaces.can_bus.HEARTBEAT_PERIOD", 0.05)
    async with a_bus(tmp_path) as (_, _bus, url, found):
        wire = CanWire(url, b"u" * 16)
        wire.plug().send(hello(b"u" * 16))
        await until(lambda: found)
        await wire.unplug()
        await until(lambda: found[0].ended)
        assert "no frame for" in found[0].ended


async def test_an_independent_node_is_named_and_watched_and_sees_ours(tmp_path):
    async with a_bus(tmp_path) as (_, bus, url, _found):
        path = url.split("//")[1].split("?")[0]
        with can.Bus(channel=path, interface="polesim") as raw:
            peer = CANTransport.new(PythonCANInterface(can.ThreadSafeBus(channel=path, interface="polesim"), fd=False))
            heard = []
            peer.subject_listen(7509, heard.append)
            beat = heartbeat_bytes(NodeHeartbeat(77, health=1))
            writer = peer.subject_advertise(7509)
            async with asyncio.timeout(10):
                while peer.id not in bus.nodes:  # it takes a number by chance, and another one should that be ours
                    await writer(Instant.now() + 1.0, Priority.NOMINAL, bytes(HEADER) + beat)
                    await asyncio.sleep(0.05)
            asked = _wire.make_can_id(_wire.TransferKind.REQUEST, 4, 430, 1, peer.id)
            request = await asyncio.to_thread(_next, raw, asked)
            name = info_bytes(NodeInfo(b"p" * 16, "org.example.peer"))
            identifier, frames = _wire.serialize_transfer(
                _wire.TransferKind.RESPONSE, 4, 430, peer.id, name, request.data[-1] & 31, destination_id=1
            )
            for data in frames:
                raw.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=True))
            await until(lambda: bus.nodes.get(peer.id) is not None)
            assert bus.nodes[peer.id].name == "org.example.peer"
            await until(lambda: heard)
            assert heard[0].remote_id == 1
            assert parse_heartbeat(heard[0].message[HEADER:]) is not None
            peer.close()


def _next(bus, identifier):
    while True:
        message = bus.recv(5)
        if message is None or message.arbitration_id == identifier:
            return message


async def test_bus_errors_are_counted_and_a_vanished_bus_ends_all_links(tmp_path):
    hub = CanHub(tmp_path / "can.sock")
    bus = await open_can(f"can+sim://{tmp_path}/can.sock", AddressTable(2, 125))
    found = []
    task = asyncio.create_task(bus.run(found.append))
    wire = CanWire(f"can+sim://{tmp_path}/can.sock", b"u" * 16)
    wire.plug().send(hello(b"u" * 16))
    await until(lambda: found)
    hub.show_error(BUS_OFF)
    hub.show_error(ERROR_PASSIVE)
    await until(lambda: bus.faults["bus_off"] and bus.faults["error_passive"])
    hub.close()
    with pytest.raises(LinkError, match="the hub is gone"):
        await task
    assert found[0].ended
    with pytest.raises(LinkError):
        found[0].send(Frame(MessageType.PING, b""))
    await bus.close()
    await wire.unplug()


async def test_a_missing_bus_is_named(tmp_path):
    with pytest.raises(LinkError, match="No such file"):
        await open_can(f"can+sim://{tmp_path}/none.sock", AddressTable(2, 125))
    with pytest.raises(LinkError, match="can://socketcan/can0"):
        await open_can("can://", AddressTable(2, 125))


async def test_any_python_can_backend_serves(tmp_path):
    """The in-process bus of python-can has no file to wait for: a thread listens."""
    bus = await open_can("can://virtual/house", AddressTable(2, 125))
    found = []
    task = asyncio.create_task(bus.run(found.append))
    wire = CanWire("can://virtual/house", b"u" * 16)
    wire.plug().send(hello(b"u" * 16))
    await until(lambda: found)
    task.cancel()
    await asyncio.wait([task])
    await wire.unplug()
    await bus.close()


async def test_arbitration_lets_the_lower_id_go_first_and_the_rate_is_kept(tmp_path):
    hub = CanHub(tmp_path / "can.sock", 125_000)
    loop = asyncio.get_running_loop()
    path = str(tmp_path / "can.sock")
    low, high, ear = (can.Bus(channel=path, interface="polesim") for _ in range(3))
    await asyncio.sleep(0.01)
    for index in range(10):
        high.send(can.Message(arbitration_id=0x1FFFFF00, data=bytes([index] * 8)), timeout=0)
    for index in range(10):
        low.send(can.Message(arbitration_id=0x00000100, data=bytes([index] * 8)), timeout=0)
    start = loop.time()
    await until(lambda: hub.frames == 20)
    assert hub.busy_s == pytest.approx(20 * (67 + 64) * 1.1 / 125_000)
    assert loop.time() - start >= hub.busy_s * 0.7
    order = [message.arbitration_id for _ in range(20) if (message := ear.recv(0)) is not None]
    assert len(order) == 20
    assert order[2:12].count(0x100) >= 9, "the low identifiers overtake what waits"
    for one in (low, high, ear):
        one.shutdown()
    hub.close()


async def test_hurt_frames_are_sent_again(tmp_path):
    hub = CanHub(tmp_path / "can.sock", error_rate=0.5)
    path = str(tmp_path / "can.sock")
    with can.Bus(channel=path, interface="polesim") as mouth, can.Bus(channel=path, interface="polesim") as ear:
        await asyncio.sleep(0.01)
        for index in range(10):
            mouth.send(can.Message(arbitration_id=0x100, data=bytes([index])), timeout=0)
        await until(lambda: hub.frames == 10)
        assert hub.errors > 0
        assert [ear.recv(0).data[0] for _ in range(10)] == list(range(10))
    hub.close()


async def test_a_hundred_plugs_leave_nothing_behind(tmp_path):
    async with a_bus(tmp_path) as (hub, bus, url, found):
        for index in range(100):
            wire = CanWire(url, bytes([index]) * 16)
            wire.plug().send(hello(bytes([index]) * 16))
            await until(lambda index=index: len(found) == index + 1)
            await wire.unplug()
        await until(lambda: len(hub._nodes) == 1)
        gc.collect()
        assert len(asyncio.all_tasks()) <= 3
        assert len({link.address for link in found}) == 100
        assert not bus.faults


def test_regulated_messages_round_trip_and_refuse_nonsense():
    assert parse_heartbeat(heartbeat_bytes(NodeHeartbeat(5, 2, 1, 9))) == NodeHeartbeat(5, 2, 1, 9)
    assert heartbeat_bytes(NodeHeartbeat(1)).hex() == "01000000000000"
    info = NodeInfo(b"u" * 16, "jp.smartpole.x", (1, 2), (3, 4))
    assert parse_info(info_bytes(info)) == info
    assert parse_info(info_bytes(info)[:30]) is None
    assert parse_info(b"short") is None
    assert parse_sync(sync_bytes(123456789)) == 123456789
    assert parse_sync(b"") is None
    key = uid_hash(b"u" * 16)
    assert parse_allocation(allocation_bytes(key), fd=False) == (key, None)
    assert parse_allocation(allocation_bytes(key, 9), fd=False) == (key, 9)
    assert parse_allocation(allocation_bytes(b"u" * 16, 9), fd=True) == (b"u" * 16, 9)
    assert parse_allocation(allocation_bytes(b"u" * 16), fd=True) == (b"u" * 16, None)
    assert parse_allocation(b"1234567", fd=False) is None
    assert parse_allocation(b"1", fd=True) is None


def test_the_uid_hash_is_the_published_crc():
    """CRC-64/WE of "123456789" is 62EC59E3F1A4F00A."""
    assert uid_hash(b"123456789") == bytes.fromhex("62EC59E3F1A4F00A")[::-1][:6]
