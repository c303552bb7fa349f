"""What the controller asks of a Modbus unit: one exchange on the wire (PMI §6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

SHEET_FILE: Final = 1


class Do(Enum):
    """What a query does."""

    READ = "read"  # FC 0x03/0x04
    WRITE = "write"  # FC 0x10
    FILE = "file"  # FC 0x14
    NAME = "name"  # FC 0x2B / 0x0E: vendor, product and revision, each ended by a zero


@dataclass(frozen=True, slots=True)
class Query:
    """One exchange on the wire: `data` is written, or `count` registers (bytes of a file) are read."""

    do: Do
    address: int
    count: int = 0
    data: bytes = b""
    what: str = ""
