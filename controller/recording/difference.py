"""Where a replay first differs from what was recorded, in words."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from interfaces import topics

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from controller.fusion.track import Tracks
    from controller.recording.entry import Part


def of_tracks(there: Tracks, here: Tracks) -> str:
    """The first number of the first track that is another, empty when every bit is the same."""
    old, new = there.objects, here.objects
    if old.tobytes() == new.tobytes():
        return ""
    if len(old) != len(new):
        return f"{len(old)} tracks there, {len(new)} here"
    for row in range(len(old)):
        for name in old.dtype.names or ():
            if old[name][row].tobytes() != new[name][row].tobytes():
                return f"track {old['id'][row]}: {name} {_shown(old[name][row])} there, {_shown(new[name][row])} here"
    return "tracks"


def of_statements(there: tuple[Part, ...], here: tuple[Part, ...], root: str) -> str:
    """The first publication that is another, and the first field of it."""
    for old, new in zip_longest(there, here):
        if old is None or new is None:
            return f"{(old or new).topic}: said only {'here' if old is None else 'there'}"
        if old != new:
            return f"{old.topic}: {_part(old, new, root)}"
    return ""


def _part(old: Part, new: Part, root: str) -> str:
    for name in ("topic", "content_type", "qos", "retain"):
        if getattr(old, name) != getattr(new, name):
            return f"{name} {getattr(old, name)!r} there, {getattr(new, name)!r} here"
    row = topics.row_of(old.topic, root)
    if old.payload == new.payload:
        return "the JSON twin or an attribute is another"
    if row is None or not old.payload or not new.payload:
        return f"{len(old.payload or b'')} B there, {len(new.payload or b'')} B here"
    return _field(row[0].message.FromString(old.payload), row[0].message.FromString(new.payload)) or "other bytes"


def _field(old: Message, new: Message) -> str:
    for field in old.DESCRIPTOR.fields:
        one, two = getattr(old, field.name), getattr(new, field.name)
        if field.message_type is None:
            if repr(one) != repr(two):
                return f"{field.name} {one!r} there, {two!r} here"
        elif found := _inner(one, two, repeated=field.is_repeated):
            return f"{field.name}{found}"
    return ""


def _inner(one: Any, two: Any, *, repeated: bool) -> str:
    if not repeated:
        found = _field(one, two)
        return f".{found}" if found else ""
    if len(one) != len(two):
        return f": {len(one)} there, {len(two)} here"
    places = ((index, _field(a, b)) for index, (a, b) in enumerate(zip(one, two, strict=True)))
    return next((f"[{index}].{found}" for index, found in places if found), "")


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), separator=", ", floatmode="unique")
