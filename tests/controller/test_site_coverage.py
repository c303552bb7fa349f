"""Which part of a lane how many modules see, and whose data sheet counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cached_sheets import declared
from controller.config import Config, Slot
from controller.sheet_cache import DirectorySheetCache
from controller.site import Lane, Site
from controller.site_coverage import CLASS_DEFAULT, Declared, lane_coverage, seen_by, views
from interfaces.datasheet import sheet_hash, to_bytes
from modules.registry import REGISTRY
from tests.exchange import good_sheet


def pole(**slots):
    entries = {name: Slot.model_validate(slot) for name, slot in slots.items()}
    return Config.model_validate(
        {
            "pole": {"service_location_id": 1, "roadside_unit_id": 1},
            "origin": {"latitude_deg": 36.6, "longitude_deg": 140.6},
            "slot": {name: slot.model_dump(by_alias=True) for name, slot in entries.items()},
        }
    )


def road(*points, key="a"):
    return Site((Lane(key, np.array(points, float), 3.5),))


LIDAR = {"class": "lidar"}
RADAR = {"class": "radar", "mount": {"yaw_deg": 90.0}}


def test_a_lane_is_cut_where_the_fields_of_view_end():
    watching = views(pole(lidar=LIDAR, radar=RADAR), {})
    (one,) = lane_coverage(road((0, -200), (0, 200)), watching)
    reach = 100 * math.cos(math.pi / 14)  # of a circle of 14 corners, between two of them
    assert one.length_m == 400
    assert one.by_more_m == pytest.approx(reach, abs=1.5)
    assert one.by_one_m == pytest.approx(150, abs=1.5)
    assert one.unseen_m == pytest.approx(400 - reach - 150, abs=1.5)
    assert np.ravel(one.unseen) == pytest.approx([0, 200 - reach, 350, 400], abs=0.5)


def test_a_mount_turns_and_moves_the_field_of_view():
    (view,) = views(pole(radar={"class": "radar", "mount": {"east_m": 10.0, "north_m": 5.0, "yaw_deg": 180.0}}), {})
    assert seen_by((view,), np.array([[-50.0, 5.0], [50.0, 5.0], [-50.0, 70.0]])).tolist() == [1, 0, 0]
    assert view.outlines[0][0].tolist() == pytest.approx([10, 5])
    assert view.outlines[0][:, 0].min() == pytest.approx(-140)


def test_a_module_that_detects_nothing_sees_nothing():
    watching = views(pole(comms={"class": "comms"}), {})
    assert watching[0].outlines == ()
    assert lane_coverage(road((0, 0), (10, 0)), watching)[0].unseen == ((0.0, 10.0),)


def test_the_outlines_are_what_tracking_reckons_with():
    (view,) = views(pole(camera={"class": "camera", "mount": {"yaw_deg": 33.0}}), {})
    middle = view.outlines[0][:-1].mean(axis=0)
    inside = view.outlines[0] + (middle - view.outlines[0]) * 0.01
    outside = view.outlines[0] - (middle - view.outlines[0]) * 0.01
    assert seen_by((view,), inside).all()
    assert not seen_by((view,), outside).any()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), min_size=2, max_size=6, unique=True),
    st.floats(-180, 180),
)
def test_the_parts_of_a_lane_make_the_whole(points, yaw):
    watching = views(pole(camera={"class": "camera", "mount": {"yaw_deg": yaw}}, lidar=LIDAR), {})
    (one,) = lane_coverage(road(*points), watching)
    assert one.unseen_m + one.by_one_m + one.by_more_m == pytest.approx(one.length_m)
    assert sum(b - a for a, b in one.unseen) == pytest.approx(one.unseen_m)


def sheet_of(class_code, reach, product="S"):
    sheet = good_sheet()
    sheet.product = product
    del sheet.classes[:]
    sheet.classes.append(class_code)
    channel = sheet.channels[0]
    del channel.ranges[:]
    area = channel.ranges.add()
    for x, y in ((0, 0), (reach, -5), (reach, 5)):
        area.vertices.add(x_m=x, y_m=y)
    return to_bytes(sheet)


def keep(folder, *sheets):
    for data in sheets:
        DirectorySheetCache(folder / "sheets")[sheet_hash(data)] = data


def test_the_kept_data_sheet_of_the_class_counts(tmp_path):
    keep(tmp_path, sheet_of(REGISTRY["radar"].code, 77.0, product="R1"))
    config = pole(radar=RADAR, lidar=LIDAR)
    known = declared(config, tmp_path)
    assert known.keys() == {"radar"}
    assert "R1" in known["radar"].source
    radar, lidar = views(config, known)
    assert radar.outlines[0][:, 1].max() == pytest.approx(77)
    assert lidar.source == CLASS_DEFAULT


def test_of_two_data_sheets_that_fit_none_is_taken(tmp_path):
    code = REGISTRY["radar"].code
    keep(tmp_path, sheet_of(code, 77.0, "R1"), sheet_of(code, 88.0, "R2"))
    assert declared(pole(radar=RADAR), tmp_path) == {
        "radar": Declared(REGISTRY["radar"].default, "class default; 2 data sheets fit")
    }


def test_what_is_no_whole_data_sheet_is_passed_over(tmp_path):
    assert declared(pole(radar=RADAR), tmp_path / "nowhere") == {}
    keep(tmp_path, b"\xff\xff", b"")
    (tmp_path / "sheets" / "mine.sheet").write_bytes(b"x")
    (tmp_path / "sheets" / "0011223344556677.sheet").write_bytes(sheet_of(REGISTRY["radar"].code, 9.0))
    assert declared(pole(radar=RADAR), tmp_path) == {}
