"""Data sheets on disk, by hash, so that a replugged module need not send its sheet again."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING, Final

from interfaces.datasheet import sheet_hash
from interfaces.spec import SHEET_MAX

if TYPE_CHECKING:
    from pathlib import Path

MAX_SHEETS: Final = 256


class DirectorySheetCache:
    """One file a sheet. A missing, unreadable or corrupt entry counts as absent; a failed write is let go."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, key: bytes, /) -> bytes | None:
        """The sheet's bytes, checked against their hash, or None."""
        try:
            with self._path(key).open("rb") as file:
                data = file.read(SHEET_MAX + 1)
        except OSError:
            return None
        return data if sheet_hash(data) == key else None

    def __setitem__(self, key: bytes, data: bytes, /) -> None:
        """Keep a sheet: whole or not at all, also when the power fails."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._write(key, data)
            self._forget_oldest()

    def _write(self, key: bytes, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._directory, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path(key))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _forget_oldest(self) -> None:
        sheets = sorted(self._directory.glob("*.sheet"), key=lambda path: path.stat().st_mtime)
        for path in sheets[:-MAX_SHEETS]:
            path.unlink(missing_ok=True)

    def _path(self, key: bytes) -> Path:
        return self._directory / f"{key.hex()}.sheet"
