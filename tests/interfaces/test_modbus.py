"""Modbus: the register image, both sides of it without a wire, and the wire with everything that can be wrong on it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.address_table import AddressTable
from interfaces.datasheet import to_bytes
from interfaces.errors import LinkError
from interfaces.events import Identified
from interfaces.frame import Frame
from interfaces.message import Message, decode, encode
from interfaces.modbus_bus import open_modbus
from interfaces.modbus_image import ILLEGAL_ADDRESS, ILLEGAL_VALUE, SILENT, ModbusImage
from interfaces.modbus_query import Do
from interfaces.modbus_unit import ModbusUnit
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import FORMATS
from interfaces.registers import (
    LAYOUTS,
    PAGE_B,
    UNPROVISIONED,
    BlockId,
    Page,
    chain_link,
    page_bytes,
    parse_page,
    tables,
)
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State
from sim.modbus import RtuLine, TcpLine, Wrong, answer, crc16
from sim.modbus_wire import ModbusWire
from tests.exchange import PLAN, WALL_NS, good_hello, good_sheet

T = MessageType


# ------------------------------------------------------------------------------------------------------ the image


@given(st.integers(1, 3).flatmap(lambda fmt: st.tuples(st.just(fmt), st.integers(0, PAGE_B // FORMATS[fmt].itemsize))))
def test_pages_round_trip(shape):
    fmt, count = shape
    size = FORMATS[fmt].itemsize
    page = Page(123456, 77, count, 1, 3, 40, 2500, random.Random(count).randbytes(count * size))
    assert len(page_bytes(page)) == 250
    assert parse_page(page_bytes(page), size) == page


@given(st.binary(max_size=300), st.sampled_from([16, 24, 40]))
def test_any_bytes_are_a_page_or_none(data, size):
    page = parse_page(data, size)
    assert page is None or len(page.records) == page.count * size


@given(st.sampled_from(list(LAYOUTS)), st.binary(max_size=260))
def test_blocks_unpack_or_are_refused_and_pack_again(block, data):
    layout = LAYOUTS[block]
    values = layout.unpack(data)
    assert (values is None) == (len(data) < layout.registers * 2)
    if values is not None:
        assert layout.pack(values) == data[: layout.registers * 2]


def test_the_chain_leads_through_every_block():
    image = ModbusImage()
    assert image.read(40000, 2, 0.0) == b"PMI1"
    at, seen = 40002, []
    while (link := chain_link(image.read(at, 2, 0.0)))[0] != 0xFFFF:
        seen.append(link[0])
        assert image.blocks[link[0]].address == at + 2
        at += 2 + link[1]
    assert seen == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]


@given(st.integers(0, 65535), st.integers(0, 200), st.binary(max_size=260))
def test_no_read_or_write_of_a_controller_raises(address, count, data):
    image = ModbusImage()
    image.send(encode(Message(T.HELLO, good_hello())), 0.0)
    found = image.read(address, count, 0.0)
    assert found in (ILLEGAL_ADDRESS, ILLEGAL_VALUE) or len(found) == count * 2
    assert isinstance(image.write(address, data), int)
    for frame in image.take_frames():
        assert isinstance(frame, Frame)


def test_the_uid_guards_the_address():
    image = ModbusImage()
    image.send(encode(Message(T.HELLO, good_hello())), 0.0)
    at = image.blocks[BlockId.ADDRESSING].address
    other = LAYOUTS[BlockId.ADDRESSING].pack({"uid": b"x" * 16, "unit": 9})
    assert image.write(at, other) == SILENT
    assert image.unit == UNPROVISIONED
    mine = LAYOUTS[BlockId.ADDRESSING].pack({"uid": b"u" * 16, "boot_id": 7, "unit": 9, "session": 3, "spec": 256})
    assert image.write(at, mine) == 0
    assert image.unit == 9
    (frame,) = image.take_frames()
    assert decode(frame).body == pb.Assign(uid=b"u" * 16, boot_id=7, address=9, session=3, spec=256)


# ------------------------------------------------------------------------------------- both sides, in virtual time


class Pair:
    """A module behind its image and a controller's unit and session, joined query by query."""

    def __init__(self, sheet=None, hurt=lambda _query, data: data, without_file=False):
        self.image = ModbusImage(5)
        self.module = ModuleSession(good_hello(), to_bytes(sheet or good_sheet()), rng=random.Random(1))
        self.unit = ModbusUnit(5)
        self.session = ControllerSession(session_id=9, address=5)
        self.now, self.events, self.queries = 0.0, [], []
        self.hurt, self.without_file = hurt, without_file

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += 0.003
            self._module()
            query = self.unit.next_query(self.now)
            if query is not None:
                self.queries.append(query)
                data, refused = self._perform(query)
                self.unit.answered(query, self.hurt(query, data), self.now, refused=refused)
            self._controller()

    def _module(self):
        t_us = round(self.now * 1e6)
        self.module.tick(self.now, t_us)
        for frame in self.image.take_frames():
            self.module.receive(frame, self.now, t_us)
        for frame in self.module.take_frames():
            self.image.send(frame, self.now)

    def _perform(self, query):
        if query.do is Do.READ:
            found = self.image.read(query.address, query.count, self.now)
            return (None, True) if isinstance(found, int) else (found, False)
        if query.do is Do.WRITE:
            code = self.image.write(query.address, query.data)
            return (None, code != SILENT) if code else (b"", False)
        if query.do is Do.NAME:
            return b"".join(self.image.identification[one] + b"\0" for one in range(3)), False
        if self.without_file:
            return None, True
        found = self.image.sheet(query.address, query.count)
        if found is None:
            self._module()
            found = self.image.sheet(query.address, query.count)
        return found, False

    def _controller(self):
        wall = WALL_NS + round(self.now * 1e9)
        for frame in self.unit.take_frames():
            self.events += self.session.receive(frame, self.now, wall)
        self.events += self.session.tick(self.now, wall)
        if any(isinstance(one, Identified) for one in self.events) and self.session.state is State.IDENTIFYING:
            self.events = [one for one in self.events if not isinstance(one, Identified)]
            self.session.activate([PLAN], probation=False, now=self.now)
        for frame in self.session.take_frames():
            self.unit.send(frame)


@pytest.mark.parametrize("without_file", [False, True])
def test_a_module_behind_registers_reaches_active(without_file):
    pair = Pair(without_file=without_file)
    pair.run(1.0)
    assert pair.session.state is State.ACTIVE
    assert pair.module.state is ModuleState.RUNNING
    assert pair.session.session_id == pair.module.session_id
    pair.run(5.0)
    assert pair.session.state in {State.ACTIVE, State.DEGRADED}, "alive by its status, without data"


def sent_and_heard(pair, counts):
    heard, sent = [], []
    for seq, count in enumerate(counts, 1):
        records = random.Random(seq).randbytes(24 * count)
        body = pb.DetectionFrame(
            t_us=round(pair.now * 1e6), seq=seq, rec_fmt=2, rec_size=24, total=count, records=records
        )
        pair.module.send_data(T.DETECTIONS, body, pair.now)
        sent.append((seq, records))
        pair.run(0.1)
    heard = [one.body for one in pair.events if getattr(one, "type", None) is T.DETECTIONS]
    return sent, [(one.seq, one.records) for one in heard], heard


def test_detections_arrive_whole_page_by_page():
    pair = Pair()
    pair.run(1.0)
    sent, heard, bodies = sent_and_heard(pair, [0, 3, 10, 11, 32, 1, 25, 10, 20, 5])
    assert heard == [one for one in sent if one in heard]
    assert len(heard) >= len(sent) - 1
    assert {len(records) // 24 for _, records in heard} >= {0, 3, 11, 32}
    assert all(body.t_us % 1_000_000_000 < 3_000_000 for body in bodies)
    assert not pair.session.counters["plan_violation"]


def test_a_frame_that_changes_between_two_pages_is_never_believed():
    pair = Pair()
    pair.run(1.0)
    records = [bytes([mark]) * (24 * 25) for mark in range(1, 60)]
    seq = 0

    def hurt(query, data):
        nonlocal seq
        if query.what == "detections 1" and seq % 3 == 0:
            put(seq + 1)
        return data

    def put(number):
        nonlocal seq
        seq = number
        body = pb.DetectionFrame(seq=seq, t_us=seq, rec_fmt=2, rec_size=24, total=25, records=records[seq])
        pair.image.send(encode(Message(T.DETECTIONS, body)), pair.now)

    pair.hurt = hurt
    for number in range(1, 40, 2):
        put(number)
        pair.run(0.1)
    heard = [one.body.records for one in pair.events if getattr(one, "type", None) is T.DETECTIONS]
    assert len(heard) > 5
    assert all(len(set(one)) == 1 for one in heard), "a torn frame would hold two marks"


def test_time_through_registers_is_good_to_milliseconds():
    pair = Pair()
    pair.run(3.0)
    samples = [one for one in pair.events if type(one).__name__ == "TimeSample"]
    assert len(samples) >= 3
    for one in samples:
        offset_us = ((one.t1_us - one.t0_us) + (one.t2_us - one.t3_us)) / 2
        assert abs(offset_us + WALL_NS / 1e3) < 10_000


def test_a_reboot_is_a_new_hello():
    pair = Pair()
    pair.run(1.0)
    first = pair.session.session_id
    pair.module = ModuleSession(good_hello(boot_id=99), to_bytes(good_sheet()), rng=random.Random(2))
    pair.run(2.5)
    assert pair.session.hello.boot_id == 99
    assert pair.session.session_id != first
    assert pair.session.state in {State.ACTIVE, State.DEGRADED}


def test_goodbye_and_rejection_pass_the_mailboxes():
    pair = Pair()
    pair.run(1.0)
    pair.module.goodbye(pb.REMOVAL)
    pair.run(1.5)
    assert pair.session.state is State.GONE
    pair = Pair(hurt=lambda _query, data: data)
    pair.session.activate = lambda *_args, **_named: []
    pair.run(0.2)
    pair.session.reject(pb.WRONG_CLASS, "not here", 30, now=pair.now)
    pair._controller()
    pair.run(0.3)
    assert pair.module.state is ModuleState.REJECTED


def test_a_letter_that_was_taken_is_acknowledged_and_not_said_again():
    pair = Pair()
    pair.run(1.0)
    heard = []
    receive = pair.module.receive
    pair.module.receive = lambda *arguments: heard.extend(told := receive(*arguments)) or told
    pair.session.identify(5, now=pair.now)
    pair._controller()
    assert pair.session.awaits_ack
    pair.run(0.5)
    assert not pair.session.awaits_ack
    assert pair.session.counters["unacknowledged"] == 0
    assert [one.seconds for one in heard if type(one).__name__ == "IdentifyAsked"] == [5]


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (lambda image: image._image.__setitem__(slice(0, 4), b"ABCD"), "no PMI1 chain"),
        (lambda image: image._image.__setitem__(slice(4, 6), b"\xff\xff"), "has no block: identity"),
        (lambda image: image._image.__setitem__(slice(6, 8), b"\xff\xff"), "does not end"),
        (lambda image: image._image.__setitem__(slice(6, 8), b"\0\0"), "does not end"),
    ],
)
def test_a_strange_image_is_named_and_left(breaks, words):
    pair = Pair()
    breaks(pair.image)
    pair.run(2.0)
    assert words in pair.unit.gone or "ends without" in pair.unit.gone or "has no block" in pair.unit.gone


def test_a_device_identification_that_differs_is_named():
    pair = Pair(hurt=lambda query, data: b"Other\0X\0\0" if query.do is Do.NAME else data)
    pair.run(1.0)
    assert "its device identification says 'Other X', its identity Example R1" in pair.unit.gone


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_answer_of_a_unit_raises(rng):
    unit = ModbusUnit(5)
    now = 0.0
    for _ in range(120):
        now += rng.choice([0.001, 0.02, 0.3])
        query = unit.next_query(now)
        if query is None:
            if unit.gone:
                unit = ModbusUnit(5)
            continue
        truth = ModbusImage(5)
        if query.do is Do.READ and rng.random() < 0.8:
            data = truth.read(query.address, query.count, now)
            data = rng.randbytes(query.count * 2) if isinstance(data, int) or rng.random() < 0.3 else data
        else:
            data = rng.choice([None, b"", rng.randbytes(rng.randrange(250))])
        unit.answered(query, data, now, refused=data is None and rng.random() < 0.5)
        if rng.random() < 0.2:
            unit.send(encode(Message(T.ASSIGN, pb.Assign(uid=b"u" * 16, address=rng.randrange(2, 200), session=4))))
            unit.send(encode(Message(T.ACTIVATE, pb.Activate(plans=[PLAN]))))
            unit.send(encode(Message(T.TIME_REQUEST, pb.TimeRequest(token=1, controller_tx_us=5))))
            unit.send(encode(Message(T.PING, pb.Ping(token=2))))
        unit.take_frames()


def test_a_silent_unit_backs_off_and_is_given_up():
    pair = Pair()
    pair.run(1.0)
    asked = len(pair.queries)
    silent_since, pair._perform = pair.now, lambda _query: (None, False)
    pair.run(3.0)
    assert "no answer" in pair.unit.gone
    assert len(pair.queries) - asked <= 12
    assert pair.now - silent_since >= 0.5


# ---------------------------------------------------------------------------------------------------- on real wires


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
    await asyncio.sleep(0.01)
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
    async with a_line(tmp_path, "tcp", (9,)) as (line, bus, found, _):
        keeper = Module(line, b"k" * 16, 1)
        for index in range(1, 7):
            module = Module(line, bytes([index]) * 16, 9)
            await until(lambda index=index: any(link.hello.uid == bytes([index]) * 16 for link in found))
            await module.gone()
            await until(lambda: 9 not in bus._units)
        await keeper.gone()
        gc.collect()
        assert len(asyncio.all_tasks()) <= 5
        assert len(bus._links) <= 2


def test_the_documentation_has_the_blocks_as_built():
    text = (Path(__file__).parents[2] / "docs" / "pmi" / "modbus.md").read_text(encoding="utf-8")
    assert tables().strip() in text


def test_the_published_registers_are_what_the_code_says():
    folder = Path(__file__).parents[1] / "vectors"
    published = json.loads((folder / "modbus_registers.json").read_text())
    assert runpy.run_path(str(folder / "generate_modbus_registers.py"))["vectors"]() == published
    page = parse_page(bytes.fromhex(published["page"]["registers"]), 24)
    assert (page.t_us, page.seq, page.total, page.clock_err_us) == (0x01020304, 7, 2, 1500)


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
