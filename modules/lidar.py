"""LiDARs: all around, accurate in position and size."""

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
    module_class=pb.LIDAR,
    rate_hz=10.0,
    max_objects=128,
    latency_s=0.1,
    field_of_view=(cone(100.0, 360.0),),
    accuracy=((10.0, 0.1, 0.4), (50.0, 0.2, 0.6), (100.0, 0.5, 1.2)),
    detection_probability=0.95,
    false_per_frame=0.1,
    object_classes=ROAD_USERS,
    optical=True,
)


def capability(sheet: pb.DataSheet) -> Capability:
    """What this lidar can do, from its data sheet."""
    return capability_of(sheet, DEFAULT)


def faults(sheet: pb.DataSheet) -> tuple[str, ...]:
    """What the data sheet of a lidar lacks."""
    return detecting_faults(sheet)


def read(body: pb.DetectionFrame, declared: Capability) -> tuple[Axes, NDArray[np.void]]:
    """Axes and OBJECT rows of one frame."""
    return read_detections(body, declared)
