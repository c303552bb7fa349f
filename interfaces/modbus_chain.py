"""Finding the chain of register blocks by which a Modbus unit shows that it is a PMI module (PMI §6), sans-IO."""

from __future__ import annotations

from typing import Final

from interfaces.modbus_query import Do, Query
from interfaces.registers import BASES, END_ID, FIRST_VENDOR_ID, LAYOUTS, MARKER, Block, BlockId, chain_link

MAX_BLOCKS: Final = 32
MAX_REGISTERS: Final = 4000
NEEDED: Final = (BlockId.IDENTITY, BlockId.STATUS, BlockId.ADDRESSING)


class Chain:
    """One unit's chain, read a link at a time. `gone` says why it is none; `complete` once it was read to its end."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}
        self.gone = ""
        self.complete = False
        self._bases = list(BASES)
        self._at = 0  # the next link; 0 while the marker is looked for

    def next_query(self) -> Query | None:
        """The query for the next link, None when the chain is nowhere."""
        if self._at:
            return Query(Do.READ, self._at, 2, what="chain")
        if self._bases:
            return Query(Do.READ, self._bases[0], 4, what="chain")
        self.gone = "it answers, but shows no PMI1 chain of blocks"
        return None

    def answered(self, query: Query, data: bytes | None) -> None:
        """What came back; None when it refused."""
        if self._at == 0:
            if data is None or data[:4] != MARKER:
                self._bases.pop(0)
                return
            self._at, data = query.address + 2, data[4:]
        link = chain_link(data or b"")
        if link is None:
            self.gone = "its chain of blocks ends without 0xFFFF"
            return
        one, length = link
        if one == END_ID:
            self._end()
            return
        if one < FIRST_VENDOR_ID:
            self.blocks[one] = Block(self._at + 2, length)
        self._at += 2 + length
        if len(self.blocks) > MAX_BLOCKS or length > MAX_REGISTERS or self._at > 0xFFFF:
            self.gone = "its chain of blocks does not end"

    def _end(self) -> None:
        self.complete = bool(self.blocks)
        missing = [block.name.lower() for block in NEEDED if block not in self.blocks]
        if missing:
            self.gone = f"its chain has no block: {', '.join(missing)}"
            return
        known = (one for one in LAYOUTS if one in self.blocks)
        short = [one.name.lower() for one in known if self.blocks[one].length < LAYOUTS[one].registers]
        if short:
            self.gone = f"blocks too short for PMI 1.0: {', '.join(short)}"
