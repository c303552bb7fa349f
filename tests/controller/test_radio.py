"""The radio programme: what goes out when, in virtual time; and the queue before each comms module."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import Mount, Radio
from controller.hazard.hazard import Phase
from controller.publication.radio import rc016, rc016_csma, uper
from controller.radio import SENDINGS, Programme, TxPayload, cpm_sensor
from controller.radio_queue import BURST_S, HAZARDS_MAX, RadioQueue
from interfaces.proto import pmi_pb2 as pb
from interfaces.wire_cost import WireCost
from modules import radar
from tests.controller.publication.radio.scene import HAZARD, STATION, T0, tracks

MS = 1_000_000


@pytest.fixture(scope="module")
def codec():
    return uper.load()


def programme(codec=None, **config):
    one = Programme(Radio(**config), STATION)
    one.codec = codec
    return one


def heard(one, seconds, hazards=lambda _at_ms: (), step_ms=100):
    """(ms, name, payload) of everything that a programme sends."""
    names = {row.format: name for name, row in SENDINGS.items()}
    for at_ms in range(0, round(seconds * 1000), step_ms):
        for payload in one.due(tracks(8, valid_at_ns=T0 + at_ms * MS), hazards(at_ms)):
            yield at_ms, names[payload.sending.format], payload


def test_nothing_is_sent_by_itself():
    assert list(heard(programme(), 1.0)) == []


@pytest.mark.parametrize("jitter_ms", [0, -20, 25])
def test_rc016_goes_out_every_100_ms(jitter_ms):
    one = programme(send=("rc016", "rc016_csma"))
    times = {"rc016": 0, "rc016_csma": 0}
    for k in range(50):
        at_ns = T0 + (100 * k + (jitter_ms if k % 2 else 0)) * MS
        for payload in one.due(tracks(8, valid_at_ns=at_ns), ()):
            times["rc016" if payload.sending.format == pb.RC016_ROADSIDE else "rc016_csma"] += 1
    assert times == {"rc016": 50, "rc016_csma": 50}


@pytest.mark.parametrize("rate_hz", [1.0, 2.0, 5.0, 10.0])
def test_cpm_go_out_at_their_rate_and_sensors_once_a_second(codec, rate_hz):
    one = programme(codec, send=("cpm",), cpm_rate_hz=rate_hz)
    one.sensors = (cpm_sensor(0, "radar", Mount(), radar.DEFAULT),)
    sent = list(heard(one, 5.0))
    assert len(sent) == pytest.approx(5 * rate_hz, abs=1)
    messages = [codec.decode("CollectivePerceptionMessage", payload.data)["payload"] for _, _, payload in sent]
    described = [any(c["containerId"] == 3 for c in message["cpmContainers"]) for message in messages]
    assert sum(described) == 5


def test_without_a_codec_nothing_of_etsi_goes_out():
    sent = list(heard(programme(send=("cpm", "denm", "rc016")), 1.0, lambda at: (HAZARD,) if at == 0 else ()))
    assert {name for _, name, _ in sent} == {"rc016"}


def test_a_hazard_is_told_at_once_and_again_until_it_is_over(codec):
    said = {
        300: replace(HAZARD, phase=Phase.NEW, validity_s=3.0),
        1300: replace(HAZARD, phase=Phase.UPDATE, validity_s=3.0),
        2000: replace(HAZARD, phase=Phase.CANCEL),
    }
    one = programme(codec, send=("denm", "cpm"))
    sent = list(heard(one, 8.0, lambda at: (said[at],) if at in said else ()))
    denms = [(at, codec.decode("DENM", p.data)["denm"]) for at, name, p in sent if name == "denm"]
    assert [at for at, _ in denms] == [300, 800, 1300, 1800, 2000, 2500, 3000]
    assert ["termination" in one["management"] for _, one in denms] == [False] * 4 + [True] * 3
    assert len({one["management"]["actionId"]["sequenceNumber"] for _, one in denms}) == 1
    for at in (300, 1300, 2000):
        first = next(name for when, name, _ in sent if when == at)
        assert first == "denm", "hazards come first"


def test_a_hazard_that_is_never_cancelled_falls_silent(codec):
    one = programme(codec, send=("denm",))
    sent = list(heard(one, 10.0, lambda at: (replace(HAZARD, validity_s=2.0),) if at == 0 else ()))
    assert [at for at, _, _ in sent] == [0, 500, 1000, 1500, 2000]


def test_two_hazards_with_the_same_low_bits_stay_two(codec):
    one = programme(codec, send=("denm",))
    both = (HAZARD, replace(HAZARD, action_id=HAZARD.action_id + 0x1_0000))
    sent = [codec.decode("DENM", p.data)["denm"] for p in one.due(tracks(0), both)]
    assert len({m["management"]["actionId"]["sequenceNumber"] for m in sent}) == 2


def test_a_roadside_message_has_the_numbers_of_the_configuration_and_fits():
    one = programme(send=("rc016", "rc016_csma"), rc016_service_id=3, rc016_message_id=77, intersection_id=9)
    one.due(tracks(1), ())
    first, second = one.due(tracks(60, valid_at_ns=T0 + 100 * MS), ())
    assert len(first.data) <= 1100
    message, short = rc016.decode(first.data), rc016_csma.decode(second.data)
    assert (message.header["service_id"], message.header["message_id"], message.header["counter"]) == (3, 77, 3)
    assert message.header["roadside_id"] == STATION.station_id
    assert short.header["intersection_id"] == 9
    assert len(short.objects) == 5
    assert len({one["object_id"] for one in short.objects}) == 5


def test_a_payload_as_it_travels():
    sent = TxPayload(SENDINGS["cpm"], b"abc", 2).message()
    assert (sent.stream, sent.part, sent.format, sent.payload) == (3, 2, pb.ETSI_CPM, b"abc")
    assert {row.stream for name, row in SENDINGS.items() if name != "denm"} == {1, 2, 3}
    assert SENDINGS["denm"].stream == 0, "a stream's newest replaces the others: hazards have none"
    assert SENDINGS["denm"].priority < min(row.priority for name, row in SENDINGS.items() if name != "denm")


def test_a_field_of_view_is_turned_to_where_the_module_looks():
    can = replace(radar.DEFAULT, field_of_view=(((0.0, 0.0), (10.0, 2.0), (10.0, -2.0)),))
    told = cpm_sensor(4, "radar", Mount(east_m=1.0, north_m=2.0, yaw_deg=90.0), can)
    assert told.slot_index == 4
    assert np.allclose(told.region, [(1.0, 2.0), (-1.0, 12.0), (3.0, 12.0)])
    assert cpm_sensor(0, "comms", Mount(), replace(can, field_of_view=())).region == ()


@pytest.mark.parametrize(("sources", "said"), [(0b001, True), (0b101, True), (0b100, False), (0, True)])
def test_what_rests_on_claims_alone_is_not_said_again(codec, sources, said):
    one = Programme(Radio(send=("cpm", "denm", "rc016")), STATION, cooperative=0b100)
    one.codec = codec
    seen = tracks(3)
    seen.objects["sources"][1] = sources
    payloads = {p.sending.format: p.data for p in one.due(seen, (replace(HAZARD, sources=sources),))}
    assert (pb.ETSI_DENM in payloads) is said
    assert len(rc016.decode(payloads[pb.RC016_ROADSIDE]).groups[0]) == 2 + said


def test_a_hazard_that_sensors_saw_is_cancelled_even_when_only_claims_are_left(codec):
    one = Programme(Radio(send=("denm",)), STATION, cooperative=0b100)
    one.codec = codec
    one.due(tracks(0), (replace(HAZARD, sources=0b101),))
    (ended,) = one.due(tracks(0, valid_at_ns=T0 + MS), (replace(HAZARD, sources=0b100, phase=Phase.CANCEL),))
    assert "termination" in codec.decode("DENM", ended.data)["denm"]["management"]


# ----------------------------------------------------------------------------------------------------- the queue

SLOW = WireCost("slow", lambda b: b / 1000)  # 1 kB/s


def payload(name, size=100, part=0):
    return TxPayload(SENDINGS[name], bytes(size), part)


def test_the_newest_picture_wins_and_hazards_all_go():
    queue = RadioQueue(SLOW)
    queue._credit_s = 0.0
    for at in (0.0, 0.05):
        queue.offer([payload("denm", 20), payload("cpm", 50, 0), payload("cpm", 51, 1)], at)
    taken = queue.take(0.1)
    assert [one.sending.format for one in taken] == [pb.ETSI_DENM, pb.ETSI_DENM]
    assert queue.counters["replaced"] == 2
    later = queue.take(0.2)
    assert [one.part for one in later] == [0, 1]
    assert queue.counters == {"replaced": 2, "sent": 4}


def test_what_waited_too_long_is_not_sent():
    queue = RadioQueue(SLOW)
    queue.offer([payload("denm"), payload("cpm"), payload("rc016")], 0.0)
    assert queue.take(5.0) == []
    assert queue.counters["expired"] == 3
    assert queue.take(6.0) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(SENDINGS)), st.integers(1, 400), st.floats(0.0, 0.3)), min_size=1, max_size=60
    )
)
def test_a_wire_is_never_asked_for_more_than_its_share(offers):
    queue, now, spent = RadioQueue(SLOW), 0.0, 0.0
    offered = {"denm": 0}
    for name, size, pause in offers:
        now += pause
        queue.offer([payload(name, size)], now)
        offered["denm"] += name == "denm"
        spent += sum(len(one.data) for one in queue.take(now)) / 1000
        assert spent <= 0.3 * now + 2 * BURST_S + 0.4
    assert len(queue._pictures) <= 3
    assert len(queue._hazards) <= HAZARDS_MAX


def test_pictures_never_cost_a_hazard_its_turn():
    queue, sent = RadioQueue(SLOW), []
    for k in range(100):
        now = k * 0.1
        queue.offer([payload("cpm", 60), payload("rc016", 60)], now)
        if k % 10 == 0:
            queue.offer([payload("denm", 50)], now)
        sent += queue.take(now)
    assert sum(one.sending.format == pb.ETSI_DENM for one in sent) == 10
    for picture in (pb.ETSI_CPM, pb.RC016_ROADSIDE):
        assert sum(one.sending.format == picture for one in sent) > 10
    assert queue.counters["overflow"] == 0


def test_a_flood_of_hazards_is_bounded():
    queue = RadioQueue(SLOW)
    queue.offer([payload("denm")] * (HAZARDS_MAX + 5), 0.0)
    assert queue.counters["overflow"] == 5
