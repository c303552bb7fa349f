"""Hazards: what the pole warns of, in ETSI DENM terms (TS 103 831)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Life of a hazard on the topic."""

    NEW = "new"
    UPDATE = "update"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One statement about one hazard; the same `action_id` runs from NEW over UPDATEs to CANCEL.

    Positions are local ENU metres; the publication adds WGS84 and 空間ID. `kind` is the rule's name in the rule table.
    Times are UTC ns: `detection_time_ns` when it began to be seen, `reference_time_ns` of this statement.
    """

    action_id: int
    kind: str
    phase: Phase
    cause: int
    subcause: int
    detection_time_ns: int
    reference_time_ns: int
    validity_s: float
    x: float
    y: float
    z: float
    heading: float  # rad ccw from east; NaN when it has no direction
    speed: float  # m/s; NaN when unknown
    probability: float
    information_quality: int  # 0..7
    track_ids: tuple[int, ...]
    sources: int  # bit mask of slots, as in TRACK
    lane: str = ""
    use_cases: tuple[int, ...] = ()  # CAVC use-case types (ユースケース類型)
    utilisation: int = 1  # 0 縮退: a required module is missing; 1 情報提供 (CAVC)
    detail: tuple[tuple[str, float], ...] = ()  # named figures behind the verdict, e.g. ("ttc_s", 1.2)
