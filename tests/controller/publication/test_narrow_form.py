"""Short forms: what must stay stays, what is left out is announced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.hazard.hazard import Phase
from controller.publication.narrow_form import REASON_MAX, REASONS_MAX, gist, narrow, narrow_objects, row_of
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from tests.controller.publication.busy_road import BusyRoad

ROAD = BusyRoad(twins=True)


def test_a_hazard_keeps_what_a_vehicle_acts_on():
    full, twin = ROAD.hazard(1.0, 5, Phase.NEW)
    short = narrow(full, topics.HAZARD)
    before, after = pb.Hazard.FromString(full.payload), pb.Hazard.FromString(short.payload)
    for field in ("action_id", "kind", "phase", "cause", "reference_time_ns", "validity_s", "lane", "speed_mps"):
        assert getattr(after, field) == getattr(before, field)
    assert after.event_position.latitude_deg == before.event_position.latitude_deg
    assert (after.header.sequence, after.header.reference_only, after.header.narrow) == (
        before.header.sequence,
        True,
        True,
    )
    assert not before.header.narrow
    assert len(short.payload) < 0.7 * len(full.payload)
    assert (short.topic, short.qos, short.retain, short.content_type) == (full.topic, 1, True, "")
    assert row_of(full) is topics.HAZARD
    assert row_of(twin) is None


def test_a_cleared_topic_stays_empty_and_strange_bytes_pass():
    clear = ROAD.hazard(1.0, 5, Phase.CANCEL)[2]
    assert narrow(clear, topics.HAZARD).payload == b""
    assert narrow(replace(clear, payload=b"\xff"), topics.HAZARD).payload == b"\xff"


def test_near_miss_keeps_its_participants_places():
    full = ROAD.near_miss(1.0)[0]
    before = pb.NearMiss.FromString(full.payload)
    after = pb.NearMiss.FromString(narrow(full, topics.NEAR_MISS).payload)
    assert [one.position.latitude_deg for one in after.participants] == [
        one.position.latitude_deg for one in before.participants
    ]
    assert not any(one.position.spatial_id for one in after.participants)
    assert (after.severity, after.ttc_s) == (before.severity, before.ttc_s)


def test_a_status_keeps_its_first_reasons_and_no_counters():
    full = ROAD.status(1.0)[0]
    message = pb.PoleStatus.FromString(full.payload)
    message.reasons[:] = ["x" * 500] * 9
    message.certificates.add(holder="pole", name="1/2", left_s=1e7)
    after = pb.PoleStatus.FromString(narrow(replace(full, payload=message.SerializeToString()), topics.STATUS).payload)
    assert list(after.reasons) == ["x" * REASON_MAX] * REASONS_MAX
    assert after.alive
    assert not after.counters
    assert not after.certificates, "a reason tells in time"


def test_a_profile_keeps_who_performs_and_no_areas():
    told = pb.PoleProfile(name="gate", site_hash="ab")
    told.sensors.add(slot="lidar", performs_in_full=True).ranges.add().corners.add(x_m=1.0)
    told.use_cases.add(type=3, utilisation=1)
    full = replace(ROAD.status(1.0)[0], payload=told.SerializeToString())
    after = pb.PoleProfile.FromString(narrow(full, topics.PROFILE).payload)
    assert (after.sensors[0].slot, after.sensors[0].performs_in_full, len(after.sensors[0].ranges)) == (
        "lidar",
        True,
        0,
    )
    assert (after.site_hash, after.use_cases[0].utilisation) == ("ab", 1)


@pytest.mark.parametrize(("room_b", "at_least"), [(150, 1), (400, 5), (10_000, 40)])
def test_as_many_objects_as_fit_vulnerable_road_users_first(room_b, at_least):
    full = ROAD.objects(1.0)[0]
    short, left_out = narrow_objects(full, room_b)
    said = pb.PerceivedObjects.FromString(short.payload)
    assert len(short.payload) <= room_b
    assert len(said.objects) >= at_least
    assert (said.total, left_out) == (40, 40 - len(said.objects))
    vulnerable = [one.object_class == 6 for one in said.objects]
    assert vulnerable == sorted(vulnerable, reverse=True)
    assert vulnerable[0]
    assert said.objects[0].position.latitude_deg
    assert not said.objects[0].covariance


def test_no_room_says_nothing_rather_than_an_empty_road():
    assert narrow_objects(ROAD.objects(1.0)[0], 60) is None
    empty = BusyRoad(tracks=0).objects(1.0)[0]
    assert narrow_objects(empty, 60) is not None


def test_figures_in_a_reason_are_no_news():
    one, other = (ROAD.status(now)[0] for now in (1.0, 2.0))
    assert gist(one, topics.STATUS) == gist(other, topics.STATUS) != ()
    assert gist(ROAD.objects(1.0)[0], topics.OBJECTS) == ()
