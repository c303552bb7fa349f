"""Areas from GeoJSON: longitude stands first there."""

from __future__ import annotations

import json

import pytest

from interfaces.area import Polygon, Route
from interfaces.area_geojson import area_of

RING = [[139.7, 35.6], [139.71, 35.6], [139.71, 35.61], [139.7, 35.6]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
LINE = {"type": "LineString", "coordinates": RING[:2]}


def feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": properties or None}


@pytest.mark.parametrize(
    "document",
    [POLYGON, feature(POLYGON), {"type": "FeatureCollection", "features": [feature(POLYGON)]}],
)
def test_a_polygon(document):
    assert area_of(json.dumps(document)) == Polygon(((35.6, 139.7), (35.6, 139.71), (35.61, 139.71), (35.6, 139.7)))


def test_a_line_is_a_route():
    assert area_of(json.dumps(feature(LINE, width_m=12))) == Route(((35.6, 139.7), (35.6, 139.71)), 12.0)
    assert area_of(json.dumps(LINE)) == Route(((35.6, 139.7), (35.6, 139.71)))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not a GeoJSON object"),
        ("7", "not a GeoJSON object"),
        ('{"type": "Point", "coordinates": [139.7, 35.6]}', "Point"),
        ('{"type": "FeatureCollection", "features": []}', "0 features"),
        ('{"type": "Feature", "geometry": null}', "None"),
        ('{"type": "Polygon"}', "coordinates"),
        ('{"type": "LineString", "coordinates": [[1], [2]]}', "coordinates"),
        (json.dumps({**POLYGON, "coordinates": [RING, RING]}), "too many values"),
        (json.dumps({**LINE, "coordinates": [[35.6, 139.7], [35.7, 139.8]]}), "swapped"),
        (json.dumps(feature(LINE, width_m="wide")), "wide"),
        (json.dumps(feature(LINE, width_m=[1])), "width_m"),
    ],
)
def test_mistakes_are_named(document, words):
    with pytest.raises(ValueError, match=words):
        area_of(document)
