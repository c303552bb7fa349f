"""What all detecting classes share: capability from a data sheet, its faults, detections from a frame."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.records import read_records
from interfaces.spec import MessageType, ObjectClass
from modules.columns import GEODETIC_FORMAT, from_records
from modules.detection import Axes, empty_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from interfaces.proto import pmi_pb2 as pb
    from modules.capability import Capability

ROAD_USERS: Final = frozenset(int(c) for c in ObjectClass if c is not ObjectClass.UNKNOWN)
_ARC_STEPS: Final = 14


def cone(range_m: float, width_deg: float) -> tuple[tuple[float, float], ...]:
    """A field of view ahead of the module as a closed polygon of at most 16 (x_m, y_m); 360 degrees is a circle."""
    half = math.radians(min(width_deg, 360.0)) / 2
    angles = np.linspace(-half, half, _ARC_STEPS + 1)
    arc = tuple((range_m * math.cos(a), range_m * math.sin(a)) for a in angles)
    return arc[:-1] if width_deg >= 360.0 else ((0.0, 0.0), *arc)


def detecting_channel(sheet: pb.DataSheet) -> pb.Channel | None:
    """The first channel of a sheet that carries detections."""
    return next((c for c in sheet.channels if c.message_type == MessageType.DETECTIONS), None)


def capability_of(sheet: pb.DataSheet, default: Capability) -> Capability:
    """The declared capability; where the sheet is silent its class's default stands."""
    channel = detecting_channel(sheet)
    if channel is None:
        return default
    return replace(
        default,
        rate_hz=channel.max_rate_mhz / 1000 or default.rate_hz,
        max_objects=channel.max_objects or default.max_objects,
        latency_s=channel.latency_p95_us / 1e6 or default.latency_s,
        field_of_view=_field_of_view(channel) or default.field_of_view,
        accuracy=_accuracy(channel) or default.accuracy,
        detection_probability=_probability(channel) or default.detection_probability,
        false_per_frame=channel.false_per_frame or default.false_per_frame,
        object_classes=_object_classes(channel) or default.object_classes,
        delivers_tracks=channel.delivers_tracks,
        has_doppler=channel.has_doppler,
    )


def detecting_faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What a sheet of a detecting class lacks."""
    channel = detecting_channel(sheet)
    if channel is None:
        return ("channels: none carries detections, a detecting module must have one",)
    path = f"channels[{list(sheet.channels).index(channel)}]"
    lacks = []
    if not channel.ranges:
        lacks.append(f"{path}.ranges: is empty, declare the field of view")
    if not channel.accuracy:
        lacks.append(f"{path}.accuracy: is empty, declare sigma_position_m by range")
    if not channel.latency_p95_us:
        lacks.append(f"{path}.latency_p95_us: is 0, declare measurement to first byte")
    return tuple(lacks)


def read_detections(body: pb.DetectionFrame, capability: Capability) -> tuple[Axes, NDArray[np.void]]:
    """Axes and OBJECT rows of a frame; an unknown sigma_pos or sigma_vel comes from the declared accuracy.

    Records that cannot be read give no rows.
    """
    axes = Axes.WGS84 if body.rec_fmt == GEODETIC_FORMAT else Axes.MODULE
    wire = read_records(body.rec_fmt, body.rec_size, body.records)
    rows = empty_objects(0) if isinstance(wire, str) else from_records(body.rec_fmt, wire)
    _fill_sigmas(rows, axes, capability)
    return axes, rows


def _fill_sigmas(rows: NDArray[np.void], axes: Axes, capability: Capability) -> None:
    if not capability.accuracy or not len(rows):
        return
    table = np.asarray(capability.accuracy, float)
    far = np.full(len(rows), table[-1, 0])
    distance = np.hypot(rows["x"], rows["y"]) if axes is Axes.MODULE else far
    for name, column in (("sigma_pos", 1), ("sigma_vel", 2)):
        unknown = np.isnan(rows[name]) & ((name == "sigma_pos") | ~np.isnan(rows["vx"]))
        rows[name][unknown] = np.interp(distance, table[:, 0], table[:, column])[unknown]


def _field_of_view(channel: pb.Channel) -> tuple[tuple[tuple[float, float], ...], ...]:
    return tuple(tuple((v.x_m, v.y_m) for v in area.vertices) for area in channel.ranges)


def _accuracy(channel: pb.Channel) -> tuple[tuple[float, float, float], ...]:
    return tuple((p.range_m, p.sigma_position_m, p.sigma_velocity_mps) for p in channel.accuracy)


def _probability(channel: pb.Channel) -> float:
    """The worst declared p = 1 - 10^(-n/10) of the ranges; 0 when none is declared (PMI §3)."""
    return min((1 - 10 ** (-area.reliability / 10) for area in channel.ranges if area.reliability), default=0.0)


def _object_classes(channel: pb.Channel) -> frozenset[int]:
    return frozenset(int(c) for c in ObjectClass if channel.detectable_classes >> c & 1)
