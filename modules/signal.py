"""Traffic signals: the colour of each group now and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules.reporting import given, reporting_capability, reporting_default, reporting_faults

if TYPE_CHECKING:
    from modules.capability import Capability

DEFAULT: Final = reporting_default(pb.SIGNAL)


@dataclass(frozen=True, slots=True)
class SignalGroupReading:
    """One group: colour 0 dark, 1 red, 2 yellow, 3 green; remaining_ds in tenths of a second, None unknown."""

    group: int
    colour: int
    remaining_ds: int | None


@dataclass(frozen=True, slots=True)
class SignalReading:
    """All groups of one report."""

    t_us: int
    groups: tuple[SignalGroupReading, ...]


def capability(sheet: pb.DataSheet) -> Capability:
    """What this module can do, from its data sheet."""
    return reporting_capability(sheet, MessageType.SIGNAL_STATE, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet lacks."""
    return reporting_faults(sheet, MessageType.SIGNAL_STATE)


def read(body: pb.SignalState, _declared: Capability) -> SignalReading:
    """One report."""
    groups = tuple(SignalGroupReading(g.group, g.colour, given(g, "remaining_ds")) for g in body.groups)
    return SignalReading(body.t_us, groups)
