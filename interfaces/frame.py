"""The checked unit on a byte stream (PMI §6, serial binding): COBS, CRC-16 over the header, CRC-32 over all."""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections import Counter
from enum import IntFlag
from typing import Final, NamedTuple
from zlib import crc32

from interfaces.errors import LocalProtocolError
from interfaces.spec import CRC_SIZE, FRAME_VERSION, HEADER_SIZE, MAX_PAYLOAD, MAX_PAYLOAD_USB, TAG_SIZE


class Flag(IntFlag):
    """Low nibble of the first header byte."""

    NONE = 0
    ACK_REQ = 1
    ACK = 2
    AUTH = 4
    MORE = 8


class Frame(NamedTuple):
    """One PMI message as it stands on any bus: addressing and type outside, protobuf bytes inside.

    `src`/`dst`: 0 none, 1 controller, 2..254 modules, 255 all. `session` 0 before a session exists.
    """

    type: int
    payload: bytes
    src: int = 0
    dst: int = 0
    session: int = 0
    seq: int = 0
    priority: int = 4
    flags: Flag = Flag.NONE
    tag: bytes = b""


_HEADER: Final = struct.Struct("<BBBBHHIH")
_AUTH: Final = int(Flag.AUTH)  # arithmetic of plain ints costs a tenth of that of flags
_FULL: Final = 254  # bytes of the longest run
_CODES: Final = tuple(bytes((length + 1,)) for length in range(_FULL))
_FLAG: Final = tuple(Flag(bits) for bits in range(16))


def encode(frame: Frame) -> bytes:
    """Bytes for the wire, a delimiter before and after. Raises LocalProtocolError on a field out of range."""
    if len(frame.payload) > MAX_PAYLOAD_USB:
        raise LocalProtocolError(f"payload of {len(frame.payload)} B, at most {MAX_PAYLOAD_USB} B fit a frame")
    flags = int(frame.flags)
    if len(frame.tag) != (TAG_SIZE if flags & _AUTH else 0):
        raise LocalProtocolError(f"tag of {len(frame.tag)} B: {TAG_SIZE} B with AUTH, none without")
    try:
        header = _HEADER.pack(
            FRAME_VERSION << 4 | flags,
            frame.src,
            frame.dst,
            frame.priority,
            frame.type,
            frame.session,
            frame.seq,
            len(frame.payload),
        )
    except struct.error as error:
        raise LocalProtocolError(f"a header field is out of range: {error}") from None
    body = header + crc_hqx(header, 0xFFFF).to_bytes(2, "big") + frame.payload + frame.tag
    return b"\0" + cobs_encode(body + crc32(body).to_bytes(4, "little")) + b"\0"


class FrameReader:
    """Bytes in any portions to good frames. Never raises: what is wrong is dropped and counted in `faults` by kind.

    Kinds: `cobs`, `length` (shorter than a frame, or not what the header says), `crc32`, `header_crc`, `version`,
    `oversize`. Holds at most one largest legal frame: a longer run without a delimiter is noise, dropped as a whole.
    """

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        largest = HEADER_SIZE + max_payload + TAG_SIZE + CRC_SIZE
        self._limit: Final = largest + largest // 254 + 1
        self._max_payload = max_payload
        self._rest = b""
        self._skipping = False
        self.faults: Counter[str] = Counter()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by `data`, in order."""
        *blocks, rest = (self._rest + data).split(b"\0")
        frames = []
        for block in blocks:
            if self._skipping:
                self._skipping = False
            elif block and (frame := self._read(block)) is not None:
                frames.append(frame)
        if len(rest) > self._limit:
            if not self._skipping:
                self.faults["oversize"] += 1
            self._skipping = True
        self._rest = b"" if self._skipping else rest
        return frames

    def _read(self, block: bytes) -> Frame | None:
        if len(block) > self._limit:
            self.faults["oversize"] += 1
            return None
        frame = _parse(block, self._max_payload)
        if isinstance(frame, str):
            self.faults[frame] += 1
            return None
        return frame


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing (Cheshire & Baker 1999): the same bytes without a zero among them."""
    runs = data.split(b"\0")
    try:
        return b"".join([_CODES[len(run)] + run for run in runs])
    except IndexError:  # a run that needs several codes
        return b"".join([bytes((len(part) + 1,)) + part for run in runs for part in _full_runs(run)])


def cobs_decode(data: bytes) -> bytes | None:
    """The inverse of `cobs_encode`; None when a code points past the end or there is a zero."""
    if 0 in data:
        return None
    out, position, end = bytearray(data), 0, len(data)
    after_full, code = [], 0xFF  # no zero stands before the first code, nor after a full run
    while position < end:
        if code == 0xFF:
            after_full.append(position)
        code = out[position]
        out[position] = 0
        position += code
    if position > end:
        return None
    for position in reversed(after_full):
        del out[position]
    return bytes(out)


def _full_runs(run: bytes) -> list[bytes]:
    """`run` in parts of at most a full run; a last part of its own length, perhaps none, ends it."""
    return [run[start : start + _FULL] for start in range(0, len(run) + 1, _FULL)]


def _parse(block: bytes, max_payload: int) -> Frame | str:
    raw = cobs_decode(block)
    if raw is None:
        return "cobs"
    if len(raw) < HEADER_SIZE + CRC_SIZE:
        return "length"
    if crc32(raw[:-CRC_SIZE]) != int.from_bytes(raw[-CRC_SIZE:], "little"):
        return "crc32"
    if crc_hqx(raw[: HEADER_SIZE - 2], 0xFFFF) != int.from_bytes(raw[HEADER_SIZE - 2 : HEADER_SIZE], "big"):
        return "header_crc"
    first, src, dst, priority, kind, session, seq, length = _HEADER.unpack_from(raw)
    if first >> 4 != FRAME_VERSION:
        return "version"
    tag_size = TAG_SIZE if first & _AUTH else 0
    if length > max_payload or HEADER_SIZE + length + tag_size + CRC_SIZE != len(raw):
        return "length"
    end = HEADER_SIZE + length
    return Frame(
        kind, raw[HEADER_SIZE:end], src, dst, session, seq, priority, _FLAG[first & 15], raw[end : end + tag_size]
    )
