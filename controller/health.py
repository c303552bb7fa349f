"""How the pole is, from how its slots are: availability 可 0, 縮退 1, 不可 2 and the utilisation level (CAVC)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.fusion.standing import Standing
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.slot import SlotReport

DETECTING: Final = frozenset({"sensor", "camera", "lidar", "radar"})
DOUBTED: Final = frozenset({Standing.DEGRADED, Standing.QUARANTINED})


def judge(slots: Sequence[SlotReport]) -> tuple[int, int, tuple[str, ...]]:
    """(availability, utilisation, reasons). A required slot that does not perform in full degrades the pole.

    No detecting module whose detections are fused ends its service.
    """
    reasons = tuple(_shortfall(one) for one in slots if one.required and performance(one) != State.ACTIVE)
    detecting = [one for one in slots if one.module_class in DETECTING]
    if detecting and not any(map(_is_fused, detecting)):
        return 2, 0, (*reasons, "no detecting module is active")
    return (1, 0, reasons) if reasons else (0, 1, ())


def performance(slot: Any) -> str:
    """The state of a SlotReport or SlotStatus, but DEGRADED where an ACTIVE module disagrees with the others."""
    doubted = slot.state == State.ACTIVE and _standing(slot) in DOUBTED
    return State.DEGRADED if doubted else str(slot.state)


def _is_fused(slot: SlotReport) -> bool:
    return slot.state in {State.ACTIVE, State.DEGRADED} and _standing(slot) != Standing.QUARANTINED


def _shortfall(slot: SlotReport) -> str:
    found = slot.registration
    if slot.state == State.ACTIVE and found is not None:
        return f"required slot {slot.slot} is {found.standing}: {found.words}"
    return f"required slot {slot.slot} is {slot.state}: {slot.reason}"


def _standing(slot: Any) -> str:
    return str(getattr(slot.registration, "standing", ""))
