"""The simulated radio: the vehicles it hears are those on the road, and it keeps what it is to send."""

from __future__ import annotations

import numpy as np
import pytest

from controller.cooperative import Cooperative
from controller.geometry import LocalFrame
from interfaces.proto import pmi_pb2 as pb
from modules import comms
from sim.radio import SimRadio
from sim.road import TRUTH
from sim.scene import ORIGIN

T0 = 1_760_000_000_000_000_000


def road(count):
    rows = np.zeros(count, TRUTH)
    rows["id"], rows["object_class"] = np.arange(count) + 1, 2
    rows["x"], rows["y"], rows["vx"], rows["vy"] = 10.0 * np.arange(count), 5.0, 8.0, 0.0
    rows["length"], rows["width"], rows["height"] = 4.5, 1.8, 1.5
    return rows


def radio(equipped=1.0):
    return SimRadio(ORIGIN, lambda: T0, equipped=equipped)


def test_what_it_hears_is_where_it_is():
    frame = LocalFrame.of(ORIGIN)
    body = radio().received(road(5), 7, 1, 8)
    reading = comms.read(body, comms.DEFAULT)
    seen = Cooperative(frame, ORIGIN.geoid_height_m, 300.0).detections("comms", reading, T0, T0, 0.0)
    rows = np.sort(seen.objects, order="x")
    assert len(set(rows["id"].tolist())) == 5
    assert rows["x"] == pytest.approx(10.0 * np.arange(5), abs=5.0)
    assert rows["vx"] == pytest.approx(np.full(5, 8.0), abs=0.01)
    assert rows["z"] == pytest.approx(np.zeros(5), abs=0.2)


def test_the_nearest_are_heard_and_the_rest_counted():
    body = radio().received(road(40), 7, 1, 3)
    assert (len(body.payloads), body.total) == (3, 25), "250 m reach"


def test_people_and_vehicles_without_a_radio_are_not_heard():
    rows = road(30)
    rows["object_class"][::2] = 6
    assert radio().received(rows, 7, 1, 30).total == 12
    some = radio(0.3).received(road(25), 7, 1, 30).total
    assert 0 < some < 20
    assert radio(0.3).received(road(25), 7, 2, 30).total == some, "always the same ones"
    assert radio(0.0).received(road(25), 7, 1, 30).total == 0


def test_what_it_is_to_send_is_kept_and_counted():
    one = radio()
    for kind in (pb.ETSI_CPM, pb.ETSI_CPM, pb.ETSI_DENM):
        one.send(pb.RadioSend(format=kind))
    assert one.counters == {pb.ETSI_CPM: 2, pb.ETSI_DENM: 1}
    assert len(one.sent) == 3
