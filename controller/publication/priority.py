"""What goes first on a narrow uplink, how often it is said at most, and how much of the budget it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Priority:
    """One row; the first that has something to say speaks. `every_s`: the least time between two publications of a
    topic, unless what it says changed; `share`: what of the budget the row may take in the long run."""

    name: str
    every_s: float
    share: float


BEGINS_OR_ENDS: Final = Priority("hazard begins or ends", 0.0, 1.0)
GOES_ON: Final = Priority("hazard goes on", 0.0, 1.0)
CLEARED: Final = Priority("hazard cleared", 0.0, 0.3)  # its retained message; receivers know since the CANCEL
NEAR_MISS: Final = Priority("nearmiss", 0.0, 0.5)
OBJECTS: Final = Priority("objects", 1.0, 1.0)
HAZARDS: Final = frozenset({BEGINS_OR_ENDS, GOES_ON, CLEARED})
PRIORITIES: Final = (
    BEGINS_OR_ENDS,
    GOES_ON,
    Priority("status", 10.0, 0.3),
    CLEARED,
    NEAR_MISS,
    Priority("weather", 60.0, 0.3),
    Priority("slot", 60.0, 0.3),
    Priority("profile", 3600.0, 0.3),
    OBJECTS,
)
