"""Which slot a module belongs to when several share a wire: role, slot and module are three things (PMI §4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.proto import pmi_pb2 as pb


@dataclass(frozen=True, slots=True)
class Place:
    """One slot on the wire; `uid` or `address` when only that module is wanted, `served_by` who served it last."""

    slot: str
    module_class: str
    uid: bytes = b""
    address: int = 0
    served_by: bytes = b""
    taken_by: bytes = b""


def place_for(hello: pb.Hello, address: int, places: Sequence[Place]) -> str | None:
    """The slot for a module, None when there is none: named in pole.toml, strapped, served before, first of its class.

    A place that is taken is given only to the same module again.
    """
    free = [one for one in places if one.taken_by in {b"", hello.uid}]
    named = [one for one in free if (one.uid or one.address) and _is_meant(one, hello.uid, address)]
    if named:
        return named[0].slot
    open_ones = [one for one in free if not one.uid and not one.address]
    strapped = [one for one in open_ones if hello.slot_strap and one.slot == hello.slot_strap]
    known = [one for one in open_ones if one.served_by == hello.uid]
    fitting = [one for one in open_ones if REGISTRY[one.module_class].code in hello.classes]
    unserved = [one for one in fitting if not one.served_by]
    return next((one.slot for group in (strapped, known, unserved, fitting) for one in group), None)


def _is_meant(place: Place, uid: bytes, address: int) -> bool:
    return (not place.uid or place.uid == uid) and (not place.address or place.address == address)
