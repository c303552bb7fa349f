"""Local metres, WGS84 and mounting poses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.config import Mount, Origin
from controller.geometry import (
    SEMI_MAJOR_M,
    SEMI_MINOR_M,
    LocalFrame,
    ecef,
    heading_deg_from_north,
    mount_rotation,
    place,
    yaw_from_heading,
)
from modules.detection import Axes, Detections, empty_objects

HITACHI = LocalFrame(36.5, 140.6, 70.0)
LATITUDES, LONGITUDES = st.floats(-85, 85), st.floats(-180, 180)


def detections(axes: Axes, **columns: object) -> Detections:
    count = max(np.size(column) for column in columns.values())
    rows = empty_objects(count)
    for name, column in columns.items():
        rows[name] = column
    return Detections("camera", 1, 2, axes, rows, count, 0.003)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((0.0, 0.0, 0.0), (SEMI_MAJOR_M, 0.0, 0.0)),
        ((0.0, 90.0, 100.0), (0.0, SEMI_MAJOR_M + 100, 0.0)),
        ((90.0, 0.0, 0.0), (0.0, 0.0, SEMI_MINOR_M)),
        ((-90.0, 0.0, -7.0), (0.0, 0.0, -SEMI_MINOR_M + 7)),
    ],
)
def test_ecef_on_the_axes_of_the_ellipsoid(point: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert ecef(*point) == pytest.approx(expected, abs=1e-8)


def test_enu_agrees_with_the_textbook_in_exact_arithmetic() -> None:
    # EPSG Guidance Note 7-2, topocentric example (method 9837): 53°48'33.82"N 2°07'46.38"E 73 m from 55°N 5°E 200 m.
    x, y, z = LocalFrame(55.0, 5.0, 200.0).to_enu(53 + 48 / 60 + 33.82 / 3600, 2 + 7 / 60 + 46.38 / 3600, 73.0)
    assert (float(x), float(y), float(z)) == pytest.approx((-189013.869, -128642.040, -4220.171), abs=2e-3)


@settings(max_examples=150, deadline=None)
@given(LATITUDES, LONGITUDES, st.tuples(*[st.floats(-10_000, 10_000)] * 2, st.floats(-500, 5000)))
def test_enu_round_trip(latitude: float, longitude: float, point: tuple[float, float, float]) -> None:
    frame = LocalFrame(latitude, longitude, 120.0)
    back = frame.to_enu(*frame.to_wgs84(*point))
    # On the ground bounded by rounding: of degrees (1e-14 deg is 1e-9 m), of earth-centred metres.
    assert np.allclose(back, point, rtol=0, atol=2e-8 + 3e-7 * (point[2] / 5000) ** 2)


@pytest.mark.parametrize(("origin", "east", "expected"), [(179.9999, 100.0, -179.999), (-179.9999, -100.0, 179.999)])
def test_a_frame_may_lie_across_the_date_line(origin: float, east: float, expected: float) -> None:
    _, longitude, _ = LocalFrame(36.5, origin, 70.0).to_wgs84([east, 0.0], [0.0, 0.0], 0.0)
    assert longitude == pytest.approx([expected, origin], abs=1e-3)


def test_points_of_one_height_are_told_by_one_number() -> None:
    rows = HITACHI.to_wgs84([30.0, 40.0, 50.0], [1.0, 2.0, 3.0], 0.0)
    single = [HITACHI.to_wgs84(x, y, 0.0) for x, y in ((30.0, 1.0), (40.0, 2.0), (50.0, 3.0))]
    assert np.array_equal(np.transpose(rows), single)


def test_the_configured_origin_is_orthometric() -> None:
    origin = Origin(latitude_deg=36.0, longitude_deg=140.0, altitude_m=30.0, geoid_height_m=40.5)
    assert LocalFrame.of(origin).height_m == 70.5


def test_arrays_and_nan_pass_through() -> None:
    x, y, z = HITACHI.to_enu(np.array([36.5, np.nan]), np.array([140.6, 140.6]), 70.0)
    assert np.allclose((x[0], y[0], z[0]), 0, atol=1e-8)
    assert np.isnan((x[1], y[1], z[1])).all()


def test_north_is_y_and_east_is_x() -> None:
    x, y, _ = HITACHI.to_enu(36.501, 140.6, 70.0)
    assert y == pytest.approx(110.97, abs=0.05)
    assert abs(x) < 1e-6
    x, y, _ = HITACHI.to_enu(36.5, 140.601, 70.0)
    assert x == pytest.approx(89.6, abs=0.05)


def test_a_module_looking_north() -> None:
    seen = detections(
        Axes.MODULE,
        x=10.0,
        y=2.0,
        z=-5.0,
        vx=3.0,
        vy=0.0,
        yaw=0.1,
        yaw_rate=0.2,
        cov_xx=4.0,
        cov_xy=0.5,
        cov_yy=1.0,
        range_rate=2.0,
    )
    placed, dropped = place(seen, Mount(east_m=100, north_m=50, height_m=6, yaw_deg=90), HITACHI)
    row = placed.objects[0]
    assert dropped == 0
    assert placed.axes is Axes.ENU
    assert (placed.slot, placed.measured_at_ns, placed.arrived_at_ns, placed.clock_error_s) == ("camera", 1, 2, 0.003)
    assert (row["x"], row["y"], row["z"]) == pytest.approx((98.0, 60.0, 1.0))
    assert (row["vx"], row["vy"]) == pytest.approx((0.0, 3.0), abs=1e-12)
    assert row["yaw"] == pytest.approx(math.pi / 2 + 0.1)
    assert (row["cov_xx"], row["cov_xy"], row["cov_yy"]) == pytest.approx((1.0, -0.5, 4.0))
    assert (row["yaw_rate"], row["range_rate"]) == (0.2, 2.0)
    assert seen.objects[0]["x"] == 10.0


def test_pitch_is_positive_down() -> None:
    down = mount_rotation(Mount(pitch_deg=30))
    assert down @ (1, 0, 0) == pytest.approx((math.cos(math.pi / 6), 0, -0.5))
    assert np.allclose(down @ down.T, np.eye(3))


def test_a_tilted_camera_with_unknown_z_sees_the_ground() -> None:
    mount = Mount(height_m=6, pitch_deg=20, yaw_deg=35)
    ground = np.array([25.0, 14.0, 0.0])
    in_module = mount_rotation(mount).T @ (ground - (0, 0, 6))
    placed, _ = place(detections(Axes.MODULE, x=in_module[0], y=in_module[1]), mount, HITACHI)
    assert (placed.objects["x"][0], placed.objects["y"][0]) == pytest.approx((25.0, 14.0))
    assert np.isnan(placed.objects["z"][0])


def test_wgs84_rows_keep_unknown_height_unknown() -> None:
    latitude, longitude, height = HITACHI.to_wgs84([30.0, 30.0], [40.0, 40.0], [2.0, 0.0])
    seen = detections(Axes.WGS84, x=longitude, y=latitude, z=[float(height[0]), np.nan])
    placed, dropped = place(seen, Mount(yaw_deg=77, east_m=9), HITACHI)
    assert dropped == 0
    assert placed.objects["x"] == pytest.approx([30.0, 30.0], abs=1e-4)
    assert placed.objects["y"] == pytest.approx([40.0, 40.0], abs=1e-4)
    assert placed.objects["z"][0] == pytest.approx(2.0, abs=1e-6)
    assert np.isnan(placed.objects["z"][1])


def test_impossible_positions_are_dropped_and_counted() -> None:
    seen = detections(Axes.ENU, x=[1.0, np.nan, np.inf, 2e4, -3.0, 1e308], y=[1.0, 0.0, 0.0, 0.0, -2e4, 1e308])
    placed, dropped = place(seen, Mount(), HITACHI)
    assert dropped == 5
    assert placed.objects["x"].tolist() == [1.0]
    assert placed.total == seen.total


def test_headings() -> None:
    assert heading_deg_from_north([0.0, math.pi / 2, math.pi, -math.pi / 2]) == pytest.approx([90, 0, 270, 180])
    assert np.isnan(heading_deg_from_north(np.nan))
    headings = heading_deg_from_north(np.linspace(-20, 20, 4001))
    assert headings.min() >= 0
    assert headings.max() < 360
    assert heading_deg_from_north(math.pi / 2 + 1e-17) < 360
    assert heading_deg_from_north(yaw_from_heading([10.0, 350.0])) == pytest.approx([10, 350])
