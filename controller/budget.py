"""How much of a wire's time a module may use: 60 % for data, shared with its neighbours (PMI §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.errors import AdmissionError
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import BUDGET_DATA, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interfaces.wire_cost import WireCost

MIN_OBJECTS: Final = 4
MIN_RATE_MHZ: Final = 1000
FRAME_FIELDS_B: Final = 30  # DetectionFrame without its records
SMALL_MESSAGE_B: Final = 40
RADIO_PAYLOAD_B: Final = 120  # RC-013 has at most 100
RECORD_SIZES: Final = {1: 16, 2: 24, 3: 40, 4: 40}
_COUNTED: Final = frozenset({MessageType.DETECTIONS, MessageType.RADIO_RECEIVED})


@dataclass(frozen=True, slots=True)
class Budget:
    """One wire's data budget as one slot meets it: `granted` is what each neighbour has, as a share of the wire's time.

    `waiting` neighbours have nothing yet: an equal part is kept for each of them.
    """

    cost: WireCost
    granted: tuple[float, ...] = ()
    waiting: int = 0

    @property
    def allowed(self) -> float:
        """The share of the wire's time that is left for this slot."""
        return max(0.0, BUDGET_DATA - sum(self.granted)) / (1 + self.waiting)

    def __str__(self) -> str:
        """The sum, for a person."""
        text = f"{BUDGET_DATA:.0%} of {self.cost.text}"
        if self.granted:
            text += f" - {' - '.join(f'{one:.0%}' for one in self.granted)} granted to others"
        if self.waiting:
            text += f", divided among {1 + self.waiting} slots"
        return f"{text} = {self.allowed:.1%}"


def load(plans: Sequence[pb.Plan], types: Mapping[int, int], cost: WireCost) -> float:
    """Share of the wire's time that plans need at worst; `types` gives the message type of each channel."""
    return sum(_plan_load(plan, types[plan.channel], cost) for plan in plans)


def fit(
    plans: Sequence[pb.Plan], types: Mapping[int, int], budget: Budget, min_rate_hz: float = 0.0
) -> tuple[pb.Plan, ...]:
    """Plans cut to a budget: first objects, then rate, never below `min_rate_hz`; AdmissionError with the sum."""
    fitted = [pb.Plan.FromString(plan.SerializeToString()) for plan in plans]
    _cut_objects(fitted, types, budget)
    _cut_rates(fitted, types, budget, min_rate_hz)
    if load(fitted, types, budget.cost) > budget.allowed * 1.0001:
        terms = " + ".join(f"{_plan_load(plan, types[plan.channel], budget.cost):.1%}" for plan in fitted)
        raise AdmissionError(
            pb.BUDGET,
            f"even the smallest plan needs {terms} of the wire's time, allowed are {budget}: "
            "raise the bit rate, lower min_rate_hz of the slot or move a module to another wire",
        )
    return tuple(fitted)


def _plan_load(plan: pb.Plan, message_type: int, cost: WireCost) -> float:
    size_b = SMALL_MESSAGE_B
    if message_type == MessageType.DETECTIONS:
        record_b = RECORD_SIZES.get(plan.record_format, max(RECORD_SIZES.values()))
        size_b = FRAME_FIELDS_B + plan.max_objects * record_b
    elif message_type == MessageType.RADIO_RECEIVED:
        size_b = FRAME_FIELDS_B + plan.max_objects * RADIO_PAYLOAD_B
    return cost.message_s(size_b) * plan.rate_mhz / 1000


def _cut_objects(plans: list[pb.Plan], types: Mapping[int, int], budget: Budget) -> None:
    """Fewer objects in proportion, to the largest share that fits: costs come in steps, so by bisection."""
    many = [(plan, plan.max_objects) for plan in plans if types[plan.channel] in _COUNTED]
    if not many or load(plans, types, budget.cost) <= budget.allowed:
        return
    low, high = 0.0, 1.0
    for _ in range(12):
        share = (low + high) / 2
        _scale(many, share)
        low, high = (share, high) if load(plans, types, budget.cost) <= budget.allowed else (low, share)
    _scale(many, low)


def _scale(many: list[tuple[pb.Plan, int]], share: float) -> None:
    for plan, full in many:
        plan.max_objects = max(min(MIN_OBJECTS, full), int(full * share))


def _cut_rates(plans: list[pb.Plan], types: Mapping[int, int], budget: Budget, min_rate_hz: float) -> None:
    needed = load(plans, types, budget.cost)
    if needed <= budget.allowed:
        return
    floor_mhz = max(MIN_RATE_MHZ, round(min_rate_hz * 1000))
    for plan in plans:
        plan.rate_mhz = max(min(floor_mhz, plan.rate_mhz), int(plan.rate_mhz * budget.allowed / needed))
