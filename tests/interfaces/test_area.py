"""Areas and the tiles that cover them: nothing inside is missed, nothing is asked for twice or in vain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.area import Box, Polygon, Route, Spot
from interfaces.cover import MARGIN_M, MOST_TILES, tiles
from interfaces.proto.publication_pb2 import Position
from interfaces.spatial_id import quadkey, spatial_id
from interfaces.topics import HAZARD, TILE_LEVELS, covering, matches, tile

ORIGIN = (35.6, 139.7)
NORTH = math.radians(1) * 6_378_137 * (1 - 0.00669438) / (1 - 0.00669438 * math.sin(math.radians(35.6)) ** 2) ** 1.5
EAST = (
    math.radians(1)
    * 6_378_137
    * math.cos(math.radians(35.6))
    / math.sqrt(1 - 0.00669438 * math.sin(math.radians(35.6)) ** 2)
)


def point(east_m, north_m):
    return ORIGIN[0] + north_m / NORTH, ORIGIN[1] + east_m / EAST


def place(east_m, north_m, altitude_m=10.0):
    latitude, longitude = point(east_m, north_m)
    voxel = spatial_id(latitude, longitude, altitude_m, 25)
    return Position(latitude_deg=latitude, longitude_deg=longitude, altitude_m=altitude_m, spatial_id=voxel)


SQUARE = Polygon((point(0, 0), point(100, 0), point(100, 100), point(0, 100)))
BEND = Route((point(0, 0), point(100, 0), point(100, 50)), width_m=20)


@pytest.mark.parametrize(
    ("east", "north", "inside"), [(50, 50, True), (-1, 50, False), (50, 101, False), (99, 1, True)]
)
def test_a_polygon_holds_what_is_inside(east, north, inside):
    assert (SQUARE.locate(place(east, north)) is not None) == inside
    closed = Polygon((*SQUARE.points, SQUARE.points[0]))
    assert (closed.locate(place(east, north)) is not None) == inside


def test_a_polygon_with_a_bay():
    bay = Polygon(
        tuple(point(*xy) for xy in [(0, 0), (90, 0), (90, 90), (60, 90), (60, 30), (30, 30), (30, 90), (0, 90)])
    )
    assert bay.locate(place(15, 80)) == bay.locate(place(75, 80)) != None  # noqa: E711
    assert bay.locate(place(45, 80)) is None


@pytest.mark.parametrize(
    ("east", "north", "along", "left"),
    [(30, 0, 30, 0), (30, 5, 30, 5), (30, -5, 30, -5), (95, 25, 125, 5), (104, 25, 125, -4), (100, 58, 150, None)],
)
def test_a_route_tells_how_far_along_and_on_which_side(east, north, along, left):
    spot = BEND.locate(place(east, north))
    assert spot.along_m == pytest.approx(along, abs=0.01)
    assert left is None or spot.left_m == pytest.approx(left, abs=0.01)


@pytest.mark.parametrize(("east", "north"), [(30, 11), (-11, 0), (112, 20), (100, 61)])
def test_beside_a_route_is_outside(east, north):
    assert BEND.locate(place(east, north)) is None


def test_a_route_may_stop_on_the_spot():
    assert Route((point(0, 0), point(0, 0), point(50, 0))).locate(place(20, 0)).along_m == pytest.approx(20, abs=0.01)


def test_a_voxel_tells_heights_apart():
    voxel = Box.parse(spatial_id(*point(10, 10), 10.0, 20))
    assert voxel.locate(place(10, 10, 10.0)) is not None
    assert voxel.locate(place(10, 10, 40.0)) is None
    assert voxel.locate(place(100, 10, 10.0)) is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Polygon((ORIGIN, point(1, 1))), "at least 3"),
        (lambda: Route((ORIGIN, ORIGIN)), "at least 2"),
        (lambda: Route((ORIGIN, point(1, 1)), width_m=0), "covers nothing"),
        (lambda: Polygon(((139.7, 35.6), (139.8, 35.6), (139.8, 35.7))), "swapped"),
        (lambda: Polygon(((math.nan, 0), (0, 0), (1, 1))), "swapped"),
        (lambda: Box.parse("26/0/1/1"), "zoom 25"),
        (lambda: Box.parse("here"), "not a spatial id"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


METRES = st.floats(-3000, 3000, allow_nan=False)
CORNERS = st.lists(st.tuples(METRES, METRES).map(lambda xy: point(*xy)), min_size=3, max_size=8, unique=True)
AREAS = st.one_of(
    CORNERS.map(lambda points: Polygon(tuple(points))),
    st.tuples(CORNERS, st.floats(1, 200)).map(lambda one: Route(tuple(one[0]), one[1])),
    st.tuples(METRES, METRES, st.integers(8, 22)).map(
        lambda one: Box.parse(spatial_id(*point(*one[:2]), 10.0, one[2]))
    ),
)


@settings(max_examples=60, deadline=None)
@given(AREAS, st.lists(st.tuples(METRES, METRES), min_size=30, max_size=30), st.integers(4, 64))
def test_what_is_inside_is_covered_once(area, points, most):
    keys = tiles(area, most=most)
    assert len(keys) <= most
    assert not any(one != other and other.startswith(one) for one in keys for other in keys)
    for xy in points:
        if area.locate(place(*xy)) is not None:
            assert sum(quadkey(*point(*xy), 18).startswith(key) for key in keys) == 1


@settings(max_examples=60, deadline=None)
@given(AREAS, st.tuples(METRES, METRES), st.floats(0, 6.28))
def test_what_began_near_it_is_covered_too(area, at, way):
    if area.locate(place(*at)) is not None:
        began = point(at[0] + 0.99 * MARGIN_M * math.cos(way), at[1] + 0.99 * MARGIN_M * math.sin(way))
        assert any(quadkey(*began, 18).startswith(key) for key in tiles(area))


def test_no_tile_is_asked_for_in_vain():
    """Of a small area every tile of 18 digits is met: brute force over points agrees on which."""
    keys = set(tiles(BEND, margin_m=0.0))
    grid = np.linspace(-12, 112, 63)
    inside = {quadkey(*point(x, y), 18) for x in grid for y in grid[grid < 80] if BEND.locate(place(x, y)) is not None}
    assert keys == inside


def test_a_long_route_is_covered_by_few_tiles():
    keys = tiles(Route(((35.681, 139.767), (35.17, 136.88)), 100.0))
    assert 10 < len(keys) <= MOST_TILES
    assert tiles(None) == ("",)


def test_of_an_area_too_large_for_its_tiles_everything_is_read():
    assert tiles(Polygon(((-60, -170), (-60, 170), (80, 170), (80, -170)))) == ("",)


@pytest.mark.parametrize("digits", [0, 6, 10, 14, 18])
def test_filters_of_tiles_match_the_topics_of_events_and_no_twins(digits):
    key, levels = quadkey(*ORIGIN, 18), tile(*ORIGIN)
    pattern = covering(HAZARD, key[:digits])
    assert matches(pattern, f"hazard/{levels}/7/9/5")
    assert not matches(pattern, f"hazard/{levels}/7/9/5/json")
    assert not matches(pattern, f"nearmiss/{levels}/7/9")
    assert pattern.count("+") == 3 + len(TILE_LEVELS) - (digits > 0) * ((digits - 2) // 4)
    if digits:
        other = ("3" if key[0] != "3" else "0") + key[1:]
        assert not matches(pattern, f"hazard/{other[:6]}/{other[6:10]}/{other[10:14]}/{other[14:]}/7/9/5")


def test_areas_that_lead_nowhere_have_no_along():
    assert all(math.isnan(value) for value in SQUARE.locate(place(50, 50)))
    assert Spot(1.0, 2.0).along_m == 1.0


def test_the_length_of_a_route():
    assert BEND.length_m == pytest.approx(150, abs=0.01)
