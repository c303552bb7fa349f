"""Near misses (ヒヤリハット): one record per encounter of two road users that came too close."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Participant:
    """One of the two, at the peak of the encounter (local ENU, SI units)."""

    track_id: int
    object_class: int
    x: float
    y: float
    speed: float
    heading: float  # rad ccw from east
    length: float
    width: float
    max_deceleration: float


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An ended encounter. Minima are NaN where the measure never existed. Times are UTC ns.

    `severity` 1 注意, 2 ヒヤリ, 3 ハット, 4 contact; `nedo_level` "大" | "中" | "小" | "事故" | "" by the NEDO SCB
    overlap; `conflict` rear_end | lateral | crossing | vru; `sources` as in TRACK.
    """

    encounter_id: int
    start_ns: int
    peak_ns: int
    end_ns: int
    severity: int
    nedo_level: str
    conflict: str
    x: float
    y: float
    z: float
    ttc_s: float
    pet_s: float
    drac_mps2: float
    mttc_s: float
    sct_s: float
    probability: float
    closing_speed: float
    distance: float
    participants: tuple[Participant, Participant]
    sources: int
    information_quality: int
