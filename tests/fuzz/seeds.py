"""What each target starts from: real inputs, from the published vectors and the shipped samples."""

from __future__ import annotations

import json
from collections import Counter, deque
from pathlib import Path

import numpy as np

from controller.fusion.bank import empty_bank
from controller.hazard.hazard import Phase
from controller.hazard.lane_rules import wrong_way
from controller.hazard.memory import Memory
from controller.recording.state_writer import dump
from interfaces.datasheet import to_bytes
from tests.exchange import good_hello, good_sheet

TOP = Path(__file__).parents[2]
VECTORS = TOP / "tests" / "vectors"


def seeds(target):
    """A few good inputs for a target; noise alone seldom passes a checksum."""
    return _SEEDS.get(target, lambda: [b"", bytes(range(64)), b"\xff" * 40])()


def _vectors(name, key, field):
    return [bytes.fromhex(one[field]) for one in json.loads((VECTORS / name).read_text())[key]]


def _messages():
    rows = json.loads((VECTORS / "messages.json").read_text())["messages"]
    return [bytes((one["type"],)) + bytes.fromhex(one["payload"]) for one in rows]


def _files(*names):
    return lambda: [(TOP / name).read_bytes()[:4000] for name in names]


def _radio():
    """Each RC-013 and CAM behind the byte that tells `cut` its length."""
    told = _vectors("radio_rc013.json", "messages", "hex")[:1] + [
        bytes.fromhex(one["hex"][0])
        for one in json.loads((VECTORS / "radio_etsi.json").read_text())["messages"]
        if one["name"].startswith("cam")
    ]
    return [bytes((place,)) + one for place, one in enumerate(told)]


def _states():
    """Of every tag one: what a pipeline's state is made of."""
    shared = [1.5, "s", b"b", None, True, 1 << 70]
    rows = np.zeros(2, [("a", "<u4"), ("b", "<f8", (2,))])
    parts = [shared, shared, (1,), {1}, frozenset({2}), deque([3], 4), {"k": 5}, Counter("ab"), Phase.NEW, wrong_way]
    return [dump(one, {}) for one in ([*parts, np.float32(1), rows], [empty_bank(7), Memory(), rows.T[::2]])]


def _requests():
    """Each as long as the byte before it tells `cut`; the length chooses the command."""
    asked = {
        3: b'{"slot":"camera","seconds":3,"time":1,"nonce":"%08d","transaction":"t"}',
        2: b'{"level":"debug","time":1.5,"nonce":"%08d"}',
        1: b'{"time":2,"nonce":"%06d"}',
    }
    whole = b"".join(bytes((kind,)) + (one % kind).ljust((2, 30, 60, 120)[kind]) for kind, one in asked.items())
    return [whole, whole * 2]


_SEEDS = {
    "command_request": _requests,
    "recorded_state": _states,
    "message": _messages,
    "controller_session": lambda: [bytes((3,)) + one for one in _messages()],
    "module_session": lambda: [bytes((3,)) + one for one in _messages()],
    "data_sheet": lambda: [to_bytes(good_sheet())],
    "vendor_signature": lambda: [to_bytes(good_sheet(vendor_signature=b"s" * 64))],
    "modbus_registers": lambda: _vectors("modbus_registers.json", "blocks", "registers"),
    "regulated": lambda: [bytes(9), good_hello().SerializeToString()[:60]],
    "port_url": lambda: [
        b"serial:///dev/ttyUSB0?baud=115200",
        b"modbus+tcp://h:502?address=7",
        b"can://socketcan/can0?fd=1",
    ],
    "log_line": _files("deploy/examples/crossing.jsonl"),
    "site_map": _files("deploy/site.geojson"),
    "configuration": _files("deploy/pole.toml"),
    "rc013_message": lambda: _vectors("radio_rc013.json", "messages", "hex"),
    "rc016_message": lambda: (
        _vectors("radio_rc016.json", "roadside", "hex") + _vectors("radio_rc016.json", "csma", "hex")
    ),
    "radio_report": _radio,
}
