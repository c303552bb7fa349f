"""The register image of a Modbus module: pages, blocks, their chain, and what is published of them."""

from __future__ import annotations

import json
import random
import runpy
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from interfaces.frame import Frame
from interfaces.message import Message, decode, encode
from interfaces.modbus_image import ILLEGAL_ADDRESS, ILLEGAL_VALUE, SILENT, ModbusImage
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
from interfaces.spec import MessageType
from tests.exchange import good_hello

T = MessageType


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


def test_the_documentation_has_the_blocks_as_built():
    text = (Path(__file__).parents[2] / "docs" / "pmi" / "modbus.md").read_text(encoding="utf-8")
    assert tables().strip() in text


def test_the_published_registers_are_what_the_code_says():
    folder = Path(__file__).parents[1] / "vectors"
    published = json.loads((folder / "modbus_registers.json").read_text())
    assert runpy.run_path(str(folder / "generate_modbus_registers.py"))["vectors"]() == published
    page = parse_page(bytes.fromhex(published["page"]["registers"]), 24)
    assert (page.t_us, page.seq, page.total, page.clock_err_us) == (0x01020304, 7, 2, 1500)
