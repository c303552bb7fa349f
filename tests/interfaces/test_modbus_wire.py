"""Modbus over TCP and over a serial line of its own, with everything that can be wrong on a wire."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.address_table import AddressTable
from interfaces.datasheet import to_bytes
from interfaces.errors import LinkError
from interfaces.message import Message, encode
from interfaces.modbus_bus import open_modbus
from interfaces.modbus_image import ModbusImage
from interfaces.module_session import ModuleSession
from interfaces.proto import pmi_pb2 as pb
from interfaces.registers import UNPROVISIONED
from interfaces.spec import MessageType
from sim.modbus import RtuLine, TcpLine, Wrong, answer, crc16
from sim.modbus_wire import ModbusWire
from tests.exchange import good_hello, good_sheet

T = MessageType


def test_crc16_is_the_published_one():
    """CRC-16/MODBUS of "123456789" is 4B37."""
    assert crc16(b"123456789") == bytes.fromhex("374B")


@given(st.binary(min_size=1, max_size=260))
def test_the_server_answers_any_request(pdu):
    class Behind(ModbusImage):
        wrong = Wrong.NOTHING

        def read(self, address, count):
            return super().read(address, count, 0.0)

        def sheet(self, offset, length):
            return b""

    found = asyncio.run(answer(Behind(5), pdu))
    assert found is None or len(found) <= 253


@contextlib.asynccontextmanager
async def a_line(folder, kind, expected=(1, 2, 3)):
    line = TcpLine() if kind == "tcp" else RtuLine(folder / "rtu", 115_200)
    line.open()
    await until(lambda: kind != "tcp" or line.port)
    url = f"modbus+tcp://127.0.0.1:{line.port}" if kind == "tcp" else f"modbus+rtu://{folder}/rtu?baud=115200"
    bus = await open_modbus(url, AddressTable(1, 246), expected=expected)
    found = []

    def on_found(link):
        found.append(link)
        body = pb.Assign(uid=link.hello.uid, boot_id=7, address=link.address, session=5, spec=256)
        link.send(encode(Message(T.ASSIGN, body, 1, 255)))

    task = asyncio.create_task(bus.run(on_found))
    try:
        yield line, bus, found, task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await bus.close()
        line.close()


class Module:
    """A module session on a Modbus wire."""

    def __init__(self, line, uid, unit=UNPROVISIONED):
        self.wire = ModbusWire(line, uid, unit)
        self.session = ModuleSession(good_hello(uid=uid), to_bytes(good_sheet()), rng=random.Random(uid))
        self.link = self.wire.plug()
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(LinkError):
            while True:
                self.session.tick(loop.time(), round(loop.time() * 1e6))
                for frame in self.session.take_frames():
                    self.link.send(frame)
                try:
                    async with asyncio.timeout(0.02):
                        frames = await self.link.receive()
                except TimeoutError:
                    continue
                for frame in frames:
                    self.session.receive(frame, loop.time(), round(loop.time() * 1e6))

    async def gone(self):
        await self.wire.unplug()
        await asyncio.wait([self.task])


async def until(condition, seconds=15):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_units_are_found_addressed_and_missed(tmp_path, kind):
    async with a_line(tmp_path, kind) as (line, bus, found, _):
        modules = [Module(line, b"a" * 16), Module(line, b"b" * 16, 2)]
        await until(lambda: len(found) == 2)
        by_uid = {link.hello.uid: link for link in found}
        assert by_uid[b"b" * 16].address == 2
        link = by_uid[b"a" * 16]
        await until(lambda: modules[0].link.unit == link.address)
        await until(lambda: modules[0].session.session_id == 5)
        await modules[0].gone()
        await until(lambda: link.ended)
        assert not by_uid[b"b" * 16].ended
        assert 0 <= bus.load <= 1
        await modules[1].gone()


async def test_where_a_unit_was_lost_last_is_looked_before_all_the_places_where_others_were(tmp_path):
    async with a_line(tmp_path, "tcp", range(1, 31)) as (line, bus, found, _):
        stays, leaves = Module(line, b"a" * 16, 1), Module(line, b"b" * 16, 2)
        await until(lambda: len(found) == 2)
        asked, perform = [], bus._perform
        bus._perform = lambda unit, query: (asked.append(unit), perform(unit, query))[1]
        link = next(one for one in found if one.address == 2)
        await leaves.gone()
        await until(lambda: link.ended)
        asked.clear()
        back = Module(line, b"b" * 16, 2)
        await until(lambda: len(found) == 3)
        assert len({unit for unit in asked if unit > 2}) <= 3, "of 28 that are empty"
        await stays.gone()
        await back.gone()


@pytest.mark.parametrize("wrong", [one for one in Wrong if one is not Wrong.NOTHING], ids=lambda one: one.value)
@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_wrong_unit_does_not_stop_its_neighbour(tmp_path, kind, wrong):
    async with a_line(tmp_path, kind) as (line, _bus, found, task):
        good, bad = Module(line, b"g" * 16, 1), Module(line, b"x" * 16, 2)
        await until(lambda: len(found) == 2)
        bad.link.wrong = wrong
        link = next(one for one in found if one.hello.uid == b"g" * 16)
        await until(lambda: good.session.session_id == 5)
        beats = 0
        while beats < 3:
            async with asyncio.timeout(5):
                beats += sum(frame.type == T.HEARTBEAT for frame in await link.receive())
        assert not task.done()
        await good.gone()
        await bad.gone()


async def test_two_unprovisioned_units_on_one_line_get_addresses(tmp_path):
    async with a_line(tmp_path, "rtu", ()) as (line, _bus, _found, _):
        modules = [Module(line, bytes([n]) * 16) for n in (1, 2)]
        await until(lambda: {one.link.unit for one in modules} == {1, 2}, 25)
        for one in modules:
            await one.gone()


async def test_two_units_at_one_address_do_not_stop_a_third_and_are_found_when_one_leaves(tmp_path):
    async with a_line(tmp_path, "rtu", (1, 2)) as (line, _bus, found, task):
        good = Module(line, b"g" * 16, 1)
        twins = [Module(line, uid, 2) for uid in (b"x" * 16, b"y" * 16)]
        await until(lambda: any(link.hello.uid == b"g" * 16 for link in found))
        (link,) = [one for one in found if one.hello.uid == b"g" * 16]
        beats = 0
        while beats < 4:
            async with asyncio.timeout(5):
                beats += sum(frame.type == T.HEARTBEAT for frame in await link.receive())
        assert {one.hello.uid for one in found} == {b"g" * 16}, "garbage is nobody"
        await twins[0].gone()
        await until(lambda: any(one.hello.uid == b"y" * 16 for one in found))
        assert not task.done()
        await twins[1].gone()
        await good.gone()


async def test_a_wire_that_goes_ends_the_bus(tmp_path):
    for kind, words in (("tcp", "gone|lost|closed|onnect"), ("rtu", "gone|lost|onnect")):
        async with a_line(tmp_path, kind) as (line, _bus, found, task):
            module = Module(line, b"a" * 16, 3)
            await until(lambda found=found: found)
            line.close()
            with pytest.raises(LinkError, match=words):
                async with asyncio.timeout(5):
                    await task
            assert found[0].ended
            await module.gone()


async def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(LinkError, match=r"nobody listens|refused"):
        await open_modbus("modbus+tcp://127.0.0.1:1", AddressTable(1, 246))
    with pytest.raises(LinkError, match=r"cannot be opened|No such file"):
        await open_modbus(f"modbus+rtu://{tmp_path}/none", AddressTable(1, 246))


async def test_plugs_without_end_leave_nothing_behind(tmp_path):
    async with a_line(tmp_path, "tcp", (1, 9)) as (line, bus, found, _):
        keeper = Module(line, b"k" * 16, 1)
        await until(lambda: found)
        for index in range(1, 5):
            module = Module(line, bytes([index]) * 16, 9)
            await until(lambda index=index: len(found) == index + 1)
            await module.gone()
            await until(lambda: found[-1].ended)
        assert [link.hello.uid for link in bus._links.values()] == [b"k" * 16]
        await keeper.gone()
        gc.collect()
        assert len(asyncio.all_tasks()) <= 5
