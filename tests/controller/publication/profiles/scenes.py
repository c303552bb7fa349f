"""A pole's configuration and events for the profiles' tests."""

from __future__ import annotations

from dataclasses import replace

from controller.config import Config
from controller.hazard.near_miss import NearMiss, Participant
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.publication import Stamp
from controller.publication.voice import sender_of
from tests.controller.publication.radio.scene import HAZARD, T0

STAMP = Stamp(7, T0)
SIDE = Participant(12333, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)
NEAR_MISS = NearMiss(
    89, T0 - 2, T0 - 1, T0, 2, "中", "crossing", 1.0, 2.0, 0.0, 1.4, float("nan"), 3.5, 1.3, 0.8, 0.9, 5.0, 1.0,
    (SIDE, SIDE), 1, 6,
)  # fmt: skip


def config(**sections):
    return Config.model_validate(
        {
            "pole": {"name": "gate", "service_location_id": 8202302, "roadside_unit_id": 136323842},
            "origin": {"latitude_deg": 36.6, "longitude_deg": 140.6, "altitude_m": 30.0, "geoid_height_m": 40.0},
            "slot": {"radar": {"class": "radar"}, "西 1": {"class": "camera", "role": "west"}},
        }
        | sections
    )


def hazard_said(phase, **other):
    return hazard(replace(HAZARD, phase=phase, **other), sender_of(config()), STAMP)


def near_miss_said():
    return near_miss(NEAR_MISS, sender_of(config()), STAMP)
