"""The publisher over a slow link: in virtual time against a client of ours, and through a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import mqtt5
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from controller.acknowledging_client import RefusedError
from controller.config import Mqtt
from controller.hazard.hazard import Phase
from controller.narrow_way import NarrowWay
from controller.outbox import Outbox, Stored
from controller.publication.uplink import Sending
from controller.publisher import Publisher
from interfaces.proto import publication_pb2 as pb
from tests.controller.publication.busy_road import T0, BusyRoad
from tests.throttled_link import ThrottledLink

RATE, LATENCY_S = 1200, 0.3


class Memory:
    """An outbox without a disk: virtual time does not wait for threads."""

    def __init__(self, *events):
        self.rows, self.refused, self.forgotten = dict(enumerate(events)), set(), []

    async def pending(self, limit):
        return [Stored(seq, one) for seq, one in self.rows.items() if seq not in self.refused][:limit]

    async def done(self, *seqs):
        for seq in seqs:
            del self.rows[seq]

    async def forget(self, *seqs):
        self.forgotten += seqs
        await self.done(*seqs)

    async def refuse(self, *seqs):
        self.refused.update(seqs)

    async def ask_again(self):
        self.refused.clear()


class Client:
    topic_aliases_max = 10

    def fileno(self):
        return -1

    def set_socket_options(self, options):
        self.options = options


@contextlib.asynccontextmanager
async def narrow(box, greeting=(), refuse=()):
    """The way, and what it sent with the time; a broker answers after a second."""
    loop, sent, told = asyncio.get_running_loop(), [], []
    way = NarrowWay(box, utc_ns=lambda: T0 + int(loop.time() * 1e9), tell=told.append, tls=False)
    way.set_budget(RATE)

    async def send(client, sending):
        sent.append((loop.time(), sending))
        if sending.publication.qos:
            await asyncio.sleep(1.0)
        if sending.publication.topic in refuse:
            raise RefusedError(sending.publication.topic, ReasonCode(PacketTypes.PUBACK, "Not authorized"))

    task = asyncio.create_task(way.run(Client(), greeting, send))
    try:
        yield way, sent, told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.looptime
async def test_a_backlog_goes_before_the_greeting_and_leaves_the_outbox_when_answered():
    road = BusyRoad()
    hazards = [road.hazard(0.0, number, Phase.NEW)[0] for number in (1, 2, 3)]
    near = road.near_miss(0.0)[0]
    box = Memory(near, *hazards)
    async with narrow(box, greeting=[road.status(0.0)[0]]) as (_, sent, _):
        await asyncio.sleep(10)
    topics = [one.publication.topic for _, one in sent]
    assert topics[:3] == [one.topic for one in hazards]
    assert topics[3].endswith("/status")
    assert topics[4:] == [near.topic]
    assert sent[2][0] < 1.5
    assert box.rows == {}


@pytest.mark.looptime
async def test_what_is_of_no_use_leaves_the_outbox_without_passing_for_answered():
    road = BusyRoad()
    box = Memory(*(road.hazard(now, 1, phase)[0] for now, phase in ((0.0, Phase.NEW), (0.1, Phase.UPDATE))))
    async with narrow(box) as (_, sent, _):
        await asyncio.sleep(3)
    assert [one.seq for _, one in sent] == [1]
    assert (box.forgotten, box.rows) == ([0], {})


@pytest.mark.looptime
async def test_what_is_kept_leaves_at_once_on_an_idle_link():
    box, road = Memory(), BusyRoad()
    async with narrow(box) as (way, sent, _):
        await asyncio.sleep(3.5)
        box.rows[9] = road.hazard(3.5, 7, Phase.NEW)[0]
        way.kept()
        await asyncio.sleep(0.01)
        assert [one.seq for _, one in sent] == [9]


@pytest.mark.looptime
async def test_a_refusal_is_told_and_stays_in_nobodys_way():
    road = BusyRoad()
    box = Memory(road.hazard(0.0, 1, Phase.NEW)[0], road.hazard(0.0, 2, Phase.NEW)[0])
    async with narrow(box, refuse={box.rows[0].topic}) as (_, sent, told):
        await asyncio.sleep(5)
    assert len(sent) == 2
    assert list(box.rows) == [0]
    assert ["Not authorized" in one for one in told] == [True]


@pytest.mark.looptime
async def test_a_refused_near_miss_is_offered_again_after_a_minute():
    box = Memory(BusyRoad().near_miss(0.0)[0])
    async with narrow(box, refuse={box.rows[0].topic}) as (_, sent, _):
        await asyncio.sleep(70)
    assert [one.seq for _, one in sent] == [0, 0]
    assert 60 <= sent[1][0] <= 66


@pytest.mark.looptime
async def test_a_budget_of_nothing_turns_it_off():
    way = NarrowWay(Memory(), utc_ns=lambda: 0, tell=print, tls=False)
    assert (way.on, way.words, way.turned.is_set()) == (False, "", False)
    way.set_budget(1200)
    assert way.words == "narrow uplink: 1,200 B/s, objects thinned"
    assert way.turned.is_set()
    status = BusyRoad().status(0.0)[0]
    assert len(way.short(status).payload) < len(status.payload)
    way.turned.clear()
    way.set_budget(2400)
    assert not way.turned.is_set()
    way.offer(status)
    way.set_budget(0)
    assert way.turned.is_set()
    assert isinstance(way.uplink.next(0.0, T0), Sending)  # a packet that was about to be chosen
    assert way.short(status) is status


def packets(pieces):
    """(bytes carried when its last byte was, PUBLISH packet with its topic) of an upward stream."""
    stream, ends, topics, at = b"", [], {}, 0
    for carried, cost, piece in pieces:
        ends += [carried + cost] * len(piece)
        stream += piece
    while at < len(stream):
        try:
            packet, used = mqtt5.read(memoryview(stream)[at:])
        except IndexError:
            return
        at += used
        if isinstance(packet, mqtt5.PublishPacket):
            topic = packet.topic or topics[packet.topic_alias]
            topics[packet.topic_alias] = topic
            yield ends[at - 1], topic, packet


WILL = replace(BusyRoad().status(0.0)[0], key="will")


@pytest.mark.real_broker
async def test_through_a_throttled_link_few_bytes_stand_before_a_hazard(mosquitto, tmp_path):
    loop, road = asyncio.get_running_loop(), BusyRoad(3)
    start = loop.time()
    now_ns = lambda: T0 + int((loop.time() - start) * 1e9)  # noqa: E731
    lines, kept = [], {}
    async with (
        asyncio.timeout(60),
        Outbox(tmp_path / "o.db", now_ns) as box,
        ThrottledLink(mosquitto.port, RATE, LATENCY_S) as link,
    ):
        one = Publisher(
            Mqtt(url=link.url), "pole", box, utc_ns=now_ns, greeting=lambda: road.status(0.0),
            will=lambda: WILL, report=lines.append,
        )  # fmt: skip
        one.narrow.set_budget(RATE)
        task = asyncio.create_task(one.run())

        async def say(action_id, phase):
            before = link.carried_b()
            binary = road.hazard(loop.time() - start, action_id, phase)[0]
            for part in road.hazard(loop.time() - start, action_id, phase):
                await one.keep(part)
            kept[pb.Hazard.FromString(binary.payload).action_id, phase.value] = before

        async def busy():
            while True:
                now = loop.time() - start
                one.offer(road.objects(now)[0])
                one.offer(road.status(now)[0])
                await asyncio.sleep(0.1)

        await one.keep(road.near_miss(0.0)[0])
        await one.connected.wait()
        talking = asyncio.create_task(busy())
        for action_id in range(1, 5):
            await asyncio.sleep(0.8)
            await say(action_id, Phase.NEW)
        for action_id in range(1, 5):
            await asyncio.sleep(0.3)
            await say(action_id, Phase.CANCEL)
        while await box.backlog():  # noqa: ASYNC110 - the outbox has no event for emptiness
            await asyncio.sleep(0.05)
        for ended in (task, talking):
            ended.cancel()
        await asyncio.gather(task, talking, return_exceptions=True)
        ahead, sent = {}, set()
        for end, topic, packet in packets(link.connections[0]):
            sent.add(topic.split("/")[2])
            if "/hazard/" in topic and packet.payload:
                said = pb.Hazard.FromString(bytes(packet.payload))
                phase = pb.Hazard.Phase.Name(said.phase).lower()
                ahead[said.action_id, phase] = end - kept[said.action_id, phase]
    assert len(link.connections) == 1, lines
    assert set(ahead) == set(kept)
    assert max(ahead.values()) / RATE + LATENCY_S <= 2.0, ahead
    assert "nearmiss" in sent
    assert "uplink_objects_left_out" in one.narrow.counters


@pytest.mark.real_broker
async def test_the_way_turns_while_connected(mosquitto, tmp_path):
    got, road = [], BusyRoad()
    async with asyncio.timeout(20), Outbox(tmp_path / "o.db", lambda: T0) as box:
        one = Publisher(
            Mqtt(url=mosquitto.url), "pole", box, utc_ns=lambda: T0, greeting=lambda: road.status(0.0),
            will=lambda: WILL, report=got.append,
        )  # fmt: skip
        task = asyncio.create_task(one.run())
        await one.connected.wait()
        for budget in (1200.0, 0.0, 1200.0):
            one.narrow.set_budget(budget)
            await one.keep(road.hazard(0.0, int(budget) + len(got), Phase.NEW)[0])
            while await box.backlog():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(got) == 1
    assert "connected" in got[0]
