"""Data sheets: bounds with paths, hash, text form."""

from __future__ import annotations

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.datasheet import from_text, parse, problems, sheet_hash, to_bytes, to_text
from interfaces.errors import ConfigError
from interfaces.proto import pmi_pb2 as pb
from interfaces.sheet_reader import SheetReader
from interfaces.spec import SHEET_MAX
from tests.exchange import big_sheet, good_sheet


def changed(change):
    sheet = good_sheet()
    change(sheet)
    return problems(sheet)


def test_a_good_sheet_has_no_problems():
    sheet, found = parse(to_bytes(good_sheet()))
    assert found == ()
    assert sheet == good_sheet()


def test_hash_is_the_first_eight_bytes_of_sha256():
    assert sheet_hash(b"abc") == hashlib.sha256(b"abc").digest()[:8]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda s: setattr(s, "sheet_version", 2), "sheet_version:"),
        (lambda s: setattr(s, "vendor", ""), "vendor:"),
        (lambda s: setattr(s, "documentation", "x" * 129), "documentation:"),
        (lambda s: setattr(s, "device_id", 1 << 24), "device_id:"),
        (lambda s: setattr(s, "level", 4), "level:"),
        (lambda s: setattr(s, "fw_hash", b"abc"), "fw_hash:"),
        (lambda s: setattr(s, "public_key", bytes(31)), "public_key:"),
        (lambda s: s.ClearField("classes"), "classes:"),
        (lambda s: s.classes.append(14), "classes[1]:"),
        (lambda s: s.classes.append(0), "classes[1]:"),
        (lambda s: s.channels.append(s.channels[0]), "channels[1].channel:"),
        (lambda s: s.channels.extend([s.channels[0]] * 16), "channels: 17"),
        (lambda s: setattr(s.channels[0], "channel", 16), "channels[0].channel:"),
        (lambda s: setattr(s.channels[0], "message_type", 1), "channels[0].message_type:"),
        (lambda s: setattr(s.channels[0], "message_type", 0x50), "channels[0].message_type:"),
        (lambda s: setattr(s.channels[0], "max_rate_mhz", 0), "channels[0].max_rate_mhz:"),
        (lambda s: setattr(s.channels[0], "max_objects", 0), "channels[0].max_objects:"),
        (lambda s: s.channels[0].ClearField("record_formats"), "channels[0].record_formats:"),
        (lambda s: s.channels[0].record_formats.append(9), "channels[0].record_formats[1]:"),
        (lambda s: setattr(s.channels[0], "detectable_classes", 1 << 12), "channels[0].detectable_classes:"),
        (lambda s: setattr(s.channels[0], "false_per_frame", math.nan), "channels[0].false_per_frame:"),
        (lambda s: s.channels[0].ranges.extend([s.channels[0].ranges[0]] * 16), "channels[0].ranges:"),
        (lambda s: s.channels[0].ranges[0].vertices.pop(), "channels[0].ranges[0].vertices:"),
        (lambda s: s.channels[0].ranges[0].vertices.extend([pb.Vertex()] * 14), "channels[0].ranges[0].vertices:"),
        (lambda s: setattr(s.channels[0].ranges[0].vertices[1], "y_m", math.inf), "channels[0].ranges[0].vertices[1]:"),
        (lambda s: setattr(s.channels[0].ranges[0], "reliability", 102), "channels[0].ranges[0].reliability:"),
        (lambda s: setattr(s.channels[0].accuracy[1], "range_m", 10), "channels[0].accuracy[1].range_m:"),
        (lambda s: setattr(s.channels[0].accuracy[0], "sigma_position_m", -1), "channels[0].accuracy[0].sigma_pos"),
        (lambda s: setattr(s.electrical, "power_max_w", math.nan), "electrical.power_max_w:"),
    ],
)
def test_each_bound_names_its_field(change, path):
    assert any(text.startswith(path) for text in changed(change))


def test_all_problems_at_once():
    assert len(problems(pb.DataSheet())) >= 4


def test_too_long_or_foreign_bytes():
    assert "at most 4096" in parse(bytes(SHEET_MAX + 1))[1][0]
    assert "not a protobuf" in parse(b"\xff\xff")[1][0]


@given(st.binary(max_size=300))
def test_parsing_never_raises(data):
    parse(data)


def test_text_form_round_trip():
    assert from_text(to_text(big_sheet())) == big_sheet()
    assert from_text("# a comment\n" + to_text(good_sheet())) == good_sheet()


def test_wrong_text_names_the_line():
    with pytest.raises(ConfigError, match="2:1"):
        from_text('vendor: "x"\ncolour: 3\n')


@given(st.integers(1, SHEET_MAX), st.randoms(use_true_random=False))
def test_reader_collects_any_size_in_few_chunks(size, rng):
    data = rng.randbytes(size)
    reader = SheetReader(size, sheet_hash(data))
    requests = 0
    while not reader.complete:
        asked = reader.request()
        requests += 1
        chunk = pb.SheetChunk(offset=asked.offset, total=size, data=data[asked.offset : asked.offset + asked.length])
        assert reader.accept(chunk) == ""
        assert reader.accept(chunk) == "", "a doubled chunk changes nothing"
    assert requests == -(-size // 512)
    assert reader.intact
    assert reader.data == data
