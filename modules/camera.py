"""Cameras: good at what and in which direction, poor at how far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from modules.capability import Capability
from modules.detecting import ROAD_USERS, capability_of, cone, detecting_faults, read_detections

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modules.detection import Axes

DEFAULT: Final = Capability(
    module_class=pb.CAMERA,
    rate_hz=10.0,
    max_objects=64,
    latency_s=0.12,
    field_of_view=(cone(80.0, 100.0),),
    accuracy=((10.0, 0.3, 0.8), (30.0, 0.8, 1.2), (50.0, 1.6, 2.0), (80.0, 3.5, 3.5)),
    detection_probability=0.9,
    false_per_frame=0.2,
    object_classes=ROAD_USERS,
    optical=True,
)


def capability(sheet: pb.DataSheet) -> Capability:
    """What this camera can do, from its data sheet."""
    return capability_of(sheet, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet of a camera lacks."""
    return detecting_faults(sheet)


def read(body: pb.DetectionFrame, declared: Capability) -> tuple[Axes, NDArray[np.void]]:
    """Axes and OBJECT rows of one frame."""
    return read_detections(body, declared)
