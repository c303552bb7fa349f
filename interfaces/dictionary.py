"""The data dictionary of PMI as built: messages, records, classes and timers, written from the tables in code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces import spec
from interfaces.message import KINDS, Direction
from interfaces.records import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS: Final = {
    "confidence": "1/254",
    "x": "cm, forward",
    "y": "cm, left",
    "z": "cm, up",
    "vx": "cm/s",
    "vy": "cm/s",
    "yaw": "0.01°, from x to y",
    "yaw_rate": "0.01°/s",
    "length": "dm",
    "width": "dm",
    "height": "dm",
    "sigma_pos": "5 cm",
    "sigma_vel": "0.1 m/s",
    "age": "2 ms, at the frame's t_us",
    "sigma_x": "mm",
    "sigma_y": "mm",
    "rho_xy": "1/127, correlation of x and y",
    "rho_v": "1/127, correlation of vx and vy",
    "sigma_vx": "mm/s",
    "sigma_vy": "mm/s",
    "existence": "1/254, probability",
    "history": "bit n: seen n frames ago",
    "latitude": "1e-7°",
    "longitude": "1e-7°",
    "elevation": "0.1 m; 0xF000 unavailable, 0xF001–0xFFFF = −4095…−1",
    "speed": "cm/s",
    "heading": "0.0125°, clockwise from north",
    "acceleration": "0.01 m/s²",
}
GEODETIC_UNITS: Final = {"width": "cm", "length": "cm"}
_WAYS: Final = {Direction.TO_MODULE: "C → M", Direction.TO_CONTROLLER: "M → C", Direction.BOTH: "both"}
_TIMERS: Final = (
    "HELLO_DEADLINE",
    "HELLO_PERIOD",
    "HELLO_JITTER",
    "HEARTBEAT_PERIOD",
    "HEARTBEAT_TIMEOUT",
    "DATA_MISSED_PERIODS",
    "PING_COUNT",
    "PING_TIMEOUT",
    "REPLY_TIMEOUT",
    "REQUEST_RETRIES",
    "TIME_SYNC_PERIOD",
    "SHEET_MAX",
    "SHEET_CHUNK",
    "MAX_PAYLOAD",
    "BUDGET_DATA",
    "BUDGET_CONTROL",
)


def document() -> str:
    """The text of `docs/pmi/dictionary.md`."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data dictionary (データ辞書)"
    yield ""
    yield "Generated from the tables in code (`python -m interfaces.dictionary`). C: controller (制御部), M: module."
    yield "Payloads are protobuf, their fields and units stand in `interfaces/proto/pmi.proto`."
    yield ""
    yield "## Messages (メッセージ)"
    yield ""
    yield "| type | message | way | priority | answered by | payload |"
    yield "|---|---|---|---|---|---|"
    for kind in KINDS.values():
        reply = kind.reply.name if kind.reply is not None else "–"
        way = _WAYS[kind.direction]
        yield f"| {kind.type:#04x} | {kind.type.name} | {way} | {kind.priority} | {reply} | {kind.body.__name__} |"
    yield ""
    yield "0x40–0x7F: data, inside a granted plan. 0xC0–0xFF: vendors. The answer to an unknown type is UNSUPPORTED."
    for number, record in FORMATS.items():
        yield ""
        yield f"## Object record format {number}, {record.itemsize} B (物標レコード)"
        yield ""
        yield "| offset | field | type | unit | unavailable |"
        yield "|---|---|---|---|---|"
        for name, (dtype, offset, *_) in (record.fields or {}).items():
            unit = (GEODETIC_UNITS if number == 4 else {}).get(name, UNITS.get(name, ""))
            sign, missing = ("u", "all ones") if dtype.kind == "u" else ("i", "most negative")
            yield f"| {offset} | {name} | {sign}{dtype.itemsize * 8} LE | {unit} | {missing} |"
    yield ""
    yield "New fields come only at a record's tail; the stride on the wire is `rec_size` of the frame."
    yield ""
    yield "## Object classes (物標種別)"
    yield ""
    yield "| code | class |"
    yield "|---|---|"
    for one in spec.ObjectClass:
        yield f"| {one.value} | {one.name.lower().replace('_', ' ')} |"
    yield ""
    yield "## Timers and limits (時間・上限)"
    yield ""
    yield "| name | value |"
    yield "|---|---|"
    for name in _TIMERS:
        yield f"| {name} | {getattr(spec, name):g} |"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 -- the documentation is written from it
