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
DARK, RED, YELLOW, GREEN = COLOURS = range(4)
MAX_REMAINING_DS: Final = 36_000  # an hour; no signal stays so long as it is


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
    """One report. A group told twice with different colours, or in an impossible colour, is dark: unknown."""
    colours: dict[int, set[int]] = {}
    for one in body.groups:
        colours.setdefault(one.group, set()).add(one.colour if one.colour in COLOURS else DARK)
    remaining = {one.group: given(one, "remaining_ds") for one in body.groups}
    groups = tuple(
        SignalGroupReading(group, min(shown) if len(shown) == 1 else DARK, _believable(remaining[group]))
        for group, shown in colours.items()
    )
    return SignalReading(body.t_us, groups)


def _believable(remaining_ds: int | None) -> int | None:
    return remaining_ds if remaining_ds is not None and remaining_ds <= MAX_REMAINING_DS else None
