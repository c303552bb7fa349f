"""Readers: what a consumer is told of hazards, poles, objects and near misses, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.publication.narrow_form import narrow, narrow_objects
from controller.publication.narrow_form import row_of as narrow_row_of
from interfaces.area import Box, Polygon, Route
from interfaces.event_reader import FilterReader, NearMissReader, events_of
from interfaces.hazard_reader import Change, End, HazardReader
from interfaces.object_reader import STALE_S, ObjectReader
from interfaces.pole_reader import SILENT_S, PoleReader, Standing
from interfaces.reader import Deadlines
from interfaces.reception import Once, PoleId, decode
from interfaces.spatial_id import voxel
from interfaces.topics import ROOT
from tests.published import AT, SENDER, Phase, danger, everything, gone, road, state
from tests.published import HAZARD as SEEN

LATITUDE, LONGITUDE = AT
FAR = replace(SENDER, roadside_unit_id=10)
AROUND = Polygon(
    tuple((LATITUDE + n, LONGITUDE + e) for n, e in [(-0.01, -0.01), (-0.01, 0.01), (0.01, 0.01), (0.01, -0.01)])
)
BOX = Box(voxel(*AT, 10.0, 14))
EAST = Route(((LATITUDE, LONGITUDE), (LATITUDE, LONGITUDE + 0.01)), 100.0)


def heard(publication, **changes):
    """As it arrives: the broker counts the expiry down."""
    one = replace(publication, **changes)
    left_s = None if one.expiry_s is None else max(1, round(one.expiry_s))
    return decode(one.topic, one.payload, ROOT, dict(one.user_properties), left_s)


def told(reader, publications, now_s=0.0):
    """What the reader says to publications as they arrive, twins among them."""
    arrived = [heard(one) for one in publications]
    return [event for one in arrived if one is not None for event in reader.take(one, now_s)]


def test_a_hazard_begins_changes_and_ends():
    reader = HazardReader()
    (new,) = told(reader, danger())
    assert (new.change, new.hazard.kind, new.id) == (Change.NEW, "wrong_way", (7, 9, 5))
    (update,) = told(reader, danger(Phase.UPDATE, sequence=2, x=30.0))
    assert (update.change, reader.live[new.id].hazard.event_position.x_m) == (Change.UPDATE, 30.0)
    said, _, clear, _ = danger(Phase.CANCEL, sequence=3)
    (over,) = told(reader, [said])
    assert (over.change, over.end, over.hazard.event_position.x_m) == (Change.OVER, End.CANCELLED, 30.0)
    assert told(reader, [clear]) == []
    assert not reader.live
    assert reader.next_s is None


def test_who_joins_late_hears_of_a_new_hazard():
    (event,) = told(HazardReader(), danger(Phase.UPDATE, sequence=9))
    assert event.change is Change.NEW
    assert told(HazardReader(), danger(Phase.CANCEL, sequence=9)) == []


def test_who_missed_the_cancel_hears_that_it_was_cleared():
    reader = HazardReader()
    told(reader, danger())
    (over,) = told(reader, danger(Phase.CANCEL, sequence=2)[2:3])
    assert over.end is End.CLEARED


def test_a_hazard_of_which_nothing_is_heard_expires_once():
    reader = HazardReader()
    told(reader, danger(), now_s=100.0)
    assert reader.next_s == 105.0
    assert reader.due(104.9) == []
    told(reader, danger(Phase.UPDATE, sequence=2), now_s=103.0)
    assert reader.due(105.1) == []
    (over,) = reader.due(108.0)
    assert (over.end, reader.live) == (End.EXPIRED, {})
    assert reader.due(200.0) == []


def test_repeats_and_what_comes_late_change_nothing():
    reader = HazardReader()
    first, second, last = danger(), danger(Phase.UPDATE, sequence=2), danger(Phase.CANCEL, sequence=3)
    assert len(told(reader, [*first, *first, *second, *first])) == 2
    assert len(told(reader, last[:2])) == 1
    assert told(reader, [*first, *second, *last]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12))
def test_any_order_ends_as_the_newest_statement_says(order):
    statements = [danger()[0], danger(Phase.UPDATE, sequence=2)[0], danger(Phase.CANCEL, sequence=3)[0]]
    statements.append(danger(Phase.UPDATE, sequence=4)[0])
    reader = HazardReader()
    events = told(reader, [statements[one] for one in order])
    newest = max(order, default=2)
    assert bool(reader.live) == (newest != 2)
    alive = False
    for event in events:
        assert (event.change is Change.NEW) == (not alive)
        alive = event.change is not Change.OVER


def test_a_hazard_told_after_its_validity_is_past():
    late = replace(danger()[0], expiry_s=None, retain=False)
    assert told(HazardReader(), [late]) == []
    bare = decode(late.topic, late.payload, ROOT)
    (event,) = HazardReader().take(bare, 0.0)
    assert event.change is Change.NEW, "a broker of MQTT 3.1.1 takes the properties away: the validity counts"


def short(publication):
    """As the pole says it on a narrow uplink."""
    return narrow(publication, narrow_row_of(publication))


def test_the_short_forms_of_a_narrow_uplink_are_found_in_their_places():
    (new,) = told(HazardReader(BOX), [short(danger()[0])])
    assert (new.change, new.hazard.event_position.spatial_id) == (Change.NEW, "")
    assert told(HazardReader(Box.parse("18/0/1/1")), [short(danger()[0])]) == []
    assert told(HazardReader(), [replace(short(danger()[0]), expiry_s=None)]) == [], "told late"
    near = everything()["nearmiss"][0]
    assert len(told(NearMissReader(), [near, short(near)])) == 1
    (picture,) = told(ObjectReader(area=BOX), [narrow_objects(road((0.0, 0.0), (5000.0, 0.0))[0], 1000)[0]])
    assert (len(picture.objects), picture.left_out) == (1, 0)
    crowd = road(*[(0.0, 1.0 * one) for one in range(50)])[0]
    (picture,) = told(ObjectReader(), [narrow_objects(crowd, 500)[0]])
    assert picture.left_out == 50 - len(picture.objects) > 0


def test_hazards_of_another_place_are_left_out_and_one_that_drives_out_is_over():
    reader = HazardReader(AROUND)
    assert len(told(reader, danger())) == 1
    (over,) = told(reader, danger(Phase.UPDATE, sequence=2, x=5000.0))
    assert (over.end, reader.live) == (End.LEFT, {})
    assert told(reader, danger(Phase.UPDATE, sequence=3, x=5100.0)) == []
    (back,) = told(reader, danger(Phase.UPDATE, sequence=4, x=20.0))
    assert back.change is Change.NEW


def test_hazards_on_a_route_have_their_distance():
    (event,) = told(HazardReader(EAST), danger())
    assert event.spot.along_m == pytest.approx(SEEN.x, abs=0.1)
    assert event.spot.left_m == pytest.approx(SEEN.y, abs=0.1)


def test_another_major_version_is_told_and_skipped():
    one = danger()[0]
    newer = dict(one.user_properties) | {"spec": "2.0"}
    found = decode(one.topic, one.payload, ROOT, newer, 5)
    assert "version 2.0" in found.error
    assert "1.x" in found.error
    assert list(HazardReader().take(found, 0.0)) == []
    assert decode(one.topic, one.payload, ROOT, newer | {"spec": "1.9"}, 5).message is not None
    assert "error" in found.as_dict()
    with pytest.raises(ValueError, match="no message"):
        _ = found.pole


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([publications[0].topic for publications in everything().values()]))
def test_any_bytes_are_read_or_named(payload, topic):
    found = decode(topic, payload, ROOT)
    assert found.message is not None or found.error or not payload
    for area in (AROUND, EAST, Box.parse("14/0/14549/6459")):
        for reader in (HazardReader(area), PoleReader(area), ObjectReader(area=area), NearMissReader(area)):
            list(reader.take(found, 0.0))


def test_a_clear_on_a_topic_with_no_numbers_is_nobodys():
    assert list(HazardReader().take(decode(f"{ROOT}/hazard/a/b/c/d/x/y/z", b"", ROOT), 0.0)) == []


def test_a_poles_standing():
    reader = PoleReader()
    (event,) = told(reader, state())
    assert (event.pole, event.standing, event.reasons) == (
        PoleId(7, 9),
        Standing.DEGRADED,
        ("required slot cam is LOST",),
    )
    assert told(reader, state(2), 1.0) == [], "nothing changed"
    (event,) = told(reader, state(3, availability=0, reasons=()), 2.0)
    assert event.standing is Standing.AVAILABLE
    assert reader.due(2.0 + SILENT_S - 0.1) == []
    (event,) = reader.due(2.0 + SILENT_S)
    assert event.standing is Standing.SILENT
    assert reader.due(99.0) == []
    (event,) = told(reader, state(4, availability=2), 100.0)
    assert event.standing is Standing.UNAVAILABLE
    (event,) = told(reader, [gone()], 101.0)
    assert (event.standing, event.reasons) == (Standing.GONE, ("connection to the pole lost",))
    assert reader.next_s is None, "who is gone does not fall silent"


def test_poles_of_an_area_are_known_by_their_profile():
    profile, status = everything()["profile"], everything()["status"]
    inside, outside = PoleReader(AROUND), PoleReader(Polygon(((0, 0), (0, 1), (1, 1))))
    assert told(inside, status) == []
    (event,) = told(inside, profile)
    assert event.profile.name == "見本"
    assert told(outside, [*status, *profile]) == []
    assert told(PoleReader(AROUND), [*profile, *status])[0].standing is Standing.DEGRADED


def test_objects_newest_only_and_stale_when_none_come():
    reader = ObjectReader()
    (picture,) = told(reader, road((0.0, 0.0), (5000.0, 0.0), sequence=2))
    assert len(picture.objects) == 2
    assert told(reader, road((0.0, 0.0), sequence=1)) == []
    assert reader.due(STALE_S - 0.01) == []
    (stale,) = reader.due(STALE_S)
    assert stale.stale
    assert reader.newest[PoleId(7, 9)].stale
    assert reader.due(99.0) == []


def test_objects_of_an_area_and_of_some_poles():
    (picture,) = told(ObjectReader(area=AROUND), road((0.0, 0.0), (5000.0, 0.0)))
    assert [one.id for one in picture.objects] == [1]
    only = ObjectReader([PoleId(7, 10)])
    assert only.filters == ("pole/7/10/objects",)
    assert told(only, road((0.0, 0.0))) == []


def test_near_misses_come_once():
    reader, made = NearMissReader(AROUND), everything()["nearmiss"]
    (one,) = told(reader, [*made, *made])
    assert (one.pet_s, one.nedo_level) == (0.9, "中")
    assert told(NearMissReader(Polygon(((0, 0), (0, 1), (1, 1)))), made) == []


def test_everything_below_a_filter():
    reader = FilterReader(["pole/+/9/#"])
    kinds = [one.kind for publications in everything().values() for one in told(reader, publications)]
    assert kinds == ["status", "profile", "slot", "objects"]


def test_events_of_other_places_are_left_out_of_everything():
    all_of_it = [one for publications in everything().values() for one in publications]
    inside = told(FilterReader(area=AROUND), all_of_it)
    assert {one.kind for one in inside} == everything().keys()
    elsewhere = Polygon(((0, 0), (0, 1), (1, 1)))
    outside = [
        one for publications in everything().values() for one in told(FilterReader(area=elsewhere), publications)
    ]
    assert {one.kind for one in outside} == {"status", "profile", "slot", "objects"}
    assert len(told(FilterReader(area=elsewhere), danger(Phase.CANCEL)[2:])) == 1, "a cleared message has no place"
    assert all(one.startswith(("hazard/133002/", "nearmiss/133002/", "weather/133002/")) for one in events_of(AROUND))


def test_repeats_are_known_for_a_while_only():
    once = Once(2)
    assert [once.first(name) for name in "aabbcca"] == [True, False, True, False, True, False, True]


def test_deadlines():
    deadlines = Deadlines()
    assert deadlines.next_s is None
    deadlines.set("a", 3.0)
    deadlines.set("b", 1.0)
    deadlines.set("a", 2.0)
    assert (deadlines.next_s, deadlines.passed(1.5), deadlines.next_s) == (1.0, ["b"], 2.0)
    deadlines.drop("a")
    deadlines.drop("a")
    assert deadlines.passed(9.0) == []


def test_readers_ask_for_their_own_rows_only():
    assert HazardReader().filters == ("hazard/+/+/+/+/+/+/+",)
    assert PoleReader().filters == ("pole/+/+/profile", "pole/+/+/status")
    assert ObjectReader().filters == ("pole/+/+/objects",)
    assert all(one.startswith("hazard/133002/") for one in HazardReader(AROUND).filters)
