"""Where a module looks, as its data sheet declares it, on the road around the pole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.geometry import mount_rotation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.config import Mount
    from interfaces.proto import pmi_pb2

MAX_VERTICES: Final = 16


def ranges_of(sheet: pmi_pb2.DataSheet | None) -> tuple[pmi_pb2.DetectionRange, ...]:
    """The detection ranges of all channels of a data sheet; none without one."""
    return tuple(area for channel in sheet.channels for area in channel.ranges) if sheet is not None else ()


def corners(area: pmi_pb2.DetectionRange, mount: Mount) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(east, north) in local m of the corners of one range, which is told in module axes."""
    points = np.array([(one.x_m, one.y_m, 0.0) for one in area.vertices[:MAX_VERTICES]]).reshape(-1, 3)
    east, north, _ = mount_rotation(mount) @ points.T
    return east + mount.east_m, north + mount.north_m
