"""空間ID against the vectors of the public references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.spatial_id import MAX_ZOOM, Voxel, quadkey, spatial_id, spatial_ids, voxel, voxels


@pytest.mark.parametrize(
    ("point", "zoom", "expected"),
    [
        ((35.685371, 139.753098, 0.0), 18, "18/0/232837/103222"),
        ((35.685371, 139.753098, 0.0), 14, "14/0/14552/6451"),
        ((0.0, 0.0, 10.0), 25, "25/10/16777216/16777216"),
        ((64.147209, -21.9424, 100.0), 9, "9/0/224/136"),
        ((-34.60851, -58.37349, -1300.0), 14, "14/-1/5535/9872"),
        ((-85.05112877, 180.0, 0.0), 10, "10/0/0/1023"),
    ],
)
def test_published_points(point: tuple[float, float, float], zoom: int, expected: str) -> None:
    assert spatial_id(*point, zoom) == expected


def test_height_below_zero_at_one_metre_voxels() -> None:
    assert voxel(-34.60851, -58.37349, -1300.0, 25).f == -1300
    assert voxel(0.0, 0.0, -0.001, 25).f == -1


def test_published_shifts() -> None:
    assert str(Voxel.parse("16/3/468/95").shifted(5, 13, 5)) == "16/8/473/108"
    assert str(Voxel.parse("16/3/468/10").shifted(-5, -13, -5)) == "16/-2/463/65533"


@pytest.mark.parametrize(("zoom", "x", "y"), [(24, 14901652, 6606228), (22, 3725413, 1651557), (14, 14552, 6451)])
def test_published_parents(zoom: int, x: int, y: int) -> None:
    child = Voxel.parse("25/0/29803304/13212456")
    parent = child.parent(25 - zoom)
    assert parent == Voxel(zoom, 0, x, y)
    assert parent.contains(child)
    assert not child.contains(parent)


def test_published_bounds_and_centre() -> None:
    box = Voxel.parse("25/0/29803304/13212456").bounds()
    assert box.west_deg == pytest.approx(139.75476264953613, abs=1e-13)
    assert box.east_deg == pytest.approx(139.7547733783722, abs=1e-13)
    assert box.north_deg == pytest.approx(35.68595383239409, abs=1e-13)
    assert box.south_deg == pytest.approx(35.68594511814803, abs=1e-13)
    assert (box.bottom_m, box.top_m) == (0.0, 1.0)
    assert Voxel(20, 10, 0, 0).center()[2] == 336.0


def test_negative_heights_have_negative_parents() -> None:
    assert Voxel(25, -1, 0, 0).parent(25) == Voxel(0, -1, 0, 0)
    assert Voxel.parse("25/-1300/10/10").f == -1300
    assert Voxel.parse("/25/-1300/10/10") == Voxel.parse("25/-1300/10/10")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "25/0/1",
        "a/0/1/1",
        "36/0/0/0",
        "2/0/4/0",
        "2/0/0/4",
        "2/4/0/0",
        "2/-5/0/0",
        "2/0/-1/0",
        "2/0/0/0/0",
        "٢/0/0/0",
    ],
)
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"z/f/x/y|zoom"):
        Voxel.parse(text)


@pytest.mark.parametrize(
    ("point", "zoom", "word"),
    [
        ((85.0512, 0.0, 0.0), 10, "latitude"),
        ((0.0, 180.1, 0.0), 10, "longitude"),
        ((0.0, 0.0, 4e7), 10, "altitude"),
        ((float("nan"), 0.0, 0.0), 10, "latitude"),
        ((0.0, 0.0, 0.0), 36, "zoom"),
        ((0.0, 0.0, 0.0), -1, "zoom"),
    ],
)
def test_points_outside_name_what_is_wrong(point: tuple[float, float, float], zoom: int, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        voxel(*point, zoom)


def test_no_parent_above_the_root() -> None:
    with pytest.raises(ValueError, match="no parent"):
        Voxel(3, 0, 0, 0).parent(4)


def test_latitude_is_cut_to_ten_decimals_before_the_limit_is_checked() -> None:
    assert voxel(85.05112877980001, 0.0, 0.0, 20).y == 0
    assert voxel(-85.05112877980001, 0.0, 0.0, 20).y == 2**20 - 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_centre_of_a_voxel_lies_in_it(data: st.DataObject) -> None:
    zoom = data.draw(st.integers(0, 26))
    n = 1 << zoom
    whole = Voxel(
        zoom, data.draw(st.integers(-n, n - 1)), data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    )
    latitude, longitude, altitude = whole.center()
    assert voxel(latitude, longitude, altitude, zoom) == whole
    assert Voxel.parse(str(whole)) == whole


def test_arrays_agree_with_single_points() -> None:
    random = np.random.default_rng(4)
    points = random.uniform((-80, -180, -500), (80, 180, 9000), (500, 3))
    ids = spatial_ids(points[:, 0], points[:, 1], points[:, 2], 25)
    assert ids == [spatial_id(*point, 25).encode() for point in points.tolist()]
    assert [column.shape for column in voxels(points[:, 0], points[:, 1], 0.0, MAX_ZOOM)] == [(500,)] * 3


def test_quadkey_is_a_prefix_of_its_children_and_names_the_tile() -> None:
    # Tile (3, 5) of zoom 3 is 213 in the Bing Maps tile system's own example.
    latitude, longitude, _ = Voxel(3, 0, 3, 5).center()
    assert quadkey(latitude, longitude, 3) == "213"
    assert quadkey(latitude, longitude, 12).startswith("213")
    assert quadkey(0.0, 0.0, 0) == ""
