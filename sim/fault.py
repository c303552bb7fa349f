"""What happens to simulated modules, as data: when a module is pulled, put back, or another one takes its place."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class Deed(StrEnum):
    """What is done to a slot."""

    UNPLUG = "unplug"
    PLUG = "plug"
    SWAP = "swap"  # out, and another exemplar in


@dataclass(frozen=True, slots=True)
class Fault:
    """At `at_s` of the scene, `deed` is done to `slot`."""

    at_s: float
    deed: Deed
    slot: str


DEMO: Final = (
    Fault(7.0, Deed.UNPLUG, "lidar"),
    Fault(10.0, Deed.PLUG, "lidar"),
    Fault(14.0, Deed.SWAP, "radar"),
    Fault(22.0, Deed.UNPLUG, "comms"),
    Fault(26.0, Deed.PLUG, "comms"),
)
DEMO_WIRES: Final = {"camera": "serial", "lidar": "canfd", "radar": "rs485", "comms": "modbus+tcp"}


def storm(slots: Sequence[str], count: int, seed: int, *, period_s: float = 0.2) -> tuple[Fault, ...]:
    """`count` random deeds, one a period, the same for the same seed."""
    rng = random.Random(seed)
    return tuple(Fault((index + 1) * period_s, rng.choice(list(Deed)), rng.choice(slots)) for index in range(count))
