"""The register image of a module, sans-IO: a chain of blocks, each a fixed layout of 16-bit registers (PMI §6, Modbus).

At one of `BASES` stand the two registers `PMI1`, then blocks `id, length, body`, then 0xFFFF. Registers are big-endian
as Modbus has them; numbers of several registers have the high one first. Parsers return None for what is malformed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BASES: Final = (40000, 0, 50000)
MARKER: Final = b"PMI1"
END_ID: Final = 0xFFFF
FIRST_VENDOR_ID: Final = 0x8000
READ_MAX: Final = 125  # registers one read may ask for (Modbus Application Protocol V1.1b3)
WRITE_MAX: Final = 123
PAGE: Final = 125  # registers: five of header and 120 of records, which are ten of 24 B
PAGE_B: Final = 240
PLAN_CHANNELS: Final = 4
WINDOW_B: Final = 232
UNPROVISIONED: Final = 247
FIRST_UNIT: Final = 1
LAST_UNIT: Final = 246


class BlockId(IntEnum):
    """What a block holds; ids from 0x8000 on belong to vendors and are skipped."""

    IDENTITY = 1
    STATUS = 2
    TIME = 3
    PLAN = 4
    DETECTIONS = 5
    READING = 6
    AUTH = 7
    SHEET = 8
    ADDRESSING = 9
    INBOX = 10
    OUTBOX = 11


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields of a block in order: name → struct code; strings are `NNs`, zero-padded UTF-8 or bytes."""

    fields: Mapping[str, str]
    packer: struct.Struct = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "packer", struct.Struct(">" + "".join(self.fields.values())))
        if self.packer.size % 2:
            raise ValueError("a block is a whole number of registers")

    @property
    def registers(self) -> int:
        """Length of the body."""
        return self.packer.size // 2

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """The body; absent fields are zero. Raises struct.error for a value out of range."""
        return self.packer.pack(*(_to_wire(values.get(name), code) for name, code in self.fields.items()))

    def unpack(self, data: bytes) -> dict[str, Any] | None:
        """The fields of a body that is at least as long as ours; a longer one is of a later minor version."""
        if len(data) < self.packer.size:
            return None
        return dict(zip(self.fields, self.packer.unpack_from(data), strict=True))


_PLAN: Final = {
    f"{name}_{index}": code
    for index in range(PLAN_CHANNELS)
    for name, code in (("channel", "H"), ("rate_mhz", "I"), ("max_objects", "H"), ("format", "H"), ("ordering", "H"))
}
_MAIL: Final = {"number": "H", "type": "H", "length": "H", "payload": f"{WINDOW_B}s"}

LAYOUTS: Final[Mapping[BlockId, Layout]] = {
    BlockId.IDENTITY: Layout(
        {
            "uid": "16s",
            "boot_id": "I",
            "vendor": "32s",
            "product": "32s",
            "serial_number": "16s",
            "device_id": "I",
            "sheet_hash": "8s",
            "sheet_size": "H",
            "fw_hash": "8s",
            "spec_min": "H",
            "spec_max": "H",
            "level": "H",
            "classes": "H",  # bit n: class n
            "slot_strap": "16s",
        }
    ),
    BlockId.STATUS: Layout(
        {
            "session": "H",  # 0: none, the module seeks a controller
            "state": "H",
            "boot_id": "I",
            "t_us": "Q",  # the module's clock when this was read
            "uptime_s": "I",
            "frames_sent": "I",
            "frames_dropped": "I",
            "crc_errors": "I",
            "temperature_cdeg": "h",  # -32768 unknown
            "supply_mv": "H",  # 0xFFFF unknown
            "fault_code": "H",  # 0 none; the gravest
            "fault_severity": "H",
            "plan_result": "H",  # of the last write of the plan: 0 pending, else Result
            "mail": "H",  # number of the newest message in the outbox
        }
    ),
    BlockId.TIME: Layout(
        {
            "token": "I",  # written together with controller_tx_us
            "controller_tx_us": "Q",
            "reply_token": "I",
            "module_rx_us": "Q",
            "module_tx_us": "Q",  # when this was read
            "clock_err_us": "I",
            "clock_state": "H",
        }
    ),
    BlockId.PLAN: Layout({"session": "H", "probation": "H", "count": "H", **_PLAN}),
    BlockId.READING: Layout(_MAIL),
    BlockId.SHEET: Layout({"offset": "H", "total": "H", "length": "H", "data": f"{WINDOW_B}s"}),
    BlockId.ADDRESSING: Layout({"uid": "16s", "boot_id": "I", "unit": "H", "session": "H", "spec": "H"}),
    BlockId.INBOX: Layout(_MAIL),
    BlockId.OUTBOX: Layout(_MAIL),
}
TIME_REQUEST_REGISTERS: Final = 6
MAX_TEXT_B: Final = {"vendor": 32, "product": 32, "serial_number": 16, "slot_strap": 16}


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block's body stands and how long it is, in registers."""

    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a detection frame. `t_us` has 32 bits: the status tells the rest."""

    t_us: int
    seq: int
    count: int
    page: int
    pages: int
    total: int
    clock_err_us: int
    records: bytes


_PAGE_HEADER: Final = struct.Struct(">IHBBBB")


def chain_link(data: bytes) -> tuple[int, int] | None:
    """(id, length) of the two registers in front of a body."""
    if len(data) < 4:
        return None
    return int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")


def page_bytes(page: Page) -> bytes:
    """250 B: header and records, the rest zero."""
    head = _PAGE_HEADER.pack(
        page.t_us & 0xFFFFFFFF,
        page.seq & 0xFFFF,
        page.count,
        page.page << 4 | page.pages,
        min(page.total, 255),
        min(page.clock_err_us // 100, 255),
    )
    return head + page.records.ljust(PAGE_B, b"\0")


def parse_page(data: bytes, record_b: int) -> Page | None:
    """A page of records of `record_b` bytes, or None when its header contradicts itself."""
    if len(data) < PAGE * 2:
        return None
    t_us, seq, count, of, total, err = _PAGE_HEADER.unpack_from(data)
    page, pages = of >> 4, of & 15
    if count * record_b > PAGE_B or page >= max(pages, 1):
        return None
    records = data[_PAGE_HEADER.size : _PAGE_HEADER.size + count * record_b]
    return Page(t_us, seq, count, page, pages, total, err * 100, records)


def _to_wire(value: Any, code: str) -> Any:
    if code.endswith("s"):
        data = value.encode() if isinstance(value, str) else bytes(value or b"")
        return data[: int(code[:-1])]
    return int(value or 0)


def tables() -> str:
    """The blocks and their fields as Markdown, for `docs/pmi/modbus.md`."""
    kinds = {"H": "u16", "h": "i16", "I": "u32", "Q": "u64"}
    lines = []
    for one, layout in LAYOUTS.items():
        lines += [f"### {one.value} {one.name.capitalize()}, {layout.registers} registers", ""]
        lines += ["| offset | registers | field | type |", "|---|---|---|---|"]
        offset = 0
        for name, code in layout.fields.items():
            size = struct.calcsize(f">{code}") // 2
            kind = kinds.get(code, f"{size * 2} B")
            lines.append(f"| {offset} | {size} | {name} | {kind} |")
            offset += size
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201 -- the documentation is written from it
