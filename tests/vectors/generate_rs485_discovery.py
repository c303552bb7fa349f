"""Write rs485_discovery.json again: `python tests/vectors/generate_rs485_discovery.py` from the project's top."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from interfaces.address_table import AddressTable
from interfaces.frame import Frame, encode
from interfaces.message import Message
from interfaces.message import encode as encode_message
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485 import Rs485Master
from interfaces.rs485_module import Rs485Module
from interfaces.spec import MessageType

UIDS = (b"ACME-LIDAR-0" + (700).to_bytes(4, "big"), b"ACME-LIDAR-0" + (701).to_bytes(4, "big"))


def steps() -> list[dict[str, object]]:
    """Two modules of one product are plugged at once: every frame until both have said HELLO."""
    master, modules, now, said = Rs485Master(AddressTable(2, 254), 115_200), [], 0.0, []
    for number, uid in enumerate(UIDS):
        modules.append(Rs485Module())
        hello = pb.Hello(uid=uid, boot_id=7 + number, vendor="ACME", product="LIDAR")
        modules[-1].queue(encode_message(Message(MessageType.HELLO, hello, 0, 1, 0, 1)))
    while len(master.addresses) < len(UIDS):
        frames = master.take_frames()
        if not frames:
            now = max(now, master.next_deadline())
            master.tick(now)
            continue
        said += [_row("controller", frame) for frame in frames]
        answers = [
            (f"module {'AB'[n]}", one) for n, module in enumerate(modules) for one in _answer(module, frames, now)
        ]
        said += [_row(who, frame) for who, frame in answers]
        together = len({who for who, _ in answers}) > 1
        if together:
            said.append({"from": "line", "note": "both at once: damaged, the range is split"})
        now += 0.001
        if answers:
            master.hear([] if together else [frame for _, frame in answers], now, damaged=together)
    return said


def _answer(module: Rs485Module, frames: list[Frame], now: float) -> list[Frame]:
    for frame in frames:
        module.receive(frame, now)
    return module.answer()


def _row(who: str, frame: Frame) -> dict[str, object]:
    return {"from": who, "type": MessageType(frame.type).name, "wire": encode(frame).hex()}


def text() -> str:
    """The file's content."""
    about = "Discovery of two RS-485 modules whose uids differ in their last bit: every frame in order, hex."
    return json.dumps({"about": about, "uids": [uid.hex() for uid in UIDS], "steps": steps()}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("rs485_discovery.json").write_text(text(), encoding="utf-8")
