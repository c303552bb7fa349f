"""Holding a module to one granted plan: in time, not too often, only what was granted (PMI §4, §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.allowance import Allowance
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import DATA_MISSED_PERIODS

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

START_GRACE_S: Final = 1.0
_RATE_MARGIN: Final = 1.25
_BURST_S: Final = 0.5


class PlanWatch:
    """One channel's plan and when its data came last."""

    def __init__(self, plan: pb.Plan, message_type: int, now: float) -> None:
        rate_hz = plan.rate_mhz / 1000
        self.plan = plan
        self.message_type = message_type
        self.silent = False
        self._patience_s = DATA_MISSED_PERIODS / rate_hz
        self._allowance = Allowance(3 + _BURST_S * rate_hz, _RATE_MARGIN * rate_hz)
        self._due = now + max(START_GRACE_S, self._patience_s)

    @property
    def due(self) -> float:
        """When (s) the missing data begin to matter."""
        return self._due

    def postpone(self, until: float) -> None:
        """Look again at `until` (s)."""
        self._due = until

    def fault(self, message_type: int, body: Body, now: float) -> str:
        """What is wrong with a data message under this plan, else empty; good data count as a sign of life."""
        if message_type != self.message_type:
            return f"channel {self.plan.channel} carries message type {message_type:#04x}, not the granted one"
        if not self._allowance.take(now):
            return f"channel {self.plan.channel} sends faster than the granted {self.plan.rate_mhz / 1000:g} Hz"
        text = _records_fault(body, self.plan) if isinstance(body, pb.DetectionFrame) else ""
        if not text:
            self._due = now + self._patience_s
        return text


def _records_fault(body: pb.DetectionFrame, plan: pb.Plan) -> str:
    where = f"channel {plan.channel}"
    if body.rec_fmt != plan.record_format:
        return f"{where} sends record format {body.rec_fmt}, granted is {plan.record_format}"
    if not body.records:
        return ""
    if body.rec_size == 0 or len(body.records) % body.rec_size:
        return f"{where} sends {len(body.records)} B of records that are no multiple of rec_size {body.rec_size}"
    count = len(body.records) // body.rec_size
    if count > plan.max_objects:
        return f"{where} sends {count} objects, granted are {plan.max_objects}"
    return f"{where} says total {body.total} and sends {count} objects" if 0 < body.total < count else ""
