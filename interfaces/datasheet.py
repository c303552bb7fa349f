"""Data sheets: bytes, hash, bounds and the text form that vendors ship (PMI §3)."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Final, Protocol

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from interfaces.errors import ConfigError
from interfaces.message import KINDS, is_data, is_vendor
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import HASH_SIZE, SHEET_MAX, MessageType, ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterator

SHEET_VERSION: Final = 1
MAX_CHANNELS: Final = 16
MAX_RANGES: Final = 16
MAX_VERTICES: Final = 16
MIN_VERTICES: Final = 3
MAX_ACCURACY: Final = 16
MAX_TEXT: Final = 128
MAX_RATE_MHZ: Final = 1_000_000
MAX_RELIABILITY: Final = 101
RECORD_FORMATS: Final = frozenset({1, 2, 3, 4})
_CLASS_MASK: Final = sum(1 << int(c) for c in ObjectClass)


class SheetCache(Protocol):
    """Where read data sheets stay, by hash, so that a replugged module is not read again; a dict will do."""

    def get(self, sheet_hash: bytes, /) -> bytes | None:
        """The sheet's bytes, or None."""
        ...

    def __setitem__(self, sheet_hash: bytes, data: bytes, /) -> None:
        """Keep a sheet."""
        ...


def sheet_hash(data: bytes) -> bytes:
    """First 8 B of SHA-256 over a sheet's bytes."""
    return hashlib.sha256(data).digest()[:HASH_SIZE]


def to_bytes(sheet: pb.DataSheet) -> bytes:
    """The bytes a module stores and serves; the same sheet gives the same bytes."""
    return sheet.SerializeToString(deterministic=True)


def parse(data: bytes, *, newer: bool = False) -> tuple[pb.DataSheet, tuple[str, ...]]:
    """A sheet and everything wrong with it, each problem with its field path; `newer` as in `problems`. Never
    raises."""
    if len(data) > SHEET_MAX:
        return pb.DataSheet(), (f"sheet: {len(data)} B, at most {SHEET_MAX} B are allowed",)
    try:
        sheet = pb.DataSheet.FromString(data)
    except DecodeError:
        return pb.DataSheet(), ("sheet: the bytes are not a protobuf DataSheet",)
    return sheet, problems(sheet, newer=newer)


def problems(sheet: pb.DataSheet, *, newer: bool = False) -> tuple[str, ...]:
    """Everything in a sheet outside its bounds, each with its field path; empty when the sheet is good.

    `newer`: its module speaks a later minor version, whose ids for classes, messages and formats we cannot know.
    """
    ids = () if newer else (*_classes(sheet), *_channel_ids(sheet))
    return (*_identity(sheet), *ids, *_channels(sheet), *_finite("electrical", sheet.electrical, *_ELECTRICAL))


def to_text(sheet: pb.DataSheet) -> str:
    """The text form (protobuf text format, `#` comments allowed)."""
    return text_format.MessageToString(sheet)


def from_text(text: str) -> pb.DataSheet:
    """A sheet from its text form; raises ConfigError that names line, column and cause."""
    try:
        return text_format.Parse(text, pb.DataSheet())
    except text_format.ParseError as error:
        raise ConfigError(f"data sheet: {error}") from error
    except UnicodeEncodeError as error:
        raise ConfigError("data sheet: the text holds characters that are not valid Unicode") from error


_ELECTRICAL: Final = ("supply_min_v", "supply_max_v", "power_typical_w", "power_max_w")


def _identity(sheet: pb.DataSheet) -> Iterator[str]:
    if sheet.sheet_version != SHEET_VERSION:
        yield f"sheet_version: {sheet.sheet_version}, this controller reads {SHEET_VERSION}"
    for name in ("vendor", "product"):
        if not getattr(sheet, name):
            yield f"{name}: is empty"
    for name in ("vendor", "product", "hardware_revision", "firmware", "documentation"):
        if len(getattr(sheet, name)) > MAX_TEXT:
            yield f"{name}: longer than {MAX_TEXT} characters"
    if sheet.device_id >= 1 << 24:
        yield f"device_id: {sheet.device_id:#x} does not fit 24 bits"
    yield from _function(sheet)
    yield from _sizes(sheet)


def _function(sheet: pb.DataSheet) -> Iterator[str]:
    if sheet.level > 3:
        yield f"level: {sheet.level}, known levels are 0..3"
    if not sheet.classes:
        yield "classes: is empty, name at least one module class"


def _sizes(sheet: pb.DataSheet) -> Iterator[str]:
    for name, size in (("fw_hash", HASH_SIZE), ("public_key", 32), ("vendor_signature", 64)):
        found = len(getattr(sheet, name))
        if found not in {0, size}:
            yield f"{name}: {found} B, must be {size} B or absent"


def _classes(sheet: pb.DataSheet) -> Iterator[str]:
    known = set(pb.ModuleClass.values()) - {pb.MODULE_CLASS_UNSPECIFIED}
    for i, code in enumerate(sheet.classes):
        if code not in known:
            yield f"classes[{i}]: {code} is no module class"


def _channels(sheet: pb.DataSheet) -> Iterator[str]:
    if len(sheet.channels) > MAX_CHANNELS:
        yield f"channels: {len(sheet.channels)}, at most {MAX_CHANNELS} are allowed"
    seen: set[int] = set()
    for i, channel in enumerate(sheet.channels):
        path = f"channels[{i}]"
        if channel.channel in seen:
            yield f"{path}.channel: {channel.channel} is used twice"
        seen.add(channel.channel)
        yield from _channel(path, channel)


def _channel_ids(sheet: pb.DataSheet) -> Iterator[str]:
    for i, channel in enumerate(sheet.channels):
        path = f"channels[{i}]"
        if is_data(channel.message_type) and channel.message_type not in KINDS:
            yield f"{path}.message_type: {channel.message_type:#04x} is no data message"
        if channel.message_type != MessageType.DETECTIONS:
            continue
        for j, code in enumerate(channel.record_formats):
            if code not in RECORD_FORMATS and code < 0x80:
                yield f"{path}.record_formats[{j}]: {code} is no record format"
        if channel.detectable_classes & ~_CLASS_MASK:
            yield f"{path}.detectable_classes: {channel.detectable_classes:#x} names unknown object classes"


def _channel(path: str, channel: pb.Channel) -> Iterator[str]:
    if channel.channel >= MAX_CHANNELS:
        yield f"{path}.channel: {channel.channel}, must be 0..{MAX_CHANNELS - 1}"
    if not (is_vendor(channel.message_type) or is_data(channel.message_type)):
        yield f"{path}.message_type: {channel.message_type:#04x} is no data message"
    if not 0 < channel.max_rate_mhz <= MAX_RATE_MHZ:
        yield f"{path}.max_rate_mhz: {channel.max_rate_mhz}, must be 1..{MAX_RATE_MHZ}"
    if channel.message_type == MessageType.DETECTIONS:
        yield from _detection_channel(path, channel)
    yield from _finite(path, channel, "false_per_frame")
    yield from _ranges(path, channel)
    yield from _accuracy(path, channel)


def _detection_channel(path: str, channel: pb.Channel) -> Iterator[str]:
    if not channel.record_formats:
        yield f"{path}.record_formats: is empty, name at least one object record format"
    if not 0 < channel.max_objects <= 0xFFFF:
        yield f"{path}.max_objects: {channel.max_objects}, must be 1..65535"


def _ranges(path: str, channel: pb.Channel) -> Iterator[str]:
    if len(channel.ranges) > MAX_RANGES:
        yield f"{path}.ranges: {len(channel.ranges)}, at most {MAX_RANGES} are allowed"
    for i, area in enumerate(channel.ranges):
        where = f"{path}.ranges[{i}]"
        if not MIN_VERTICES <= len(area.vertices) <= MAX_VERTICES:
            yield f"{where}.vertices: {len(area.vertices)}, must be {MIN_VERTICES}..{MAX_VERTICES}"
        if area.reliability > MAX_RELIABILITY:
            yield f"{where}.reliability: {area.reliability}, must be 0..{MAX_RELIABILITY}"
        yield from _finite(where, area, "limit_size_m")
        for j, vertex in enumerate(area.vertices):
            if not (math.isfinite(vertex.x_m) and math.isfinite(vertex.y_m)):
                yield f"{where}.vertices[{j}]: is not finite"


def _accuracy(path: str, channel: pb.Channel) -> Iterator[str]:
    if len(channel.accuracy) > MAX_ACCURACY:
        yield f"{path}.accuracy: {len(channel.accuracy)} rows, at most {MAX_ACCURACY} are allowed"
    last = -1.0
    for i, point in enumerate(channel.accuracy):
        where = f"{path}.accuracy[{i}]"
        yield from _finite(where, point, "range_m", "sigma_position_m", "sigma_velocity_mps")
        if point.range_m <= last:
            yield f"{where}.range_m: {point.range_m:g} does not grow from row to row"
        last = point.range_m


def _finite(
    path: str, body: pb.Channel | pb.DetectionRange | pb.AccuracyPoint | pb.Electrical, *names: str
) -> Iterator[str]:
    for name in names:
        value = getattr(body, name)
        if not (math.isfinite(value) and value >= 0):
            yield f"{path}.{name}: {value:g}, must be finite and not negative"
