"""The classes of sensor that are simulated: one row a class, one column a way in which sensors err.

Figures are those of current roadside products by class; docs/scenes.md says what stands behind each column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SensorModel:
    """One class of sensor. `along`, `across` its line of sight: (sigma in m at the sensor, growth per m of range)."""

    range_m: float
    width_deg: float  # of the field of view, 360 all around
    rate_hz: float
    latency_s: float
    jitter_s: float  # 1 sigma of the latency
    along: tuple[float, float]
    across: tuple[float, float]
    detection: float  # probability per frame, near and unoccluded
    false_per_frame: float
    sigma_velocity: float  # m/s; NaN: it measures none
    doppler: bool = False
    class_error: float = 0.0
    boxes: bool = True
    bias_m: tuple[float, float] = (0.0, 0.0)  # along, across: systematic, 1 sigma over exemplars, as the next two
    bias_deg: float = 0.0  # how far its axis is turned from what its mount says
    bias_s: float = 0.0  # how much older the road it reports is than its stamp says
    near_face: float = 0.0  # share of a long body's extra half length by which it is placed too near
    resolution: tuple[float, float] = (0.0, 0.0)  # bodies within (m of range, deg of bearing) become one
    burst_s: float = 0.0  # how long luck lasts: misses come in runs
    ghost_s: float = 0.0  # mean life of a false object
    ghost_far: float = 1.0  # 1: false objects equally dense over the area, less: near, more: far
    fog: float = math.inf  # it sees this many times as far as the visibility
    rain_loss: float = 0.0  # share of its detections lost per 10 mm/h
    rain_ghosts: float = 0.0  # false objects per frame more, per 10 mm/h
    dark: float = 1.0  # share of its range left at night for who carries no lamp; half the loss for who does


MODELS: Final = {
    "camera": SensorModel(
        range_m=80, width_deg=100, rate_hz=10, latency_s=0.120, jitter_s=0.015,
        along=(0.15, 0.010), across=(0.08, 0.002), detection=0.95, false_per_frame=0.10, sigma_velocity=math.nan,
        class_error=0.03, bias_m=(0.10, 0.05), bias_deg=0.2, bias_s=0.010, near_face=0.1, resolution=(2.0, 0.6),
        burst_s=0.15, ghost_s=0.25, ghost_far=2.0, fog=0.6, rain_loss=0.06, rain_ghosts=0.05, dark=0.5,
    ),
    "lidar": SensorModel(
        range_m=100, width_deg=360, rate_hz=10, latency_s=0.060, jitter_s=0.004,
        along=(0.06, 0.001), across=(0.06, 0.001), detection=0.98, false_per_frame=0.05, sigma_velocity=0.40,
        bias_m=(0.03, 0.02), bias_deg=0.1, bias_s=0.003, near_face=0.25, resolution=(0.7, 0.8),
        burst_s=0.10, ghost_s=0.15, ghost_far=0.5, fog=0.5, rain_loss=0.05, rain_ghosts=0.15,
    ),
    "radar": SensorModel(
        range_m=150, width_deg=60, rate_hz=20, latency_s=0.040, jitter_s=0.003,
        along=(0.15, 0.001), across=(0.20, 0.009), detection=0.93, false_per_frame=0.20, sigma_velocity=0.60,
        doppler=True, class_error=0.15, boxes=False, bias_m=(0.10, 0.05), bias_deg=0.3, bias_s=0.003, near_face=0.8,
        resolution=(2.5, 2.5), burst_s=0.10, ghost_s=0.40, ghost_far=0.8, rain_loss=0.01, rain_ghosts=0.05,
    ),
    "sensor": SensorModel(
        range_m=40, width_deg=90, rate_hz=10, latency_s=0.050, jitter_s=0.005,
        along=(0.20, 0.005), across=(0.20, 0.005), detection=0.95, false_per_frame=0.05, sigma_velocity=1.00,
        class_error=0.2, boxes=False, bias_m=(0.10, 0.10), bias_deg=0.5, bias_s=0.005, near_face=0.5,
        resolution=(1.5, 2.0), burst_s=0.10, ghost_s=0.20, fog=0.8, rain_loss=0.03, rain_ghosts=0.05,
    ),
}  # fmt: skip
