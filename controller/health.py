"""How the pole is, from how its slots are: availability 可 0, 縮退 1, 不可 2 and the utilisation level (CAVC)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.slot import SlotReport

DETECTING = frozenset({"sensor", "camera", "lidar", "radar"})


def judge(slots: Sequence[SlotReport]) -> tuple[int, int, tuple[str, ...]]:
    """(availability, utilisation, reasons). A required slot that is not ACTIVE degrades; no detecting one ends it."""
    reasons = tuple(
        f"required slot {one.slot} is {one.state}: {one.reason}"
        for one in slots
        if one.required and one.state != State.ACTIVE
    )
    detecting = [one for one in slots if one.module_class in DETECTING]
    seeing = any(one.state in {State.ACTIVE, State.DEGRADED} for one in detecting)
    if detecting and not seeing:
        return 2, 0, (*reasons, "no detecting module is active")
    return (1, 0, reasons) if reasons else (0, 1, ())
