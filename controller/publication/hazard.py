"""Hazard → Hazard message on its own retained topic; a cancel is said, then the retained message is cleared."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from controller.hazard.hazard import Hazard, Phase
from controller.publication.envelope import events, header, position, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.geometry import LocalFrame
    from controller.publication.publication import Publication, Sender, Stamp

_PHASES = {Phase.NEW: pb.Hazard.NEW, Phase.UPDATE: pb.Hazard.UPDATE, Phase.CANCEL: pb.Hazard.CANCEL}


def hazard(
    seen: Hazard, sender: Sender, stamp: Stamp, at: tuple[float, float] | None = None
) -> tuple[Publication, ...]:
    """One statement. NEW and UPDATE are retained for the validity; CANCEL is not, and empty retained ones follow it.

    `at` (x, y in ENU m) keeps the topic of a moving hazard where it began; None takes the statement's own position.
    """
    place = position(sender, seen.x, seen.y, seen.z)
    levels = _tile(sender.frame, *(at or (seen.x, seen.y)))
    topic = topics.name(topics.HAZARD, sender, tile=levels, action_id=seen.action_id)
    message = _message(seen, place, sender, stamp)
    made = publications(topics.HAZARD, topic, message, sender, seen.detection_time_ns, place.spatial_id)
    said = events(made, max(seen.validity_s, 1.0), seen.reference_time_ns, urgent=True)
    if seen.phase is not Phase.CANCEL:
        return said
    return tuple(replace(one, retain=False) for one in said) + tuple(_clear(one) for one in said)


@lru_cache(256)
def _tile(frame: LocalFrame, x: float, y: float) -> str:
    """Asked again with every word of a hazard."""
    latitude, longitude, _ = frame.to_wgs84(x, y, 0.0)
    return topics.tile(float(latitude), float(longitude))


def _clear(said: Publication) -> Publication:
    return replace(said, payload=b"", retain=True, expiry_s=None, expires_at_ns=0, key=said.key + "-clear")


def _message(seen: Hazard, place: pb.Position, sender: Sender, stamp: Stamp) -> pb.Hazard:
    return pb.Hazard(
        header=header(sender, stamp, seen.detection_time_ns, seen.sources, seen.information_quality),
        action_id=seen.action_id,
        kind=seen.kind,
        phase=_PHASES[seen.phase],
        cause=seen.cause,
        subcause=seen.subcause,
        reference_time_ns=seen.reference_time_ns,
        validity_s=seen.validity_s,
        event_position=place,
        heading_rad=seen.heading,
        speed_mps=seen.speed,
        probability=seen.probability,
        track_ids=seen.track_ids,
        lane=seen.lane,
        use_cases=seen.use_cases,
        utilisation=seen.utilisation,
        detail=[pb.Figure(name=name, value=value) for name, value in seen.detail],
    )
