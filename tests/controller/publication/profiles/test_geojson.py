"""GeoJSON: RFC 7946 as it is written, nothing that is no number, twins that live and go with their originals."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.geometry import LocalFrame
from controller.hazard.hazard import Phase
from controller.publication.objects import objects as objects_said
from controller.publication.profiles import geojson
from controller.publication.profiles.geojson_twin import twin
from controller.publication.voice import sender_of
from controller.site_coverage import views
from interfaces.proto import publication_pb2 as pb
from interfaces.topics import ROOT
from tests.controller.publication.profiles.scenes import STAMP, config, hazard_said, near_miss_said
from tests.controller.publication.radio.scene import tracks


def area(ring):
    east, north = np.array([one[:2] for one in ring]).T
    east, north = east - east[0], north - north[0]
    return float(np.sum(east[:-1] * north[1:] - east[1:] * north[:-1]))


def test_a_hazard_is_a_point_with_its_place_in_every_form():
    told = geojson.feature(pb.Hazard.FromString(hazard_said(Phase.NEW)[0].payload))
    longitude, latitude, height = told["geometry"]["coordinates"]
    assert (longitude, latitude, height) == (pytest.approx(140.6001118), pytest.approx(36.6001802), 70.0)
    properties = told["properties"]
    assert properties["spatial_id"].startswith("25/30/"), "at 30 m of elevation"
    assert (properties["kind"], properties["phase"], properties["heading_deg"]) == ("wrong_way", "new", 0.0)
    assert properties["said"] == "2024-01-22T16:23:45.778Z"


def test_what_never_was_is_null():
    told = geojson.feature(pb.NearMiss.FromString(near_miss_said()[0].payload))
    assert told["properties"]["pet_s"] is None
    assert told["properties"]["ttc_s"] == 1.4
    assert json.dumps(told, allow_nan=False)


def test_objects_are_points():
    said = next(objects_said(tracks(11), sender_of(config()), STAMP))
    told = list(geojson.objects(pb.PerceivedObjects.FromString(said.payload)))
    assert len(told) == 11
    assert {one["properties"]["class"] for one in told} >= {"car", "pedestrian"}
    assert json.dumps(told, allow_nan=False)
    east = [one["geometry"]["coordinates"][0] for one in told]
    assert geojson.collection(told)["bbox"][0] == min(east)


def test_a_message_without_a_place_is_refused():
    with pytest.raises(TypeError, match="PoleStatus has no place"):
        geojson.feature(pb.PoleStatus())


def test_coverage_is_wound_as_the_standard_has_it():
    watching = views(config(), {})
    told = list(geojson.coverage(watching, LocalFrame(36.6, 140.6)))
    assert {one["properties"]["slot"] for one in told} == {"radar", "西 1"}
    for one in told:
        (ring,) = one["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert area(ring) > 0


@given(st.booleans(), st.booleans())
def test_rings_of_a_site_are_turned(outer, inner):
    ring, hole = [[0, 0], [9, 0], [9, 9], [0, 0]], [[5, 1], [6, 1], [6, 2], [5, 1]]
    rings = [ring[::-1] if outer else ring, hole[::-1] if inner else hole]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": rings}, "properties": {"kind": "x"}}
    (told,) = geojson.site({"features": [feature]})
    one, two = told["geometry"]["coordinates"]
    assert area(one) > 0 > area(two)
    assert told["properties"] == {"layer": "site", "kind": "x"}
    assert geojson.collection([told])["bbox"] == [0, 0, 9, 9]


def test_a_bbox_across_the_antimeridian_begins_in_the_west():
    points = [{"geometry": {"type": "Point", "coordinates": [x, 1.0]}} for x in (179.0, -179.0)]
    assert geojson.collection(points)["bbox"] == [179.0, 1.0, -179.0, 1.0]


def test_nothing_has_no_bbox():
    assert geojson.collection([]) == {"type": "FeatureCollection", "features": []}


def test_a_twin_is_retained_like_its_original_and_not_stored():
    said = hazard_said(Phase.NEW)
    made = [one for one in (twin(said_one, ROOT) for said_one in said) if one is not None]
    assert [one.topic for one in made] == [said[0].topic + "/geojson"], "of the protobuf one, not of its JSON twin"
    (one,) = made
    assert (one.retain, one.expiry_s, one.durable, one.content_type) == (
        True, said[0].expiry_s, False, "application/geo+json",
    )  # fmt: skip
    assert json.loads(one.payload)["type"] == "Feature"


def test_a_cancelled_hazard_is_said_then_cleared():
    made = [one for one in (twin(said, ROOT) for said in hazard_said(Phase.CANCEL)) if one is not None]
    assert [(bool(one.payload), one.retain) for one in made] == [(True, False), (False, True)]
    assert len({one.key for one in made}) == 2, "the second must not replace the first"


def test_what_is_no_event_has_no_twin():
    for one in objects_said(tracks(2), sender_of(config()), STAMP):
        assert twin(one, ROOT) is None
    assert twin(replace(hazard_said(Phase.NEW)[0], topic="other/x"), ROOT) is None


def test_a_heading_that_is_not_known_is_null():
    told = geojson.feature(pb.Hazard.FromString(hazard_said(Phase.NEW, heading=math.nan, speed=math.nan)[0].payload))
    assert told["properties"]["heading_deg"] is None
    assert told["properties"]["speed_mps"] is None
