"""A busy road on 9,600 bit/s, in virtual time: what arrives, when, and what was left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from controller.hazard.hazard import Phase
from controller.publication.uplink import LARGEST_S, USED, Sending, Uplink
from interfaces.proto import publication_pb2 as pb
from tests.controller.publication.busy_road import T0, VALIDITY_S, BusyRoad

RATE = 1200.0  # 9,600 bit/s
LATENCY_S = 0.3
LATE_S = 2.0


class Outbox:
    """The order of the real one: hazards still valid first, then the rest; by numbers."""

    def __init__(self):
        self.rows, self.last = {}, 0

    def put(self, one):
        self.last += 1
        self.rows[self.last] = one

    def pending(self, now_ns):
        live = {one.topic for one in self.rows.values() if one.urgent and one.left_s(now_ns) != 0}
        return sorted(self.rows.items(), key=lambda row: (row[1].topic not in live, row[0]))


class Link:
    """Bytes in, in order, at its rate; what arrived with the time of its last byte, and the broker's answers."""

    def __init__(self, rate, latency_s=LATENCY_S):
        self.rate, self.latency_s, self.free_at = rate, latency_s, 0.0
        self.arrived, self.ahead_s, self.carried_b = [], [], 0

    def send(self, sending, now):
        self.free_at = max(self.free_at, now) + sending.link_b / self.rate
        self.ahead_s.append(self.free_at - now)
        self.carried_b += sending.link_b
        self.arrived.append((self.free_at + self.latency_s, sending))


def drive(uplink, link, road, seconds, *, connected_at=0.0, step_s=0.01, outbox=None):
    """Everything kept, with the time, by key; acknowledgements come back after the link and twice its latency."""
    outbox, kept, tick = outbox or Outbox(), {}, 0
    answered = 0
    for n in range(round(seconds / step_s)):
        now = n * step_s
        now_ns = T0 + round(now * 1e9)
        if n % round(0.1 / step_s) == 0:
            tick += 1
            for one in road.events(now):
                if uplink.wants(one, now):
                    kept[one.key] = now, one
                    outbox.put(one)
            if now >= connected_at:
                for one in (*road.objects(now), *(road.status(now) if tick % 10 == 0 else ())):
                    uplink.offer(one, now)
        if now < connected_at:
            continue
        if connected_at and now - connected_at < step_s:
            uplink.connected(now, 10)
        for at, sending in link.arrived[answered:]:
            if at + link.latency_s > now:
                break
            answered += 1
            if sending.seq is not None:
                outbox.rows.pop(sending.seq)
                uplink.landed(sending.seq)
        for seq in uplink.pending(outbox.pending(now_ns), now_ns):
            outbox.rows.pop(seq)
        while isinstance(found := uplink.next(now, now_ns), Sending):
            link.send(found, now)
    return outbox, kept


def kinds(link):
    return Counter(_kind(sending) for _, sending in link.arrived)


def _kind(sending):
    return sending.publication.topic.split("/")[2 if "/pole/" not in sending.publication.topic else 5]


@pytest.mark.parametrize("seed", range(3))
def test_every_hazard_arrives_within_two_seconds_on_9600_bit_per_s(seed):
    uplink, link = Uplink(RATE), Link(RATE)
    uplink.connected(0.0, 10)
    _, kept = drive(uplink, link, BusyRoad(seed), 120)
    arrived = {sending.publication.key: at for at, sending in link.arrived}
    hazards = {key: at for key, (at, one) in kept.items() if one.urgent and one.payload and at < 117}
    began = [key for key in hazards if key.startswith("new")]
    ended = [key for key in hazards if key.startswith("cancel")]
    assert len(began) > 8
    assert len(ended) > 5
    assert [key for key in began + ended if key not in arrived] == []
    late = {key: arrived[key] - at for key, at in hazards.items() if key in arrived}
    assert max(late.values()) <= LATE_S, max(late.items(), key=lambda one: one[1])
    assert link.carried_b <= RATE * USED * 120 + RATE
    assert max(link.ahead_s) + LATENCY_S <= LATE_S


def test_no_hazard_that_lasts_runs_out_at_a_consumer():
    uplink, link, road = Uplink(RATE), Link(RATE), BusyRoad(hazards_max=0)
    uplink.connected(0.0, 10)
    road.active = {action_id: (1e9, 0.1 * action_id) for action_id in (1, 2, 3, 4)}
    drive(uplink, link, road, 60)
    for action_id in road.active:
        times = [
            at for at, it in link.arrived if it.publication.topic.endswith(f"/{action_id}") and it.publication.payload
        ]
        assert len(times) > 15
        assert max(after - before for before, after in pairwise(times)) < VALIDITY_S


def test_the_rest_has_what_hazards_leave():
    uplink, link = Uplink(RATE), Link(RATE)
    uplink.connected(0.0, 10)
    drive(uplink, link, BusyRoad(7), 120)
    sent = kinds(link)
    assert 60 <= sent["objects"] <= 120
    assert 11 <= sent["status"] <= 15
    assert sent["nearmiss"] >= 3
    pictures = [
        pb.PerceivedObjects.FromString(it.publication.payload) for _, it in link.arrived if _kind(it) == "objects"
    ]
    assert {one.total for one in pictures} == {40}
    assert all(one.objects[0].object_class == 6 and one.header.narrow for one in pictures)
    assert uplink.counters["objects_left_out"] == sum(one.total - len(one.objects) for one in pictures)
    assert uplink.counters["twins"] > 300
    assert uplink.counters["objects_thinned"] > 900


def test_nothing_but_a_hazard_may_take_the_link_for_long():
    uplink, link = Uplink(RATE), Link(RATE)
    uplink.connected(0.0, 10)
    drive(uplink, link, BusyRoad(2), 60)
    assert max(it.link_b for _, it in link.arrived if not it.publication.urgent) <= RATE * LARGEST_S


def test_after_an_outage_valid_hazards_come_first_and_expired_ones_never():
    uplink, link, road = Uplink(RATE), Link(RATE), BusyRoad(4, hazards_max=3)
    outbox, kept = drive(uplink, link, road, 120, connected_at=100.0)
    after = [it for _, it in link.arrived]
    before = [one for at, one in kept.values() if one.urgent and at < 100]
    topics = {one.topic for one in before if one.payload and one.left_s(T0 + 102 * 10**9) != 0}
    assert len(topics) >= 2
    first = [it.publication.topic for it in after[: len(topics)]]
    assert set(first) == topics
    arrival = {it.publication.topic: at for at, it in reversed(link.arrived)}
    assert max(arrival[topic] for topic in topics) <= 100 + LATE_S
    assert uplink.counters["expired"] > 5
    known = {key for key, (_, one) in kept.items() if one.urgent and one.left_s(T0 + 100 * 10**9) == 0}
    assert not known & {it.publication.key for it in after}
    assert _kind(after[-1]) != "hazard" or outbox.rows


def test_a_link_slower_than_told_keeps_its_queue_short():
    uplink = Uplink(RATE)
    uplink.connected(0.0, 10)
    road = BusyRoad()
    uplink.offer(road.objects(0.0)[0], 0.0)
    assert isinstance(uplink.next(0.0, T0, in_socket_b=1081), float)
    assert isinstance(uplink.next(0.0, T0, in_socket_b=1079), Sending)


def test_a_topic_keeps_its_order_and_only_its_newest_word():
    uplink, road = Uplink(RATE), BusyRoad()
    uplink.connected(0.0, 10)
    words = [road.hazard(n * 0.1, 5, phase)[0] for n, phase in enumerate((Phase.NEW, Phase.UPDATE))]
    assert uplink.pending(enumerate(words), T0) == [0]
    cancel, _, clear, _ = road.hazard(0.2, 5, Phase.CANCEL)
    assert uplink.pending(enumerate([*words, cancel, clear]), T0) == [0, 1]
    said = [uplink.next(now, T0) for now in (1.0, 2.0)]
    assert [one.seq for one in said] == [2, 3]
    assert [one.publication.retain for one in said] == [False, True]
    assert uplink.pending(enumerate([*words, cancel, clear]), T0) == [0, 1]  # what is on its way is not said again
    assert isinstance(uplink.next(3.0, T0), float)


def test_a_hazard_that_expires_while_it_waits_for_its_turn_is_not_sent():
    uplink, road = Uplink(RATE), BusyRoad()
    uplink.connected(0.0, 10)
    words = [road.hazard(0.0, 5, Phase.NEW)[0]]
    assert uplink.pending(enumerate(words), T0) == []
    late_ns = T0 + round((VALIDITY_S + 1) * 1e9)
    assert isinstance(uplink.next(1.0, late_ns), float)
    assert uplink.pending(enumerate(words), late_ns) == [0]


def test_a_change_of_status_is_told_at_once_and_figures_are_no_change():
    uplink, road = Uplink(RATE), BusyRoad()
    uplink.connected(0.0, 10)
    said = []
    for now in range(8):
        binary, _ = road.status(now)
        if now == 5:
            message = pb.PoleStatus.FromString(binary.payload)
            message.service_availability = 1
            binary = replace(binary, payload=message.SerializeToString())
        if now <= 5:
            uplink.offer(binary, float(now))
        if isinstance(uplink.next(float(now), T0), Sending):
            said.append(now)
    assert said == [0, 5]


def test_near_misses_wait_for_hazards_and_take_half_of_the_budget():
    uplink, link, road = Uplink(RATE), Link(RATE), BusyRoad(hazards_max=0)
    uplink.connected(0.0, 10)
    outbox = Outbox()
    for n in range(200):
        outbox.put(replace(road.near_miss(0.0)[0], key=str(n)))
    drive(uplink, link, road, 60, outbox=outbox)
    near = [it for _, it in link.arrived if _kind(it) == "nearmiss"]
    assert [int(it.publication.key) for it in near if it.publication.key.isdigit()] == list(range(len(near)))
    assert 0.35 <= sum(it.link_b for it in near) / link.carried_b <= 0.55
    assert kinds(link)["objects"] >= 20


def test_updates_that_nobody_needs_do_not_reach_the_disk():
    uplink, road = Uplink(RATE), BusyRoad()
    assert uplink.wants(road.hazard(0.0, 5, Phase.NEW)[0], 0.0)
    wanted = [uplink.wants(road.hazard(now, 5, Phase.UPDATE)[0], float(now)) for now in range(1, 7)]
    assert wanted == [False, True, False, True, False, True]
    cancel, twin, clear, _ = road.hazard(7.0, 5, Phase.CANCEL)
    assert [uplink.wants(one, 7.0) for one in (cancel, twin, clear)] == [True, False, True]


def test_what_never_fits_is_dropped_and_counted():
    uplink, road = Uplink(150.0), BusyRoad()
    uplink.connected(0.0, 10)
    uplink.offer(road.status(0.0)[0], 0.0)
    assert isinstance(uplink.next(0.0, T0), float)
    assert isinstance(uplink.next(1.0, T0), float)
    assert uplink.counters["too_large"] == 1
    uplink.pending(enumerate(road.hazard(1.0, 5, Phase.NEW)[:1]), T0)
    assert uplink.next(1.0, T0).seq == 0


def test_three_hazards_that_begin_at_once_are_there_within_two_seconds():
    uplink, link, road = Uplink(RATE), Link(RATE), BusyRoad(hazards_max=0)
    uplink.connected(0.0, 10)
    outbox, now = Outbox(), 0.0
    while not link.arrived:
        uplink.offer(road.objects(now)[0], now)
        if isinstance(found := uplink.next(now, T0), Sending):
            link.send(found, now)
    for action_id in (1, 2, 3):
        outbox.put(road.hazard(now, action_id, Phase.NEW)[0])
    uplink.pending(outbox.pending(T0), T0)
    while len(link.arrived) < 4:
        now += 0.01
        if isinstance(found := uplink.next(now, T0), Sending):
            link.send(found, now)
    assert _kind(link.arrived[0][1]) == "objects"
    assert link.arrived[3][0] <= LATE_S
