"""What a module's own session tells the module: one type each, the counterpart of `interfaces.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interfaces.proto import pmi_pb2 as pb


@dataclass(frozen=True, slots=True)
class PlanGranted:
    """Send these, and nothing else."""

    plans: tuple[pb.Plan, ...]
    probation: bool


@dataclass(frozen=True, slots=True)
class PlanEnded:
    """Stop sending data."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The controller refused this module; `text` is for a person."""

    reason: int
    text: str


@dataclass(frozen=True, slots=True)
class IdentifyAsked:
    """Blink or beep for this long."""

    seconds: int


@dataclass(frozen=True, slots=True)
class SelfTestAsked:
    """Test yourself, then call `self_test_result` with this token."""

    token: int


@dataclass(frozen=True, slots=True)
class RadioAsked:
    """Send this payload on the radio, unless it is too old or too late by then."""

    body: pb.RadioSend


ModuleEvent = PlanGranted | PlanEnded | Rejected | IdentifyAsked | SelfTestAsked | RadioAsked
