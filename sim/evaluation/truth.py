"""What really was on the road, instant by instant, and the JSON lines in which people bring their own."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.detection_log import CLASS_NAMES
from controller.fusion.attributes import USUAL_BOX
from interfaces.errors import ConfigError
from sim.happening import Happening
from sim.kinematics import derive
from sim.road import TRUTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

NS: Final = 1_000_000_000
MAX_GAP_NS: Final = NS  # instants farther apart are not joined
_NUMBERS: Final = tuple(name for name in TRUTH.names or () if name not in {"id", "object_class"})
_NEEDED: Final = ("x", "y")
_SMOOTH: Final = ("x", "y", "vx", "vy", "ax", "ay", "yaw_rate")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """TRUTH rows at ascending UTC instants; second 0 of everything said about it is its first instant."""

    times_ns: tuple[int, ...]
    frames: tuple[NDArray[np.void], ...]

    def at(self, instant_ns: int) -> NDArray[np.void] | None:
        """Who was there: an instant itself, or between two those of both, by straight lines; None outside."""
        after = bisect_right(self.times_ns, instant_ns)
        if after and self.times_ns[after - 1] == instant_ns:
            return self.frames[after - 1]
        if after in (0, len(self.times_ns)):
            return None
        start_ns, end_ns = self.times_ns[after - 1], self.times_ns[after]
        if end_ns - start_ns > MAX_GAP_NS:
            return None
        return _between(self.frames[after - 1], self.frames[after], (instant_ns - start_ns) / (end_ns - start_ns))

    def seconds(self, instant_ns: int) -> float:
        """Since the first instant."""
        return (instant_ns - self.times_ns[0]) / NS


def read(lines: Iterable[str], name: str = "truth") -> tuple[Truth, tuple[Happening, ...]]:
    """Truth and the events told in it (docs/evaluation.md); ConfigError names file, line, key of the first mistake."""
    times: list[int] = []
    frames: list[list[dict[str, Any]]] = []
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            given = _checked(json.loads(line))
            if "event" in given:
                events.append(given)
                continue
            if times and given["t_ns"] <= times[-1]:
                raise _Mistake("t_ns: is not later than that of the instant before")
            times.append(given["t_ns"])
            frames.append(given["objects"])
        except json.JSONDecodeError as error:
            raise ConfigError(f"{name}:{number}: no JSON: {error.msg} at column {error.colno}") from None
        except _Mistake as mistake:
            raise ConfigError(f"{name}:{number}: {mistake}") from None
    if not times:
        example = '{"t_ns": 1764000000000000000, "objects": [{"id": 1, "class": "car", "x": 0, "y": 0}]}'
        raise ConfigError(f"{name}: holds no instant; it needs lines such as {example}")
    return Truth(tuple(times), tuple(filled(frames, times))), tuple(_event(one, times[0]) for one in events)


def filled(frames: Sequence[list[dict[str, Any]]], times_ns: Sequence[int]) -> list[NDArray[np.void]]:
    """TRUTH rows of objects with id, class code, x, y; the rest from the neighbours in time, the course, the class."""
    found = [_given(one) for one in frames]
    derive(found, [instant_ns / NS for instant_ns in times_ns])
    return found


class _Mistake(Exception):  # noqa: N818 -- it never leaves this file
    """What is wrong with a line."""


def _checked(line: Any) -> dict[str, Any]:
    """A line whose keys and values are what they have to be, classes as codes."""
    if not isinstance(line, dict) or not {"t_ns", "event"} & line.keys():
        raise _Mistake("a line has t_ns and objects, or event, start_ns, end_ns and ids")
    if "event" in line:
        _whole(line, "start_ns")
        _whole(line, "end_ns")
        if not isinstance(line["event"], str) or not isinstance(line.get("ids", []), list):
            raise _Mistake("event: a name is needed, ids: a list of whole numbers")
        return line
    _whole(line, "t_ns")
    objects = line.get("objects")
    if not isinstance(objects, list):
        raise _Mistake("objects: a list is needed, it may be empty")
    for index, one in enumerate(objects):
        try:
            _check_object(one)
        except _Mistake as mistake:
            raise _Mistake(f"objects[{index}].{mistake}") from None
    ids = [one["id"] for one in objects]
    if len(set(ids)) < len(ids):
        raise _Mistake("objects: an id stands there twice")
    return line


def _check_object(one: Any) -> None:
    if not isinstance(one, dict):
        raise _Mistake(f"{one!r} is no object")
    _whole(one, "id")
    kind = one.get("class", "unknown")
    code = CLASS_NAMES.get(kind.lower()) if isinstance(kind, str) else kind
    if code not in CLASS_NAMES.values():
        raise _Mistake(f"class: {kind!r} is none of {', '.join(CLASS_NAMES)}")
    one["class"] = code
    for key in sorted({*one, *_NEEDED} - {"id", "class"}):
        value = one.get(key)
        if key not in _NUMBERS:
            raise _Mistake(f"{key}: unknown key; known are id, class, {', '.join(_NUMBERS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _Mistake(f"{key}: {value!r} is no finite number")


def _whole(line: dict[str, Any], key: str) -> None:
    value = line.get(key)
    most = 2**32 if key == "id" else 2**62
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < most:
        raise _Mistake(f"{key}: {value!r} is no whole number from 0 to {most - 1}")


def _event(line: dict[str, Any], first_ns: int) -> Happening:
    start_s, end_s = ((line[key] - first_ns) / NS for key in ("start_ns", "end_ns"))
    return Happening(line["event"], start_s, end_s, tuple(int(one) for one in line.get("ids", ())))


def _given(objects: list[dict[str, Any]]) -> NDArray[np.void]:
    rows = np.zeros(len(objects), TRUTH)
    for row, one in zip(rows, objects, strict=True):
        row["id"], row["object_class"] = one["id"], one["class"]
        box = dict(zip(("length", "width", "height"), USUAL_BOX[one["class"]].tolist(), strict=True))
        for key in _NUMBERS:
            row[key] = one.get(key, box.get(key, math.nan))
    return rows


def _between(one: NDArray[np.void], two: NDArray[np.void], share: float) -> NDArray[np.void]:
    _, i, j = np.intersect1d(one["id"], two["id"], return_indices=True)
    rows: NDArray[np.void] = one[i].copy()
    for name in _SMOOTH:
        rows[name] += share * (two[name][j] - one[name][i])
    turn = np.remainder(two["yaw"][j] - one["yaw"][i] + np.pi, 2 * np.pi) - np.pi
    rows["yaw"] += share * turn
    return rows
