"""What a recorded state may hold: the classes and functions of the pure rooms, by name."""

from __future__ import annotations

import struct
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PURE: Final = (
    "controller.fusion.",
    "controller.geometry",
    "controller.hazard.",
    "controller.pipeline",
    "controller.site",
    "interfaces.spec",
    "modules.",
)
# What is computed again when it is missing, and large: attribute by class, with what is written in its place.
DERIVED: Final[Mapping[str, Mapping[str, Any]]] = {"controller.fusion.tracker:Tracker": {"_banks": []}}
MAX_DEPTH: Final = 80

COUNT: Final = struct.Struct("<I")
INT: Final = struct.Struct("<q")
FLOAT: Final = struct.Struct("<d")


@lru_cache(1024)
def place_of(one: Any) -> str:
    """ "module:name" of a class or function that may be recorded; ValueError for all others."""
    place = f"{one.__module__}:{one.__qualname__}"
    if resolve(place) is not one:
        raise ValueError(f"{place} is no class or function of the pure rooms (controller/recording/pure.py)")
    return place


def resolve(place: str) -> Any:
    """The class or function of that name, None when there is none or it may not be recorded."""
    module, _, name = place.partition(":")
    if not module.startswith(PURE):
        return None
    found = getattr(sys.modules.get(module), name, None)
    own = callable(found) and getattr(found, "__module__", "") == module and getattr(found, "__name__", "") == name
    return found if own else None


def attributes(value: object) -> list[str]:
    """The names of all that an object holds, in slots and out of them."""
    slots: list[str] = []
    for one in reversed(type(value).__mro__):
        told = one.__dict__.get("__slots__", ())
        slots += [told] if isinstance(told, str) else told
    return [name for name in slots if name not in {"__dict__", "__weakref__"}] + list(getattr(value, "__dict__", ()))
