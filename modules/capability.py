"""What one module can do, for the rest of the controller: from its data sheet or its class's defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """A module's declared performance in SI units, module frame (x forward, y left).

    `field_of_view`: closed polygons of (x_m, y_m) vertices. `accuracy`: rows of (range_m, sigma_position_m,
    sigma_velocity_mps) in ascending range. `detection_probability` is per frame inside the field of view, unoccluded.
    `optical`: fog, rain and snow bound how far it sees.
    """

    module_class: int
    rate_hz: float
    max_objects: int
    latency_s: float
    field_of_view: tuple[tuple[tuple[float, float], ...], ...]
    accuracy: tuple[tuple[float, float, float], ...]
    detection_probability: float
    false_per_frame: float
    object_classes: frozenset[int]
    delivers_tracks: bool = False
    has_doppler: bool = False
    optical: bool = False
