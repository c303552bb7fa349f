"""The free area behind an RC-013 common area: which services put what where (RC-013 §5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRIES_MAX: Final = 7
START_MAX: Final = 59
LENGTH_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class FreeEntry:
    """One service's bytes, 1 to 60; `gap` is what stands unused before them."""

    service_id: int
    data: bytes
    gap: bytes = b""


def encode(entries: Sequence[FreeEntry]) -> bytes:
    """1 to 7 entries with their directory. Raises ValueError for what the directory cannot say."""
    if not 1 <= len(entries) <= ENTRIES_MAX:
        raise ValueError(f"free area: {len(entries)} entries, 1 to {ENTRIES_MAX} have room")
    size = 1 + 3 * len(entries)
    directory, body = bytearray([size << 3 | len(entries)]), bytearray()
    for entry in entries:
        body += entry.gap
        if len(body) > START_MAX or not 1 <= len(entry.data) <= LENGTH_MAX or not 0 <= entry.service_id <= 255:
            raise ValueError(f"free area: service {entry.service_id} with {len(entry.data)} B at {len(body)}")
        directory += bytes([entry.service_id, len(body), len(entry.data)])
        body += entry.data
    return bytes(directory + body)


def decode(data: bytes, at: int) -> tuple[tuple[FreeEntry, ...], int] | str:
    """The entries that begin at offset `at` and the offset after them, or why there are none."""
    if at >= len(data):
        return "free area: missing"
    size, count = data[at] >> 3, data[at] & 7
    if not count or size != 1 + 3 * count or at + size > len(data):
        return f"free area: a directory of {size} B cannot hold {count} entries"
    body, end, entries = data[at + size :], 0, []
    for place in range(at + 1, at + size, 3):
        service_id, start, length = data[place : place + 3]
        if start > START_MAX or not 1 <= length <= LENGTH_MAX or start < end or start + length > len(body):
            return f"free area: service {service_id} claims {length} B at {start}"
        entries.append(FreeEntry(service_id, body[start : start + length], body[end:start]))
        end = start + length
    return tuple(entries), at + size + end
