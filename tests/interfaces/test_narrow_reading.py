"""A consumer's patience with a pole on a narrow uplink: it speaks less often and is not taken for gone."""

from __future__ import annotations

from controller.publication.narrow_form import narrow, narrow_objects
from interfaces import topics
from interfaces.object_reader import STALE_NARROW_S, STALE_S, ObjectReader
from interfaces.pole_reader import SILENT_NARROW_S, SILENT_S, PoleReader, Standing
from interfaces.reception import decode
from tests.controller.publication.busy_road import SENDER, BusyRoad

ROAD = BusyRoad()


def take(reader, one, now_s):
    return list(reader.take(decode(one.topic, one.payload, SENDER.root), now_s))


def test_a_status_every_ten_seconds_is_not_silence():
    reader, status = PoleReader(), narrow(ROAD.status(0.0)[0], topics.STATUS)
    assert take(reader, status, 0.0)[0].standing is Standing.AVAILABLE
    assert reader.due(SILENT_S + 1) == []
    assert reader.due(SILENT_NARROW_S)[0].standing is Standing.SILENT


def test_a_picture_every_second_is_not_stale():
    reader, (picture, _) = ObjectReader(), narrow_objects(ROAD.objects(0.0)[0], 400)
    assert len(take(reader, picture, 0.0)[0].objects) >= 5
    assert reader.due(STALE_S + 0.5) == []
    assert reader.due(STALE_NARROW_S)[0].stale
