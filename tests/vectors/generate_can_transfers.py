"""Write can_transfers.json again: PMI frames and regulated messages with the CAN frames that carry them."""

from __future__ import annotations

import json
from pathlib import Path

from interfaces.can_node import CanNode
from interfaces.cyphal import NodeHeartbeat, NodeInfo, allocation_bytes, heartbeat_bytes, info_bytes, uid_hash
from interfaces.frame import Frame
from interfaces.transfer import Kind, Transfer, segment

UID = bytes(range(16))


def vectors() -> dict[str, object]:
    """The file's content."""
    rows = []
    for fd in (False, True):
        module, controller = CanNode(7, fd=fd), CanNode(1, fd=fd)
        anonymous = CanNode(None, fd=fd)
        key, subject = (UID, 8165) if fd else (uid_hash(UID), 8166)
        rows += [
            _row("allocation asked", fd, anonymous.say(subject, allocation_bytes(key))),
            _row("allocation answered with node-id 7", fd, controller.say(subject, allocation_bytes(key, 7))),
            _row("heartbeat of node 7", fd, module.say(7509, heartbeat_bytes(NodeHeartbeat(60)))),
            _row(
                "GetInfo response of node 7",
                fd,
                segment(
                    Transfer(Kind.RESPONSE, 430, info_bytes(NodeInfo(UID, "org.example.r1")), 7, 1), 64 if fd else 8
                ),
            ),
            _row(
                "PING, token 9, session 3, seq 5, to node 7", fd, controller.to_can(Frame(9, b"\x08\x09", 1, 7, 3, 5))
            ),
            _row(
                "data of 40 B, session 3, seq 6, from node 7",
                fd,
                module.to_can(Frame(0x40, bytes(range(40)), 7, 1, 3, 6)),
            ),
        ]
    return {
        "about": "PMI 1.0 on CAN: what is said, and the frames on the bus as [identifier, data] in hex.",
        "vectors": rows,
    }


def _row(name: str, fd: bool, frames: list[object]) -> dict[str, object]:
    return {"name": name, "fd": fd, "frames": [[f"{one.id:08x}", one.data.hex()] for one in frames]}


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1) + "\n"
    Path(__file__).with_name("can_transfers.json").write_text(text, encoding="utf-8")
