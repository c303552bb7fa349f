"""Comms modules: reports, what a radio heard, and a capability that says how little a radio proves."""

from __future__ import annotations

import pytest

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from modules import comms


def sheet(*types):
    channels = [pb.Channel(channel=n, message_type=kind, max_rate_mhz=10_000) for n, kind in enumerate(types)]
    return pb.DataSheet(channels=channels)


def test_a_modem_detects_nothing():
    can = comms.capability(sheet(MessageType.COMMS_STATUS))
    assert (can.rate_hz, can.detection_probability, can.max_objects) == (10.0, 0.0, 0)


def test_a_radio_detects_those_who_speak():
    declared = sheet(MessageType.COMMS_STATUS, MessageType.RADIO_RECEIVED)
    declared.channels[1].max_objects = 12
    declared.channels[1].latency_p95_us = 20_000
    can = comms.capability(declared)
    assert (can.rate_hz, can.max_objects, can.latency_s) == (10.0, 12, 0.02)
    assert can.module_class == pb.COMMS
    assert 0 < can.detection_probability < 0.1
    assert can.accuracy[0][1] >= 1.0


def test_a_radio_alone_is_no_comms_module():
    assert comms.faults(sheet(MessageType.RADIO_RECEIVED))
    assert not comms.faults(sheet(MessageType.COMMS_STATUS))


def test_a_report_of_the_link():
    body = pb.CommsStatus(t_us=1, up=True, uplink_bps=5, technology="5G", radio_busy_percent=30, radio_sent=7)
    reading = comms.read(body, comms.DEFAULT)
    assert (reading.rssi_dbm, reading.radio_busy_percent, reading.radio_sent, reading.radio_dropped) == (None, 30, 7, 0)
    assert comms.read(pb.CommsStatus(), comms.DEFAULT).radio_busy_percent is None


@pytest.mark.parametrize(("count", "size", "kept"), [(0, 0, 0), (3, 100, 3), (20, 100, 16), (2, 1401, 0)])
def test_what_was_heard_is_bounded(count, size, kept):
    body = pb.RadioReceived(t_us=9, payloads=[pb.RadioPayload(t_us=8, format=1, payload=bytes(size))] * count)
    reading = comms.read(body, comms.DEFAULT)
    assert (reading.t_us, len(reading.heard), reading.total) == (9, kept, count)
    assert all(one.payload == bytes(size) for one in reading.heard)
