"""Radars: far and in any weather, with radial speed; coarse in angle and class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import VEHICLES
from modules.capability import Capability
from modules.detecting import capability_of, cone, detecting_faults, read_detections

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modules.detection import Axes

DEFAULT: Final = Capability(
    module_class=pb.RADAR,
    rate_hz=20.0,
    max_objects=64,
    latency_s=0.06,
    field_of_view=(cone(150.0, 60.0),),
    accuracy=((10.0, 0.4, 0.3), (50.0, 0.8, 0.3), (100.0, 1.6, 0.4), (150.0, 2.5, 0.5)),
    detection_probability=0.9,
    false_per_frame=0.5,
    object_classes=frozenset(int(c) for c in VEHICLES),
    has_doppler=True,
)


def capability(sheet: pb.DataSheet) -> Capability:
    """What this radar can do, from its data sheet."""
    return capability_of(sheet, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet of a radar lacks."""
    return detecting_faults(sheet)


def read(body: pb.DetectionFrame, declared: Capability) -> tuple[Axes, NDArray[np.void]]:
    """Axes and OBJECT rows of one frame."""
    return read_detections(body, declared)
