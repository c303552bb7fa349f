"""Tracks → PerceivedObjects: the fused picture, one row an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from controller.geometry import grounded
from controller.publication.envelope import ZOOM, header, publications
from controller.publication.publication import NS_PER_S
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from interfaces.spatial_id import spatial_ids

if TYPE_CHECKING:
    from controller.fusion.track import Tracks
    from controller.publication.publication import Publication, Sender, Stamp

_UPPER = np.triu_indices(4)


def objects(tracks: Tracks, sender: Sender, stamp: Stamp, quality: int = 0) -> tuple[Publication, ...]:
    """Every confirmed track at `tracks.valid_at_ns`."""
    rows = tracks.objects
    sources = int(np.bitwise_or.reduce(rows["sources"])) if len(rows) else 0
    message = pb.PerceivedObjects(
        header=header(sender, stamp, tracks.valid_at_ns, sources, quality), objects=_rows(tracks, sender)
    )
    return publications(topics.OBJECTS, topics.name(topics.OBJECTS, sender), message, sender, tracks.valid_at_ns)


def _rows(tracks: Tracks, sender: Sender) -> list[pb.PerceivedObject]:
    rows = tracks.objects
    z = grounded(rows["z"])
    latitude, longitude, altitude = sender.frame.to_wgs84(rows["x"], rows["y"], z)
    places = spatial_ids(latitude, longitude, altitude - sender.geoid_height_m, ZOOM)
    age = (tracks.valid_at_ns - rows["measured_at_ns"]) / NS_PER_S
    upper = rows["cov"][:, _UPPER[0], _UPPER[1]].tolist()
    points = zip(
        latitude.tolist(), longitude.tolist(), altitude.tolist(), z.tolist(), places, age.tolist(), upper, strict=True
    )
    return [
        pb.PerceivedObject(
            id=row[0],
            object_class=row[1],
            class_confidence=row[2],
            position=pb.Position(
                latitude_deg=lat, longitude_deg=lon, altitude_m=alt, x_m=row[3], y_m=row[4], z_m=up, spatial_id=at
            ),
            vx_mps=row[6],
            vy_mps=row[7],
            ax_mps2=row[8],
            ay_mps2=row[9],
            yaw_rad=row[10],
            yaw_rate_radps=row[11],
            length_m=row[12],
            width_m=row[13],
            height_m=row[14],
            existence=row[15],
            object_age_s=row[17],
            measurement_delta_time_s=delta,
            sources=row[19],
            covariance=cov,
            cooperative=bool(row[19] & sender.cooperative),
        )
        for row, (lat, lon, alt, up, at, delta, cov) in zip(rows.tolist(), points, strict=True)
    ]
