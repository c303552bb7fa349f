"""One function for each parser of outside bytes: it takes any bytes, raises for nothing but a broken promise."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from controller.commands import MODELS, Desk, Request, answer
from controller.config_file import check
from controller.cooperative import Cooperative
from controller.detection_log import read
from controller.geometry import LocalFrame
from controller.publication.radio import rc013, rc016, rc016_csma, uper
from controller.recording.state_reader import load as load_state
from controller.recording.state_writer import dump
from controller.site_file import load
from interfaces import cyphal
from interfaces.address_table import AddressTable
from interfaces.can_node import CanNode
from interfaces.command import Asked, request_topic, signature
from interfaces.datasheet import parse, to_bytes
from interfaces.errors import ConfigError, LinkError
from interfaces.events import Identified
from interfaces.frame import Frame, FrameReader, encode
from interfaces.message import BadMessage, decode
from interfaces.modbus_image import ModbusImage
from interfaces.modbus_unit import ModbusUnit
from interfaces.module_session import ModuleSession
from interfaces.port import parse as parse_port
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import read_records
from interfaces.registers import LAYOUTS, parse_page
from interfaces.rs485 import Rs485Master
from interfaces.security import is_sheet_signed, without_field
from interfaces.session import ControllerSession
from interfaces.spec import MAX_PAYLOAD, MessageType
from interfaces.states import State
from interfaces.transfer import Reassembler
from modules import comms
from tests.exchange import PLAN, good_hello, good_sheet

SHEET = to_bytes(good_sheet())
POLE = Asked(7, 9)
FRAME = LocalFrame(36.0, 140.0, 0.0)


def cut(data, sizes=(1, 3, 8, 21, 64)):
    """Pieces whose lengths the data itself chooses."""
    at = 0
    while at < len(data):
        size = sizes[data[at] % len(sizes)]
        yield data[at + 1 : at + 1 + size]
        at += 1 + size


def frame_reader(data):
    reader = FrameReader()
    for piece in cut(data):
        for frame in reader.feed(piece):
            assert len(frame.payload) <= MAX_PAYLOAD
            assert FrameReader().feed(encode(frame)) == [frame]
    assert len(reader._rest) <= reader._limit


def vendor_signature(data):
    for number in (1, 14, 500):
        parts = without_field(data, number)
        assert parts is None or len(parts[0]) <= len(data)
    is_sheet_signed(data, data[:32])


def message(data):
    if not data:
        return
    heard = decode(Frame(data[0], data[1:]))
    if not isinstance(heard, BadMessage):
        heard.body.SerializeToString()


def data_sheet(data):
    sheet, problems = parse(data)
    assert problems or to_bytes(sheet)


def records(data):
    if len(data) > 2:
        found = read_records(data[0] % 6, data[1], data[2:])
        assert isinstance(found, str) or len(found) * data[1] == len(data) - 2


def can_transfers(data):
    reader, node = Reassembler(), CanNode(7, fd=bool(data[:1] > b"\x80"))
    for now, piece in enumerate(cut(data)):
        identifier, body = int.from_bytes(piece[:4], "big"), piece[4:]
        reader.feed(identifier, body, now / 100)
        node.from_can(identifier & (1 << 29) - 1, body, now / 100)
    assert len(reader._sessions) <= len(data)


def regulated(data):
    cyphal.parse_heartbeat(data)
    cyphal.parse_sync(data)
    for fd in (False, True):
        cyphal.parse_allocation(data, fd=fd)
    info = cyphal.parse_info(data)
    assert info is None or len(info.name) <= cyphal.NAME_MAX


def controller_session(data):
    session, now = ControllerSession(session_id=5), 0.0
    known = good_hello()
    for piece in cut(data, (2, 9, 33, 120)):
        if not piece:
            continue
        now += piece[0] / 100
        kind = piece[0] % 0x50
        payload = known.SerializeToString() if kind == MessageType.HELLO and len(piece) < 4 else piece[1:]
        number = session.session_id if piece[0] < 0xF0 else 3
        events = session.receive(Frame(kind, payload, 2, 1, number, round(now * 100)), now, round(now * 1e9))
        events += session.tick(now, round(now * 1e9))
        if any(isinstance(one, Identified) for one in events) and session.state is State.IDENTIFYING:
            session.activate([PLAN], probation=False, now=now)
        assert len(session.take_frames()) <= 64


def module_session(data):
    module, now = ModuleSession(good_hello(), SHEET, rng=random.Random(1)), 0.0
    for piece in cut(data, (2, 9, 33, 120)):
        if not piece:
            continue
        now += piece[0] / 100
        frame = Frame(piece[0] % 0x50, piece[1:], 1, 255, module.session_id if piece[0] < 0xF0 else 3, 1)
        module.receive(frame, now, round(now * 1e6))
        module.tick(now, round(now * 1e6))
        assert len(module.take_frames()) <= 66


def modbus_registers(data):
    for layout in LAYOUTS.values():
        values = layout.unpack(data)
        assert (values is None) == (len(data) < layout.registers * 2)
    for size in (16, 24, 40):
        page = parse_page(data, size)
        assert page is None or len(page.records) == page.count * size


def modbus_unit(data):
    unit, now = ModbusUnit(3), 0.0
    for piece in cut(data, (2, 4, 44, 146, 250)):
        now += 0.05
        query = unit.next_query(now)
        if query is not None:
            told = piece.ljust(query.count * 2, b"\0") if query.count else piece
            unit.answered(query, told if piece else None, now, refused=not piece)
        unit.take_frames()


def modbus_image(data):
    image = ModbusImage(3)
    for piece in cut(data, (4, 12, 40, 240)):
        if len(piece) > 3:
            address = 40000 + int.from_bytes(piece[:2], "big") % 1200
            assert isinstance(image.write(address, piece[3:]), int)
            image.read(address, piece[2], 1.0)
    image.take_frames()


def rs485_line(data):
    master, now = Rs485Master(AddressTable(2, 254), 115_200), 0.0
    master.tick(now)
    for piece in cut(data, (2, 9, 33)):
        now += 0.01
        asked = master.take_frames()
        frames = [Frame(piece[0] % 0x50, piece[1:], piece[0], 1, 0, one.seq) for one in asked] if piece else []
        master.hear(frames, now, damaged=not frames)
        master.tick(now)


def port_url(data):
    text = data.decode("utf-8", "replace")
    try:
        parse_port(text)
    except LinkError as error:
        assert text in str(error)  # noqa: PT017 -- good input is good, too


def log_line(data):
    try:
        list(read(data.decode("utf-8", "replace").splitlines(), ["radar"], "log"))
    except ConfigError as error:
        assert "log" in str(error)  # noqa: PT017 -- good input is good, too


def site_map(data):
    try:
        load(data.decode("utf-8", "replace"), FRAME, "site.geojson")
    except ConfigError as error:
        assert "site.geojson" in str(error)  # noqa: PT017 -- good input is good, too


def configuration(data, folder=Path("/dev/shm")):
    path = folder / "fuzz.toml"
    path.write_bytes(data)
    config, problems = check(path)
    assert (config is None) == bool(problems)


def rc013_message(data):
    message = rc013.decode(data)
    assert isinstance(message, str) or rc013.encode(message) == data


def rc016_message(data):
    for codec in (rc016, rc016_csma):
        message = codec.decode(data)
        assert isinstance(message, str) or codec.encode(message) == data


def command_request(data):
    """What anybody with access to a broker may ask: only the signed one is believed."""
    desk = Desk(POLE, frozenset(MODELS), "a key of some length", 0.0)
    for number, piece in enumerate(cut(data, (2, 30, 60, 120))):
        topic = request_topic(POLE, (*MODELS, "other")[len(piece) % 7])
        signed = signature("a key of some length", topic, piece)
        for given in (signed, piece[:20].decode("latin-1")):
            request = Request(topic, piece, given, response_topic=piece[:30].decode("utf-8", "replace"))
            decision = desk.decide(request, number * 2.0, 1.0)
            assert decision.asked is None or given == signed
            assert not decision.answer_topic or decision.answer_topic.startswith("smartpole/v1/pole/7/9/response/")
            assert len(answer(decision, error=decision.reason or "x")) < 2000


def radio_report(data):
    """What a comms module says that its radio heard: RC-013 and CAM of whoever speaks."""
    ear, now_ns = Cooperative(FRAME, 40.0, 300.0), 1_705_940_625_678_000_000
    ear.codec = uper.load()
    for piece in cut(data, (36, 41, 60, 100)):
        kind = (pb.RC013, pb.ETSI_CAM, 0)[len(piece) % 3]
        body = pb.RadioReceived(payloads=[pb.RadioPayload(format=one, payload=piece) for one in (kind, pb.ETSI_CAM)])
        reading = comms.read(pb.RadioReceived.FromString(body.SerializeToString()), comms.COOPERATIVE)
        seen = ear.detections("comms", reading, now_ns, now_ns, 0.0)
        assert len(seen.objects) <= len(reading.heard)
        for name in ("x", "y", "vx", "vy", "sigma_pos", "sigma_vel"):
            assert np.isfinite(seen.objects[name]).all()
        now_ns += 100_000_000


def recorded_state(data):
    try:
        value = load_state(data, {})
    except ConfigError:
        return
    again = dump(value, {})
    assert dump(load_state(again, {}), {}) == again


TARGETS = {
    one.__name__: one
    for one in (
        frame_reader,
        message,
        vendor_signature,
        data_sheet,
        records,
        can_transfers,
        regulated,
        controller_session,
        module_session,
        modbus_registers,
        modbus_unit,
        modbus_image,
        rs485_line,
        port_url,
        log_line,
        site_map,
        configuration,
        rc013_message,
        rc016_message,
        command_request,
        radio_report,
        recorded_state,
    )
}
