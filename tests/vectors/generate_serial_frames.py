"""Write serial_frames.json again: `python tests/vectors/generate_serial_frames.py` from the project's top."""

from __future__ import annotations

import json
import sys
from binascii import crc_hqx
from dataclasses import asdict
from pathlib import Path
from zlib import crc32

from interfaces.frame import Flag, Frame, cobs_encode, encode

GOOD = {
    "empty payload": Frame(0x09, b"", 1, 2, 0x1234, 1),
    "zeros in the payload": Frame(0x08, bytes(5), 2, 1, 1, 2),
    "HELLO before a session": Frame(0x01, b"\x0a\x10" + bytes(range(16)), 0, 1, 0, 0, 2),
    "a run of 254 bytes without zero": Frame(0x40, bytes([1]) * 254, 3, 1, 0xFFFF, 0xFFFFFFFF, 7),
    "a run of 600 bytes without zero": Frame(0x40, bytes([7]) * 600, 3, 1, 2, 3),
    "acknowledged request": Frame(0x03, b"\x10\x80\x04", 1, 2, 5, 6, 1, Flag.ACK_REQ),
    "authenticated": Frame(0x08, b"\x08\x02", 2, 1, 5, 7, 4, Flag.AUTH, bytes(range(8))),
}


def _bad() -> list[dict[str, object]]:
    whole = encode(Frame(0x09, b"\x08\x01", 1, 2, 3, 4))
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    version = bytearray.fromhex("20") + bytes(13)

    raw = bytes(version) + crc_hqx(bytes(version), 0xFFFF).to_bytes(2, "big")
    cases = {
        "one bit of the CRC-32 is wrong": (bytes(flipped), "crc32"),
        "cut in the middle": (whole[:12] + b"\0", "length"),
        "frame version 2": (b"\0" + cobs_encode(raw + crc32(raw).to_bytes(4, "little")) + b"\0", "version"),
        "shorter than a header": (b"\0\x03\x01\x02\0", "length"),
    }
    return [{"name": n, "valid": False, "wire": w.hex(), "fault": f} for n, (w, f) in cases.items()]


def main() -> None:
    good = []
    for name, frame in GOOD.items():
        fields = asdict(frame) | {"payload": frame.payload.hex(), "tag": frame.tag.hex(), "flags": int(frame.flags)}
        good.append({"name": name, "valid": True, "wire": encode(frame).hex(), "frame": fields})
    path = Path(__file__).with_name("serial_frames.json")
    path.write_text(json.dumps(good + _bad(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.name}: {len(good) + len(_bad())} vectors\n")


if __name__ == "__main__":
    main()
