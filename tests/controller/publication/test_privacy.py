"""What leaves the pole tells of road users where they were, never who: no pictures, no names that last."""

from __future__ import annotations

import numpy as np

from controller.fusion.tracker import Tracker
from controller.publication.radio.short_id import ShortIds
from interfaces.proto import recording_pb2
from interfaces.topics import TOPICS
from modules.detection import Axes, Detections, empty_objects
from tests.controller.fusion import scene

DAY_S = 86_400
OF_MODULES = {"ModuleIdentity.uid", "ModuleIdentity.firmware_hash", "ModuleIdentity.sheet_hash"}


def fields(descriptor, seen):
    """Every field that a message can carry, through all messages inside it."""
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None:
            yield from fields(field.message_type, seen)


def raw(descriptors):
    seen = set()
    found = [field for one in descriptors for field in fields(one, seen) if field.type == field.TYPE_BYTES]
    return {f"{field.containing_type.name}.{field.name}" for field in found}


def test_nothing_published_can_carry_a_picture():
    assert raw(row.message.DESCRIPTOR for row in TOPICS) == OF_MODULES


def test_nothing_recorded_can_carry_a_picture():
    found = raw(recording_pb2.DESCRIPTOR.message_types_by_name.values())
    assert {one.split(".")[1] for one in found} <= {"exact"}, found


def test_a_module_cannot_hand_over_a_picture_of_a_road_user():
    assert {name for name in empty_objects(0).dtype.names if empty_objects(0).dtype[name].kind not in "fiu"} == set()


def passing(tracks, begin_s, module_id):
    """A car that drives by for 2 s; the id of its track."""
    for k in range(20):
        rows = empty_objects(1)
        rows["x"], rows["y"], rows["vx"] = 10.0 * k / 10, 3.0, 10.0
        rows["sigma_pos"], rows["confidence"], rows["object_class"], rows["id"] = 0.2, 0.8, scene.CAR, module_id
        stamp = scene.START_NS + round((begin_s + k / 10) * 1e9)
        tracks.add(Detections("lidar", stamp, stamp, Axes.ENU, rows, 1))
    (seen,) = tracks.at(stamp).objects
    return int(seen["id"])


def test_who_comes_again_is_somebody_else():
    tracks = Tracker(scene.sensors(), history_s=1.0, coast_s=1.5, seed=3)
    days = [passing(tracks, day * DAY_S + passes * 60.0, 77) for day in range(5) for passes in range(4)]
    assert len(set(days)) == len(days)
    assert 77 not in days, "not the module's number either"


def test_ids_do_not_tell_their_order():
    tracks = Tracker(scene.sensors(), history_s=1.0, coast_s=1.5, seed=3)
    steps = np.diff([passing(tracks, 60.0 * n, 1) for n in range(30)])
    assert 5 < np.count_nonzero(steps > 0) < 25


def test_short_numbers_are_given_to_others_again():
    short = ShortIds(8)
    (first,) = short.of([0x1234])
    short.of([])
    assert short.of([0x9934]) == [first]
