"""What the pole knows of one slot, for people and for the SlotStatus topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.certificate import Certificate
    from controller.fusion.standing import Finding


@dataclass(frozen=True, slots=True)
class ModuleIdentity:
    """Who is plugged in, from its HELLO and data sheet."""

    uid: bytes
    boot_id: int
    vendor: str
    product: str
    serial_number: str
    device_id: int
    firmware: str
    fw_hash: bytes
    sheet_hash: bytes
    spec: int
    level: int


@dataclass(frozen=True, slots=True)
class SlotReport:
    """One slot at one instant. `state` is a name of interfaces.session.State; `reason` says why, for a person."""

    slot: str
    role: str
    module_class: str
    required: bool
    port: str
    state: str
    reason: str
    since_ns: int  # UTC ns of the last change of state
    identity: ModuleIdentity | None = None
    session: int = 0
    address: int = 0
    rate_hz: float = 0.0  # data messages, over the last seconds
    objects: float = 0.0  # mean per data message
    latency_s: float = 0.0  # median measurement → arrival
    clock_offset_s: float = 0.0
    clock_error_s: float = 0.0
    frames: int = 0
    wire_faults: int = 0
    gaps: int = 0
    late: int = 0
    truncated: int = 0
    wire: str = ""  # what kind of wire, with its rates
    granted: float = 0.0  # share of the wire's time that this module's plans may use
    allowed: float = 0.0  # share that the wire's budget has for it
    load: float = 0.0  # share of the wire's time in use by all; 0 where it is not known
    counters: Mapping[str, int] = field(default_factory=dict)  # of the session and of its link, by kind
    registration: Finding | None = None  # how the module stands to the others; None before it could be compared
    swap_record: str = ""  # JSON, empty until a swap was verified


@dataclass(frozen=True, slots=True)
class PoleReport:
    """The whole pole at one instant. availability 0 可, 1 縮退, 2 不可; utilisation bits 0 縮退, 1 情報提供 (CAVC)."""

    alive: bool
    availability: int
    utilisation: int
    reasons: tuple[str, ...]
    clock_error_s: float
    backlog: int
    tracks: int
    publications_per_s: float
    lag_p50_s: float  # newest module message → handed to the broker's socket
    lag_p99_s: float
    started_ns: int
    version: str
    counters: Mapping[str, int] = field(default_factory=dict)  # by kind, as recorder_clips
    certificates: Mapping[str, Certificate] = field(default_factory=dict)  # of the way to the broker: pole, broker
