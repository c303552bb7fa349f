"""Write security.json again: `python tests/vectors/generate_security.py` from the project's top.

All keys in it are for tests and known to everybody.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from interfaces.frame import Flag, Frame
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import (
    ControllerHandshake,
    ModuleHandshake,
    Parties,
    mac_input,
    public_bytes,
    sign_sheet,
    transcript,
)

CONTROLLER, DEVICE, VENDOR = (sha256(name).digest() for name in (b"controller", b"device", b"vendor"))
FRAMES = {
    "PING": Frame(0x09, b"\x08\x07", 1, 2, 0x1234, 5, 2),
    "empty payload": Frame(0x16, b"", 1, 2, 0x1234, 6, 2),
    "the last number": Frame(0x40, bytes(range(48)), 2, 1, 0x1234, 0xFFFFFFFF, 4),
    "acknowledgement": Frame(0x10, b"", 1, 2, 0x1234, 7, 1, Flag.ACK),
    "asks for acknowledgement": Frame(0x10, b"\x08\x01", 1, 2, 0x1234, 8, 1, Flag.ACK_REQ),
    "498 B": Frame(0x40, bytes(n & 0xFF for n in range(498)), 2, 1, 0x1234, 9, 4),
    "MORE is not covered": Frame(0x40, b"\x01", 2, 1, 0x1234, 10, 4, Flag.MORE),
}


def _entropy(name: str):
    """Bytes in the order in which they are drawn: ephemeral private key (32), nonce (16)."""
    data = sha256(f"{name} 1".encode()).digest() + sha256(f"{name} 2".encode()).digest()[:16]
    position = 0

    def draw(count: int) -> bytes:
        nonlocal position
        position += count
        return data[position - count : position]

    return data, draw


def vectors() -> dict[str, object]:
    """The file's content."""
    controller, device, vendor = map(Ed25519PrivateKey.from_private_bytes, (CONTROLLER, DEVICE, VENDOR))
    sheet = pb.DataSheet(sheet_version=1, vendor="Example", product="R1", level=3, public_key=public_bytes(device))
    unsigned = sheet.SerializeToString(deterministic=True)
    sign_sheet(sheet, vendor)
    data = sheet.SerializeToString(deterministic=True)
    parties = Parties(bytes(range(16)), 0x01020304, 0x1234, bytes(range(8)), data, public_bytes(device))
    controller_bytes, controller_draw = _entropy("controller")
    device_bytes, device_draw = _entropy("device")
    ours = ControllerHandshake(parties, controller, controller_draw)
    theirs = ModuleHandshake.begin(parties, device, ours.start, device_draw)
    assert isinstance(theirs, ModuleHandshake)
    answer = ours.reply(theirs.reply)
    assert not isinstance(answer, str)
    channel, finish = answer
    return {
        "about": "PMI 1.0 level L3: handshake, keys, tags, sheet signature. All in hex. Keys are for tests only.",
        "keys": {
            name: {"private": private.hex(), "public": public_bytes(key).hex()}
            for name, private, key in (
                ("controller", CONTROLLER, controller),
                ("device", DEVICE, device),
                ("vendor", VENDOR, vendor),
            )
        },
        "sheet": {"unsigned": unsigned.hex(), "signature": sheet.vendor_signature.hex(), "signed": data.hex()},
        "handshake": {
            "uid": parties.uid.hex(),
            "boot_id": parties.boot_id,
            "session": parties.session,
            "fw_hash": parties.fw_hash.hex(),
            "controller_ephemeral_private": controller_bytes[:32].hex(),
            "controller_nonce": controller_bytes[32:].hex(),
            "module_ephemeral_private": device_bytes[:32].hex(),
            "module_nonce": device_bytes[32:].hex(),
            "auth_start": ours.start.SerializeToString().hex(),
            "auth_reply": theirs.reply.SerializeToString().hex(),
            "auth_finish": finish.SerializeToString().hex(),
            "transcript": transcript(parties, ours.start, theirs.reply).hex(),
            "key_to_module": channel._sending.hex(),
            "key_to_controller": channel._receiving.hex(),
        },
        "tags": [_tag(name, frame, channel, theirs.channel) for name, frame in FRAMES.items()],
    }


def _tag(name, frame, to_module, to_controller):
    key, channel = ("key_to_module", to_module) if frame.src == 1 else ("key_to_controller", to_controller)
    fields = {"type": frame.type, "session": frame.session, "seq": frame.seq, "flags": int(frame.flags)}
    return {
        "name": name,
        "key": key,
        "frame": fields | {"payload": frame.payload.hex()},
        "mac_input": mac_input(frame).hex(),
        "tag": channel.seal(frame).tag.hex(),
    }


def main() -> None:
    path = Path(__file__).with_name("security.json")
    path.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.name} written\n")


if __name__ == "__main__":
    main()
