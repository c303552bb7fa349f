"""PerceivedObjects → Tracks: what a picture was made of, for who has only the publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.track import Tracks, empty_tracks
from controller.publication.publication import NS_PER_S

if TYPE_CHECKING:
    from interfaces.proto import publication_pb2 as pb

_UPPER: Final = np.triu_indices(4)
_COLUMNS: Final = {
    "id": "id",
    "object_class": "object_class",
    "class_confidence": "class_confidence",
    "vx": "vx_mps",
    "vy": "vy_mps",
    "ax": "ax_mps2",
    "ay": "ay_mps2",
    "yaw": "yaw_rad",
    "yaw_rate": "yaw_rate_radps",
    "length": "length_m",
    "width": "width_m",
    "height": "height_m",
    "existence": "existence",
    "age_s": "object_age_s",
    "sources": "sources",
}


def tracks_of(message: pb.PerceivedObjects) -> Tracks:
    """The tracks that a picture was made of. Whether one stands is not published: that column is NaN."""
    rows, listed = empty_tracks(len(message.objects)), message.objects
    for column, field in _COLUMNS.items():
        rows[column] = [getattr(one, field) for one in listed]
    for column, field in (("x", "x_m"), ("y", "y_m"), ("z", "z_m")):
        rows[column] = [getattr(one.position, field) for one in listed]
    at_ns = message.header.detection_time_ns
    rows["measured_at_ns"] = [at_ns - round(one.measurement_delta_time_s * NS_PER_S) for one in listed]
    rows["stationary"] = np.nan
    for row, one in zip(rows, listed, strict=True):
        upper = np.array(one.covariance) if len(one.covariance) == len(_UPPER[0]) else np.full(len(_UPPER[0]), np.nan)
        row["cov"][_UPPER] = upper
        row["cov"].T[_UPPER] = upper
    return Tracks(at_ns, rows)
