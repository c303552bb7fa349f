"""Publisher against the embedded broker and a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import replace

import aiomqtt
import pytest

from controller import acknowledging_client
from controller.broker_address import parse
from controller.broker_client import SEND_BUFFER_B
from controller.config import Mqtt
from controller.outbox import Outbox
from controller.outbox_table import OutboxTable
from controller.publication.publication import Publication
from controller.publisher import Publisher
from sim.broker import MAX_PACKET, Broker
from tests.throttled_link import ThrottledLink

WILL = Publication("s/status", b"gone", "c", 1, True, None, (), "w")
UP = replace(WILL, payload=b"up")
EVENT = Publication("s/event", b"0", "c", 1, False, 60.0, (("id", "0"),), "e", durable=True, expires_at_ns=10**18)


@contextlib.asynccontextmanager
async def publishing(url, path, lines):
    async with Outbox(path, lambda: 0) as box:
        one = Publisher(
            Mqtt(url=url), "pole", box, utc_ns=lambda: 0, greeting=lambda: [UP], will=lambda: WILL, report=lines.append
        )
        task = asyncio.create_task(one.run())
        try:
            yield one, box, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def collect(url, count):
    host, port = parse(url).host, parse(url).port
    async with aiomqtt.Client(host, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("s/#", qos=1)
        got = []
        async for message in client.messages:
            got.append((str(message.topic), message.payload))
            if len(got) >= count:
                break
        return got


async def test_events_kept_before_the_broker_exists_arrive_after_the_greeting(tmp_path):
    async with Broker() as spare:
        port = spare.port
    lines = []
    async with asyncio.timeout(20), publishing(f"mqtt://127.0.0.1:{port}", tmp_path / "o.db", lines) as (one, box, _):
        await one.keep(EVENT)
        while not lines:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
        assert "trying again" in lines[0]
        async with Broker(port=port) as broker:
            await one.connected.wait()
            await until_empty(box)
            assert await collect(broker.url, 1) == [("s/status", b"up")]


async def test_it_is_heard_while_connected_and_the_uplink_is_wide(tmp_path):
    async with asyncio.timeout(20), Broker() as broker, publishing(broker.url, tmp_path / "o.db", []) as (one, _, _):
        assert not one.heard
        await one.connected.wait()
        assert one.heard
        one.narrow.set_budget(1200)
        assert not one.heard
        one.narrow.set_budget(0)
        assert one.heard


@pytest.mark.real_broker
async def test_kill_of_mosquitto_loses_nothing(mosquitto, tmp_path):
    got = []
    async with asyncio.timeout(40):
        listening = await subscriber(mosquitto.url, got)
        async with publishing(mosquitto.url, tmp_path / "o.db", []) as (one, box, _):
            await one.connected.wait()
            for n in range(60):
                await one.keep(replace(EVENT, payload=b"%d" % n))
                if n == 20:
                    mosquitto.kill()
            assert await box.backlog() >= 39
        await asyncio.gather(listening, return_exceptions=True)
        mosquitto.start()
        listening = await subscriber(mosquitto.url, got)
        async with publishing(mosquitto.url, tmp_path / "o.db", []) as (_, box, _):
            await until_empty(box)
            while b"59" not in got:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert {b"%d" % n for n in range(60)} <= set(got)


@pytest.mark.real_broker
async def test_a_refused_event_is_named_kept_and_in_nobodys_way(mosquitto, tmp_path):
    rights = tmp_path / "acl"
    rights.write_text("topic write s/status\ntopic readwrite s/event\n")
    mosquitto.stop()
    with (tmp_path / "mosquitto.conf").open("a") as conf:
        conf.write(f"user root\nacl_file {rights}\n")  # an unprivileged mosquitto ignores the user
    mosquitto.start()
    lines, got = [], []
    async with asyncio.timeout(20):
        listening = await subscriber(mosquitto.url, got)
        async with publishing(mosquitto.url, tmp_path / "o.db", lines) as (one, box, _):
            await one.connected.wait()
            for n in range(60):
                await one.keep(replace(EVENT, topic="x/event" if n < 40 else "s/event", payload=b"%d" % n))
            while await box.backlog() > 40:  # noqa: ASYNC110 - the outbox has no event for its length
                await asyncio.sleep(0.01)
            while len(got) < 20:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                await asyncio.sleep(0.01)
            assert (await box.backlog(), one.refused) == (40, 40)
            assert one.counters == {"publisher_refused": 40}
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert any("refuses x/event: Not authorized (0x87); its ACL" in line for line in lines)


async def test_what_a_broker_acknowledged_before_it_died_is_sent_to_the_next(tmp_path):
    """The connection is lost, the pole's process is not."""
    got = []
    async with asyncio.timeout(20):
        async with contextlib.AsyncExitStack() as life:
            first = await life.enter_async_context(Broker())
            one, box, _ = await stay(life, publishing(first.url, tmp_path / "o.db", []))
            for n in range(5):
                await one.keep(replace(EVENT, payload=b"%d" % n))
            await until_empty(box)
            await first.__aexit__(None, None, None)
            async with Broker(port=first.port) as second:
                listening = await subscriber(second.url, got)
                while len(got) < 5:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                    await asyncio.sleep(0.01)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    assert got == [b"%d" % n for n in range(5)]


LIMITS = {"max_packet_size 500": "Packet too large (0x95): 2", "message_size_limit 500": "hangs up at s/event"}


@pytest.mark.real_broker
@pytest.mark.parametrize("limit", LIMITS)
async def test_an_event_that_is_too_large_for_the_broker_is_told_and_stops_nothing(mosquitto, tmp_path, limit):
    mosquitto.stop()
    with (tmp_path / "mosquitto.conf").open("a") as conf:
        conf.write(f"{limit}\n")
    mosquitto.start()
    lines, got = [], []
    async with asyncio.timeout(20):
        listening = await subscriber(mosquitto.url, got)
        async with publishing(mosquitto.url, tmp_path / "o.db", lines) as (one, box, _):
            for payload in (b"first", bytes(2000), b"last"):
                await one.keep(replace(EVENT, payload=payload))
            while await box.backlog() > 1:  # noqa: ASYNC110 - the outbox has no event for its length
                await asyncio.sleep(0.01)
            await one.connected.wait()
            await one.keep(replace(EVENT, payload=b"later"))
            while b"later" not in got:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                await asyncio.sleep(0.01)
            assert (await box.backlog(), one.counters) == (1, {"publisher_refused": 1})
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert list(dict.fromkeys(got)) == [b"first", b"last", b"later"]
    assert any(LIMITS[limit] in line for line in lines), lines


class Selective(Broker):
    """Takes what it gets, and answers it only on other topics."""

    def _published(self, client, packet):
        if packet.topic != "s/unanswered":
            super()._published(client, packet)


async def test_an_event_that_alone_has_no_answer_is_told_and_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(acknowledging_client, "WITHIN_S", 0.3)
    lines = []
    async with (
        asyncio.timeout(20), Selective() as broker, publishing(broker.url, tmp_path / "o.db", lines) as (one, box, _)
    ):  # fmt: skip
        await one.connected.wait()
        await one.keep(replace(EVENT, topic="s/unanswered"))
        while one.sent < 50:
            one.offer(replace(UP, payload=b"%d" % one.sent))
            await asyncio.sleep(0.01)
        await one.keep(EVENT)
        while await box.backlog() > 1:  # noqa: ASYNC110 - the outbox has no event for its length
            await asyncio.sleep(0.01)
        assert one.refused == 1
    assert any("refuses s/unanswered" in line and "not to this" in line for line in lines), lines


async def test_what_is_offered_leaves_at_once_while_the_socket_has_room_and_then_the_newest_alone(tmp_path):
    got, picture = [], replace(UP, topic="s/objects", qos=0)
    async with asyncio.timeout(30), Broker() as broker, ThrottledLink(broker.port, 500_000, 0.0) as link:
        listening = await subscriber(broker.url, got, "s/objects")
        async with publishing(link.url, tmp_path / "o.db", []) as (one, _, _):
            await one.connected.wait()
            before = one.sent
            for n in range(2):
                one.offer(replace(picture, payload=b"%d" % n))
                assert one.sent == before + n + 1, "nothing else had to run for that"
            one.offer(replace(picture, payload=bytes(SEND_BUFFER_B * 7)))
            for n in range(2, 5):
                one.offer(replace(picture, payload=b"%d" % n))
            assert (one.sent, one.overtaken) == (before + 3, 2)
            while b"4" not in got:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert [one if len(one) < 2 else len(one) for one in got] == [b"0", b"1", SEND_BUFFER_B * 7, b"4"]


async def test_a_picture_that_the_broker_never_takes_is_told_and_not_sent(tmp_path):
    lines = []
    async with asyncio.timeout(20), Broker() as broker, publishing(broker.url, tmp_path / "o.db", lines) as (one, _, _):
        await one.connected.wait()
        before = one.sent
        one.offer(replace(UP, topic="s/objects", qos=0, payload=bytes(MAX_PACKET)))
        assert (one.sent, one.refused) == (before, 1)
    assert any("refuses s/objects: Packet too large" in line for line in lines), lines


async def test_a_hazard_is_not_stuck_behind_pictures_that_fill_the_link(tmp_path):
    """Nobody has called this link narrow: the newest picture leaves when the one before has, and no other waits."""
    got, picture = [], replace(UP, topic="s/objects", payload=bytes(90_000), qos=0)
    async with asyncio.timeout(30), Broker() as broker, ThrottledLink(broker.port, 500_000, 0.0) as link:
        listening = await subscriber(broker.url, got)
        async with publishing(link.url, tmp_path / "o.db", []) as (one, _, _):
            await one.connected.wait()
            for _ in range(30):
                one.offer(picture)
                await asyncio.sleep(0.01)
            before_b = link.carried_b()
            await one.keep(EVENT)
            while not got:
                one.offer(picture)
                await asyncio.sleep(0.01)
            ahead_b = link.carried_b() - before_b
            assert ahead_b < 5 * SEND_BUFFER_B, "two buffers of ours, some of the proxy; not all the pictures"
            assert one.overtaken > 20
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def disk_full(self, batch):
    raise sqlite3.OperationalError("database or disk is full")


async def test_what_the_full_disk_does_not_take_is_said_at_once_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(OutboxTable, "insert", disk_full)
    lines, got = [], []
    async with asyncio.timeout(20), Broker() as broker:
        listening = await subscriber(broker.url, got)
        async with publishing(broker.url, tmp_path / "o.db", lines) as (one, box, _):
            await one.connected.wait()
            kept = [await one.keep(replace(EVENT, key=str(n), payload=b"%d" % n)) for n in range(3)]
            while len(got) < 3:  # noqa: ASYNC110 - the broker's own delivery has no event of ours
                await asyncio.sleep(0.01)
            assert (kept, one.counters) == ([False] * 3, {"outbox_unkept": 3})
            assert await box.backlog() == 0
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert any("free disk space" in line for line in lines), lines


@pytest.mark.parametrize(("now_ns", "left_s"), [(0, 9.0), (95_000_000_000, 5.0), (10**15, 0.0)])
def test_a_clock_step_never_prolongs_what_is_said(now_ns, left_s):
    assert replace(EVENT, expiry_s=9.0, expires_at_ns=100_000_000_000).left_s(now_ns) == left_s


async def stay(life, entering):
    return await life.enter_async_context(entering)


async def subscriber(url, got, topic="s/event"):
    ready = asyncio.Event()

    async def listen():
        async with aiomqtt.Client(parse(url).host, parse(url).port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(topic, qos=1)
            ready.set()
            async for message in client.messages:
                got.append(message.payload)

    task = asyncio.create_task(listen())
    await ready.wait()
    return task


async def until_empty(box):
    while await box.backlog():  # noqa: ASYNC110 - the outbox has no event for emptiness
        await asyncio.sleep(0.01)
