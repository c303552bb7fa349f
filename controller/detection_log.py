"""Detection logs: one JSON line per module message, what modules measure offline (docs/detection-log.md)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass
from modules.detection import OBJECT, Axes, Detections, empty_objects

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

CLASS_NAMES: Final = {c.name.lower(): int(c) for c in ObjectClass}
_RENAMED: Final = {"lon": "x", "lat": "y", "alt": "z"}
_NUMBERS: Final = frozenset(name for name in OBJECT.names or () if OBJECT[name].kind == "f")
_KEYS: Final = frozenset({"module", "measured_at_ns", "arrived_at_ns", "frame", "objects", "total"})
_MAX_NS: Final = 2**62


def read(lines: Iterable[str], slots: Collection[str], name: str = "log") -> Iterator[Detections]:
    """Detections line by line; ConfigError names file, line, key and value of the first mistake."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _message(json.loads(line), slots)
            except json.JSONDecodeError as error:
                raise ConfigError(f"{name}:{number}: no JSON: {error.msg} at column {error.colno}") from None
            except _Mistake as mistake:
                raise ConfigError(f"{name}:{number}: {mistake}") from None


class _Mistake(Exception):  # noqa: N818 -- it never leaves this file
    """What is wrong with a line."""


def _message(line: Any, slots: Collection[str]) -> Detections:
    if not isinstance(line, dict):
        raise _Mistake(f"a line is an object with {', '.join(sorted(_KEYS))}")
    unknown = sorted(line.keys() - _KEYS)
    if unknown:
        raise _Mistake(f"{unknown[0]}: unknown key; known are {', '.join(sorted(_KEYS))}")
    slot = line.get("module")
    if not isinstance(slot, str) or slot not in slots:
        raise _Mistake(f"module: {slot!r} is no slot of the configuration, which has {', '.join(slots)}")
    measured = _instant(line, "measured_at_ns")
    axes = line.get("frame", "module")
    if axes not in list(Axes):
        raise _Mistake(f"frame: {axes!r} is none of {', '.join(Axes)}")
    objects = line.get("objects")
    if not isinstance(objects, list):
        raise _Mistake("objects: a list is needed, it may be empty")
    rows = _rows(objects, Axes(axes))
    total = line.get("total", len(rows))
    if not isinstance(total, int) or total < len(rows):
        raise _Mistake(f"total: {total!r} is no count of at least the {len(rows)} objects of the line")
    arrived = _instant(line, "arrived_at_ns") if "arrived_at_ns" in line else measured
    return Detections(slot, measured, arrived, Axes(axes), rows, total)


def _instant(line: dict[str, Any], key: str) -> int:
    value = line.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_NS:
        raise _Mistake(f"{key}: {value!r} is no UTC time in whole ns")
    return value


def _rows(objects: list[Any], axes: Axes) -> NDArray[np.void]:
    rows = empty_objects(len(objects))
    for index, one in enumerate(objects):
        if not isinstance(one, dict):
            raise _Mistake(f"objects[{index}]: {one!r} is no object")
        for key, value in one.items():
            if value is not None:
                _set(rows, index, key, value, axes)
    return rows


def _set(rows: NDArray[np.void], index: int, key: str, value: Any, axes: Axes) -> None:
    path = f"objects[{index}].{key}"
    if key == "class":
        rows["object_class"][index] = _class(value, path)
    elif key == "id":
        if not isinstance(value, int) or not 0 <= value < 2**32:
            raise _Mistake(f"{path}: {value!r} is no whole number of 32 bits")
        rows["id"][index] = value
    else:
        column = _RENAMED.get(key, key) if axes is Axes.WGS84 else key
        if column not in _NUMBERS or (axes is Axes.WGS84 and key in _RENAMED.values()):
            raise _Mistake(f"{path}: unknown key in frame {axes}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _Mistake(f"{path}: {value!r} is no finite number; leave unknown fields out")
        rows[column][index] = value


def _class(value: Any, path: str) -> int:
    code = CLASS_NAMES.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(code, int) or code not in CLASS_NAMES.values():
        raise _Mistake(f"{path}: {value!r} is none of {', '.join(f'{v} {k}' for k, v in CLASS_NAMES.items())}")
    return code
