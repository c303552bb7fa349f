"""Which module served which slot last: a small file that survives power loss, so that a swap is known as one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Served:
    """uid by slot. A missing or damaged file counts as nothing known; a failed write is let go until the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._uids: dict[str, bytes] = {}
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._uids = {str(slot): bytes.fromhex(uid) for slot, uid in stored.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return

    def get(self, slot: str) -> bytes | None:
        """The uid that served last, None if nobody did."""
        return self._uids.get(slot)

    def set(self, slot: str, uid: bytes) -> None:
        """Remember, on disk before the call returns."""
        if self._uids.get(slot) == uid:
            return
        self._uids[slot] = uid
        part = self._path.with_suffix(".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump({name: value.hex() for name, value in self._uids.items()}, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError:
            return
