"""Every message family: what goes in comes out, in protobuf and in its JSON twin."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.near_miss import NearMiss, Participant
from controller.publication.envelope import clock_quality
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.objects import objects
from controller.publication.publication import Sender, Stamp
from controller.publication.status import pole_status, will
from controller.slot import PoleReport
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from interfaces.spatial_id import quadkey

T0 = 1_760_000_000_000_000_000
SENDER = Sender(7, 9, ("cam", "lidar"), LocalFrame(35.6, 139.7, 60.0), geoid_height_m=37.0)
STAMP = Stamp(41, T0 + 5, 0.002)
HAZARD = Hazard(5, "wrong_way", Phase.NEW, 14, 1, T0, T0 + 1, 3.0, 10.0, 20.0, 0.0, 1.0, 8.0, 0.9, 5, (3,), 0b10)
SIDE = Participant(1, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)
NEAR = NearMiss(
    8,
    T0,
    T0 + 2,
    T0 + 4,
    2,
    "中",
    "crossing",
    1.0,
    2.0,
    0.0,
    1.4,
    0.9,
    3.5,
    1.3,
    0.8,
    0.9,
    5.0,
    1.0,
    (SIDE, SIDE),
    3,
    6,
)


def test_hazard_carries_ids_place_and_modules():
    binary, twin = hazard(HAZARD, SENDER, STAMP)
    message = pb.Hazard.FromString(binary.payload)
    assert (message.action_id, message.phase, message.header.sequence) == (5, pb.Hazard.NEW, 41)
    assert list(message.header.modules) == ["lidar"]
    assert message.header.reference_only
    at = message.event_position
    key = quadkey(at.latitude_deg, at.longitude_deg, 18)
    assert binary.topic == f"smartpole/v1/hazard/{key[:6]}/{key[6:10]}/{key[10:14]}/{key[14:]}/7/9/5"
    assert at.spatial_id.startswith("25/")
    assert dict(binary.user_properties)["spatial_id"] == at.spatial_id
    assert (binary.retain, binary.qos, binary.durable, binary.expiry_s) == (True, 1, True, 3.0)
    assert twin.topic == binary.topic + "/json"
    assert json.loads(twin.payload)["header"]["service_location_id"] == 7


def test_cancel_is_said_unretained_then_the_retained_message_is_cleared():
    said, twin, clear, clear_twin = hazard(replace(HAZARD, phase=Phase.CANCEL), SENDER, STAMP)
    assert not said.retain
    assert pb.Hazard.FromString(said.payload).phase == pb.Hazard.CANCEL
    assert (clear.topic, clear.payload, clear.retain, clear.expires_at_ns) == (said.topic, b"", True, 0)
    assert clear_twin.topic == twin.topic


def test_a_moving_hazard_keeps_its_topic():
    first = hazard(HAZARD, SENDER, STAMP)[0]
    moved = hazard(replace(HAZARD, x=5000.0, phase=Phase.UPDATE), SENDER, STAMP, at=(HAZARD.x, HAZARD.y))[0]
    assert moved.topic == first.topic
    assert pb.Hazard.FromString(moved.payload).event_position.x_m == 5000.0


def test_near_miss():
    binary = near_miss(NEAR, SENDER, STAMP)[0]
    message = pb.NearMiss.FromString(binary.payload)
    assert (message.nedo_level, message.ttc_s, len(message.participants)) == ("中", 1.4, 2)
    assert (binary.retain, binary.expiry_s, binary.urgent) == (False, topics.WEEK_S, False)


def test_objects_rows():
    rows = empty_tracks(3)
    rows["id"], rows["x"], rows["sources"] = [1, 2, 3], [0.0, 1.0, 2.0], [1, 0, 2]
    rows["measured_at_ns"] = T0 - 20_000_000
    rows["cov"] = np.arange(16).reshape(4, 4)
    binary = next(objects(Tracks(T0, rows), SENDER, STAMP))
    message = pb.PerceivedObjects.FromString(binary.payload)
    assert [one.id for one in message.objects] == [1, 2, 3]
    assert list(message.header.modules) == ["cam", "lidar"]
    assert message.objects[0].measurement_delta_time_s == pytest.approx(0.02)
    assert list(message.objects[0].covariance) == [0, 1, 2, 3, 5, 6, 7, 10, 11, 15]
    assert (binary.qos, binary.durable, binary.expiry_s) == (0, False, 1.0)


def test_no_objects_is_a_message_too():
    assert not pb.PerceivedObjects.FromString(next(objects(Tracks(T0, empty_tracks(0)), SENDER, STAMP)).payload).objects


def test_status_and_will_share_the_topic():
    report = PoleReport(True, 1, 3, ("lidar lost",), 0.0, 2, 4, 12.0, 0.01, 0.02, T0, "0.1.0")
    status, last = pole_status(report, SENDER, STAMP)[0], will(SENDER, STAMP)
    assert status.topic == last.topic
    assert pb.PoleStatus.FromString(status.payload).service_availability == 1
    assert not pb.PoleStatus.FromString(last.payload).alive
    assert last.retain


@pytest.mark.parametrize(("error_s", "quality"), [(0.0, 1), (0.01, 2), (1.0, 3), (float("nan"), 0)])
def test_clock_quality(error_s, quality):
    assert clock_quality(error_s) == quality


def test_every_topic_is_recognised_again():
    for made in (*hazard(HAZARD, SENDER, STAMP), *near_miss(NEAR, SENDER, STAMP)):
        row, twin = topics.row_of(made.topic, "smartpole/v1")
        assert twin == made.topic.endswith("/json")
        assert made.topic.split("/")[2] == row.name
    assert topics.row_of("other/v1/x", "smartpole/v1") is None


def test_a_filter_coarsens_to_a_cut_and_leaves_twins_out():
    assert topics.covering(topics.HAZARD, "1" * 12) == "hazard/111111/1111/+/+/+/+/+"
    assert topics.covering(topics.NEAR_MISS, "111") == "nearmiss/+/+/+/+/+/+"
    assert topics.covering(topics.OBJECTS, "") == "pole/+/+/objects"


def test_an_object_of_unknown_height_stands_on_the_ground():
    rows = empty_tracks(1)
    rows["z"] = np.nan
    made = tuple(objects(Tracks(1_000_000_000, rows), SENDER, STAMP))
    seen = pb.PerceivedObjects.FromString(made[0].payload).objects[0]
    assert seen.position.z_m == 0.0
    assert seen.position.spatial_id


def test_an_object_that_rests_on_what_it_says_of_itself_says_so():
    rows = empty_tracks(3)
    rows["sources"], rows["cov"] = [0b001, 0b101, 0b100], np.eye(4)
    sender = replace(SENDER, slots=("cam", "lidar", "radio"), cooperative=0b100)
    (binary, _) = objects(Tracks(T0, rows), sender, STAMP)
    message = pb.PerceivedObjects.FromString(binary.payload)
    assert [one.cooperative for one in message.objects] == [False, True, True]
    assert "radio" in message.header.modules
