"""NearMiss → NearMiss message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.publication.envelope import events, header, position, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.hazard.near_miss import NearMiss, Participant
    from controller.publication.publication import Publication, Sender, Stamp


def near_miss(seen: NearMiss, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """One ended encounter; its detection time is the peak."""
    place = position(sender, seen.x, seen.y, seen.z)
    message = pb.NearMiss(
        header=header(sender, stamp, seen.peak_ns, seen.sources, seen.information_quality),
        encounter_id=seen.encounter_id,
        start_ns=seen.start_ns,
        peak_ns=seen.peak_ns,
        end_ns=seen.end_ns,
        severity=seen.severity,
        nedo_level=seen.nedo_level,
        conflict=seen.conflict,
        event_position=place,
        ttc_s=seen.ttc_s,
        pet_s=seen.pet_s,
        drac_mps2=seen.drac_mps2,
        mttc_s=seen.mttc_s,
        sct_s=seen.sct_s,
        probability=seen.probability,
        closing_speed_mps=seen.closing_speed,
        distance_m=seen.distance,
        participants=[_participant(one, seen.z, sender) for one in seen.participants],
    )
    levels = topics.tile(place.latitude_deg, place.longitude_deg)
    topic = topics.name(topics.NEAR_MISS, sender, tile=levels)
    made = publications(topics.NEAR_MISS, topic, message, sender, seen.peak_ns, place.spatial_id)
    return events(made, topics.WEEK_S, seen.end_ns, urgent=False)


def _participant(one: Participant, z: float, sender: Sender) -> pb.Participant:
    return pb.Participant(
        track_id=one.track_id,
        object_class=one.object_class,
        position=position(sender, one.x, one.y, z),
        speed_mps=one.speed,
        heading_rad=one.heading,
        length_m=one.length,
        width_m=one.width,
        max_deceleration_mps2=one.max_deceleration,
    )
