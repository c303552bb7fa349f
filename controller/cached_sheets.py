"""What the modules that served this pole declared of themselves, from the data sheets it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.sheet_cache import DirectorySheetCache
from controller.site_coverage import CLASS_DEFAULT, Declared
from interfaces import datasheet
from modules.registry import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from controller.config import Config
    from interfaces.proto import pmi_pb2 as pb


def declared(config: Config, state_dir: Path) -> dict[str, Declared]:
    """Slot → what its module declared, where exactly one kept sheet is of the slot's class.

    A sheet does not say which slot it served in: of two that fit none is taken, and the class default stands.
    """
    sheets = _read(state_dir / "sheets")
    found = {}
    for name, slot in config.slot.items():
        kind = REGISTRY[slot.module_class]
        fitting = [sheet for sheet in sheets if kind.code in sheet.classes]
        if len(fitting) == 1:
            sheet = fitting[0]
            found[name] = Declared(kind.capability(sheet), f"data sheet of {sheet.vendor} {sheet.product}")
        elif fitting:
            found[name] = Declared(kind.default, f"{CLASS_DEFAULT}; {len(fitting)} data sheets fit")
    return found


def _read(folder: Path) -> list[pb.DataSheet]:
    """The sheets of a cache that are whole and within their bounds."""
    cache = DirectorySheetCache(folder)
    found = []
    for path in sorted(folder.glob("*.sheet")):
        try:
            data = cache.get(bytes.fromhex(path.stem))
        except ValueError:  # a name of somebody else's
            continue
        sheet, problems = datasheet.parse(data or b"")
        if not problems:
            found.append(sheet)
    return found
