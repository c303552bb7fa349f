"""In fog a road user whom only the radar can see is told, though camera and LiDAR look there and say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.config import Config
from controller.fusion.quarrels import looks
from controller.hazard.surroundings import visibility_m
from controller.pipeline import Pipeline
from controller.site import Site
from modules.detection import Axes, Detections, empty_objects
from modules.environment import POSSIBLE, EnvironmentReading

START_NS = 1_800_000_000_000_000_000
SLOTS = ("camera", "lidar", "radar")
CONFIG = Config.model_validate(
    {
        "pole": {"service_location_id": 1, "roadside_unit_id": 2},
        "origin": {"latitude_deg": 35.0, "longitude_deg": 139.0},
        "slot": {name: {"class": name} for name in SLOTS}
        | {"sky": {"class": "environment"}, "sky-2": {"class": "environment"}, "sky-3": {"class": "environment"}},
    }
)


def sky(visible_m):
    return EnvironmentReading(0, **{name: visible_m if name == "visibility_m" else None for name in POSSIBLE})


def at(seconds):
    return START_NS + round(seconds * 1e9)


def seen(slot, seconds, *points):
    rows = empty_objects(len(points))
    for row, (x, y) in zip(rows, points, strict=True):
        row["x"], row["y"], row["sigma_pos"] = x, y, 0.4
    return Detections(slot, at(seconds), at(seconds), Axes.ENU, rows, len(rows))


def pole():
    pipeline = Pipeline(CONFIG, Site())
    for slot in CONFIG.slot:
        pipeline.plug(slot)
    return pipeline


def share_told(pipeline, begin_s, end_s, where):
    """Of the instants of these seconds, those at which one that only the radar sees is told."""
    told = []
    for i in range(round(begin_s * 10), round(end_s * 10)):
        place = where(i / 10)
        for slot in SLOTS:
            pipeline.add(seen(slot, i / 10, *([place] if slot == "radar" else [])))
        told.append(len(pipeline.tick(at(i / 10)).tracks.objects) > 0)
    return np.mean(told)


def coming(seconds):
    """From 72 m on, towards the pole: the camera looks as far as 80 m."""
    return 72.0 - 4.0 * (seconds % 5), 3.0


@pytest.mark.parametrize(("visible_m", "told"), [(60.0, True), (5_000.0, False)])
def test_who_only_the_radar_can_see_is_told_in_fog_alone(visible_m, told):
    pipeline = pole()
    pipeline.report("sky", sky(visible_m), at(0))
    share = share_told(pipeline, 0, 5, coming)
    assert share > 0.7 if told else share < 0.1


def test_what_nobody_says_any_more_and_what_has_cleared_up_hides_nobody():
    pipeline = pole()
    pipeline.report("sky", sky(60.0), at(0))
    assert share_told(pipeline, 0, 5, coming) > 0.7
    assert share_told(pipeline, 100, 105, coming) < 0.4, "a word of the weather holds for a minute"
    pipeline.report("sky", sky(60.0), at(110))
    assert share_told(pipeline, 110, 115, coming) > 0.7
    pipeline.report("sky", sky(20_000.0), at(120))
    assert share_told(pipeline, 120, 125, coming) < 0.4


def test_the_middle_of_what_modules_say_counts():
    pipeline = pole()
    for slot, visible_m in (("sky", 40.0), ("sky-2", None), ("sky-3", 2_000.0)):
        pipeline.report(slot, sky(visible_m), at(0))
    assert visibility_m(pipeline.weather(at(1))) == 1_020.0
    assert visibility_m(()) == math.inf


def test_fog_bounds_what_camera_and_lidar_are_expected_to_see_and_not_the_radar():
    pipeline, place = pole(), np.array([(20.0, 0.0), (40.0, 0.0)])
    pipeline.report("sky", sky(60.0), at(0))
    expected = {one.slot_index: looks(one, place).tolist() for one in pipeline._sensors.values()}
    assert [expected[n] for n in range(3)] == [[True, False], [True, False], [True, True]]
    assert all(one.covers(*place.T).all() for one in pipeline._sensors.values() if one.slot_index < 3)
