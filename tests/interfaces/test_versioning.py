"""Versions side by side (PMI §5): what is newer than we are is ignored with a word, what is older is read for ever."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import json_format

from interfaces import records
from interfaces.datasheet import parse, to_bytes
from interfaces.events import DataMessage, Fault
from interfaces.frame import Flag, Frame, FrameReader
from interfaces.message import KINDS, Message, decode
from interfaces.module_session import ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import FORMATS, RELEASED_B, read_records
from interfaces.spec import SPEC_VERSION, MessageType, ObjectClass
from interfaces.states import State
from modules import radar
from modules.columns import from_records
from modules.detecting import read_detections
from tests.exchange import Exchange, good_hello, good_sheet
from tests.secured import SecuredExchange, secured_module

PATH = Path(__file__).parents[1] / "vectors" / "corpus_1_0.json"
CORPUS = json.loads(PATH.read_text(encoding="utf-8"))
LATER = json.loads((PATH.parent / "messages.json").read_text(encoding="utf-8"))  # with what came after 1.0
CORPUS_SHA256 = "a38d256ddaa85c39fd096b64c036d6a82a420497b0ded4060bd6fbf11aabdff4"
T = MessageType
UNKNOWN_FIELD = bytes([0xFA, 0x7F, 3]) + b"new"  # number 2047, three bytes


def active(**arguments):
    pole = Exchange(**arguments)
    pole.run_until(State.ACTIVE, 1.0)
    pole.run(0.55)
    return pole


def after(pole):
    return pole.controller._last_seq + 1


# ---------------------------------------------------------------------------------------------- spec version


@pytest.mark.parametrize(("low", "high"), [(0x100, 0x100), (0x100, 0x103), (0x102, 0x1FF), (0x001, 0x204)])
def test_a_newer_minor_is_spoken_to_in_ours(low, high):
    pole = active(hello=good_hello(spec_min=low, spec_max=high))
    assign = next(frame for frame in pole.sent["controller"] if frame.type == T.ASSIGN)
    assert pb.Assign.FromString(assign.payload).spec == SPEC_VERSION
    assert len(pole.of(DataMessage)) > 3


@pytest.mark.parametrize(("low", "high"), [(0x200, 0x200), (0x201, 0x305), (0x001, 0x0FF)])
def test_another_major_is_refused_with_both_versions(low, high):
    pole = Exchange(hello=good_hello(spec_min=low, spec_max=high))
    pole.run_until(State.REJECTED, 0.1)
    assert f"PMI {low >> 8}.x to {high >> 8}.x, this controller PMI 1.0" in pole.controller.reason


def test_another_header_version_is_no_frame():
    reader = FrameReader()
    wire = bytes.fromhex(next(v["wire"] for v in SERIAL if v.get("fault") == "version"))
    assert reader.feed(wire) == []
    assert reader.faults == {"version": 1}


SERIAL = json.loads((PATH.parent / "serial_frames.json").read_text(encoding="utf-8"))


def newer_sheet(**changes):
    """A sheet of a later minor: a class, an object class, a record format and a channel that 1.0 does not know."""
    sheet = good_sheet(classes=[pb.RADAR, 14], **changes)
    sheet.channels[0].record_formats.append(9)
    sheet.channels[0].detectable_classes = 0xFFFF
    sheet.channels.append(pb.Channel(channel=1, message_type=0x5F, record_formats=[1], max_rate_mhz=1000))
    return sheet


def test_new_ids_in_a_data_sheet_are_a_fault_of_our_version_only():
    data = to_bytes(newer_sheet()) + UNKNOWN_FIELD
    _, problems = parse(data)
    assert [text.split(":")[0] for text in problems] == [
        "classes[1]",
        "channels[0].record_formats[1]",
        "channels[0].detectable_classes",
        "channels[1].message_type",
    ]
    sheet, problems = parse(data, newer=True)
    assert problems == ()
    assert sheet.channels[0].max_objects == 64
    broken = good_sheet(classes=[])
    assert parse(to_bytes(broken), newer=True)[1], "what is wrong in every version stays wrong"


def test_a_module_with_new_ids_is_identified():
    pole = Exchange(hello=good_hello(spec_max=0x101, classes=[pb.RADAR, 14]))
    pole.module._sheet_bytes = to_bytes(newer_sheet()) + UNKNOWN_FIELD
    pole.module.hello.sheet_hash = sha256(pole.module._sheet_bytes).digest()[:8]
    pole.module.hello.sheet_size = len(pole.module._sheet_bytes)
    pole.run_until(State.ACTIVE, 1.0)
    assert list(pole.controller.sheet.classes) == [pb.RADAR, 14]


# --------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("number", [0x3E, 0x5F, 0x9A, 0xC1, 0xFF, 0x100, 0xFFFF])
def test_the_controller_says_unsupported_to_an_unknown_message(number):
    pole = active()
    pole.throw("controller", Frame(number, b"anything", 2, 1, pole.controller.session_id, after(pole)))
    (answer,) = pole.controller.take_frames()
    assert answer.type == T.UNSUPPORTED
    assert pb.Unsupported.FromString(answer.payload).type == number
    assert pole.controller.counters["unknown_type"] == 1
    assert pole.controller.state is State.ACTIVE
    assert isinstance(pole.events[-1], Fault)


@pytest.mark.parametrize("number", [0x3E, 0x9A, 0xC1, 0x100, 0xFFFF])
def test_the_module_says_unsupported_to_an_unknown_message(number):
    pole = active()
    pole.throw("module", Frame(number, b"anything", 1, 2, pole.module.session_id, 10**6))
    answers = [frame for frame in pole.module.take_frames() if frame.type == T.UNSUPPORTED]
    assert [pb.Unsupported.FromString(frame.payload).type for frame in answers] == [number]
    assert pole.module.state is ModuleState.RUNNING


def test_unsupported_is_not_answered_by_unsupported():
    pole = active()
    say = Frame(T.UNSUPPORTED, pb.Unsupported(type=0x3E).SerializeToString(), 2, 1, pole.controller.session_id)
    pole.throw("controller", Frame(**{**as_fields(say), "seq": after(pole)}))
    pole.throw("module", Frame(**{**as_fields(say), "seq": 10**6}))
    assert T.UNSUPPORTED not in {frame.type for frame in pole.controller.take_frames() + pole.module.take_frames()}
    assert pole.controller.state is State.ACTIVE


def as_fields(frame):
    return frame._asdict()


def test_in_an_authenticated_session_an_unknown_message_needs_its_tag():
    pole = SecuredExchange(secured_module())
    pole.run_until(State.ACTIVE, 1.0)
    unknown = Frame(0x3E, b"x", 2, 1, pole.controller.session_id, 10**6)
    pole.throw("controller", unknown)
    assert pole.controller.take_frames() == []
    pole.throw("controller", pole.module.authentication.seal(unknown))
    (answer,) = pole.controller.take_frames()
    assert answer.type == T.UNSUPPORTED
    assert answer.flags & Flag.AUTH


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.type.name)
def test_unknown_fields_of_every_message_are_ignored(kind):
    known = [{**v, "type": v["frame"]["type"]} for v in CORPUS["frames"]] + LATER["messages"]
    vector = next(v for v in known if v["type"] == kind.type)
    message = decode(Frame(int(kind.type), bytes.fromhex(vector["payload"]) + UNKNOWN_FIELD))
    assert isinstance(message, Message)
    body = type(message.body).FromString(bytes.fromhex(vector["payload"]))
    message.body.DiscardUnknownFields()
    assert message.body == body


def test_unknown_values_of_enums_are_carried_not_feared():
    pole = active()
    beat = pb.Heartbeat(boot_id=pole.module.hello.boot_id)
    beat.state = 77
    for body, kind in ((beat, T.HEARTBEAT), (pb.Goodbye(reason=99), T.GOODBYE)):
        payload = body.SerializeToString()
        pole.throw("controller", Frame(kind, payload, 2, 1, pole.controller.session_id, after(pole)))
    assert pole.controller.state is State.GONE
    assert pole.controller.reason == "said goodbye: unknown reason"


# ---------------------------------------------------------------------------------------------------- records


@pytest.mark.parametrize("rec_fmt", FORMATS)
@pytest.mark.parametrize("tail", [1, 4, 16])
def test_a_longer_record_is_read_by_its_stride(rec_fmt, tail):
    vectors = [v for v in CORPUS["records"] if v["rec_fmt"] == rec_fmt]
    data = b"".join(bytes.fromhex(v["record"]) + b"\xa5" * tail for v in vectors)
    rows = read_records(rec_fmt, RELEASED_B[rec_fmt] + tail, data)
    assert [{name: int(row[name]) for name in v["wire"]} for row, v in zip(rows, vectors, strict=True)] == [
        v["wire"] for v in vectors
    ]


def test_longer_records_pass_the_plan_and_become_detections():
    pole = active()
    data = b"".join(bytes.fromhex(v["record"]) + b"\xa5\xa5" for v in CORPUS["records"] if v["rec_fmt"] == 2)
    body = pb.DetectionFrame(t_us=1, rec_fmt=2, rec_size=26, total=4, records=data)
    before = len(pole.of(DataMessage))
    payload = body.SerializeToString()
    pole.throw("controller", Frame(T.DETECTIONS, payload, 2, 1, pole.controller.session_id, after(pole)))
    assert len(pole.of(DataMessage)) == before + 1
    _, rows = read_detections(pole.of(DataMessage)[-1].body, radar.DEFAULT)
    assert rows["x"][0] == pytest.approx(1.16)


@pytest.mark.parametrize("rec_fmt", FORMATS)
def test_an_older_record_lacks_what_came_later(rec_fmt, monkeypatch):
    """As in a later version, whose format has two fields more."""
    grown = np.dtype([*FORMATS[rec_fmt].descr, ("new_unsigned", "<u2"), ("new_signed", "<i2")])
    monkeypatch.setattr(records, "FORMATS", {rec_fmt: grown})
    vectors = [v for v in CORPUS["records"] if v["rec_fmt"] == rec_fmt]
    data = b"".join(bytes.fromhex(v["record"]) for v in vectors)
    rows = read_records(rec_fmt, RELEASED_B[rec_fmt], data)
    for row, vector in zip(rows, vectors, strict=True):
        assert {name: int(row[name]) for name in vector["wire"]} == vector["wire"]
    assert set(rows["new_unsigned"]) == {0xFFFF}
    assert set(rows["new_signed"]) == {-0x8000}
    assert isinstance(read_records(rec_fmt, RELEASED_B[rec_fmt] - 1, b""), str), "shorter than ever released"


def test_released_strides_never_change():
    assert RELEASED_B == {1: 16, 2: 24, 3: 40, 4: 28}
    assert all(FORMATS[fmt].itemsize >= size for fmt, size in RELEASED_B.items())


@pytest.mark.parametrize("code", [10, 11, 14, 16, 99, 254, 255])
@pytest.mark.parametrize("rec_fmt", FORMATS)
def test_an_unknown_object_class_is_an_unknown_object_not_a_lost_one(rec_fmt, code):
    rows = np.zeros(2, FORMATS[rec_fmt])
    rows["object_class"] = code, ObjectClass.PEDESTRIAN
    body = pb.DetectionFrame(rec_fmt=rec_fmt, rec_size=rows.itemsize, total=2, records=rows.tobytes())
    _, found = read_detections(body, radar.DEFAULT)
    assert list(found["object_class"]) == [ObjectClass.UNKNOWN, ObjectClass.PEDESTRIAN]


def test_an_unknown_record_format_is_a_violation_of_the_plan():
    pole = active()
    body = pb.DetectionFrame(rec_fmt=9, rec_size=24, records=bytes(24), total=1)
    before = len(pole.of(DataMessage))
    payload = body.SerializeToString()
    pole.throw("controller", Frame(T.DETECTIONS, payload, 2, 1, pole.controller.session_id, after(pole)))
    assert pole.controller.counters["plan_violation"] == 1
    assert len(pole.of(DataMessage)) == before
    _, rows = read_detections(body, radar.DEFAULT)
    assert len(rows) == 0


# ------------------------------------------------------------------------------------------- the frozen corpus


def test_the_corpus_is_frozen():
    assert sha256(PATH.read_bytes()).hexdigest() == CORPUS_SHA256, "released vectors never change; add another file"


def test_the_corpus_has_every_type_and_format_of_1_0():
    of_1_0 = {*range(0x01, 0x1B), *range(0x40, 0x45)}
    assert {v["frame"]["type"] for v in CORPUS["frames"]} == of_1_0
    assert {v["rec_fmt"] for v in CORPUS["records"]} == {1, 2, 3, 4}


@pytest.mark.parametrize("vector", CORPUS["frames"], ids=lambda v: v["name"])
def test_every_frame_of_1_0_is_decoded(vector):
    (frame,) = FrameReader().feed(bytes.fromhex(vector["wire"]))
    assert {name: int(getattr(frame, name)) for name in vector["frame"]} == vector["frame"]
    assert frame.payload.hex() == vector["payload"]
    message = decode(frame)
    assert isinstance(message, Message)
    assert message.type.name == vector["name"].split(",")[0]
    assert message.body == json_format.ParseDict(vector["body"], type(message.body)())


def test_the_data_sheet_of_1_0_is_decoded():
    sheet = pb.DataSheet.FromString(bytes.fromhex(CORPUS["sheet"]["bytes"]))
    assert sheet == json_format.ParseDict(CORPUS["sheet"]["body"], pb.DataSheet())
    assert json_format.MessageToDict(sheet, preserving_proto_field_name=True) == CORPUS["sheet"]["body"]


@pytest.mark.parametrize("vector", CORPUS["records"], ids=lambda v: f"format {v['rec_fmt']}, {v['name']}")
def test_every_record_of_1_0_is_decoded(vector):
    rows = read_records(vector["rec_fmt"], vector["rec_size"], bytes.fromhex(vector["record"]))
    assert {name: int(rows[name][0]) for name in vector["wire"]} == vector["wire"]
    columns = from_records(vector["rec_fmt"], rows)
    for name, value in vector["columns"].items():
        if value is None:
            assert np.isnan(columns[name][0]), name
        else:
            assert columns[name][0] == pytest.approx(value, rel=1e-7, abs=1e-12), name
