"""Addresses of modules on shared wires, kept over restarts: a module that comes back has its old address."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from interfaces.address_table import AddressTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class AddressBook:
    """One table a wire in one file. A missing or damaged file counts as empty; a failed write waits for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables: dict[str, dict[bytes, int]] = {}
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._tables = {
                str(wire): {bytes.fromhex(key): int(address) for key, address in table.items()}
                for wire, table in stored.items()
            }
        except (OSError, ValueError, AttributeError, TypeError):
            return

    def table(self, wire: str, first: int, last: int) -> AddressTable:
        """The table of one wire, for addresses from `first` to `last`."""

        def changed(table: Mapping[bytes, int]) -> None:
            self._tables[wire] = dict(table)
            self._write()

        return AddressTable(first, last, self._tables.get(wire), changed)

    def _write(self) -> None:
        text = json.dumps(
            {wire: {key.hex(): address for key, address in table.items()} for wire, table in self._tables.items()}
        )
        part = self._path.with_suffix(".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError:
            return
