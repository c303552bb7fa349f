"""Reading a data sheet chunk by chunk, believing nothing the module says about it (PMI §3)."""

from __future__ import annotations

from interfaces.datasheet import sheet_hash
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import SHEET_CHUNK


class SheetReader:
    """Collects one sheet of known size and hash; window 1."""

    def __init__(self, size: int, expected_hash: bytes) -> None:
        self._size = size
        self._hash = expected_hash
        self._data = bytearray()

    @property
    def complete(self) -> bool:
        """Whether every byte is here."""
        return len(self._data) >= self._size

    @property
    def data(self) -> bytes:
        """What was read so far."""
        return bytes(self._data)

    @property
    def intact(self) -> bool:
        """Whether the complete sheet has the announced hash."""
        return self.complete and sheet_hash(bytes(self._data)) == self._hash

    def request(self) -> pb.GetSheet:
        """The request for the next chunk."""
        return pb.GetSheet(offset=len(self._data), length=min(SHEET_CHUNK, self._size - len(self._data)))

    def accept(self, chunk: pb.SheetChunk) -> str:
        """Take a chunk; returns what is wrong with it, else empty. A repeated chunk is dropped in silence."""
        if chunk.total != self._size:
            return f"SHEET_CHUNK says {chunk.total} B in total, HELLO said {self._size} B"
        if chunk.offset < len(self._data):
            return ""
        if chunk.offset > len(self._data):
            return f"SHEET_CHUNK at offset {chunk.offset}, asked for {len(self._data)}"
        room = min(SHEET_CHUNK, self._size - len(self._data))
        if not 0 < len(chunk.data) <= room:
            return f"SHEET_CHUNK holds {len(chunk.data)} B, asked for {room} B"
        self._data += chunk.data
        return ""
